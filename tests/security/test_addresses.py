"""What one address can take at the edge: others do not pay for it. Addresses are 127.0.0.x here."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import free_port, running_stack
from shengyuan import Student, wait_for

ALL, SHARE, RATE, BURST = 160, 20, 50, 600
BAD, GOOD = "127.0.0.2", "127.0.0.1"


@pytest.fixture(scope="module")
def small():
    """Places for submissions: 160 in all, 20 for an address; 50 calls a second from an address, 600 in advance."""
    with running_stack("addresses", COPIES="", SUBMISSIONS_MAX=str(ALL), SUBMISSIONS_ADDRESS=str(SHARE),
                       ADDRESS_RATE=str(RATE), ADDRESS_BURST=str(BURST)) as running:
        yield running


@pytest.fixture(scope="module")
def student(small):
    row = next(r for r in small.people(20) if r["PYFSDM"] == "1")
    return Student(small, row).ready()


def edge_port(system):
    return int(system.demo["edge"].rsplit(":", 1)[1])


def ask(system, source, method="GET", path="/api/v1/session", body=None, headers=None):
    """(status, header fields, problem) of one call from this address, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", edge_port(system), timeout=20, source_address=(source, 0))
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        data = answer.read()
        return answer.status, answer.headers, json.loads(data) if data else None
    finally:
        connection.close()


def submit(system, student, source, key):
    return ask(system, source, "POST", "/api/v1/submissions", json.dumps({"fields": student.form()}),
               {"Authorization": f"Bearer {student.token}", "Content-Type": "application/json", "Idempotency-Key": key})


HEAD = (b"POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: slow\r\n"
        b"Content-Length: 2000\r\n\r\n{")


class Trickling(contextlib.AbstractContextManager):
    """So many submissions from one address, each a byte at a time; `refused` are those answered before their body is there."""

    def __init__(self, system, source, count):
        self.connections, self.stop, self.told = [], threading.Event(), set()
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", edge_port(system)), 5, source_address=(source, 0))
            connection.sendall(HEAD)
            connection.setblocking(False)
            self.connections.append(connection)
        self.thread = threading.Thread(target=self.drip)
        self.thread.start()

    def drip(self):
        while not self.stop.wait(0.2):
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.send(b" ")

    def refused(self):
        for connection in self.connections:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                if connection.recv(12, socket.MSG_PEEK)[9:12] == b"503":
                    self.told.add(connection)
        return len(self.told)

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        for connection in self.connections:
            connection.close()


def test_trickling_bodies_of_one_address_take_its_own_places_only(small, student):
    """Three times as many as there are places in all: the address is at its share, and others do not feel it."""
    assert submit(small, student, BAD, "before")[0] == 202
    with Trickling(small, BAD, 3 * ALL) as slow:
        wait_for("the share to be taken", lambda: slow.refused() >= 3 * ALL - SHARE, 20)
        status, headers, problem = submit(small, student, BAD, "same address")
        assert status == 503 and 1 <= int(headers["Retry-After"]) <= 5 and problem["type"].endswith("/unavailable")
        for n in range(20):
            started = time.monotonic()
            assert submit(small, student, GOOD, f"other-{n}")[0] == 202
            assert time.monotonic() - started < 5
        assert slow.refused() == 3 * ALL - SHARE, "they still hold what they have"
    wait_for("the places to be free again", lambda: submit(small, student, BAD, "after")[0] == 202, 20, 0.2)


