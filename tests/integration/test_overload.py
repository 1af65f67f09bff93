"""More than can be carried is answered, not queued: limits of each session, of all, and a burst."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import signal
import socketserver
import subprocess
import sys
import time

import pytest

from conftest import free_port
from servers import all_ready, redis_of
from shengyuan import ROOT, Http, Student, wait_for

sys.path.insert(0, str(ROOT / "tests/bench"))
import burst  # noqa: E402


@contextlib.contextmanager
def another_intake(system, *options):
    """One more copy, with options of its own, that only this test calls; yields (base, admin)."""
    pid = system.pids("intake")[0]
    env = dict(item.split("=", 1) for item in
               pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0") if "=" in item)
    ports = free_port(), free_port()
    env |= {"SY_LISTEN": f"127.0.0.1:{ports[0]}", "SY_ADMIN_LISTEN": f"127.0.0.1:{ports[1]}", "SY_INSTANCE": "intake-x"}
    base, admin = (f"http://127.0.0.1:{port}" for port in ports)
    with open(system.run_dir / "logs/intake-x.log", "ab") as log:
        process = subprocess.Popen([system.bin / "sy-intake", *options], env=env, stdout=log, stderr=log)

    def ready():
        assert process.poll() is None, (system.run_dir / "logs/intake-x.log").read_text()[-2000:]
        with contextlib.suppress(OSError):
            return Http(admin, 5).call("GET", "/readyz").status == 200
        return False
    try:
        wait_for("the copy", ready, 60)
        yield base, admin
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def metric(admin, name, **labels):
    """Sum of a metric's samples that have these labels."""
    text = Http(admin, 10).call("GET", "/metrics").body.decode()
    found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.M)
    return sum(float(value) for has, value in found if all(f'{k}="{v}"' in has for k, v in labels.items()))


def call(base, student, method="GET", path="/api/v1/draft", body=None, headers=None):
    return Http(base, 30).call(method, path, body, {"Authorization": f"Bearer {student.token}", **(headers or {})})


def test_a_session_has_a_rate_of_its_own(system, newcomer):
    busy, quiet = newcomer().ready(), newcomer().ready()
    with another_intake(system, "--session-rate=1", "--session-ahead=4") as (base, admin):
        began = time.monotonic()
        answers = [call(base, busy) for _ in range(30)]
        statuses = [a.status for a in answers]
        assert statuses[:5] == [200] * 5, "one, and four in advance"
        assert statuses.count(200) <= 6 + time.monotonic() - began and set(statuses) == {200, 429}
        limited = [a for a in answers if a.status == 429]
        assert all(a.problem == "too-many-requests" and 1 <= int(a.headers["Retry-After"]) <= 3 for a in limited)
        assert call(base, quiet).status == 200, "others do not pay for it"
        assert call(base, busy, "POST", "/api/v1/submissions", {"fields": busy.form()},
                    {"Idempotency-Key": "limited"}).status == 429, "one rate for all routes"
        wait_for("its turn", lambda: call(base, busy).status == 200, 10, 0.2)
        assert metric(admin, "http_limited_total", route="/api/v1/draft") >= len(limited)


