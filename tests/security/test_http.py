"""S17 to S20: strict HTTP at both doors, sizes, slow clients, floods. Raw bytes over sockets."""
import concurrent.futures
import contextlib
import itertools
import pathlib
import socket
import threading
import time

import pytest

import raw
import table
from conftest import DOORS
from shengyuan import Http, wait_for


@pytest.mark.parametrize("row", raw.ROWS, ids=lambda row: row[0])
def test_refused_bytes(doors, row):
    """Each once at the edge and at each service: the status, one answer, and the connection closed."""
    name, data, statuses = row
    for service in table.SERVICES:
        status, got, closed = raw.exchange(doors.port("own", service), data)
        assert status in statuses and closed, (service, status, got[:200])
        assert got.count(b"HTTP/1.1 ") == (1 if status else 0), (service, got)
        assert status == 0 or b"application/problem+json" in got and b'"status":%d' % status in got, (service, got)
    status, got, closed = raw.exchange(doors.port("edge", None), data, 1)
    assert status == raw.LENIENT.get(name, status) and (status in statuses or name in raw.LENIENT), (status, got[:200])
    assert got.count(b"HTTP/1.1 ") <= 1, got
    assert status != 200 and (status == 0 or b"application/problem+json" in got), got


def smuggled(inner):
    """Bodies that two readers may take for different lengths, with a request hidden where the other would look."""
    post = b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    zero = b"0\r\n\r\n" + inner
    yield post + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(zero) + zero
    yield post + b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" % len(zero) + zero
    yield post + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner
    yield post + b"Content-Length: %d\r\nContent-Length: 0\r\n\r\n" % len(inner) + inner
    yield post + b"Content-Length: 0,%d\r\n\r\n" % len(inner) + inner
    for name in (b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked", b"Transfer-Encoding: xchunked",
                 b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: \x00chunked",
                 b"A: b\r\n Transfer-Encoding: chunked", b"A: b\rTransfer-Encoding: chunked",
                 b"A: b\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"):
        yield post + b"Content-Length: %d\r\n" % len(zero) + name + b"\r\n\r\n" + zero
    yield post + b"Content-Length : %d\r\n\r\n" % len(inner) + inner
    yield post + b"Content-Length: 0x0\r\n\r\n" + inner
    yield post + b"Content-Length: +0\r\n\r\n" + inner
    yield post + b"Transfer-Encoding: chunked\r\n\r\n100000000000000000\r\n" + inner


@pytest.mark.parametrize("door", DOORS)
def test_no_request_hides_in_another(doors, door, student):
    """S18: the hidden request would be answered 200 with the student's form."""
    inner = (f"GET /api/v1/identity/binding HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {student.token}\r\n\r\n").encode()
    port = doors.port(door, "binding")
    assert b"200 OK" in raw.exchange(port, inner, 1)[1], "asked openly it is answered"
    rows = list(smuggled(inner))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for row, (status, got, closed) in zip(rows, pool.map(lambda r: raw.exchange(port, r, 2), rows)):
            assert b" 200 " not in got, (row, got)
            assert got.count(b"HTTP/1.1 ") <= 1 and status != 200, (row, got)
            assert door == "edge" or closed, row


def test_services_never_see_a_lenient_form(doors, student):
    """What nginx lets pass is written anew: the service answers the plain request."""
    name = f"GET /api/v1/identity/binding HTTP/1.1\nHost: x\nAuthorization: Bearer {student.token}\n\n".encode()
    assert b" 200 " in raw.exchange(doors.port("edge", None), name, 1)[1]
    status, _, closed = raw.exchange(doors.port("own", "binding"), name, 1)
    assert status == 400 and closed


@pytest.mark.parametrize("door", DOORS)
def test_requests_behind_each_other(doors, door):
    """Several in one segment, and one byte at a time: answered in order, bodies told apart."""
    body = b'{"channel":"h5","code":"x","consent_version":"0"}'
    get = b"GET /api/v1/session HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"HEAD /api/v1/session HTTP/1.1\r\nHost: x\r\n\r\n"
    post = b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    chunked = b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"1\r\n%c\r\n" % c for c in body) + b"0\r\n\r\n"
    last = b"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    whole = get + post + body + head + chunked + chunks + last
    port = doors.port(door, "authorization")
    for step in (len(whole), 1, 7):
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(whole), step):
                connection.sendall(whole[at:at + step])
            data = b""
            while chunk := connection.recv(65536):
                data += chunk
        assert [int(part[:3]) for part in data.split(b"HTTP/1.1 ")[1:]] == [401, 422, 401, 422, 401], (step, data)


