"""The public port: sizes, slow clients, strict HTTP. Raw bytes over sockets, as an attacker would."""
import contextlib
import socket
import threading
import time
import urllib.parse

import pytest

from shengyuan import Http


@contextlib.contextmanager
def raw(system, timeout=20):
    port = urllib.parse.urlsplit(system.demo["edge"]).port
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        yield connection


def exchange(system, request, timeout=20):
    """The status line's number and everything received until the end or the answer's last byte."""
    with raw(system, timeout) as connection:
        connection.sendall(request)
        data = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while chunk := connection.recv(65536):
                data += chunk
                head, _, body = data.partition(b"\r\n\r\n")
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:") and len(body) >= int(line.split(b":")[1]):
                        return int(data[9:12]), data
        return (int(data[9:12]) if data[:5] == b"HTTP/" else 0), data


GET = b"GET /api/v1/session HTTP/1.1\r\nHost: x\r\n"


def test_too_large_body(system):
    head = b"POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    status, data = exchange(system, head + b"Content-Length: 65537\r\n\r\n" + b"x" * 65537)
    assert status == 413 and b"application/problem+json" in data
    status, data = exchange(system, head + b"Content-Length: 10737418240\r\n\r\n")
    assert status == 413
    chunks = b"Transfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    status, data = exchange(system, head + chunks + b"8000\r\n" + b"x" * 0x8000 + b"\r\n1\r\nx\r\n0\r\n\r\n")
    assert status == 413, data[:200]


def test_too_long_target(system):
    status, data = exchange(system, b"GET /api/v1/form?" + b"a" * 4200 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == 414 and b"application/problem+json" in data
    status, _ = exchange(system, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == 414
    status, _ = exchange(system, b"GET /api/v1/form?" + b"a" * 3900 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == 401


def test_too_large_headers(system):
    status, data = exchange(system, GET + b"A: " + b"a" * 17000 + b"\r\n\r\n")
    assert status == 431 and b"application/problem+json" in data
    status, _ = exchange(system, GET + b"".join(b"A%d: %s\r\n" % (n, b"a" * 4000) for n in range(5)) + b"\r\n")
    assert status == 431
    status, _ = exchange(system, GET + b"".join(b"A%d: a\r\n" % n for n in range(80)) + b"\r\n")
    assert status == 431
    status, _ = exchange(system, GET + b"".join(b"A%d: a\r\n" % n for n in range(40)) + b"\r\n")
    assert status == 401


@pytest.mark.parametrize("request_bytes", [
    b"GET /api/v1/session HTTP/1.1\r\n\r\n",
    b"GET /api/v1/session HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"GET /api/v1/session HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nA\x00: b\r\n\r\n",
    b"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    b"GET /api/v1/session HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
    b"GET /api/v1/session\r\n\r\n",
    b"GET /api/v1/session HTTP/9.9\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
])
def test_malformed_requests_are_refused(system, request_bytes):
    status, data = exchange(system, request_bytes, 5)
    assert status in (400, 405, 501, 505) or (status == 0 and data == b"") or b"<html>" in data[:6], (status, data[:200])
    assert not 200 <= status < 300 and status != 401, "it never reached a service as a request"


def test_smuggled_request_is_not_answered(system):
    inner = b"GET /api/v1/form HTTP/1.1\r\nHost: x\r\n\r\n"
    body = b"0\r\n\r\n" + inner
    _, data = exchange(system, b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(body) + body, 3)
    assert data.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/submissions/a/b/c", "/api/v1//form", "/api/v1/form/",
                                  "/api/v1/submissions/%2e%2e", "/api/v1/codes/..%2fform", "/api/v2/form"])
def test_unknown_paths(system, path):
    answer = Http(system.demo["edge"]).call("GET", path)
    assert answer.status in (400, 404) and answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("method,path", [("PUT", "/api/v1/session"), ("DELETE", "/api/v1/form"), ("PATCH", "/api/v1/draft"),
                                         ("GET", "/api/v1/submissions"), ("TRACE", "/api/v1/form")])
def test_other_methods(system, method, path):
    answer = Http(system.demo["edge"]).call(method, path)
    assert answer.status == 405


def test_slow_headers_are_cut(system):
    with raw(system, 20) as connection:
        connection.sendall(GET)
        started = time.monotonic()
        data = b"."
        with contextlib.suppress(OSError):
            while data and time.monotonic() - started < 20:
                connection.settimeout(1)
                with contextlib.suppress(TimeoutError):
                    data = connection.recv(4096)
                connection.sendall(b"A: b\r\n")
        assert 8 < time.monotonic() - started < 14


def test_slow_body_is_cut_however_it_trickles(system, newcomer):
    s = newcomer()
    s.log_in()
    head = (f"POST /api/v1/identity/phone-codes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n").encode()
    with raw(system, 60) as connection:
        connection.sendall(head)
        started = time.monotonic()
        connection.settimeout(1)
        data = b""
        while time.monotonic() - started < 50:
            try:
                connection.sendall(b" ")
                part = connection.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                break
            data += part
            if not part or b"\r\n\r\n" in data:
                break
        taken = time.monotonic() - started
    assert 25 < taken < 36, taken
    assert data[9:12] in (b"408", b"503", b"")


def test_others_are_served_while_hundreds_are_slow(system):
    connections = []
    try:
        for _ in range(300):
            connection = socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(system.demo["edge"]).port), 5)
            connection.sendall(GET)
            connections.append(connection)
        started = time.monotonic()
        assert Http(system.demo["edge"]).call("GET", "/api/v1/session").status == 401
        assert time.monotonic() - started < 1
    finally:
        for connection in connections:
            connection.close()


def test_address_in_a_header_does_not_count(system, newcomer):
    """Limits cannot be dodged by claiming another address."""
    s = newcomer()
    s.log_in()
    s.verify()
    assert s.ask_code().status == 202
    answer = s.call("POST", "/api/v1/identity/phone-codes", {"phone": s.phone},
                    {"X-Forwarded-For": "10.1.2.3", "X-Real-IP": "10.1.2.3"})
    assert answer.status == 429


def test_documents_and_page(system):
    http = Http(system.demo["edge"])
    for path, word in (("/", b"<!doctype html>"), ("/api/openapi.yaml", b"openapi: 3.1"),
                       ("/api/asyncapi.yaml", b"asyncapi: 3.")):
        answer = http.call("GET", path)
        assert answer.status == 200 and word in answer.body[:400].lower(), (path, answer)
    assert "nginx/" not in str(answer.headers)


def test_many_streams_end_with_their_judgement(newcomer):
    """Forty streams, one per submission: each gets its own judgement and ends."""
    s = newcomer().ready()
    ids = [s.send() for _ in range(40)]
    got = {}

    def follow(submission_id):
        from shengyuan import Student
        one = Student(s.system, s.row)
        one.token = s.token
        got[submission_id] = one.call("GET", f"/api/v1/submissions/{submission_id}/events").body
    threads = [threading.Thread(target=follow, args=(i,)) for i in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert all(f'"submission_id":"{i}"'.encode() in got[i] and b'"state":"accepted"' in got[i] for i in ids)