def test_unknown_tokens_of_one_address_have_a_rate(small, student):
    """What is not looked up costs Redis nothing; a known token from elsewhere is served meanwhile."""
    def guess(_):
        return ask(small, "127.0.0.3", headers={"Authorization": "Bearer " + "ab" * 32})
    began = time.monotonic()
    answers = [guess(n) for n in range(2 * BURST)]
    taken = time.monotonic() - began
    looked_up = sum(status == 401 for status, _, _ in answers)
    assert BURST <= looked_up <= BURST + 2 + RATE * taken
    limited = [a for a in answers if a[0] == 429]
    assert len(limited) + looked_up == len(answers) and (limited or taken > BURST / RATE), (looked_up, taken)
    assert all(problem["type"].endswith("/too-many-requests") and int(headers["Retry-After"]) >= 1
               for _, headers, problem in limited)
    mine = {"Authorization": f"Bearer {student.token}"}
    assert ask(small, GOOD, headers=mine)[0] == 200
    wait_for("the rate to let it in again", lambda: ask(small, "127.0.0.3", headers=mine)[0] == 200, 10, 0.1)


def local_address():
    """IPv6 where there is any."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return "::1"
    return "127.0.0.1"


@pytest.fixture(scope="module")
def edge(small, tmp_path_factory):
    """The edge as it is configured, but for its port, one call a second, five in advance, and that it takes the peer's address from
    a header field, so that there can be any. Its folder stays the first edge's."""
    text = (small.run_dir / "edge/nginx.conf").read_text()
    host, port = local_address(), free_port()
    for before, after in ((r"listen \S+", f"listen [{host}]:{port}" if ":" in host else f"listen {host}:{port}"),
                          (r"pid \S+;", f"pid {tmp_path_factory.mktemp('edge')}/nginx.pid;"),
                          (r"zone=calls:8m rate=\d+", "zone=calls:8m rate=1"), (r"zone=calls burst=\d+", "zone=calls burst=5"),
                          (r"http \{", "http {\nset_real_ip_from ::1; set_real_ip_from 127.0.0.1; real_ip_header X-Peer;")):
        text, count = re.subn(before, after.replace("\\", r"\\"), text)
        assert count, before
    conf = tmp_path_factory.mktemp("conf") / "nginx.conf"
    conf.write_text(text)
    binary = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    with open(conf.with_suffix(".log"), "wb") as log:
        server = subprocess.Popen([binary, "-p", str(conf.parent), "-e", "stderr", "-c", str(conf)], stderr=log)

    def get(peer):
        connection = http.client.HTTPConnection(host, port, timeout=10)
        try:
            connection.request("GET", "/api/openapi.yaml", headers={"X-Peer": peer})
            return connection.getresponse().status
        finally:
            connection.close()

    def answers():
        assert server.poll() is None, conf.with_suffix(".log").read_text()
        with contextlib.suppress(OSError):
            return get("192.0.2.254") == 200
    try:
        wait_for("the edge to answer", answers)
        yield get
    finally:
        server.send_signal(signal.SIGQUIT)
        assert server.wait(20) == 0, conf.with_suffix(".log").read_text()


CALLS = 20


@pytest.mark.parametrize("peers", [
    [f"2001:db8:1:2:{n:x}::1" for n in range(CALLS)],
    [f"2001:db8:0:a::{n:x}" for n in range(1, CALLS + 1)],  # 0a is a line feed among the bytes
    [f"2001:db8::{n:x}:0:0:7" for n in range(1, CALLS + 1)],
    ["192.0.2.7", "::ffff:192.0.2.7"] * (CALLS // 2),
], ids=["one-subscriber", "line-feed", "gaps", "mapped"])
def test_one_address_is_one_client(edge, peers):
    """An IPv6 subscriber has 2^64 addresses and one share; an IPv4 one cannot double his by another form."""
    began = time.monotonic()
    statuses = [edge(peer) for peer in peers]
    allowed = 1 + 5 + 1 + int(time.monotonic() - began)
    assert 1 <= statuses.count(200) <= allowed and statuses.count(429) == CALLS - statuses.count(200)


@pytest.mark.parametrize("form", ["2001:db8:7:{:x}::1", "198.51.100.{}", "::ffff:203.0.113.{}"])
def test_many_addresses_are_as_many_clients(edge, form):
    assert [edge(form.format(n)) for n in range(1, CALLS + 1)] == [200] * CALLS