# --- S17, S20: sizes ---


def status_of(port, data, seconds=10):
    status, got, _ = raw.exchange(port, data, seconds)
    return status, got


def closing(data):
    return data.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n", 1)


@pytest.mark.parametrize("target,status", [(4096, 401), (4097, 414), (5000, 414), (70000, 414)])
def test_target_limit(doors, target, status):
    line = b"GET /api/v1/form?" + b"a" * (target - 13) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    for door in DOORS:
        assert status_of(doors.port(door, "intake"), closing(line))[0] == status, door


@pytest.mark.parametrize("count,status", [(64, 401), (65, 431), (5000, 431)])
def test_header_count_limit(doors, count, status):
    """Host and Connection are two. Through the edge a few less: it adds fields of its own."""
    fields = b"".join(b"A%d: a\r\n" % n for n in range(count - 2))
    head = b"GET /api/v1/form HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + fields + b"\r\n"
    assert status_of(doors.port("own", "intake"), head)[0] == status
    if count == 5000:
        assert status_of(doors.port("edge", "intake"), head)[0] == 431


@pytest.mark.parametrize("size,status", [(16 * 1024, 401), (16 * 1024 + 1, 431), (1 << 20, 431)])
def test_header_size_limit(doors, size, status):
    rest = b"Host: x\r\nConnection: close\r\nA: \r\n"
    head = b"GET /api/v1/form HTTP/1.1\r\n" + rest[:-2] + b"a" * (size - len(rest)) + b"\r\n\r\n"
    assert status_of(doors.port("own", "intake"), head)[0] == status
    if size > 20000:
        assert status_of(doors.port("edge", "intake"), head)[0] == 431


@pytest.mark.parametrize("door", DOORS)
def test_body_limit(doors, door):
    """64 KiB and not a byte more, said or not said beforehand; nothing is waited for."""
    port = doors.port(door, "authorization")
    post = b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    for size, status in ((65536, 400), (65537, 413)):
        assert status_of(port, post + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)[0] == status, size
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in
                          (b"x" * min(5000, size - at) for at in range(0, size, 5000))) + b"0\r\n\r\n"
        assert status_of(port, post + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)[0] == status, size
    for length in (10 * 1024**3, 2**63 - 1):
        started = time.monotonic()
        assert status_of(port, post + b"Content-Length: %d\r\n\r\n" % length)[0] in (413, 400)
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("door", DOORS)
def test_endless_chunks_are_cut(doors, door):
    with socket.create_connection(("127.0.0.1", doors.port(door, "authorization")), 5) as connection:
        connection.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n")
        sent, answer = 0, b""
        connection.settimeout(0.01)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while sent < 8 << 20 and not answer:
                connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                sent += 4096
                with contextlib.suppress(TimeoutError):
                    answer = connection.recv(4096)
        assert answer[9:12] in (b"413", b"") and sent < 8 << 20, (sent, answer)


def resident(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def open_files(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.parametrize("door", DOORS)
def test_a_thousand_refusals_leave_no_memory_behind(system, doors, door):
    def one(n):
        head = b"GET /api/v1/form HTTP/1.1\r\nHost: x\r\n" + b"".join(b"A%d: %s\r\n" % (i, b"a" * 4000) for i in range(5))
        return raw.exchange(doors.ports["edge" if door == "edge" else "intake-1"], head + b"\r\n", 5, 0.001)[0]
    pid = system.pids("intake" if door == "own" else "edge")[0]
    # A sanitizer keeps what was freed for a while, to see it used: up to 256 MB.
    quarantine = 300 << 20 if "libasan" in pathlib.Path(f"/proc/{pid}/maps").read_text() else 0
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(100))) == {431}
        before, open_before = resident(pid), open_files(pid)
        assert set(pool.map(one, range(1000))) == {431}
    assert resident(pid) - before < (16 << 20) + quarantine
    wait_for("connections to be closed", lambda: open_files(pid) <= open_before + 8, 10)


@pytest.mark.parametrize("door", DOORS)
def test_others_are_served_past_two_thousand_connections(doors, door):
    port = doors.ports["edge" if door == "edge" else "authorization-1"]
    with contextlib.ExitStack() as stack:
        for _ in range(2000):
            connection = stack.enter_context(socket.socket())
            connection.settimeout(5)
            connection.connect(("127.0.0.1", port))
        started = time.monotonic()
        assert Http(f"http://127.0.0.1:{port}").call("GET", "/api/v1/session").status == 401
        assert time.monotonic() - started < 2


# --- S19: time ---