def test_a_student_has_a_day_s_number_of_new_submissions(system, newcomer):
    """Beyond it nothing is kept of what is refused; what is known already is answered as ever."""
    busy, quiet = newcomer().ready(), newcomer().ready()

    def submit(base, student, key, **change):
        return call(base, student, "POST", "/api/v1/submissions", {"fields": student.form(**change)},
                    {"Idempotency-Key": key})

    def kept():
        return sum(1 for _ in redis_of(system).scan_iter("idem:*", 1000))
    with another_intake(system, "--new-a-day=3") as (base, admin):
        first = [submit(base, busy, f"day-{n // 3}") for n in range(9)]
        assert [a.status for a in first] == [202] * 9, "three keys, each three times"
        before = kept()
        over = [submit(base, busy, f"more-{n}") for n in range(20)]
        assert {a.status for a in over} == {429} and kept() == before
        assert all(a.problem == "too-many-requests" and "明天" in a.json["detail"] for a in over)
        day = 24 * 3600
        left_s = day - (time.time() + 8 * 3600) % day
        assert all(abs(int(a.headers["Retry-After"]) - left_s) % day < 60 for a in over), (over[0].headers, left_s)
        assert submit(base, busy, "day-0").json == first[0].json
        assert submit(base, busy, "day-0", JTYB="100000").problem == "idempotency-conflict"
        assert submit(base, quiet, "more-0").status == 202, "others do not pay for it"
        assert metric(admin, "sy_submissions_total", outcome="limited") == 20
        for name in ("sy_redis_memory_bytes", "sy_redis_memory_max_bytes"):
            assert metric(admin, name) > 1 << 20
        assert submit(system.demo["edge"], busy, "more-1").status == 202, "each copy counts for itself"
        assert submit(base, busy, "more-1").status == 202, "known now"


def test_a_stopping_copy_has_one_deadline_for_all_it_waits_for(system, newcomer):
    """The broker stands still, a submission waits for it: the call and the producer share five seconds."""
    student = newcomer().ready()
    kafka = next(p["pid"] for p in system.demo["processes"] if p["service"] == "kafka")
    with contextlib.ExitStack() as copy, concurrent.futures.ThreadPoolExecutor(1) as pool:
        base, admin = copy.enter_context(another_intake(system, "--drain-timeout-ms=5000", "--delivery-timeout-ms=30000"))

        def submit(key):
            return call(base, student, "POST", "/api/v1/submissions", {"fields": student.form()}, {"Idempotency-Key": key})
        assert submit("drain-1").status == 202
        os.kill(kafka, signal.SIGSTOP)
        try:
            waiting = pool.submit(submit, "drain-2")
            wait_for("a call under way", lambda: metric(admin, "http_calls_open", lane="together") >= 1)
            began = time.monotonic()
            copy.close()  # SIGTERM; it ends with status 0
            taken = time.monotonic() - began
        finally:
            os.kill(kafka, signal.SIGCONT)
        assert 4.5 < taken < 7, taken
        assert waiting.exception(60) or waiting.result().status == 503, "nobody is told 202 for what was not confirmed"
    all_ready(system)


def test_what_would_be_answered_too_late_is_refused_at_once(system, people):
    """The broker stands still: a few wait for it, the rest is told at once and comes back later."""
    students = [Student(system, people()).ready() for _ in range(4)]
    kafka = next(p["pid"] for p in system.demo["processes"] if p["service"] == "kafka")
    with another_intake(system, "--admit-open=4", "--admit-ms=1", "--delivery-timeout-ms=20000",
                        "--session-rate=0") as (base, admin), concurrent.futures.ThreadPoolExecutor(40) as pool:
        def submit(number):
            began = time.monotonic()
            student = students[number % 4]
            answer = call(base, student, "POST", "/api/v1/submissions", {"fields": student.form()},
                          {"Idempotency-Key": f"busy-{number}"})
            return answer, time.monotonic() - began
        assert submit(1000)[0].status == 202
        os.kill(kafka, signal.SIGSTOP)
        try:
            waiting = [pool.submit(submit, number) for number in range(4)]
            wait_for("as many open as may be", lambda: metric(admin, "http_calls_open", lane="together") >= 2)
            refused = list(pool.map(submit, range(4, 34)))
            open_now = metric(admin, "http_calls_open", lane="together")
        finally:
            os.kill(kafka, signal.SIGCONT)
        told = [answer for answer, taken in refused if answer.status == 503]
        assert len(told) >= 26 and open_now <= 4
        assert all(taken < 5 for answer, taken in refused if answer.status == 503), "not after waiting"
        assert all(answer.problem == "unavailable" for answer in told)
        assert len({answer.headers["Retry-After"] for answer in told}) >= 3, "not all at the same time"
        assert metric(admin, "http_queue_rejected_total", reason="busy") >= len(told)
        kept = [f.result(60)[0] for f in waiting] + [answer for answer, _ in refused]
        assert {a.status for a in kept} == {202, 503}
        for answer in kept:
            if answer.status == 202:
                wait_for("its judgement", lambda a=answer: any(
                    s.status(a.json["submission_id"]).status == 200 and
                    s.status(a.json["submission_id"]).json["state"] == "accepted" for s in students), 60)
    all_ready(system)


