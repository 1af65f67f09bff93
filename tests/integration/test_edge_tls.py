"""The edge of production, as deploy/edge/configure.py makes it: TLS, its name and nothing else, HSTS, one submission through it."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.parse

import pytest

from conftest import free_port
from shengyuan import ROOT, Answer, Student, wait_for

NAME = "sheng.example"
HSTS = "max-age=31536000"


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(name="issued", scope="module")
def issued_certificate(tmp_path_factory):
    """A CA of the test's own, and a certificate of it."""
    folder = tmp_path_factory.mktemp("tls")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-subj", "/CN=test-ca",
            "-days", "2")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "edge.key", "-out", folder / "edge.csr", "-subj", f"/CN={NAME}")
    (folder / "names").write_text(f"subjectAltName=DNS:{NAME}\n")
    openssl("x509", "-req", "-in", folder / "edge.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "1",
            "-extfile", folder / "names", "-out", folder / "edge.pem")
    return folder


def addresses(system, service):
    """Where the copies of a service listen, as the local edge knows it."""
    text = (system.run_dir / "edge/nginx.conf").read_text()
    block = text.split(f"upstream {service} {{")[1].split("}")[0]
    return ",".join(line.split()[1] for line in block.splitlines() if line.strip().startswith("server"))


@pytest.fixture(name="edge", scope="module")
def production_edge(system, issued):
    port = free_port()
    folder = pathlib.Path(issued, "edge")
    made = subprocess.run([sys.executable, ROOT / "deploy/edge/configure.py", "--name", NAME, "--certificate", issued / "edge.pem", "--key",
                           issued / "edge.key", "--dir", folder, "--listen", f"127.0.0.1:{port}", "--user", "root" if os.getuid() == 0 else "",
                           *(word for name in ("authorization", "binding", "intake", "notification", "office") for word in (f"--{name}", addresses(system, name)))],
                          capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    nginx = [shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin"), "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf"]
    tried = subprocess.run([*nginx, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0 and "[warn]" not in tried.stderr, tried.stderr
    process = subprocess.Popen(nginx, stderr=subprocess.DEVNULL)
    try:
        wait_for("the edge", lambda: not refused(port))
        yield port
    finally:
        process.terminate()
        process.wait(20)


def refused(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Https:
    """One connection a call, verified against the test's CA."""

    def __init__(self, port, issued, name=NAME, version=None):
        self.port, self.name = port, name
        self.context = ssl.create_default_context(cafile=issued / "ca.pem")
        if version:
            self.context.minimum_version = self.context.maximum_version = version
            self.context.set_ciphers("DEFAULT@SECLEVEL=0")

    def shake(self):
        return self.context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 10), server_hostname=self.name)

    def call(self, method, path, body=None, headers=None, raw=None, host=NAME):
        payload = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        fields = {"Host": host, **(headers or {}), **({"Content-Type": "application/json"} if payload else {})}
        connection = http.client.HTTPConnection(self.name)
        with self.shake() as connection.sock:
            connection.request(method, path, payload, fields)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())


def test_a_submission_goes_through_it_and_every_answer_tells_to_stay_with_tls(system, people, issued, edge):
    student = Student(system, people())
    student.http = Https(edge, issued)
    student.ready()
    answer = student.submit()
    assert answer.status == 202 and student.judged(answer.json["submission_id"])["state"] == "accepted"
    for path, status in (("/", 200), ("/api/v1/session", 200), ("/api/nothing", 404), ("/api/openapi.yaml", 200)):
        answer = student.call("GET", path)
        assert (answer.status, answer.headers.get_all("Strict-Transport-Security")) == (status, [HSTS]), (path, answer)
    assert student.http.call("GET", "/api/v1/session").status == 401


def test_another_name_is_refused_on_both_sides(issued, edge):
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        Https(edge, issued, "other.example").shake()
    context = ssl.create_default_context(cafile=issued / "ca.pem")  # no name at all: no certificate either
    context.check_hostname = False
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        context.wrap_socket(socket.create_connection(("127.0.0.1", edge), 10))
    # The right one in the handshake and another in the request: nobody's.
    assert Https(edge, issued).call("GET", "/api/v1/session", host="other.example").status == 421
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(socket.create_connection(("127.0.0.1", edge), 10), server_hostname=NAME)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version, good", [(ssl.TLSVersion.TLSv1, False), (ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                                           (ssl.TLSVersion.TLSv1_3, True)], ids=lambda value: getattr(value, "name", None))
def test_tls_below_1_2_is_refused(issued, edge, version, good):
    with contextlib.nullcontext() if good else pytest.raises((ssl.SSLError, ConnectionError)):
        with Https(edge, issued, version=version).shake() as connection:
            assert connection.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]
            assert good


def test_plain_http_is_told_nothing(edge):
    with socket.create_connection(("127.0.0.1", edge), 10) as connection:
        connection.sendall(b"GET /api/v1/session HTTP/1.1\r\nHost: " + NAME.encode() + b"\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_what_it_needs_is_asked_for(tmp_path):
    command = [sys.executable, str(ROOT / "deploy/edge/configure.py")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
    words = ["--authorization", "a:1", "--binding", "b:1", "--intake", "c:1", "--notification", "d:1", "--office", "e:1", "--name", NAME, "--dir", str(tmp_path / "edge"), "--key", "none",
             "--certificate", "none"]
    missing = subprocess.run(command + words, capture_output=True, text=True, check=False)
    assert missing.returncode == 1 and "'none' is not there" in missing.stderr and not (tmp_path / "edge").exists()
