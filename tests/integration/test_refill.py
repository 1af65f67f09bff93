"""What a used key means after Redis lost its memory: services/intake/refill.c."""
import contextlib
import json
import os
import pathlib
import signal
import threading
import time

from linked import key, patiently
from servers import all_known, all_ready, judgements, kill, redis_of, superuser
from shengyuan import Http, Student, wait_for
from test_overload import another_intake


def back(system, student):
    """Logged in again, and known to be bound."""
    assert student.log_in().status == 201
    wait_for("the binding to be known", lambda: student.call("GET", "/api/v1/session").json["bound"])


def conflict(student, key, seconds=30):
    """Other content under a used key is refused, and until it is, nothing is taken."""
    def seen():
        answer = student.submit(key, JTYB="100000")
        assert answer.status in (422, 503), answer
        assert answer.status == 422 or "Retry-After" in answer.headers
        return answer.status == 422 and answer.problem == "idempotency-conflict"
    wait_for("the conflict to be seen", seen, seconds)


def pid_of(instance):
    """Of a process that is not the supervisor's."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"SY_INSTANCE={instance}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                return int(folder.name)
    raise AssertionError(instance)


def waiting_known(store):
    return store.get("idem:waiting") and store.get("idem:waiting") == store.get("idem:life")


def test_what_is_in_flight_when_redis_loses_its_memory_is_known_afterwards(system, newcomer):
    """A copy stands still with a submission that Redis remembered and Kafka does not have yet; Redis forgets; the copy goes on."""
    student = newcomer().ready()
    student.judged(student.send())
    store, answers = redis_of(system), []
    with another_intake(system, "--linger-ms=100") as (base, _):
        pid = pid_of("intake-x")
        known = set(store.scan_iter("idem:*", 1000))

        def send():
            one = Student(system, student.row)
            one.token, one.phone, one.http = student.token, student.phone, Http(base, 30)
            answers.append(one.submit("in-flight"))
        sending = threading.Thread(target=send)
        sending.start()
        wait_for("the key in Redis", lambda: set(store.scan_iter("idem:*", 1000)) - known, 5, 0.001)
        os.kill(pid, signal.SIGSTOP)
        try:
            assert not answers
            store.flushall()
            begun = time.monotonic()
            wait_for("the filling, or what it waits for", lambda: waiting_known(store) or time.monotonic() - begun > 1.2)
        finally:
            os.kill(pid, signal.SIGCONT)
        sending.join()
        assert answers[0].status == 202, answers
        back(system, student)
        conflict(student, "in-flight")
        assert student.judged(answers[0].json["submission_id"])["state"] == "accepted"
    all_known(system)


def test_the_most_patient_copy_is_waited_for(system, newcomer):
    """Another copy's delivery timeout is longer: what it has in flight may be later than any of ours."""
    newcomer().ready().send()
    store = redis_of(system)
    with another_intake(system, "--delivery-timeout-ms=4000"):
        store.flushall()
        begun = time.monotonic()
        wait_for("the waiting ones", lambda: waiting_known(store), 60, 0.01)
        assert time.monotonic() - begun > 4.0 + 1.5
    all_known(system)


def test_a_key_whose_submission_is_a_dead_letter_is_known_afterwards(system, newcomer):
    """Its fingerprint is neither in the record nor does it wait in the topic."""
    student = newcomer().ready()
    connection = superuser(system)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE record.judgement ADD CONSTRAINT planted CHECK (syszddm <> '441901') NOT VALID")
    try:
        dead = student.send("buried", SYSZDDM="441901")

        def letters():
            return [x["offset"] for x in json.loads(system.syctl("--json", "dlq", "list").stdout)["dead_letters"] if x["ce_id"] == dead]
        offset = wait_for("the dead letter", letters)[0]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE record.judgement DROP CONSTRAINT planted")
        connection.close()
    student.judged(student.send("later"))  # so that its place is committed
    redis_of(system).flushall()
    back(system, student)
    conflict(student, "buried")
    assert student.send("buried", SYSZDDM="441901") == dead
    all_known(system)
    system.syctl("dlq", "replay", "submission.received.dlq", f"--offset={offset}")
    assert student.judged(dead)["state"] in ("accepted", "rejected")


ROWS = 20000


def long_record(system, like):
    """Judgements of nobody, more than one question to the record brings; returns what takes them away."""
    connection = superuser(system)
    columns = ("campaign_id, outcome, received_at, judged_at, roster_version, campaign_version, origin_partition, origin_offset")
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO record.judgement (submission_id, student_id, revision, idempotency_key, body_index, {columns}) "
                       f"SELECT gen_random_uuid(), gen_random_uuid(), 1, 'long-record', repeat('0', 32), {columns} "
                       f"FROM record.judgement, generate_series(1, {ROWS}) WHERE submission_id = %s", (like,))

    def away():
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM record.judgement WHERE idempotency_key = 'long-record'")
        connection.close()
    return away


def sets(store):
    return int(store.info("commandstats")["cmdstat_set"]["calls"])


def test_while_a_long_record_is_read_everything_else_is_served(healed):
    """The record takes long to read, intake begins anew in the middle of it, and PostgreSQL is lost for a while: students read form,
    draft and states all the time, submissions say 503, and what was read is not read again."""
    system, student = healed.system, healed.student()
    first = student.send(key())
    healed.judged([first])
    away, store = long_record(system, first), redis_of(system)
    try:
        healed.links.both("intake-1:redis", delay=60)
        store.flushall()
        wait_for("the record to be read", lambda: waiting_known(store) and store.dbsize() > 2000, 60, 0.01)
        kill(system, "intake-1")()
        back(system, student)
        assert patiently(lambda: student.call("GET", "/api/v1/form")).status == 200
        assert student.status(first).json["state"] == "accepted" and student.call("GET", "/api/v1/draft").status == 200
        assert store.get("idem:ready") is None, "the record was read before the port was opened"
        assert student.submit(key()).status == 202, "what nobody has judged is known already"
        begun = sets(store)
        wait_for("half of the record", lambda: sets(store) - begun > ROWS / 2, 60, 0.01)
        healed.links.set("intake-1:postgres", refuse=True)
        healed.links.reset("intake-1:postgres")
        failed = sets(store)
        wait_for("a failure", lambda: "fingerprints not refilled" in (system.run_dir / "logs/intake-1.log").read_text()[-4000:])
        assert store.get("idem:ready") is None
        healed.links.heal("intake-1:postgres")
        all_known(system)
        print(f"{failed - begun} were set before PostgreSQL was lost, {sets(store) - failed} after")
        assert sets(store) - failed < ROWS
    finally:
        healed.links.heal()
        away()
    all_ready(system)
    healed.judged([student.send(key())])
    assert first in {row[0] for row in judgements(system)}
