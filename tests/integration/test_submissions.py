"""Invariants 1 to 4 without faults, and 10: kept, once, in order, nobody else's."""
import concurrent.futures
import json
import random

import pytest

from shengyuan import Student, wait_for
from servers import all_known, held_down, judgements, redis_flushed, redis_of, topic_messages


def test_same_key_same_answer(student, system):
    first = student.submit("k-1")
    again = student.submit("k-1")
    assert first.status == again.status == 202 and first.json == again.json
    student.judged(first.json["submission_id"])
    late = student.submit("k-1")
    assert late.status == 202 and late.json["submission_id"] == first.json["submission_id"]
    reordered = dict(reversed(list(student.form().items())))
    assert student.submit("k-1", fields=reordered).json == first.json
    assert len(judgements_of(system, student)) == 1


def judgements_of(system, student):
    """By the student id that the student's own submissions carry."""
    form = student.send("k-probe")
    student.judged(form)
    shown = json.loads(system.syctl("--json", "record", "show", form).stdout)["judgements"]
    return [j for j in shown if j["submission_id"] != form]


def test_same_key_other_fields_is_a_conflict(student):
    assert student.submit("k-2").status == 202
    other = student.submit("k-2", JTYB="100000")
    assert other.status == 422 and other.problem == "idempotency-conflict"


def test_same_key_other_fields_after_redis_lost_everything(student, system):
    first = student.submit("k-3")
    student.judged(first.json["submission_id"])
    with redis_flushed(system):
        assert student.submit("k-3").status == 401, "no session without Redis' memory"
        assert student.log_in().status == 201
        wait_for("the binding to be known", lambda: student.call("GET", "/api/v1/session").json["bound"])
        again = student.submit("k-3")
        assert again.status == 202 and again.json["submission_id"] == first.json["submission_id"]
        other = student.submit("k-3", JTYB="100000")
        assert other.status == 422 and other.problem == "idempotency-conflict"


def test_same_key_other_fields_after_redis_lost_what_nobody_has_judged(student, system):
    """Not a moment in which other content is acknowledged under a used key: its judgement would be the first one's.
    Again and again without a pause, so that a flush also meets the filling after the flush before it."""
    keys = [f"k-waits-{number}" for number in range(12)]
    with held_down(system, "validation-1", "validation-2"), concurrent.futures.ThreadPoolExecutor(len(keys)) as pool:
        first = [student.send(key) for key in keys]

        def twin():
            one = Student(system, student.row)
            one.token, one.phone = student.token, student.phone
            return one

        def refused(one, key):
            answer = one.submit(key, JTYB="100000")
            assert answer.status in (422, 503), answer
            return answer.status == 422 and answer.problem == "idempotency-conflict"
        for _ in range(4):
            redis_of(system).flushall()
            assert student.log_in().status == 201
            wait_for("the binding to be known", lambda: student.call("GET", "/api/v1/session").json["bound"])
            list(pool.map(lambda one, key: wait_for("the conflict to be seen", lambda: refused(one, key), every=0),
                          [twin() for _ in keys], keys))
            assert [student.send(key) for key in keys] == first
        all_known(system)
    assert {student.judged(one, 60)["state"] for one in first} == {"accepted"}


def test_same_key_at_the_same_time(student, system):
    def send(_):
        one = Student(system, student.row)
        one.token, one.phone = student.token, student.phone
        return one.submit("k-4")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))
    assert {a.status for a in answers} == {202}, answers
    assert len({a.json["submission_id"] for a in answers}) == 1
    student.judged(answers[0].json["submission_id"])
    assert len(judgements_of(system, student)) == 1


def test_key_is_scoped_to_the_student(newcomer):
    a, b = newcomer().ready(), newcomer().ready()
    assert a.send("same") != b.send("same")


@pytest.mark.parametrize("key", ["", "with space", "a" * 256, "é"])
def test_bad_keys(student, key):
    answer = student.call("POST", "/api/v1/submissions", {"fields": student.form()},
                          {"Idempotency-Key": key.encode("latin-1")})
    assert answer.status == 400 and answer.problem == "idempotency-key"


def test_missing_key(student):
    answer = student.call("POST", "/api/v1/submissions", {"fields": student.form()})
    assert answer.status == 400 and answer.problem == "idempotency-key"


def test_revisions_count_without_gaps_in_order(student):
    ids = [student.send(f"r-{n}", JTYB=f"{510000 + n}", SYSZDDM="440106" if n % 3 else "440100") for n in range(12)]
    judged = [student.judged(i) for i in ids]
    assert [j["revision"] for j in judged] == list(range(1, 13))
    assert [j["state"] for j in judged] == ["accepted" if n % 3 else "rejected" for n in range(12)]


