"""The servers of others: PostgreSQL, Redis, Kafka, the edge. How each is set up and started, when it is ready."""
import base64
import glob
import os
import secrets
import shutil
import signal
import subprocess
import tempfile

import links
from allotment import port_open
from run_dir import (base_env, Failure, fill, has_account, HTTP_SERVICES, Part, run, traversable, unprivileged,
                     write_private)
from secret_files import PG_ROLES


def pg_bin(name):
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
    path = os.path.join(folders[-1], name) if folders else shutil.which(name)
    if not path or not os.path.exists(path):
        raise Failure(f"{name} is missing; HINT: deploy/install-deps.sh --group run")
    return path


def pg_release():
    return int(run([pg_bin("postgres"), "--version"]).split()[2].split(".")[0])


def postgres_init(layout, data):
    account = unprivileged()
    data.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(data, account["user"], account["group"])
    with tempfile.NamedTemporaryFile("w") as password:
        password.write(layout.secret("pg_superuser") + "\n")
        password.flush()
        if account:
            os.chown(password.name, account["user"], account["group"])
        run([pg_bin("initdb"), "-D", data, "-U", "superuser", "--auth=scram-sha-256", "-E", "UTF8",
             "--locale=C.UTF-8", "--data-checksums", f"--pwfile={password.name}"], cwd="/", **account)