def trickle(port, first, drip, every, limit):
    """Sends `first`, then `drip` again and again: (seconds until the end, what was answered)."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(first)
        started, data = time.monotonic(), b""
        connection.settimeout(every)
        while time.monotonic() - started < limit:
            try:
                part = connection.recv(4096)
            except TimeoutError:
                with contextlib.suppress(OSError):
                    connection.sendall(drip)
                continue
            except OSError:
                break
            data += part
            if not part:
                break
        return time.monotonic() - started, data


HEAD = b"GET /api/v1/session HTTP/1.1\r\nHost: x\r\n"
BODY = b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
CHUNKS = BODY.replace(b"Content-Length: 60000", b"Transfer-Encoding: chunked")
# name, doors, what is sent first and then, when it has to be over (s)
SLOW = [
    ("nothing at all", DOORS, b"", b"", (9, 13)),
    ("request line", DOORS, b"G", b"E", (9, 13)),
    ("header line", DOORS, HEAD + b"A: ", b"a", (9, 13)),
    ("header lines", DOORS, HEAD, b"A: b\r\n", (9, 13)),
    ("second request", ("own",), HEAD + b"\r\n", b"G", (9, 13)),
    ("body", DOORS, BODY, b"x", (28, 36)),
    ("chunks", DOORS, CHUNKS, b"1\r\nx\r\n", (28, 36)),
    ("chunk size", ("own",), CHUNKS, b"0", (0, 5)),
]


def test_slow_clients_are_cut_however_they_trickle(doors):
    """All at once, beside each other: the deadlines are absolute."""
    rows = [(row, door) for row in SLOW for door in row[1]]
    with concurrent.futures.ThreadPoolExecutor(len(rows)) as pool:
        ends = list(pool.map(lambda r: trickle(doors.port(r[1], "authorization"), r[0][2], r[0][3], 0.5, 45), rows))
    for (row, door), (taken, data) in zip(rows, ends):
        least, most = row[4]
        assert least <= taken <= most, (row[0], door, taken, data[:100])
        last = data.split(b"HTTP/1.1 ")[-1][:3]
        assert last in (b"", b"408", b"400", b"503"), (row[0], door, data)


@pytest.mark.parametrize("door", DOORS)
def test_good_clients_do_not_feel_five_hundred_slow_ones(doors, door):
    """p99 of the good ones stays under 500 ms."""
    port = doors.ports["edge" if door == "edge" else "authorization-1"]
    stop = threading.Event()
    taken = []

    def good(_):
        http = Http(f"http://127.0.0.1:{port}")
        for _ in range(100):
            started = time.monotonic()
            assert http.call("GET", "/api/v1/session").status == 401
            taken.append(time.monotonic() - started)

    def drip(connections):
        while not stop.wait(0.1):
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.send(b"a")
    with contextlib.ExitStack() as stack:
        slow = []
        for n in range(500):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            connection.sendall((HEAD + b"A: ", BODY, b"G")[n % 3])
            slow.append(connection)
        dripper = threading.Thread(target=drip, args=(slow,))
        dripper.start()
        try:
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(good, range(4)))
        finally:
            stop.set()
            dripper.join()
    assert sorted(taken)[int(len(taken) * 0.99)] < 0.5, sorted(taken)[-5:]


def test_a_reader_that_does_not_read_is_let_go(system, doors, student):
    """An answer has an end as well; asked for again and again it fills every buffer."""
    port = doors.ports["intake-1"]
    ask = (f"GET /api/v1/codes/SYSZDDM HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {student.token}\r\n\r\n").encode()
    before = resident(system.pids("intake")[0])
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", port))
            connection.settimeout(0.2)
            with contextlib.suppress(OSError):
                for _ in range(200):
                    connection.sendall(ask * 50)
        assert Http(f"http://127.0.0.1:{port}").call("GET", "/api/v1/form").status == 401
        assert resident(system.pids("intake")[0]) - before < 320 << 20
    wait_for("the service to be at ease", lambda: Http(f"http://127.0.0.1:{port}").call("GET", "/api/v1/form").status == 401)


def test_orders_of_headers_do_not_matter(doors, student):
    """Ten fields in any order and case: the same answer."""
    fields = [b"Host: x", b"authorization: bearer " + student.token.encode(), b"ACCEPT: */*", b"X-Y:\tz", b"Connection: close"]
    for order in itertools.islice(itertools.permutations(fields), 0, 120, 7):
        data = b"GET /api/v1/identity/binding HTTP/1.1\r\n" + b"\r\n".join(order) + b"\r\n\r\n"
        for door in DOORS:
            assert b" 200 " in raw.exchange(doors.port(door, "binding"), data, 3)[1][:20]
