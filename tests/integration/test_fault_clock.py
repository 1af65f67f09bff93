"""F17 (docs/fault-rows.md): the machine's clock is set an hour forward and back while people work."""
import contextlib
import json
import signal
import subprocess
import threading
import time

import pytest

from conftest import running_stack
from linked import Linked, key, patiently, paused
from servers import all_ready, held_down, judgements, reader
from shengyuan import ROOT, Student, wait_for

HOUR = 3600 * 10**9
SERVICES = ("authorization", "binding", "intake", "validation", "sandbox")


class Clock:
    """The clock of all our processes (tests/faults/clockstep.c)."""

    def __init__(self, folder):
        self.file, library = folder / "clock", folder / "clockstep.so"
        self.file.write_bytes(bytes(8))
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", library,
                        str(ROOT / "tests/faults/clockstep.c"), "-ldl"], check=True)
        # An address sanitizer wants to be the first library; it does no harm that it is the second.
        words = f"env LD_PRELOAD={library} CLOCKSTEP_FILE={self.file} ASAN_OPTIONS=verify_asan_link_order=0"
        self.wraps = {f"WRAP_{name.upper()}": words for name in SERVICES}

    def set(self, nanoseconds):
        with open(self.file, "r+b") as file:  # in place: it is mapped
            file.write(nanoseconds.to_bytes(8, "little", signed=True))


class Steady:
    """A student who sends a submission all the time; each must be acknowledged, at the second try at the latest."""

    def __init__(self, stack):
        self.student, self.enough = stack.student(), threading.Event()
        self.sent, self.answers = [], []
        self.thread = threading.Thread(target=self.go, daemon=True)

    def go(self):
        while not self.enough.wait(0.1):
            name = key()
            if self.once(name) != 202:  # a student tries once more
                self.once(name)

    def once(self, name):
        started = time.monotonic()
        try:
            answer = self.student.submit(name)
            status = answer.status
        except OSError as error:
            answer, status = error, 0
        self.answers.append((name, status, round(time.monotonic() - started, 2), answer))
        if status == 202:
            self.sent.append(answer.json["submission_id"])
        return status

    def goes_on(self):
        have = len(self.sent)
        wait_for("five more acknowledgements", lambda: len(self.sent) >= have + 5 or not self.thread.is_alive(), 20)
        assert len(self.sent) >= have + 5

    @contextlib.contextmanager
    def sending(self):
        self.thread.start()
        yield self
        self.enough.set()
        self.thread.join(15)
        assert not self.thread.is_alive()


@pytest.fixture(name="clocked", scope="module")
def clocked_stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clock")
    folder.chmod(0o755)
    clock = Clock(folder)
    with running_stack("clock", COPIES="", **clock.wraps) as system:
        stack = Linked.__new__(Linked)  # that, without its links
        stack.system, stack.rows, stack.crowd = system, [], []
        yield stack, clock


def clock_of(stack, submission_id):
    """How far validation's clock is ahead of PostgreSQL's, by what it judged a moment ago."""
    with reader(stack.system) as cursor:
        cursor.execute("SELECT extract(epoch FROM judged_at - now()) FROM record.submission WHERE submission_id = %s",
                       (submission_id,))
        return float(cursor.fetchone()[0])


def test_f17_an_hour_forward_and_back_is_noticed_by_nobody(clocked):
    stack, clock = clocked
    steady = Steady(stack)
    with steady.sending():
        steady.goes_on()
        for step in (HOUR, 0, -HOUR, 0):
            old = stack.newcomer()
            assert old.log_in().status == 201 and old.verify().status == 200 and old.ask_code().status == 202
            begun = time.monotonic()
            clock.set(step)
            assert old.bind().status == 201, "session and code outlive the step"
            stack.student()  # and all of it at the new time
            steady.goes_on()
            stack.judged(steady.sent[-1:], 20)
            assert abs(clock_of(stack, steady.sent[-1]) - step / 10**9) < 60, "the clock has to have moved"
            print(f"F17: to {step // 10**9:+d} s: all of it after {time.monotonic() - begun:.1f} s")
    acknowledged = {name for name, status, *_ in steady.answers if status == 202}
    assert [told for told in steady.answers if told[0] not in acknowledged] == [], "refused twice"
    odd = [told[1:] for told in steady.answers if told[1] != 202 or told[2] > 3]
    print(f"F17: {len(acknowledged)} acknowledged, at the second try or late: {odd}")
    assert len(odd) <= 2
    stack.judged(steady.sent)
    mine = {row[0]: row[3] for row in judgements(stack.system)}
    assert [mine[one] for one in steady.sent] == list(range(1, len(steady.sent) + 1)), "revisions follow the order of sending"


def test_f17_a_deadline_is_kept_when_the_clock_moves_under_it(clocked):
    stack, clock = clocked
    student = stack.student()
    stack.judged([student.send(key())])
    for step in (HOUR, -HOUR, 0):
        with paused(stack, "kafka"):
            answers = []

            def ask(answers=answers):
                same = Student(stack.system, student.row)
                same.token, same.phone = student.token, student.phone
                begun = time.monotonic()
                answers.append((same.submit(key()).status, time.monotonic() - begun))
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join(1)
            assert thread.is_alive(), "the submission has to be waiting for Kafka"
            clock.set(step)
            thread.join(10)
            assert answers and answers[0][0] == 503 and answers[0][1] < 5.5, (step, answers)
        begun = time.monotonic()
        stack.judged([patiently(lambda: student.submit(key())).json["submission_id"]], 40)
        print(f"F17: to {step // 10**9:+d} s under a waiting submission: 503 after {answers[0][1]:.1f} s, judged "
              f"{time.monotonic() - begun:.1f} s after Kafka was back")
    all_ready(stack.system)


def test_f17_who_polls_an_idle_queue_does_not_wait_for_an_hour(clocked):
    """The clock goes back while everybody waits for Kafka with a deadline of the hour before; stopping is not held up."""
    stack, clock = clocked
    clock.set(HOUR)
    began, names = time.monotonic(), ["authorization-1", "binding-1", "intake-1", "validation-1"]
    wait_for("everybody's next wait", lambda: time.monotonic() > began + 2, 5)
    clock.set(0)
    with held_down(stack.system, *names, number=signal.SIGTERM):
        print(f"F17: all stopped {time.monotonic() - began - 2:.1f} s after the clock was set back")
    for name in names:
        log = (stack.system.run_dir / "logs" / f"{name}.log").read_text()
        assert [json.loads(line)["exit_status"] for line in log.splitlines() if '"message":"stopped"' in line] == [0], name
