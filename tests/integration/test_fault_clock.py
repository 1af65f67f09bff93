"""F17 (docs/fault-rows.md): clocks are set an hour forward and back, beyond 2038, and drift while people work."""
import contextlib
import datetime
import hashlib
import json
import signal
import subprocess
import threading
import time

import pytest

from conftest import running_stack
from linked import Linked, key, patiently, paused
from servers import all_ready, held_down, judgements, reader, redis_of
from shengyuan import ROOT, Student, wait_for

HOUR = 3600 * 10**9
SERVICES = ("authorization", "binding", "intake", "validation", "sandbox")
BEYOND_2038 = int((datetime.datetime(2040, 1, 2, tzinfo=datetime.timezone.utc).timestamp() - time.time()) * 10**9)
ABSOLUTE_S, IDLE_S, INTAKE_IDLE_S = 43200, 7200, 64  # a session is touched when a sixteenth of its idle time has passed


class Clock:
    """The clocks of our processes, one a service (tests/faults/clockstep.c)."""

    def __init__(self, folder):
        library = folder / "clockstep.so"
        self.files = {name: folder / f"clock-{name}" for name in SERVICES}
        for file in self.files.values():
            file.write_bytes(bytes(24))
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", library,
                        str(ROOT / "tests/faults/clockstep.c"), "-ldl"], check=True)
        # An address sanitizer wants to be the first library; it does no harm that it is the second.
        words = f"env LD_PRELOAD={library} ASAN_OPTIONS=verify_asan_link_order=0 CLOCKSTEP_FILE="
        self.wraps = {f"WRAP_{name.upper()}": words + str(file) for name, file in self.files.items()}

    def write(self, name, place, number):
        with open(self.files[name], "r+b", buffering=0) as file:  # in place: it is mapped
            file.seek(8 * place)
            file.write(number.to_bytes(8, "little", signed=True))

    def set(self, nanoseconds, *services):
        """Of these services, or of all, that far from the right time."""
        for name in services or SERVICES:
            self.write(name, 0, nanoseconds)

    def drift(self, name, ppm):
        """From now on; 0 ends it, and what it has run is gone."""
        self.write(name, 1, 0)
        self.write(name, 2, time.monotonic_ns())
        self.write(name, 1, ppm)


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
    with running_stack("clock", COPIES="", EXTRA_INTAKE=f"--session-idle-s={INTAKE_IDLE_S} --http-workers=1", **clock.wraps) as system:
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
            last = steady.sent[-1]  # the load goes on meanwhile
            stack.judged([last], 20)
            assert abs(clock_of(stack, last) - step / 10**9) < 60, "the clock has to have moved"
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


def record_of(stack, student):
    """The key of a student's session, its parts, and Redis' time in milliseconds."""
    store, name = redis_of(stack.system), f"sess:{hashlib.sha256(student.token.encode()).hexdigest()}"
    seconds, micros = store.time()
    return name, store.get(name).split(b"\t"), seconds * 1000 + micros / 1000


def end_of(stack, student):
    """Seconds until a session's absolute end, by the clock that ends it."""
    _, parts, now_ms = record_of(stack, student)
    return (int(parts[5]) - now_ms) / 1000


def form_of(student):
    return student.call("GET", "/api/v1/form").status


