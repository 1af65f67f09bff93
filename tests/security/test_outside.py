"""S34, S38: the servers we talk to. Hostile platforms; and whether a server is the one it should be."""
import contextlib
import http.server
import json
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import time

import pytest

from shengyuan import Http, wait_for

PIECE = b"x" * 65536


class Platform(http.server.BaseHTTPRequestHandler):
    """Answers as `mode` says; counts who came."""
    protocol_version = "HTTP/1.1"
    mode, calls, sent = "", [], 0

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self):
        kind = type(self)
        kind.calls.append(self.path.split("?")[0])
        with contextlib.suppress(OSError):
            getattr(self, "answer_" + kind.mode.replace("-", "_"))()

    def reply(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def answer_gigabyte(self):
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 30))
        self.end_headers()
        for _ in range(1 << 14):
            self.wfile.write(PIECE)
            type(self).sent += len(PIECE)

    def answer_endless_chunks(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(1 << 14):
            self.wfile.write(b"10000\r\n" + PIECE + b"\r\n")
            type(self).sent += len(PIECE)

    def answer_trickle(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b" ")
            self.wfile.flush()
            if STOP.wait(0.3):
                return

    def answer_silence(self):
        STOP.wait(30)

    def answer_endless_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(1 << 14):
            self.wfile.write(b"A: " + PIECE[:1000] + b"\r\n")
            type(self).sent += 1000

    def answer_redirect(self):
        self.reply(b"", 302, Location=f"http://127.0.0.1:{self.server.server_port}/stolen")

    def answer_redirect_file(self):
        self.reply(b"", 301, Location="file:///etc/passwd")

    def answer_gzip(self):
        self.reply(b"\x1f\x8b" + b"\0" * 100, Content_Encoding="gzip")

    def answer_html(self):
        self.reply(b"<html>", Content_Type="text/html")

    def answer_broken(self):
        self.reply(b'{"openid":"x"')

    def answer_twice(self):
        self.reply(b'{"openid":"a","openid":"b"}')

    def answer_number(self):
        self.reply(b'{"openid":1,"errcode":0}')

    def answer_nothing(self):
        self.reply(b'{}')

    def answer_empty(self):
        self.reply(b"")

    def answer_deep(self):
        self.reply(b'{"openid":' + b"[" * 60000)

    def answer_500(self):
        self.reply(b'{"openid":"x"}', 500)

    def answer_206(self):
        self.reply(b'{"openid":"x"}', 206)

    def answer_long(self):
        self.reply(json.dumps({"openid": "o" * 30000}).encode())

    def answer_foreign(self):
        self.reply(json.dumps({"openid": "a\tb\r\n'\"|/" + "é" * 20}).encode())


STOP = threading.Event()
REFUSED = [name.removeprefix("answer_").replace("_", "-") for name in vars(Platform) if name.startswith("answer_")
           and name not in ("answer_long", "answer_foreign")]


@pytest.fixture(scope="module")
def platform():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Platform)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    STOP.set()
    server.shutdown()
    server.server_close()


def env_of(system, name, **change):
    pid = next(p["pid"] for p in system.demo["processes"] if p["name"] == name)
    pairs = [item.split("=", 1) for item in pathlib.Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in item]
    return {**dict(pairs), **change}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def misled(system, platform):
    """An authorization of our own that takes the hostile server for WeChat."""
    port = free_port()
    env = env_of(system, "authorization-1", SY_INSTANCE="authorization-9", SY_LISTEN=f"127.0.0.1:{port}",
                 SY_ADMIN_LISTEN="127.0.0.1:0", SY_WECHAT_BASE_URL=f"http://127.0.0.1:{platform.server_port}")
    with open(system.run_dir / "logs/authorization-9.log", "ab") as log:
        process = subprocess.Popen([str(system.bin / "sy-authorization")], env=env, stdout=log, stderr=log)

    def listens():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    try:
        wait_for("it to listen", listens)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(20) == 0


