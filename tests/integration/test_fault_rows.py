"""Rows of the fault matrix (docs/fault-rows.md) that ask for a disturbed link, lock, disk or platform. One copy each."""
import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
import uuid

import pytest

from checker import objects
from linked import Linked, linked_stack, namespaces, together
from servers import (all_ready, held_down, judgements, publish, redis_of, running, superuser, topic_messages)
from shengyuan import ROOT, Student, wait_for

SEED = int(os.environ.get("SEED") or 2026)
CUTS = os.environ.get("CUTS", "12")  # in each direction, or "all": make faults-cut


@pytest.fixture(scope="module")
def stack():
    with linked_stack() as system:
        linked = Linked(system)
        yield linked
        linked.links.close()


@pytest.fixture
def healed(stack):
    """The stack, and everything well again behind the test."""
    yield stack
    stack.links.heal()
    all_ready(stack.system)


def key():
    return os.urandom(8).hex()


def patiently(call, seconds=60):
    """The first answer that is neither 503 nor none."""
    def ask():
        try:
            answer = call()
        except OSError:
            return None
        return answer if answer.status != 503 else None
    return wait_for("an answer", ask, seconds, 0.05)


# --- F11: the judging transaction, cut after every byte ---

def cut_once(stack, student, direction, at):
    """One submission whose judging loses its connection after `at` bytes; False when there were fewer."""
    stack.links.set("validation-1:postgres", **{direction: {"cut": at}})
    submission_id = student.send(key())
    stack.judged([submission_id], 30)
    cut_left = stack.links.stats("validation-1:postgres")["validation-1:postgres"]["cut_left"][direction]
    stack.links.heal("validation-1:postgres")
    return submission_id, cut_left is None


@pytest.mark.parametrize("direction", ["up", "down"])
def test_f11_the_connection_is_cut_within_the_transaction(healed, direction):
    student, chance = healed.student(), random.Random(SEED)
    healed.judged([student.send(key())])
    link = "validation-1:postgres"
    before = healed.links.stats(link)[link][f"bytes_{direction}"]
    healed.judged([student.send(key())])
    whole = healed.links.stats(link)[link][f"bytes_{direction}"] - before
    places = range(1, whole + 1) if CUTS == "all" else sorted(chance.sample(range(1, whole + 1), int(CUTS)))
    repeated = healed.metric("validation-1", "sy_judgements_total", outcome="repeated")
    results = [cut_once(healed, student, direction, at) for at in places]
    hit = sum(was_cut for _, was_cut in results)
    ids = [submission_id for submission_id, _ in results]
    rows = [row for row in judgements(healed.system) if row[0] in set(ids)]
    told = [message["submission_id"] for message in objects(topic_messages(healed.system, "submission.judged"))]
    repeated = healed.metric("validation-1", "sy_judgements_total", outcome="repeated") - repeated
    print(f"F11 {direction}: seed {SEED}, {whole} bytes, {len(ids)} cuts, {hit} hit, {repeated:.0f} found judged already, "
          f"lost {len(ids) - len(rows)}, doubled {len(rows) - len(set(r[0] for r in rows))}")
    assert sorted(row[0] for row in rows) == sorted(ids), "each judged once"
    assert set(ids) <= set(told), "each told"
    assert hit >= len(ids) * 3 // 4, "the cuts have to be within the exchange"


# --- F13: what another transaction does to the judging one ---

@contextlib.contextmanager
def holding(stack, student_id):
    """A transaction that holds the student's newest revision, and a cursor of it."""
    connection = superuser(stack.system)
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("SELECT revision FROM record.latest WHERE student_id = %s FOR UPDATE", (student_id,))
        yield cursor
    connection.rollback()
    connection.close()