@pytest.mark.parametrize("name", ("authorization", "binding", "intake", "validation"))
def test_f17_one_clock_beyond_2038_changes_no_session_and_no_order(clocked, name):
    stack, clock = clocked
    old, bound = stack.newcomer(), stack.student()
    assert old.log_in().status == 201 and old.verify().status == 200 and old.ask_code().status == 202
    first = bound.send(key())
    stack.judged([first])
    try:
        clock.set(BEYOND_2038, name)
        assert old.bind().status == 201, "session and code outlive the leap"
        assert form_of(old) == 200 and form_of(bound) == 200, "sessions of before"
        fresh = stack.newcomer()
        assert fresh.log_in().status == 201
        assert fresh.call("GET", "/api/v1/session").status == 200, "a session of then"
        assert abs(end_of(stack, fresh) - ABSOLUTE_S) < 2 and abs(end_of(stack, old) - ABSOLUTE_S) < 60
        assert redis_of(stack.system).ttl(record_of(stack, fresh)[0]) <= IDLE_S
        answer = patiently(lambda: bound.submit(key()))
        during = [answer.json["submission_id"]] if answer.status == 202 else []
        print(f"F17: {name} in 2040: a submission is answered {answer.status}")
        assert answer.status == 202 or (name == "intake" and answer.problem == "window-closed"), answer
        stack.judged(during)
    finally:
        clock.set(0, name)
    assert form_of(fresh) == 403 and form_of(old) == 200, "not bound, and bound: both are known"
    assert abs(end_of(stack, fresh) - ABSOLUTE_S) < 60
    last = bound.send(key())
    stack.judged([last])
    mine = {row[0]: row[3] for row in judgements(stack.system)}
    assert [mine[one] for one in (first, *during, last)] == list(range(1, 3 + len(during)))


@pytest.mark.parametrize("step", (-HOUR, HOUR, BEYOND_2038), ids=("behind", "ahead", "2040"))
def test_f17_a_session_ends_when_it_has_to_whatever_the_clock_of_who_asks(clocked, step):
    stack, clock = clocked
    student = stack.student()
    name, parts, now_ms = record_of(stack, student)
    seconds = 2
    parts[5] = b"%d" % (now_ms + seconds * 1000)  # as if it had been opened twelve hours ago
    try:
        clock.set(step, "intake")
        redis_of(stack.system).set(name, b"\t".join(parts), keepttl=True)
        begun = time.monotonic()
        assert form_of(student) == 200, "it lives"
        wait_for("its end", lambda: form_of(student) == 401, seconds + 1)
        assert seconds - 0.5 < time.monotonic() - begun, "not before its time"
    finally:
        clock.set(0, "intake")
    assert form_of(student) == 401


def test_f17_a_session_in_use_is_kept_alive_after_the_clock_was_ahead(clocked):
    """Used while the clock is an hour ahead, it is touched again within a sixteenth of its idle time, not in an hour."""
    stack, clock = clocked
    student, store = stack.student(), redis_of(stack.system)
    name = record_of(stack, student)[0]
    try:
        clock.set(HOUR, "intake")
        assert form_of(student) == 200
    finally:
        clock.set(0, "intake")
    store.expire(name, INTAKE_IDLE_S // 2)
    wait_for("the session to be touched", lambda: form_of(student) == 200 and store.ttl(name) > INTAKE_IDLE_S // 2,
             INTAKE_IDLE_S / 16 + 5)


def test_f17_clocks_that_drift_apart_are_noticed_by_nobody(clocked):
    """A tenth too fast and too slow, two hundred times 500 ppm: what 500 ppm do in half an hour, in ten seconds."""
    stack, clock = clocked
    fast = {"authorization": 100_000, "binding": -100_000, "intake": 100_000, "validation": -100_000}
    steady = Steady(stack)
    try:
        for name, ppm in fast.items():
            clock.drift(name, ppm)
        begun = time.monotonic()
        with steady.sending():
            rounds = 0
            while time.monotonic() - begun < 10:
                student = stack.student()  # session, face, code, binding
                assert abs(end_of(stack, student) - ABSOLUTE_S) < 5
                steady.goes_on()
                rounds += 1
        stack.judged(steady.sent, 20)
        behind = clock_of(stack, steady.sent[-1])
        assert behind < -0.5, "validation's clock has to have drifted"
    finally:
        for name in fast:
            clock.drift(name, 0)
    print(f"F17: {rounds} students, {len(steady.sent)} submissions, validation {behind:.1f} s behind at the end")
    mine = {row[0]: row[3] for row in judgements(stack.system)}
    assert [mine[one] for one in steady.sent] == list(range(1, len(steady.sent) + 1)), "revisions follow the order of sending"


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