def resident(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("mode", REFUSED)
def test_a_hostile_platform_costs_little_and_is_not_believed(misled, newcomer, mode):
    """503 within two calls of three seconds; no memory, no other address asked, nothing of its words shown."""
    process, base = misled
    s = newcomer()
    Platform.mode, Platform.calls, Platform.sent = mode, [], 0
    before = resident(process.pid)
    started = time.monotonic()
    answer = Http(base).call("POST", "/api/v1/session", {"channel": "h5", "code": f"x-{mode}", "consent_version": s.consent})
    taken = time.monotonic() - started
    assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0, answer
    assert taken < 7.5 and resident(process.pid) - before < 64 << 20
    assert set(Platform.calls) == {"/sns/oauth2/access_token"} and len(Platform.calls) <= 2, Platform.calls
    assert Platform.sent < 64 << 20
    assert b"openid" not in answer.body and b"xxx" not in answer.body


@pytest.mark.parametrize("mode", ["long", "foreign"])
def test_a_strange_name_of_a_person_is_no_harm(misled, newcomer, mode):
    """An openid is opaque: hashed and sealed, whatever is in it."""
    _, base = misled
    s = newcomer()
    Platform.mode, Platform.calls = mode, []
    answer = Http(base).call("POST", "/api/v1/session", {"channel": "h5", "code": "x", "consent_version": s.consent})
    assert answer.status in (201, 503), answer
    if answer.status == 201:
        shown = Http(base).call("GET", "/api/v1/session", headers={"Authorization": f"Bearer {answer.json['token']}"})
        assert shown.status == 200 and b"oooo" not in shown.body


@pytest.mark.parametrize("url", ["http://platform.example", "http://10.0.0.1:80", "ftp://127.0.0.1:21", "file:///etc/passwd",
                                 "http://127.0.0.1.evil.example:80", "gopher://127.0.0.1:1", "http://localhost.evil.example:1"])
def test_secrets_go_nowhere_in_clear(system, newcomer, url):
    """A platform's address is configuration, and plain http is for this machine only."""
    port = free_port()
    env = env_of(system, "authorization-1", SY_INSTANCE="authorization-8", SY_LISTEN=f"127.0.0.1:{port}",
                 SY_ADMIN_LISTEN="127.0.0.1:0", SY_WECHAT_BASE_URL=url)
    process = subprocess.Popen([str(system.bin / "sy-authorization")], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def up():
        with socket.socket() as probe:
            return process.poll() is not None or probe.connect_ex(("127.0.0.1", port)) == 0
    try:
        wait_for("it to listen or to end", up)
        if process.poll() is None:
            s = newcomer()
            answer = Http(f"http://127.0.0.1:{port}").call("POST", "/api/v1/session", {
                "channel": "h5", "code": "x", "consent_version": s.consent})
            assert answer.status == 503
    finally:
        process.terminate()
        process.communicate(timeout=20)


# --- S34: Kafka's TLS; what librdkafka is told comes from --kafka-security-file ---


def certificate(folder, name, subject, days=1, issuer=None):
    """A key and a certificate, of its own or issued."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    extra = ["-CA", str(folder / f"{issuer}.pem"), "-CAkey", str(folder / f"{issuer}.key")] if issuer else []
    subprocess.run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-subj", f"/CN={subject}",
                    "-out", str(folder / "request.csr")], check=True, capture_output=True)
    names = folder / "names"
    names.write_text(f"subjectAltName=DNS:{subject}\n" + ("" if issuer else "basicConstraints=critical,CA:TRUE\n"))
    if not issuer:
        extra = ["-signkey", str(key)]
    subprocess.run(["openssl", "x509", "-req", "-in", str(folder / "request.csr"), *extra, "-days", str(days), "-extfile",
                    str(names), "-out", str(cert), "-CAcreateserial"][:None if issuer else -1], check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    certificate(folder, "ca", "our-ca")
    certificate(folder, "other-ca", "other-ca")
    certificate(folder, "right", "localhost", issuer="ca")
    certificate(folder, "wrong-name", "kafka.example", issuer="ca")
    certificate(folder, "wrong-issuer", "localhost", issuer="other-ca")
    certificate(folder, "self-signed", "localhost")
    certificate(folder, "expired", "localhost", days=-1, issuer="ca")
    return folder


@contextlib.contextmanager
def tls_server(folder, name, version=None):
    """Says of each connection: what the client said after the handshake, or None."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    if version:
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
    heard, came = [], threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(3)
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    heard.append(secure.recv(100))
            except OSError:
                heard.append(None)
            came.set()
    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], heard, came
    finally:
        listener.close()


def ask(system, port, folder, **settings):
    """syctl asks the broker at that port for its topics, by these settings."""
    path = folder / "kafka-security"
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_text("".join(f"{name.replace('_', '.')}={value}\n" for name, value in settings.items()))
    return subprocess.Popen([str(system.bin / "syctl"), f"--kafka-bootstrap=localhost:{port}", "topics", "check"],
                            env={**os.environ, "SY_KAFKA_SECURITY_FILE": str(path)}, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("name", ["right", "wrong-name", "wrong-issuer", "self-signed", "expired"])
def test_kafka_clients_talk_to_the_right_broker_only(system, certificates, name):
    with tls_server(certificates, name) as (port, heard, came):
        process = ask(system, port, certificates, security_protocol="ssl", ssl_ca_location=certificates / "ca.pem")
        try:
            assert came.wait(15), "nobody came"
            if name == "right":
                assert wait_for("its first request", lambda: [h for h in heard if h], 5)
            else:
                assert not any(heard)
        finally:
            process.kill()
            process.communicate()


def test_kafka_clients_do_not_go_down_to_old_tls(system, certificates):
    with tls_server(certificates, "right", ssl.TLSVersion.TLSv1_1) as (port, heard, came):
        process = ask(system, port, certificates, security_protocol="ssl", ssl_ca_location=certificates / "ca.pem")
        try:
            assert came.wait(15) and not any(heard)
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("line,mode", [("bootstrap.servers=x", 0o600), ("ssl.ca.location", 0o600), ("security.protocol=nonsense", 0o600),
                                       ("security.protocol=ssl", 0o644)])
def test_a_wrong_security_file_is_told_and_not_passed_over(system, tmp_path, line, mode):
    path = tmp_path / "security"
    path.write_text(line + "\n")
    path.chmod(mode)
    for argv in ([str(system.bin / "syctl"), "--kafka-bootstrap=localhost:1", "topics", "check"],
                 [str(system.bin / "sy-validation"), f"--kafka-security-file={path}"]):
        env = {**env_of(system, "validation-1"), "SY_KAFKA_SECURITY_FILE": str(path), "SY_ADMIN_LISTEN": "127.0.0.1:0"}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode not in (0, -6), done
        assert "security" in done.stdout + done.stderr, done


def test_postgresql_is_reached_as_the_dsn_says(system):
    """sslmode is libpq's: a server without TLS is refused when the DSN wants TLS."""
    operator = json.loads((system.run_dir / "operator.json").read_text())
    for mode, good in (("prefer", True), ("require", False), ("verify-full", False)):
        done = subprocess.run([str(system.bin / "syctl"), f"--run-dir={system.run_dir}",
                               f"--monitor-dsn={operator['monitor_dsn']} sslmode={mode}", "why", "00000000-0000-8000-8000-000000000000"],
                              capture_output=True, text=True, timeout=30, check=False)
        told = done.stdout + done.stderr
        assert ("SSL" in told or "root.crt" in told or "root certificate" in told) != good, (mode, told)


def test_students_are_not_told_a_servers_words(system, student):
    """S38's other side: no library's or database's text in a problem (contract)."""
    answer = student.call("GET", "/api/v1/submissions/" + "0" * 36)
    assert answer.status == 404
    for word in (b"libpq", b"psql", b"SQL", b"redis", b"rdkafka", b"curl", b"errno"):
        assert word not in answer.body
