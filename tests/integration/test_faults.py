"""Invariants 1 to 5 and 8 while something is killed, stopped or flushed in the middle of a load."""
import http.client
import json
import os
import signal
import uuid

import pytest

from checker import objects, violations
from load import Load
from servers import (all_ready, held_down, judgements, kill, publish, redis_flushed, redis_of, superuser, topic_messages)
from shengyuan import Student, wait_for


@pytest.fixture(scope="module")
def crowd(system, people):
    """Eight bound students whose submissions are all in the books before and after each test."""
    return [Student(system, people()).ready() for _ in range(8)]


@pytest.fixture
def load(system, crowd):
    """A load around the test; afterwards everything is judged and the books are checked."""
    before = {row[0] for row in judgements(system)}
    dead_before = len(topic_messages(system, "submission.received.dlq"))
    for student in crowd:
        student.http.close()
    running = Load(crowd, os.urandom(4).hex())
    with running:
        running.wait_for_more(20)
        yield running
        running.wait_for_more(40, 90)
    assert running.wrong == []
    told = {submission_id for *_, submission_id in running.acknowledged}
    wait_for("all to be judged", lambda: told <= {row[0] for row in judgements(system)}, 90, 0.3)
    wait_for("all to be told", lambda: told <= {message.get("submission_id") for message in
                                               objects(topic_messages(system, "submission.judged"))}, 60, 0.5)
    found = violations(running.acknowledged, judgements(system), topic_messages(system, "submission.received"),
                       topic_messages(system, "submission.judged"))
    assert found == []
    assert len(told) >= 60 and not told & before
    assert len(topic_messages(system, "submission.received.dlq")) == dead_before


@pytest.mark.parametrize("name", ["validation-1", "validation-2"])
def test_validation_is_killed(system, load, name):
    kill(system, name)()
    load.wait_for_more(20)
    kill(system, name)()


def test_both_validations_are_killed_at_once(system, load):
    back = [kill(system, "validation-1"), kill(system, "validation-2")]
    load.wait_for_more(50)
    for wait in back:
        wait()


def test_intake_is_killed(system, load):
    kill(system, "intake-1")()
    load.wait_for_more(30)
    kill(system, "intake-2")()


def test_intake_is_told_to_stop(system, load):
    """SIGTERM: what is under way is finished; behind the edge nobody sees an error."""
    at = len(load.answers)
    kill(system, "intake-1", signal.SIGTERM)()
    load.wait_for_more(50)
    assert [status for _, status, _ in load.answers[at:] if status != 202] == []


def test_the_broker_is_killed(system, load):
    kill(system, "kafka")()
    load.wait_for_more(20, 90)
    slow = [taken for _, status, taken in load.answers if status == 503 and taken > 5.5]
    assert slow == [], "an answer comes within the deadline, also when it is no"


