"""The proxy does to a connection what it was told, and nothing else."""
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
from proxy import Links  # noqa: E402
from shengyuan import wait_for  # noqa: E402


class Echo:
    """Answers every byte with itself; knows what it was sent."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received = b""
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            while data := client.recv(65536):
                self.received += data
                client.sendall(data)
        except OSError:
            pass
        client.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def world(tmp_path):
    """An echo server, a proxy before it, the proxy's control."""
    echo, port = Echo(), free_port()
    (tmp_path / "links.json").write_text(json.dumps({"a:echo": {"listen": port, "target": echo.port}}))
    proxy = subprocess.Popen([sys.executable, str(pathlib.Path(__file__).with_name("proxy.py")),
                              str(tmp_path / "links.json")])
    try:
        wait_for("the proxy", lambda: (tmp_path / "links.sock").exists(), 10)
        links = Links(tmp_path)
        yield echo, links, lambda: socket.create_connection(("127.0.0.1", port), 5)
        links.close()
        proxy.terminate()
        assert proxy.wait(5) == 0
    finally:  # whatever went wrong: no proxy stays behind
        proxy.kill()
        proxy.wait()
        echo.listener.close()


def read(client, count, seconds=5):
    client.settimeout(seconds)
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            break
        data += more
    return data


def silent(client, seconds=0.2):
    client.settimeout(seconds)
    try:
        return client.recv(1) is None
    except socket.timeout:
        return True


def test_passes_everything_on_both_ways_and_the_end(world):
    _, _, connect = world
    client, sent = connect(), bytes(range(256)) * 8192
    threading.Thread(target=client.sendall, args=(sent,)).start()
    assert read(client, len(sent)) == sent
    client.shutdown(socket.SHUT_WR)
    assert read(client, 1) == b""


def test_delays_each_direction_by_itself(world):
    _, links, connect = world
    client = connect()
    links.set("*", up={"delay": 100}, down={"delay": 150})
    started = time.monotonic()
    client.sendall(b"x")
    assert read(client, 1) == b"x" and 0.25 <= time.monotonic() - started < 1


def test_jitter_keeps_the_order(world):
    _, links, connect = world
    client = connect()
    links.both("*", jitter=20)
    for number in range(50):
        client.sendall(bytes([number]))
    assert read(client, 50) == bytes(range(50))


def test_a_stall_holds_and_then_loses_nothing(world):
    echo, links, connect = world
    client = connect()
    links.set("*", up={"stall": True})
    client.sendall(b"held")
    assert silent(client) and echo.received == b""
    links.heal()
    assert read(client, 4) == b"held"


def test_half_open_swallows_and_the_connection_does_not_survive_it(world):
    echo, links, connect = world
    client = connect()
    links.set("*", down={"drop": True})
    client.sendall(b"gone")
    assert silent(client) and echo.received == b"gone"
    links.heal()
    with pytest.raises(ConnectionResetError):
        client.settimeout(5)
        assert client.recv(1) != b""
    fresh = connect()
    fresh.sendall(b"new")
    assert read(fresh, 3) == b"new"


def test_half_open_hides_that_the_client_has_gone(world):
    _, links, connect = world
    client = connect()
    client.sendall(b"x")
    assert read(client, 1) == b"x"
    links.both("*", drop=True)
    client.close()
    other = connect()  # the proxy has seen the first one's end when it has seen this one
    wait_for("the second connection", lambda: links.stats()["a:echo"]["connections"] == 2)
    assert links.stats()["a:echo"]["open"] == 2
    other.close()


@pytest.mark.parametrize("count", [1, 5, 10])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_cuts_after_exactly_so_many_bytes_once(world, direction, count):
    echo, links, connect = world
    client = connect()
    client.sendall(b"before")
    assert read(client, 6) == b"before"
    links.set("*", **{direction: {"cut": count}})
    client.sendall(b"0123456789")
    got = b""
    with pytest.raises(ConnectionResetError):
        client.settimeout(5)
        while True:
            more = client.recv(1)
            assert more != b"", "an orderly end is no cut"
            got += more
    # The reset may be seen here before the other end has read what came ahead of it.
    passed = b"0123456789"[:count] if direction == "up" else b"0123456789"
    wait_for("what was let through", lambda: len(echo.received) >= 6 + len(passed), 5)
    assert echo.received[6:] == passed and (direction == "up" or got == b"0123456789"[:count])
    fresh = connect()
    fresh.sendall(b"0123456789")
    assert read(fresh, 10) == b"0123456789"


def test_resets_what_is_open_and_refuses_what_comes(world):
    _, links, connect = world
    client = connect()
    client.sendall(b"x")
    assert read(client, 1) == b"x"
    links.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    links.set("*", refuse=True)
    with pytest.raises(ConnectionResetError):
        refused = connect()
        refused.settimeout(5)
        assert refused.recv(1) != b""
        refused.sendall(b"x")
    links.heal()
    client = connect()
    client.sendall(b"x")
    assert read(client, 1) == b"x"


def test_a_flaky_link_loses_a_piece_and_its_connection_now_and_then(world):
    _, links, connect = world
    links.both("*", flaky=0.2)
    lost = 0
    for _ in range(60):
        client = connect()
        try:
            client.sendall(b"x")
            lost += read(client, 1) != b"x"
        except ConnectionResetError:
            lost += 1
        client.close()
    assert 5 <= lost <= 50 and links.stats()["a:echo"]["flaky"] == lost
    links.heal()
    client = connect()
    client.sendall(b"x")
    assert read(client, 1) == b"x"


def test_a_rate_is_kept(world):
    _, links, connect = world
    client = connect()
    links.set("*", up={"rate": 100000})
    started = time.monotonic()
    client.sendall(b"x" * 20000)
    assert len(read(client, 20000)) == 20000 and 0.15 < time.monotonic() - started < 2


def test_a_wrong_order_is_answered(world):
    _, links, _ = world
    for wrong in (lambda: links.set("b:*"), lambda: links.both("*", slow=1), lambda: links.order("explode", "*")):
        with pytest.raises(ValueError):
            wrong()
    assert links.stats()["a:echo"]["connections"] == 0