def test_a_burst_through_the_edge(system, tmp_path):
    """More and more, until it is too much: everybody is answered, what was admitted is kept and fast."""
    for rate in (2000, 4000, 8000, 16000):
        folder = tmp_path / str(rate)
        folder.mkdir()
        phases, ids = burst.run(system, [(50, 2), (rate, 3), (50, 2)], folder, students=40, connections=3000)
        before, during, after = phases
        for phase in phases:
            assert phase["other"] == 0 and phase["without_retry_after"] == 0, phase
            assert phase["admitted"] + phase["refused"] + phase["limited"] == phase["sent"], phase
        assert before["admitted"] == before["sent"], before
        # Queued without a bound, the last would have waited for as long as it takes to carry all of them.
        assert during["p99_ms"] < max(3 * before["p99_ms"], 1500), (before, during)
        assert len(set(ids)) == len(ids) == sum(phase["admitted"] for phase in phases)
        assert burst.not_judged(system, ids) == []
        if during["refused"] > 200:
            break
    assert during["refused"] > 200 and len(during["retry_after"]) >= 3, during


class Counted(socketserver.BaseRequestHandler):
    """Admits everything, and says in the end how many requests the connection brought."""
    def handle(self):
        requests = 0
        body = b'{"submission_id":"00000000-0000-7000-8000-000000000000"}'
        with contextlib.suppress(OSError), self.request.makefile("rb") as lines:
            while lines.readline():
                length = max(int(line[15:]) for line in iter(lines.readline, b"\r\n")
                             if line.lower().startswith(b"content-length:"))
                lines.read(length)
                requests += 1
                self.request.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        self.server.brought.append(requests)


def test_the_load_holds_no_connection_that_it_does_not_use(tmp_path):
    """A server ends such a one, at the edge after 10 s: what is sent just then ends without an answer."""
    (tmp_path / "tokens").write_text("token 13800000000\n")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Counted) as server:
        server.brought = []
        server.block_on_close = True
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            serving = pool.submit(server.serve_forever, 0.05)
            try:
                done = subprocess.run([burst.program(), str(server.server_address[1]), str(tmp_path / "tokens"), "500",
                                       "unused", str(tmp_path / "ids"), "50x0.4,400x0.4"],
                                      capture_output=True, text=True, check=True, timeout=60)
            finally:
                server.shutdown()
                serving.result(10)
    phases = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(p["sent"], p["admitted"], p["other"]) for p in phases] == [(20, 20, 0), (160, 160, 0)]
    assert sum(server.brought) == 180 and min(server.brought) > 0, server.brought


@pytest.mark.parametrize("rows,wrong", [
    ([(100, 10), (20, 10), (100, 10)], 0), ([(100, 10), (20, 31), (100, 10)], 1), ([(99, 10), (20, 10), (100, 10)], 1)])
def test_the_burst_is_judged_by_its_own_first_phase(rows, wrong):
    phases = [{"sent": 100, "admitted": admitted, "refused": 100 - admitted, "other": 0, "without_retry_after": 0,
               "p99_ms": p99, "retry_after": {}} for admitted, p99 in rows]
    ids = [str(number) for number in range(sum(p["admitted"] for p in phases))]
    assert len(burst.verdict(phases, ids, [], 3)) == wrong
    assert len(burst.verdict(phases, ids, ["lost"], 3)) == wrong + 1
    assert len(burst.verdict(phases, ids[1:], [], 3)) == wrong + 1