def validation_waits(stack):
    connection = superuser(stack.system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'sy_validation'")
        row = cursor.fetchone()
    connection.close()
    return row and row[0]


def deadlock(_, cursor):
    cursor.execute("LOCK TABLE record.judgement IN SHARE MODE")


def serialization(_, cursor):
    cursor.execute("UPDATE record.latest SET revision = revision WHERE revision > 0")


def cancelled(stack, _):
    for _ in range(7):  # more often than a lost race is tried
        pid = wait_for("validation to wait for the lock", lambda: validation_waits(stack), 20)
        connection = superuser(stack.system)
        with connection.cursor() as other:
            other.execute("SELECT pg_cancel_backend(%s)", (pid,))
        connection.close()


def lock_timeout(stack, _):
    before = stack.metric("validation-1", "sy_retries_total", stage="store")
    wait_for("many lock time-outs", lambda: stack.metric("validation-1", "sy_retries_total", stage="store") > before + 7,
             40, 0.1)


@pytest.mark.parametrize("trouble", [deadlock, serialization, cancelled, lock_timeout])
def test_f13_a_lost_transaction_is_repeated_and_nothing_is_given_up(healed, trouble):
    student = healed.student()
    first = student.send(key())
    healed.judged([first])
    student_id = next(row[1] for row in judgements(healed.system) if row[0] == first)
    dead = len(topic_messages(healed.system, "submission.received.dlq"))
    retries = healed.metric("validation-1", "sy_retries_total", stage="store")
    if trouble is lock_timeout:
        set_role(healed, "SET lock_timeout = '100ms'")
    try:
        with holding(healed, student_id) as cursor:
            submission_id = student.send(key())
            wait_for("validation to wait for the lock", lambda: validation_waits(healed), 20)
            try:
                trouble(healed, cursor)
                cursor.connection.commit()
            except Exception as failure:  # pylint: disable=broad-except; the other side may be the one that loses
                assert "deadlock" in str(failure), failure
    finally:
        if trouble is lock_timeout:
            set_role(healed, "RESET lock_timeout")
    healed.judged([submission_id])
    assert len(topic_messages(healed.system, "submission.received.dlq")) == dead
    if trouble is not deadlock:
        assert healed.metric("validation-1", "sy_retries_total", stage="store") > retries


def set_role(stack, what):
    connection = superuser(stack.system)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE sy_validation {what}")
    connection.close()
    stack.links.reset("validation-1:postgres")


# --- F10, F12: PostgreSQL restarts, or has no room ---

@pytest.mark.parametrize("mode", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_f10_judging_goes_on_within_five_seconds_of_a_restart(healed, mode):
    student = healed.student()
    healed.judged([student.send(key())])
    with held_down(healed.system, "postgres", number=mode):
        waiting = [student.send(key()) for _ in range(3)]

    def connects():
        try:
            superuser(healed.system).close()
            return True
        except Exception:  # pylint: disable=broad-except; not yet
            return False
    wait_for("PostgreSQL", connects)
    started = time.monotonic()
    healed.judged(waiting)
    print(f"F10 {mode.name}: judged {time.monotonic() - started:.1f} s after it was ready")
    assert time.monotonic() - started < 5


@pytest.mark.skipif(not namespaces(), reason="NO DISK OF ITS OWN: this kernel refuses a mount namespace, F12 is not tested")
def test_f12_a_full_disk_stops_judging_and_nothing_else(healed):
    student = healed.student()
    healed.judged([student.send(key())])
    ballast = healed.data_disk() / "ballast"
    with open(ballast, "wb") as file:
        with contextlib.suppress(OSError):
            while file.write(b"x" * (1 << 20)):
                file.flush()
    try:
        waiting = []
        # Room that is already in files is used up first.
        wait_for("PostgreSQL to be full", lambda: waiting.append(student.send(key(), RXQDASZDW="满" * 60)) or healed.metric(
            "validation-1", "sy_retries_total", stage="store", **{"class": "retry"}) > 0 or len(waiting) > 3000, 60, 0)
        assert student.submit(key()).status == 202, "accepting does not wait for the record"
    finally:
        ballast.unlink()
    healed.judged(waiting, 90)
    assert healed.metric("validation-1", "sy_dead_letters_total") == 0
    print(f"F12: full after {len(waiting)} submissions, all judged")


# --- F8, F9: the way to Kafka ---

def test_f8_a_full_queue_is_refused_at_once(healed):
    crowd = [healed.student() for _ in range(5)]
    with paused(healed, "kafka"):
        def one(number):
            student = Student(healed.system, crowd[number % 5].row)
            student.token, student.phone = crowd[number % 5].token, crowd[number % 5].phone
            started = time.monotonic()
            answer = student.submit(key())
            return answer.status, time.monotonic() - started, "Retry-After" in answer.headers
        answers = together(30, one)
    refused = sorted(taken for status, taken, _ in answers if status == 503)
    print(f"F8: {len(refused)} of 30 refused, quickest {refused[0] * 1000:.0f} ms, median {refused[len(refused) // 2] * 1000:.0f} ms")
    assert all(status == 503 and retry for status, _, retry in answers)
    assert sum(taken < 1 for taken in refused) >= 15, "what has no place in the queue does not wait for it"
    started = time.monotonic()
    healed.judged([patiently(lambda: crowd[0].submit(key())).json["submission_id"]])
    assert time.monotonic() - started < 30


@contextlib.contextmanager
def paused(stack, name):
    pid = stack.process(name)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_f9_an_answer_that_does_not_come_is_no_acknowledgement(healed):
    """The broker has it, its answer is held back: 503, and the same key makes no second record."""
    student, keys = healed.student(), [key() for _ in range(5)]
    healed.judged([student.send(key())])
    healed.links.set("intake-1:kafka", down={"stall": True})
    for name in keys:
        started = time.monotonic()
        answer = student.submit(name)
        assert answer.status == 503 and time.monotonic() - started < 5.5
    healed.links.heal()
    ids = [patiently(lambda name=name: student.submit(name)).json["submission_id"] for name in keys]
    healed.judged(ids)


# --- F14: Redis ---

def redis_full(stack, _):
    store = redis_of(stack.system)
    store.config_set("maxmemory", "1mb")
    return lambda: store.config_set("maxmemory", "0")


def redis_slow(stack, _):
    stack.links.both("*:redis", delay=1000)
    return stack.links.heal


def redis_silent(stack, _):
    stack.links.both("*:redis", stall=True)
    return stack.links.heal


def redis_gone(stack, _):
    stack.links.set("*:redis", refuse=True)
    stack.links.reset("*:redis")
    return stack.links.heal


@pytest.mark.parametrize("trouble", [redis_full, redis_slow, redis_silent, redis_gone])
def test_f14_without_redis_nobody_is_let_in(healed, trouble):
    """Nothing is answered 2xx to a token nobody gave out; what is refused says 503 within the deadline."""
    student, forger = healed.student(), healed.newcomer()
    forger.token = os.urandom(32).hex()
    mend = trouble(healed, student)
    try:
        for _ in range(3):
            started = time.monotonic()
            assert forger.call("GET", "/api/v1/form").status in (401, 503)
            answer = student.submit(key())
            assert answer.status == 503 and "Retry-After" in answer.headers, answer
            assert time.monotonic() - started < 5.5
        assert student.log_in().status == 503
    finally:
        mend()
    all_ready(healed.system)
    student.log_in()
    healed.judged([patiently(lambda: student.submit(key())).json["submission_id"]])


# --- F15: every link slow, cut, or gone one way ---

@pytest.mark.parametrize("rule", [{"delay": 50, "jitter": 25}, {"delay": 300, "jitter": 100}], ids=["50ms", "300ms"])
def test_f15_a_slow_network_is_only_slow(healed, rule):
    student = healed.student()
    healed.links.both("*:kafka", **rule)
    healed.links.both("*:postgres", **rule)
    student.log_in()
    ids = [patiently(lambda: student.submit(key())).json["submission_id"] for _ in range(3)]
    healed.judged(ids)
    healed.links.heal()
    started = time.monotonic()
    healed.judged([student.send(key())])
    assert time.monotonic() - started < 10


def test_f15_a_silent_database_holds_no_worker(healed):
    """Half-open: the connection stands and nothing comes. Each call ends by its deadline, submissions go on."""
    student = healed.student()
    healed.links.both("intake-1:postgres", drop=True)
    started = time.monotonic()
    answers = together(12, lambda _: student_again(healed, student).call("GET", "/api/v1/draft").status)
    assert set(answers) <= {503, 504}, answers
    assert student.submit(key()).status == 202
    print(f"F15: 12 calls to a silent database ended after {time.monotonic() - started:.1f} s")
    healed.links.heal()
    assert patiently(lambda: student.call("GET", "/api/v1/draft")).status in (200, 204, 404)


def student_again(stack, student):
    same = Student(stack.system, student.row)
    same.token, same.phone = student.token, student.phone
    return same


# --- F16: the links stop one by one and come back in another order ---

def test_f16_swizzle(healed):
    student, chance = healed.student(), random.Random(SEED)
    names = [name for name in healed.links.stats() if not name.startswith(("client:", "edge:"))]
    sent = []
    for _ in range(2):
        for name in chance.sample(names, len(names)):
            healed.links.both(name, stall=True)
            with contextlib.suppress(OSError):
                answer = student.submit(key())
                sent += [answer.json["submission_id"]] if answer.status == 202 else []
        for name in chance.sample(names, len(names)):
            healed.links.heal(name)
        all_ready(healed.system)
    student.log_in()
    sent.append(patiently(lambda: student.submit(key())).json["submission_id"])
    healed.judged(sent)


# --- F21, F22 ---

def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_f21_without_descriptors_intake_waits_and_does_not_spin(healed):
    student, process = healed.student(), healed.process("intake-1")
    pid = process["pid"]
    assert student.submit(key()).status == 202
    open_now = len(os.listdir(f"/proc/{pid}/fd"))
    subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={open_now + 2}:"], check=True)
    try:
        together(12, lambda _: quietly(lambda: student_again(healed, student).call("GET", "/api/v1/codes/XBDM")))
        before, begun = cpu_seconds(pid), time.monotonic()
        wait_for("two seconds", lambda: time.monotonic() > begun + 2, 5)
        spent = (cpu_seconds(pid) - before) / (time.monotonic() - begun)
    finally:
        subprocess.run(["prlimit", f"--pid={pid}", "--nofile=4096:"], check=True)
    begun = time.monotonic()
    patiently(lambda: student.submit(key()))
    print(f"F21: {spent:.0%} of a core while out of descriptors, answered {time.monotonic() - begun:.1f} s after")
    assert spent < 0.4 and time.monotonic() - begun < 5


def quietly(call):
    try:
        return call()
    except OSError:
        return None


def test_f22_stopping_does_not_wait_for_a_dead_broker(healed):
    names = ["authorization-1", "binding-1", "intake-1", "validation-1"]
    student = healed.student()
    sent = [student.send(key()) for _ in range(5)]
    with held_down(healed.system, "kafka"):
        student.submit(key())
        hold, taken = healed.system.run_dir / "hold", {}
        pids = {name: healed.process(name)["pid"] for name in names}
        for name in names:
            (hold / name).touch()
            os.kill(pids[name], signal.SIGTERM)
        begun = time.monotonic()
        while len(taken) < len(names):
            ended = wait_for("a service to end", lambda: [n for n in names if n not in taken and not running(pids[n])], 25)
            taken.update({name: time.monotonic() - begun for name in ended})
        for name in names:
            (hold / name).unlink()
    print("F22: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in taken.items()))
    assert max(taken.values()) < 10.5
    for name in names:
        log = (healed.system.run_dir / "logs" / f"{name}.log").read_text()
        last = [json.loads(line) for line in log.splitlines() if '"message":"stopped"' in line][-1]
        assert last["exit_status"] == 0, last
    healed.judged(sent)


# --- F23: a message of a newer copy ---

def test_f23_a_message_with_members_of_tomorrow_is_judged(healed):
    student = healed.student()
    first = student.send(key())
    healed.judged([first])
    _, _, who, value, headers = next(m for m in topic_messages(healed.system, "submission.received")
                                     if m[3] and first.encode() in m[3])
    message = json.loads(value)
    message |= {"submission_id": str(uuid.uuid4()), "idempotency_key": key(), "tomorrow": {"new": [1]}, "later": None}
    publish(healed.system, "submission.received", who, json.dumps(message).encode(),
            {name: text.decode() for name, text in headers.items()})
    healed.judged([message["submission_id"]])


# --- F26: the platform that sends messages ---

def test_f26_a_message_that_was_maybe_sent_is_sent_once(healed):
    newcomer = healed.newcomer()
    newcomer.log_in()
    newcomer.verify()
    healed.links.set("binding-1:sandbox", down={"stall": True})
    answer = newcomer.ask_code()
    assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 30, answer
    assert healed.metric("binding-1", "sy_phone_codes_sent_total", outcome="maybe-sent") >= 1
    healed.links.heal()
    assert newcomer.ask_code().status == 429, "another one costs the cool-down"
    inbox = newcomer.inbox.call("GET", f"/inbox?phone={newcomer.phone}").json["messages"]
    assert len(inbox) == 1
    assert newcomer.bind().status == 201, "and what did arrive is good"


# --- F7: slower than the group allows; F25: what was deleted. Last: they lose time, and messages on purpose ---

def test_f7_a_batch_that_takes_too_long_is_done_by_the_next_owner(healed):
    """Stored late, after the group has taken the work away: nothing is skipped, and the lag told is the real one."""
    student = healed.student()
    first = student.send(key())
    healed.judged([first])
    student_id = next(row[1] for row in judgements(healed.system) if row[0] == first)
    with holding(healed, student_id):
        waiting = [student.send(key()) for _ in range(6)]
        wait_for("validation to wait for the lock", lambda: validation_waits(healed), 20)
        stop = threading.Event()

        def left_the_group():
            log = (healed.system.run_dir / "logs/validation-1.log").read_text()
            return "max.poll.interval" in log or stop.is_set()
        wait_for("the group to take the work away", left_the_group, 40, 0.3)
        listed = json.loads(healed.system.syctl("--json", "lag").stdout)["groups"]
        real = next(group["lag"] for group in listed if group["group"] == "validation")
        assert real >= len(waiting)
    healed.judged(waiting)
    wait_for("no lag", lambda: healed.metric("validation-1", "kafka_consumergroup_lag") == 0, 30, 0.2)


def test_f25_deleted_messages_are_missed_loudly_and_nothing_else_is(healed):
    student = healed.student()
    healed.judged([student.send(key())])
    with held_down(healed.system, "validation-1"):
        gone = [student.send(key()) for _ in range(4)]
        places = {}
        for partition, offset, _, value, _ in topic_messages(healed.system, "submission.received"):
            if value and any(submission_id.encode() in value for submission_id in gone):
                places[partition] = max(places.get(partition, 0), offset + 1)
        assert len(places) == 1, "one student's are in one partition"
        partition, offset = places.popitem()
        kept = [student.send(key()) for _ in range(2)]
        request = healed.system.run_dir / "delete.json"
        request.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": "submission.received", "partition": partition, "offset": offset}]}))
        subprocess.run([str(ROOT / "deploy/kafka/tool.sh"), "delete-records", f"--offset-json-file={request}",
                        f"--bootstrap-server={healed.system.demo['kafka']}"], check=True, timeout=60,
                       env={**os.environ, "RUN_DIR": str(healed.system.run_dir)})
    healed.judged(kept)
    assert not set(gone) & {row[0] for row in judgements(healed.system)}
    assert healed.metric("validation-1", "sy_offset_jumps_total", direction="forward") == len(gone)
    healed.judged([student.send(key())])
