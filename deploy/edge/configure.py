#!/usr/bin/python3
"""Makes the edge of production: nginx.conf with TLS, and the folder it names.

configure.py --name NAME --certificate FILE --key FILE --dir DIR --authorization HOST:PORT,… --binding HOST:PORT,…
             --intake HOST:PORT,… --notification HOST:PORT,… --office HOST:PORT,…

  --name           what students write into their browsers; another name is refused in the handshake
  --certificate    the chain, and --key its private key, which only root has to be able to read
  --dir            nginx.conf, html/ and tmp/ are made in it; nginx.pid comes there too
  --authorization, --binding, --intake, --notification, --office   every copy of that service
  --listen         addresses with ports (default 0.0.0.0:443,[::]:443)
  --user           of nginx' workers (default www-data; empty where nginx is not started by root)
  --login-rate, --login-burst, --address-rate, --address-burst, --submissions-address   as docs/OPERATIONS.md says

Then: nginx -t -p DIR -c DIR/nginx.conf. Exit 0 done, 1 not done, 2 usage.
"""
import argparse
import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
SERVICES = ("authorization", "binding", "intake", "notification", "office")
HSTS = 'add_header Strict-Transport-Security "max-age=31536000" always;'
TLS = """ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
        ssl_session_cache shared:tls:16m;
        ssl_session_timeout 1d;
        ssl_session_tickets off;"""
# Whoever asks for another name, or for none, learns nothing: not even a certificate. The protocols are chosen before the name is
# known: those of this server, which is the default one, would count for all.
STRANGERS = """    ssl_protocols TLSv1.2 TLSv1.3;
    server {{
        {listen}
        server_name _;
        ssl_reject_handshake on;
        return 421;
    }}
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("name", "certificate", "key", *SERVICES):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--dir", required=True, type=pathlib.Path)
    parser.add_argument("--listen", default="0.0.0.0:443,[::]:443")
    parser.add_argument("--user", default="www-data")
    for name, default in (("login-rate", 500), ("login-burst", 2000), ("staff-rate", 30), ("staff-burst", 60), ("address-rate", 2000), ("address-burst", 4000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--submissions-address", type=int, help="default: an eighth of what all may have")
    return parser.parse_args()


def listens(addresses, rest):
    return "\n        ".join(f"listen {address} ssl http2 {rest};" for address in addresses.split(","))


def words(args):
    addresses = {name: getattr(args, name).split(",") for name in SERVICES}
    upstreams = "".join(
        f"    upstream {name} {{\n" + "".join(f"        server {address} max_fails=0;\n" for address in addresses[name])
        + "        keepalive 512;\n        keepalive_requests 1000000;\n    }\n" for name in SERVICES)
    submissions = 64 + 320 * len(addresses["intake"])
    tls = TLS.format(certificate=pathlib.Path(args.certificate).resolve(), key=pathlib.Path(args.key).resolve())
    return {"USER": f"user {args.user};" if args.user else "", "EDGE_DIR": args.dir.resolve(), "HSTS": HSTS,
            "UPSTREAMS": upstreams + STRANGERS.format(listen=listens(args.listen, "backlog=4096 reuseport default_server")),
            "LISTEN": f"{listens(args.listen, '')}\n        server_name {args.name};\n        {tls}\n        {HSTS}",
            "SUBMISSIONS_MAX": submissions, "SUBMISSIONS_ADDRESS": args.submissions_address or submissions // 8,
            "LOGIN_RATE": args.login_rate, "LOGIN_BURST": args.login_burst,
            "STAFF_RATE": args.staff_rate, "STAFF_BURST": args.staff_burst, "ADDRESS_RATE": args.address_rate,
            "ADDRESS_BURST": args.address_burst,
            "PROBLEM": f"default_type application/problem+json; add_header Cache-Control no-store always; {HSTS}"}


def main():
    args = arguments()
    for path in (args.certificate, args.key):
        if not pathlib.Path(path).is_file():
            sys.stderr.write(f"configure.py: '{path}' is not there\n")
            return 1
    filled = words(args)
    text = re.sub(r"@([A-Z_]+)@", lambda m: str(filled[m[1]]), (HERE / "nginx.conf.in").read_text())
    html = args.dir / "html"
    (args.dir / "tmp").mkdir(parents=True, exist_ok=True)
    shutil.copytree(HERE / "pages", html, dirs_exist_ok=True)
    for name in ("openapi.yaml", "asyncapi.yaml"):  # beside this when installed, in docs of the sources
        for found in (HERE.parent / name, HERE.parents[1] / "docs" / name):
            if found.is_file():
                shutil.copy(found, html / name)
                break
    new = args.dir / "nginx.conf.new"
    new.write_text(text)
    new.replace(args.dir / "nginx.conf")
    print(args.dir / "nginx.conf")
    return 0


if __name__ == "__main__":
    sys.exit(main())