def test_the_broker_is_paused(system, load):
    pid = system.pids("kafka")[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        at = len(load.answers)
        wait_for("a refusal", lambda: any(status == 503 for _, status, _ in load.answers[at:]), 20)
        assert max(taken for _, _, taken in load.answers[at:]) < 5.5
    finally:
        os.kill(pid, signal.SIGCONT)
    load.wait_for_more(20, 60)


def test_postgres_is_stopped_and_started(system, load):
    """Submissions are accepted all the while: nothing of accepting waits for PostgreSQL."""
    with held_down(system, "postgres", number=signal.SIGINT):
        at = len(load.answers)
        load.wait_for_more(100)
        assert [status for _, status, _ in load.answers[at:] if status != 202] == []


def test_postgres_is_killed(system, load):
    kill(system, "postgres", signal.SIGKILL)()
    load.wait_for_more(50)
    all_ready(system)


def test_redis_is_flushed(system, newcomer):
    s = newcomer().ready()
    first = s.submit("before")
    s.judged(first.json["submission_id"])
    with redis_flushed(system):
        refused = s.submit("before")
        assert refused.status == 401
        assert s.log_in().status == 201
        # The news of a binding of just now may still be on its way; it reaches live sessions too.
        wait_for("the binding to be known", lambda: s.call("GET", "/api/v1/session").json["bound"])
        assert s.send("before") == first.json["submission_id"]


def test_redis_is_down_no_session_no_answer(system, newcomer):
    s = newcomer().ready()
    with held_down(system, "redis"):
        for method, path in (("GET", "/api/v1/session"), ("GET", "/api/v1/form"), ("GET", "/api/v1/draft")):
            answer = s.call(method, path)
            assert answer.status == 503 and "Retry-After" in answer.headers and answer.problem == "unavailable"
        assert s.submit("k").status == 503
        assert s.log_in().status == 503
    assert s.call("GET", "/api/v1/form").status in (200, 401)


def test_redis_answers_late(system, newcomer):
    """A late answer is never another's: the connection is thrown away."""
    a, b = newcomer().ready(), newcomer().ready()
    store = redis_of(system)
    for _ in range(3):
        store.execute_command("CLIENT", "PAUSE", "1200", "ALL")
        answers = [(s, s.call("GET", "/api/v1/identity/binding")) for s in (a, b, a, b)]
        for s, answer in answers:
            assert answer.status in (200, 503)
            if answer.status == 200:
                assert answer.json["student"]["student_number"] == s.row["XH"]
    all_ready(system)
    for s in (a, b):
        assert s.call("GET", "/api/v1/identity/binding").json["student"]["student_number"] == s.row["XH"]


def test_postgres_is_down_what_needs_it_says_so(system, newcomer):
    s, fresh = newcomer().ready(), newcomer()
    fresh.log_in()
    with held_down(system, "postgres"):
        answer = s.call("GET", "/api/v1/draft")
        assert answer.status == 503 and "Retry-After" in answer.headers
        assert fresh.verify().status == 503
        assert s.submit("while-down").status == 202
    assert s.judged(s.send("while-down"), 60)["state"] == "accepted"


GOOD_HEADERS = {"ce_specversion": "1.0", "ce_id": "x", "ce_source": "/tests", "ce_type": "cn.shengyuan.submission.received",
                "ce_time": "2026-11-23T00:00:00.000Z", "content-type": "application/json"}


def poison(student_id):
    good = {"version": 1, "submission_id": "11111111-1111-8111-8111-111111111111", "student_id": student_id,
            "campaign_id": "2027-default", "idempotency_key": "k", "body_index": "0" * 32,
            "received_at": "2026-11-23T00:00:00.000Z", "fields": {}}
    as_json = lambda **change: json.dumps({**good, **change}).encode()  # noqa: E731
    return [
        ("empty", student_id, b"", GOOD_HEADERS), ("tombstone", student_id, None, GOOD_HEADERS),
        ("malformed", student_id, b"{not json", GOOD_HEADERS),
        ("malformed", student_id, as_json(fields={"NOPE": "1"}), GOOD_HEADERS),
        ("malformed", student_id, as_json(received_at="yesterday"), GOOD_HEADERS),
        ("malformed", student_id, b"\xff\xfe" * 10, GOOD_HEADERS),
        ("unknown-version", student_id, as_json(version=3), GOOD_HEADERS),
        ("malformed", student_id, as_json(version=2, fields={"JTDZ": "in clear"}), GOOD_HEADERS),
        ("malformed", student_id, as_json(version=1, fields_sealed="a1.k1.AAAA"), GOOD_HEADERS),
        ("unsealable", student_id, as_json(version=2, fields_sealed="a1.k9.AAAA"), GOOD_HEADERS),
        ("bad-header", student_id, as_json(), {**GOOD_HEADERS, "ce_type": "other"}),
        ("bad-header", student_id, as_json(), {}),
        ("key-mismatch", "another", as_json(), GOOD_HEADERS),
        ("unknown-campaign", student_id, as_json(campaign_id="nope"), GOOD_HEADERS),
        ("unsealable", student_id, as_json(fields={"JTDZ": "a1.k9.AAAA"}), GOOD_HEADERS),
        ("unsealable", student_id, as_json(fields={"JTDZ": "in clear"}), GOOD_HEADERS),
        ("unknown-student", "22222222-2222-4222-8222-222222222222",
         as_json(student_id="22222222-2222-4222-8222-222222222222"), GOOD_HEADERS),
        ("malformed", student_id, b"[" * 900000, GOOD_HEADERS),
    ]


def test_bad_messages_go_to_the_dead_letter_topic_and_stop_nobody(system, student):
    """Every kind of bad message, good ones before and behind in the same partition."""
    first = student.send("good-0")
    student.judged(first)
    partition, key = next((p, k.decode()) for p, _, k, v, _ in topic_messages(system, "submission.received")
                          if v and first.encode() in v)
    places = {}
    good = []
    for number, (reason, message_key, value, headers) in enumerate(poison(key)):
        places[publish(system, "submission.received", message_key, value, headers, partition)] = reason
        good.append(student.send(f"good-{number + 1}"))
    for submission_id in good:
        assert student.judged(submission_id)["state"] == "accepted"

    def letters():
        found = {(int(h["dlq_partition"]), int(h["dlq_offset"])): h for *_, h in
                 topic_messages(system, "submission.received.dlq")}
        return found if set(places) <= set(found) else None
    found = wait_for("the dead letters", letters, 30)
    for place, reason in places.items():
        assert found[place]["dlq_reason"].decode() == reason, (place, found[place])
        assert found[place]["dlq_topic"] == b"submission.received" and found[place]["dlq_error"]
    listed = json.loads(system.syctl("--json", "dlq", "list").stdout)["dead_letters"]
    assert {(int(x["dlq_partition"]), int(x["dlq_offset"])) for x in listed} >= set(places)


def test_a_row_the_store_refuses_is_found_in_its_batch(system, newcomer):
    """One row of a batch breaks a constraint: it alone becomes a dead letter, the others are judged."""
    several = [newcomer().ready() for _ in range(4)]
    connection = superuser(system)
    prefix = os.urandom(4).hex()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE record.judgement ADD CONSTRAINT planted CHECK (syszddm <> '441900') NOT VALID")
    try:
        with held_down(system, "validation-1", "validation-2"):  # so that they lie in one batch
            ids = [Student.send(s, f"{prefix}-{n}", SYSZDDM="441900" if n == 2 and s is several[0] else "440106")
                   for n in range(5) for s in several]
        bad = ids[2 * len(several)]
        wait_for("the others", lambda: set(ids) - {bad} <= {row[0] for row in judgements(system)}, 60, 0.2)

        def letter():
            return [x for x in json.loads(system.syctl("--json", "dlq", "list").stdout)["dead_letters"]
                    if x["ce_id"] == bad]
        found = wait_for("the dead letter", letter)
        assert [x["dlq_reason"] for x in found] == ["store-refused"]
        assert json.loads(system.syctl("--json", "why", bad).stdout)["stage"] == "dead-letter"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE record.judgement DROP CONSTRAINT planted")
        connection.close()
    system.syctl("dlq", "replay", "submission.received.dlq", f"--offset={found[0]['offset']}")
    wait_for("its judgement", lambda: bad in {row[0] for row in judgements(system)})


def test_a_campaign_of_a_moment_ago_is_asked_for_before_a_message_is_buried(system, student):
    """Intake knows it already, validation's list is of just before: the list is read once more."""
    first = student.send()
    student.judged(first)
    _, _, key, value, headers = next(m for m in topic_messages(system, "submission.received") if m[3] and first.encode() in m[3])
    fresh, name = str(uuid.uuid4()), f"2027-{os.urandom(4).hex()}"
    message = {k: v for k, v in json.loads(value).items() if k != "fields_sealed"} | {"submission_id": fresh, "campaign_id": name}
    headers = {k: v.decode() for k, v in headers.items()} | {"ce_id": fresh}
    connection = superuser(system)
    try:
        with connection.cursor() as cursor:
            student.judged(student.send())  # the list is new
            cursor.execute("INSERT INTO campaign.campaign SELECT (jsonb_populate_record(c, jsonb_build_object('campaign_id', %s::text, "
                           "'school_code', '99999'))).* FROM campaign.campaign c WHERE campaign_id = '2027-default'", (name,))
            publish(system, "submission.received", key, json.dumps(message).encode(), headers)
            wait_for("the judgement", lambda: fresh in {row[0] for row in judgements(system)})
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM campaign.campaign WHERE campaign_id = %s", (name,))
        connection.close()


def test_a_dead_letter_can_be_replayed(system, student, people):
    """A student who came into the roster too late: mended, replayed, judged."""
    submission_id = student.send("replayed")
    student.judged(submission_id)
    _, _, key, value, headers = next(m for m in topic_messages(system, "submission.received")
                                     if m[3] and submission_id.encode() in m[3])
    connection = superuser(system)
    with connection.cursor() as cursor:  # as if it had never been judged, and its campaign was not known
        cursor.execute("DELETE FROM record.judgement WHERE submission_id = %s", (submission_id,))
        cursor.execute("DELETE FROM record.latest WHERE student_id = %s", (key.decode(),))
    connection.close()
    place = publish(system, "submission.received", key, value, {**{k: v.decode() for k, v in headers.items()},
                                                              "ce_type": "mistyped"})

    def letter():
        return [x for x in json.loads(system.syctl("--json", "dlq", "list").stdout)["dead_letters"]
                if (int(x["dlq_partition"]), int(x["dlq_offset"])) == place]
    offset = wait_for("the dead letter", letter)[0]["offset"]
    shown = json.loads(system.syctl("--json", "dlq", "show", "submission.received.dlq", offset).stdout)
    assert shown["dead_letters"][0]["headers"]["dlq_reason"] == "bad-header"
    assert submission_id in shown["dead_letters"][0]["value"]
    assert json.loads(system.syctl("--json", "dlq", "replay", "submission.received.dlq",
                                   f"--offset={offset}").stdout)["replayed"] == 1
    publish(system, "submission.received", key, value, {k: v.decode() for k, v in headers.items()})
    wait_for("the judgement", lambda: any(row[0] == submission_id for row in judgements(system)))


def test_the_whole_topic_again_changes_nothing(system, student):
    """Redelivery of everything: the record is the same afterwards."""
    last = student.send("once")
    student.judged(last)
    before = judgements(system)
    messages = [m for m in topic_messages(system, "submission.received") if m[3]][-200:]
    for _, _, key, value, headers in messages:
        publish(system, "submission.received", key, value, {k: v.decode() for k, v in headers.items()})
    marker = student.send("after-the-flood")
    student.judged(marker, 60)
    wait_for("no lag", lambda: json.loads(system.syctl("--json", "lag").stdout)["groups"][0]["lag"] == 0, 60, 0.3)
    after = [row for row in judgements(system) if row[0] != marker]
    assert after == before


def test_an_identity_message_that_cannot_be_read(system, newcomer):
    place = publish(system, "identity.changed", "a", b"{not json", {**GOOD_HEADERS,
                                                                   "ce_type": "cn.shengyuan.identity.changed"})
    wait_for("the dead letter", lambda: [1 for *_, h in topic_messages(system, "identity.changed.dlq")
                                         if (int(h["dlq_partition"]), int(h["dlq_offset"])) == place])
    s = newcomer().ready()
    assert s.call("DELETE", "/api/v1/session").status == 204
    assert s.log_in().json["bound"] is True


def test_many_connections_die_with_intake_and_the_edge_says_503(system, student):
    """Both copies down: problem+json with Retry-After from the edge itself."""
    with held_down(system, "intake-1", "intake-2"):
        answer = student.submit("nobody-home")
        assert answer.status == 503 and answer.problem == "unavailable" and answer.headers["Retry-After"]
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert student.call("GET", "/api/v1/session").status == 200, "others go on"
    try:
        assert student.submit("nobody-home").status == 202
    except (OSError, http.client.HTTPException) as error:
        raise AssertionError("the edge did not come back") from error