@pytest.mark.parametrize("fields,status,word", [
    ({"NOPE": "1"}, 400, "unknown-member"),
    ({"XM": "别名"}, 422, "invalid-value"),
    ({"BYSJ": "202706"}, 422, "invalid-value"),
    ({"JTYB": 510630}, 400, "malformed"),
    ({"JTYB": None}, 400, "malformed"),
    ({"syszddm": "440106"}, 400, "unknown-member"),
])
def test_what_is_no_submission(student, fields, status, word):
    answer = student.call("POST", "/api/v1/submissions", {"fields": {**student.form(), **fields}},
                          {"Idempotency-Key": "x"})
    assert answer.status == status and answer.problem == word, answer
    if status == 422:
        assert answer.json["errors"][0]["field"] == next(iter(fields))


@pytest.mark.parametrize("raw", [
    b"", b"{", b"[]", b"{}", b'{"fields":{}} x', b'{"fields":{},"fields":{}}', b'{"fields":{"JTYB":"\xff"}}',
    b'\xef\xbb\xbf{"fields":{}}', b'{"fields":{"JTYB":"1\x00"}}', b'{"fields":{"JTYB":"\\u0000"}}',
    b'{"fields":' + b"[" * 100000, b'{"fields":{"JTYB":"\\ud800"}}', b'{"fields":{},"extra":1}', b"{'fields':{}}",
])
def test_not_strict_json(student, raw):
    answer = student.call("POST", "/api/v1/submissions", headers={"Idempotency-Key": "x"}, raw=raw)
    expected = 413 if len(raw) > 65536 else 400
    assert answer.status == expected, answer
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_other_students_submission_is_the_same_404_as_none(newcomer):
    a, b = newcomer().ready(), newcomer().ready()
    theirs = a.send()
    a.judged(theirs)
    nobody = theirs[:-1] + ("0" if theirs[-1] != "0" else "1")
    answers = [b.status(theirs), b.status(nobody), b.status("not-an-id"),
               b.call("GET", f"/api/v1/submissions/{theirs}/events")]
    assert [x.status for x in answers] == [404] * 4
    bodies = [{k: v for k, v in x.json.items() if k != "traceId"} for x in answers]
    assert all(body == bodies[0] for body in bodies)
    assert a.status(theirs).status == 200


def test_two_students_asking_for_each_other_many_times(newcomer, system):
    """Answers of one connection never reach the other, also under load."""
    pairs = [newcomer().ready() for _ in range(6)]
    own = {s.name: s.send() for s in pairs}

    def ask(s):
        for _ in range(60):
            target = random.choice(pairs)
            answer = s.status(own[target.name])
            assert answer.status == (200 if target is s else 404)
            if answer.status == 200:
                assert answer.json["submission_id"] == own[s.name]
            card = s.call("GET", "/api/v1/identity/binding")
            assert card.json["student"]["student_number"] == s.row["XH"]
        return True
    with concurrent.futures.ThreadPoolExecutor(len(pairs)) as pool:
        assert all(pool.map(ask, pairs))


CALLS = [("GET", "/api/v1/session"), ("DELETE", "/api/v1/session"), ("POST", "/api/v1/identity/verifications"),
         ("POST", "/api/v1/identity/verifications/00000000-0000-4000-8000-000000000000/completion"),
         ("POST", "/api/v1/identity/phone-codes"), ("POST", "/api/v1/identity/binding"),
         ("GET", "/api/v1/identity/binding"), ("PUT", "/api/v1/identity/phone"), ("GET", "/api/v1/form"),
         ("GET", "/api/v1/codes/MZDM"), ("GET", "/api/v1/draft"), ("PUT", "/api/v1/draft"),
         ("POST", "/api/v1/submissions"), ("GET", "/api/v1/submissions/00000000-0000-4000-8000-000000000000"),
         ("GET", "/api/v1/submissions/00000000-0000-4000-8000-000000000000/events")]


@pytest.mark.parametrize("method,path", CALLS)
@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Bearer " + "0" * 64, "Basic " + "0" * 64])
def test_no_session_no_answer(newcomer, method, path, header):
    s = newcomer()
    raw = b"{not json" if method in ("POST", "PUT") else None
    answer = s.http.call(method, path, raw=raw, headers={"Authorization": header} if header else {})
    assert answer.status == 401 and answer.problem == "unauthorized", "401 comes before 400"


@pytest.mark.parametrize("method,path", [c for c in CALLS if "form" in c[1] or "draft" in c[1] or "submissions" in c[1]])
def test_not_bound_yet(newcomer, method, path):
    s = newcomer()
    s.log_in()
    body = {"fields": {}} if method in ("POST", "PUT") else None
    answer = s.call(method, path, body, {"Idempotency-Key": "k", "If-Match": '"0"'})
    assert answer.status == 403 and answer.problem == "binding-required"


def test_every_message_is_a_cloud_event_keyed_by_student(student, system):
    submission_id = student.send()
    student.judged(submission_id)
    found = [(key, json.loads(value), headers) for _, _, key, value, headers in
             topic_messages(system, "submission.received") if value and submission_id.encode() in value]
    key, value, headers = found[0]
    assert len(found) == 1 and key.decode() == value["student_id"] and value["version"] == 2
    assert headers["ce_specversion"] == b"1.0" and headers["ce_id"].decode() == submission_id
    assert headers["ce_type"] == b"cn.shengyuan.submission.received"
    assert len(judgements(system, value["student_id"])) == 1
