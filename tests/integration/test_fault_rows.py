"""Rows of the fault matrix (docs/fault-rows.md) about PostgreSQL and the way to Kafka, on a stack with a proxy on each link."""
import contextlib
import os
import random
import signal
import time

import pytest

from checker import objects
from linked import holding, key, namespaces, patiently, paused, together, validation_waits
from servers import held_down, judgements, superuser, topic_messages
from shengyuan import Student, wait_for

SEED = int(os.environ.get("SEED") or 2026)
TAIL = 50  # bytes
CUTS = os.environ.get("CUTS", "12")  # in each direction, or "all": make faults-cut

# --- F11: the judging transaction, cut after every byte ---

def cut_once(stack, student, direction, at):
    """One submission whose judging loses its connection after `at` bytes; False when there were fewer."""
    stack.links.set("validation-1:postgres", **{direction: {"cut": at}})
    submission_id = student.send(key())
    stack.judged([submission_id], 30)
    cut_left = stack.links.stats("validation-1:postgres")["validation-1:postgres"]["cut_left"][direction]
    stack.links.heal("validation-1:postgres")
    return submission_id, cut_left is None


def exchange_bytes(stack, student, link, direction):
    """What judging one submission sends that way, and at times more: campaigns are looked at every second."""
    before = stack.links.stats(link)[link][f"bytes_{direction}"]
    stack.judged([student.send(key())])
    return stack.links.stats(link)[link][f"bytes_{direction}"] - before


@pytest.mark.parametrize("direction", ["up", "down"])
def test_f11_the_connection_is_cut_within_the_transaction(healed, direction):
    student, chance = healed.student(), random.Random(SEED)
    healed.judged([student.send(key())])
    link = "validation-1:postgres"
    whole = min(exchange_bytes(healed, student, link, direction) for _ in range(3))
    tail = range(whole - TAIL, whole + 1)  # COMMIT and its answer: what is in doubt
    places = range(1, whole + 1) if CUTS == "all" else sorted({whole - 8, whole - 3}.union(
        chance.sample(range(1, whole - TAIL), int(CUTS) // 2), chance.sample(tail, int(CUTS) - int(CUTS) // 2)))
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
    assert direction == "up" or repeated > 0, "a COMMIT whose answer was lost has to be among them"
    assert hit >= len(ids) * 3 // 4, "the cuts have to be within the exchange"


# --- F13: what another transaction does to the judging one ---

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


@pytest.mark.parametrize("taken,back", [
    ("REVOKE INSERT ON record.judgement FROM sy_validation", "GRANT INSERT ON record.judgement TO sy_validation"),
    ("ALTER TABLE record.judgement RENAME TO elsewhere", "ALTER TABLE record.elsewhere RENAME TO judgement"),
], ids=["right", "table"])
def test_what_an_operator_took_away_and_gives_back_ends_nobody(healed, taken, back):
    """At the start it would be unfit (78, and not started again); a process that was fit waits for it."""
    student = healed.student()
    healed.judged([student.send(key())])
    dead = len(topic_messages(healed.system, "submission.received.dlq"))
    pids = healed.system.pids("validation")
    retries = healed.metric("validation-1", "sy_retries_total", stage="store")
    administer(healed, taken)
    try:
        submission_id = student.send(key())
        wait_for("validation to try again", lambda: healed.metric("validation-1", "sy_retries_total", stage="store") > retries + 2, 20)
    finally:
        administer(healed, back)
    healed.judged([submission_id])
    assert healed.system.pids("validation") == pids
    assert len(topic_messages(healed.system, "submission.received.dlq")) == dead


def administer(stack, command):
    connection = superuser(stack.system)
    with connection.cursor() as cursor:
        cursor.execute(command)
    connection.close()


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
    tried = healed.metric("validation-1", "sy_retries_total", stage="store")
    with open(ballast, "wb") as file:
        with contextlib.suppress(OSError):
            while file.write(b"x" * (1 << 20)):
                file.flush()
    try:
        waiting = []
        # Room that is already in files is used up first.
        wait_for("PostgreSQL to be full", lambda: waiting.append(student.send(key(), RXQDASZDW="满" * 60)) or healed.metric(
            "validation-1", "sy_retries_total", stage="store") > tried + 2 or len(waiting) > 3000, 60, 0)
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
