"""Rows of the fault matrix (docs/fault-rows.md) about Redis that loads, and about what a bad network leaves of the throughput."""
import contextlib
import datetime
import os
import socket
import threading
import time

from linked import key, patiently
from servers import all_ready, held_down, reader
from shengyuan import Http, Student, wait_for

# --- F14: Redis answers, and says that it is loading ---


class Loading:
    """A server on Redis' port that lets everybody in and answers every command with -LOADING."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.told, self.clients = 0, []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.clients.append(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError, ValueError), client, client.makefile("rb") as file:
            while head := file.readline():
                words = []
                for _ in range(int(head[1:])):
                    words.append(file.read(int(file.readline()[1:])))
                    file.readline()
                if words[0].upper() == b"AUTH":
                    client.sendall(b"+OK\r\n")
                else:
                    self.told += 1
                    client.sendall(b"-LOADING Redis is loading the dataset in memory\r\n")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # who waits in accept() would keep the port
        self.listener.close()
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


def test_f14_while_redis_loads_nobody_is_let_in_and_then_it_goes_on(healed):
    student, forger = healed.student(), healed.newcomer()
    forger.token = os.urandom(32).hex()
    before = student.send(key())
    port = int(healed.system.demo["redis"].rsplit(":", 1)[1].split("/")[0])
    with held_down(healed.system, "redis"):
        loading = Loading(port)
        try:
            wait_for("a service to be told", lambda: loading.told, 15)
            for _ in range(3):
                started = time.monotonic()
                assert forger.call("GET", "/api/v1/form").status in (401, 503)
                answer = student.submit(key())
                assert answer.status == 503 and "Retry-After" in answer.headers, answer
                assert student.log_in().status == 503
                assert time.monotonic() - started < 5.5
            unready = Http(healed.process("intake-1")["admin"], 5)
            wait_for("intake to be not ready", lambda: unready.call("GET", "/readyz").status == 503, 10)
        finally:
            loading.close()
    started = time.monotonic()
    student.log_in()
    healed.judged([before, patiently(lambda: student.submit(key())).json["submission_id"]])
    print(f"F14: -LOADING told {loading.told} times; judged {time.monotonic() - started:.1f} s after it was ready")


# --- F15: connections break now and then on slow links: what is left of the throughput, and after it ---

PACE = 15  # submissions a second: far below what the system can do, so that the pace is what has to be kept
WINDOW = 4.0
CHANCE = 0.01
TRIES = 6


class Crowd:
    """Students who each send at their own even pace, repeating what was not answered under the same key."""

    def __init__(self, stack, count):
        self.students = [stack.student() for _ in range(count)]
        self.stack, self.requests, self.tries, self.acked, self.failed = stack, 0, 0, [], 0

    def one(self, student, number, begun, seconds):
        every = len(self.students) / PACE
        due = begun + every * number / len(self.students)
        same = Student(self.stack.system, student.row)
        same.token, same.phone = student.token, student.phone
        while due < begun + seconds:
            threading.Event().wait(max(0.0, due - time.monotonic()))
            self.requests += 1
            self.acknowledged(same, key())
            due += every
        same.http.close()

    def acknowledged(self, student, name):
        for _ in range(TRIES):
            self.tries += 1
            with contextlib.suppress(OSError, ValueError):
                answer = student.submit(name)
                if answer.status == 202:
                    self.acked.append(answer.json["submission_id"])
                    return
                assert answer.status in (429, 502, 503, 504), answer
            threading.Event().wait(0.2)
        self.failed += 1

    def window(self, seconds=WINDOW):
        """Judged a second in this time, and tries for each request."""
        self.requests = self.tries = 0
        began, wall = time.monotonic(), datetime.datetime.now(datetime.timezone.utc)
        threads = [threading.Thread(target=self.one, args=(student, number, began, seconds))
                   for number, student in enumerate(self.students)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until = wall + datetime.timedelta(seconds=time.monotonic() - began)
        self.stack.judged(self.acked[-1:])
        with reader(self.stack.system) as cursor:
            cursor.execute("SELECT count(*) FROM record.submission WHERE judged_at BETWEEN %s AND %s", (wall, until))
            return cursor.fetchone()[0] / (until - wall).total_seconds(), self.tries / self.requests


def test_f15_goodput_while_connections_break_and_after(healed):
    crowd = Crowd(healed, 5)
    calm, _ = crowd.window()
    healed.links.both("*:kafka", delay=20, jitter=20, flaky=CHANCE)
    healed.links.both("*:postgres", delay=20, jitter=20, flaky=CHANCE)
    healed.links.both("*:redis", flaky=CHANCE)
    healed.links.both("edge:*", flaky=CHANCE)
    bad, tries = crowd.window(2 * WINDOW)
    resets = sum(link["flaky"] for link in healed.links.stats().values())
    healed.links.heal()
    all_ready(healed.system)
    mended, _ = crowd.window()
    healed.judged(crowd.acked)
    print(f"F15: judged a second: {calm:.1f} undisturbed, {bad:.1f} with {resets} resets ({tries:.2f} tries a request), "
          f"{mended:.1f} after; {crowd.failed} of {len(crowd.acked) + crowd.failed} given up")
    assert resets >= 5, "it has to have been bad"
    assert mended >= 0.95 * calm
    assert bad >= 0.5 * calm and tries <= 2