def postgres(layout, ports):
    data = layout.postgres_data()
    if not (data / "PG_VERSION").exists():
        shutil.rmtree(data, ignore_errors=True)  # left by a run that was cut off
        postgres_init(layout, data)
    settings = {"port": ports["postgres"], "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
                "max_connections": 200, "shared_buffers": "512MB", "max_wal_size": "4GB",
                "wal_compression": "lz4" if pg_release() >= 15 else "on", "log_min_messages": "warning", "log_statement": "none",
                "password_encryption": "scram-sha-256"}
    argv = [pg_bin("postgres"), "-D", str(data)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    return Part("postgres", "postgres", argv, base_env(), "/", stop_signal=signal.SIGINT,
                credentials=unprivileged())


def psql_env(layout, ports, user="superuser", password="pg_superuser"):
    return {**base_env(), "PGHOST": "127.0.0.1", "PGPORT": str(ports["postgres"]), "PGUSER": user,
            "PGPASSWORD": layout.secret(password), "PGDATABASE": "postgres", "PGCONNECT_TIMEOUT": "5"}


def postgres_ready(layout, ports):
    return subprocess.run([pg_bin("pg_isready"), "-q"], env=psql_env(layout, ports),
                          check=False).returncode == 0


def database_prepare(layout, ports):
    """Roles with their passwords, then what is pending of the migrations."""
    env = psql_env(layout, ports)
    env.update({f"SY_{role.upper()}_PASSWORD": layout.secret(f"pg_{role}") for role in PG_ROLES})
    run([pg_bin("psql"), "-Xq", "-v", "ON_ERROR_STOP=1", "-f", layout.root / "deploy/db/roles.sql"], env=env)
    owner = psql_env(layout, ports, "sy_owner", "pg_owner") | {"PGDATABASE": "shengyuan"}
    run([layout.root / "deploy/db/migrate.sh"], env=owner)


def archive(layout, ports):
    """Collects the write-ahead log; None unless ARCHIVE says where to."""
    if not os.environ.get("ARCHIVE"):
        return None
    folder = os.path.abspath(os.environ["ARCHIVE"])
    env = psql_env(layout, ports, "sy_archive", "pg_archive")
    return Part("archive", "archive", [str(layout.root / "deploy/backup/wal.sh"), "--to", f"{folder}/wal"], env, "/")


def archive_begin(layout, ports):
    """The base backup that the log is for, if there is none yet."""
    folder = os.path.abspath(os.environ["ARCHIVE"])
    if not glob.glob(f"{folder}/base-*"):
        run([layout.root / "deploy/backup/base.sh", "--to", folder], env=psql_env(layout, ports, "sy_archive", "pg_archive"))


def redis(layout, ports):
    values = {"REDIS_PORT": ports["redis"], "DATA_DIR": layout.run_dir / "redis",
              "ACL_FILE": layout.secrets / "redis.acl", "SY_PASSWORD": layout.secret("redis_sy"), "KEEPER_PASSWORD": layout.secret("redis_keeper"),
              "TESTS_PASSWORD": layout.secret("redis_tests")}
    fill(layout.root / "deploy/redis/redis.conf.in", layout.run_dir / "redis/redis.conf", values)
    fill(layout.root / "deploy/redis/users.acl.in", layout.secrets / "redis.acl", values)
    return Part("redis", "redis", ["redis-server", str(layout.run_dir / "redis/redis.conf")], base_env(), "/")


def kafka_cluster(layout):
    """The id that all brokers of this RUN_DIR are formatted with."""
    path = layout.run_dir / "kafka-cluster"
    if not path.exists():
        # 22 characters of base64 whose first is a letter: the tool takes a dash for an option.
        write_private(path, base64.urlsafe_b64encode(b"S" + secrets.token_bytes(15)).decode().rstrip("=") + "\n")
    return path.read_text().strip()


def kafkas(layout, ports, copies):
    return [kafka(layout, ports, copies, number, name) for number, name in enumerate(ports.brokers, 1)]


def kafka(layout, ports, copies, number, name):
    libs = run([layout.root / "deploy/kafka/fetch.sh"]).strip()
    alone = len(ports.brokers) == 1
    folder = layout.run_dir / name
    folder.mkdir(exist_ok=True)
    data = folder / "data"
    config = folder / "server.properties"
    fill(layout.root / "deploy/kafka/server.properties.in", config,
         {"NODE": number, "KAFKA_PORT": ports[name], "CONTROLLER_PORT": ports[f"{name}_controller"],
          "CONTROLLERS": links.controllers(ports, name), "DATA_DIR": data, "REPLICAS": len(ports.brokers),
          "REPLICAS_MIN": 1 if alone else 2, **links.kafka_listeners(ports, copies, name)})
    java = ["java", "-XX:+UseG1GC", "-XX:TieredStopAtLevel=4", "-Xshare:auto", f"-Dsy.log.dir={layout.logs}",
            f"-Dlog4j2.configurationFile={layout.root}/deploy/kafka/log4j2.xml", "-cp", f"{libs}/*"]
    if not (data / "meta.properties").exists():
        shutil.rmtree(data, ignore_errors=True)
        run([*java, "kafka.tools.StorageTool", "format", "-t", kafka_cluster(layout), "-c", config])
    heap = ["-Xms256m", "-Xmx512m"] if alone else ["-Xms128m", "-Xmx384m"]
    return Part(name, "kafka", [java[0], *heap, *java[1:], "kafka.Kafka", str(config)], base_env(), str(folder))


def kafka_ready(layout, ports):
    if not all(port_open(ports[name]) for name in ports.brokers):
        return False
    done = subprocess.run([layout.bin / "syctl", f"--run-dir={layout.run_dir}", "lag"],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0 or "does not exist" in done.stderr  # no topics yet: it answers


TOPICS_LATER = ("replication factor", "transport failure", "Timed out")  # the first only with several brokers


def topics_ready(layout, ports):
    """Makes the topics; a broker that has only just come may not count as a replica yet, or not answer in time."""
    try:
        run([layout.bin / "syctl", f"--run-dir={layout.run_dir}", "topics", "apply",
             f"--replication={len(ports.brokers)}"])
    except Failure as failure:
        if not any(text in str(failure) for text in TOPICS_LATER[len(ports.brokers) == 1:]):
            raise
        return False
    return True


def edge_configure(layout, ports, copies):
    html = layout.edge / "html"
    shutil.rmtree(html, ignore_errors=True)
    shutil.copytree(layout.root / "deploy/edge/pages", html)
    for name in ("openapi.yaml", "asyncapi.yaml"):
        if (layout.root / "docs" / name).exists():
            shutil.copy(layout.root / "docs" / name, html / name)
    upstreams = ""
    for name in HTTP_SERVICES:
        servers = [ports.between("edge", f"{name}-{number}") for number in range(1, copies[name] + 1)]
        lines = "".join(f"        server 127.0.0.1:{port} max_fails=0;\n" for port in servers)
        upstreams += (f"    upstream {name} {{\n"
                      f"{lines or '        server 127.0.0.1:1 down;' + chr(10)}"
                      "        keepalive 512;\n        keepalive_requests 1000000;\n    }\n")
    submissions = 64 + 320 * max(1, copies["intake"])
    user = ""
    if os.getuid() == 0:
        user = "user nobody nogroup;" if traversable(layout.edge) and has_account("nobody") else "user root;"
    fill(layout.root / "deploy/edge/nginx.conf.in", layout.edge / "nginx.conf", {
        "USER": user, "EDGE_DIR": layout.edge, "HSTS": "", "UPSTREAMS": upstreams,
        "LISTEN": f"listen 127.0.0.1:{ports['edge']} backlog=4096 reuseport; server_name _;",
        "SUBMISSIONS_MAX": os.environ.get("SUBMISSIONS_MAX", submissions), "SUBMISSIONS_ADDRESS": os.environ.get("SUBMISSIONS_ADDRESS", submissions),
        "LOGIN_RATE": os.environ.get("LOGIN_RATE", "500"), "LOGIN_BURST": os.environ.get("LOGIN_BURST", "2000"),
        "STAFF_RATE": os.environ.get("STAFF_RATE", "1000"), "STAFF_BURST": os.environ.get("STAFF_BURST", "1000"),
        # Load tests come from one address; production has 2000 and 4000.
        "ADDRESS_RATE": os.environ.get("ADDRESS_RATE", "100000"), "ADDRESS_BURST": os.environ.get("ADDRESS_BURST", "100000"),
        "PROBLEM": "default_type application/problem+json; add_header Cache-Control no-store always;"})


def edge(layout):
    binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if binary is None:
        raise Failure("nginx is missing; HINT: deploy/install-deps.sh --group run")
    return Part("edge", "edge", [binary, "-p", str(layout.edge), "-e", "stderr", "-c",
                                 str(layout.edge / "nginx.conf")], base_env(), "/",
                stop_signal=signal.SIGQUIT)


def before_restart(layout, part):
    """A killed postmaster leaves its lock file; the server checks it, so only a foreign one stays."""
    if part.service == "postgres":
        return
    if part.service == "edge":
        (layout.edge / "nginx.pid").unlink(missing_ok=True)
