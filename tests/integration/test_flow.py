"""The student's way, call by call, as docs/openapi.yaml has it."""
import json
import re
import secrets

import pytest

from shengyuan import wait_for
from servers import reader, topic_messages

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def test_from_log_in_to_accepted(newcomer):
    s = newcomer()
    answer = s.log_in()
    assert answer.status == 201 and answer.json["bound"] is False
    assert set(answer.json) == {"token", "expires_at", "bound"}
    answer = s.call("GET", "/api/v1/session")
    assert answer.status == 200 and answer.json == {"bound": False, "verified": False, "student": None}
    answer = s.verify()
    assert answer.status == 200 and answer.json == {"state": "passed", "reason": None}
    assert s.call("GET", "/api/v1/session").json["verified"] is True
    answer = s.ask_code()
    assert answer.status == 202 and answer.json == {"retry_after_s": 60, "expires_in_s": 300}
    old = s.token
    answer = s.bind()
    assert answer.status == 201
    card = answer.json["student"]
    assert card["name"] == s.row["XM"] and card["student_number"] == s.row["XH"]
    assert card["school"] == s.row["YXMC"]
    assert card["id_number"] == s.row["SFZH"][:3] + "*" * 11 + s.row["SFZH"][-4:]
    assert card["phone"] == s.phone[:3] + "****" + s.phone[-4:]
    assert s.token != old
    assert s.http.call("GET", "/api/v1/session", headers={"Authorization": f"Bearer {old}"}).status == 401
    assert s.call("GET", "/api/v1/session").json["student"] == card
    assert s.call("GET", "/api/v1/identity/binding").json["student"] == card
    answer = s.submit()
    assert answer.status == 202 and answer.json["state"] == "received"
    submission_id = answer.json["submission_id"]
    assert UUID.match(submission_id)
    assert answer.headers["Location"] == f"/api/v1/submissions/{submission_id}"
    judged = s.judged(submission_id)
    assert judged["state"] == "accepted" and judged["revision"] == 1 and judged["findings"] == []
    assert s.call("DELETE", "/api/v1/session").status == 204
    assert s.call("GET", "/api/v1/session").status == 401


def test_h5_log_in(newcomer):
    assert newcomer().log_in("h5").status == 201


def test_log_in_again_finds_the_binding(student):
    student.call("DELETE", "/api/v1/session")
    assert student.log_in().json["bound"] is True
    assert student.call("GET", "/api/v1/form").status == 200


@pytest.mark.parametrize("field,value,rule", [
    ("SYSZDDM", "440100", "area-leaf"),
    ("SYSZDDM", "440111x", "length"),
    ("SYSZDDM", "999999", "area-known"),
    ("ZZMMDM", "3", "code"),
    ("JTYB", "51063", "postcode"),
    ("DZYX", "nobody", "email"),
    ("SJHM", "13800000000", "phone-verified"),
    ("SJHM", "12345678901", "phone"),
    ("DXHWPDW", "某单位", "dxhwpdw-forbidden"),
    ("JTDZ", None, "required"),
    ("JTDZ", "", "required"),
    ("JTDZ", "路" * 121, "length"),
    ("QQHM", "1234", "qq"),
    ("YHKSZDDM", "440000", "household-level"),
])
def test_wrong_value_is_rejected_with_field_rule_and_cure(student_pool, field, value, rule):
    s = student_pool()
    answer = s.submit(**{field: value})
    assert answer.status == 202, answer
    judged = s.judged(answer.json["submission_id"])
    assert judged["state"] == "rejected"
    found = {(f["field"], f["rule"]): f for f in judged["findings"]}
    assert (field, rule) in found, judged
    assert found[field, rule]["severity"] == "reject"
    assert re.search("请|只有|已", found[field, rule]["message"]), "the message says what to do"


@pytest.fixture(scope="module")
def student_pool(system, people):
    """One bound student for many submissions."""
    from shengyuan import Student
    kept = Student(system, people()).ready()
    return lambda: kept


@pytest.mark.parametrize("code", ["441900", "442000", "460400", "620200", "440106"])
def test_prefectures_without_counties_are_leaves(student_pool, code):
    s = student_pool()
    assert s.judged(s.send(SYSZDDM=code))["state"] == "accepted"


def test_abolished_area_names_what_followed(student_pool):
    s = student_pool()
    judged = s.judged(s.send(SYSZDDM="440183"))  # 增城市, 增城区 since 2014
    finding = next(f for f in judged["findings"] if f["rule"] == "area-in-force")
    assert "440118" in finding["message"] and "增城区" in finding["message"]


def test_all_findings_come_at_once(student_pool):
    s = student_pool()
    judged = s.judged(s.send(JTYB="1", DZYX="x", ZZMMDM="99"))
    assert {f["field"] for f in judged["findings"]} == {"JTYB", "DZYX", "ZZMMDM"}


def test_commissioned_student_needs_the_unit(newcomer):
    s = newcomer(way="2").ready()
    assert s.judged(s.send(DXHWPDW=None))["findings"][0]["rule"] == "dxhwpdw-required"
    assert s.judged(s.send(DXHWPDW="示范县人民政府"))["state"] == "accepted"


def test_optional_fields_take_their_defaults(student_pool, system):
    s = student_pool()
    submission_id = s.send(KNSLBDM=None, QQHM=None, JTLXR="")
    assert s.judged(submission_id)["state"] == "accepted"
    shown = json.loads(system.syctl("--json", "record", "show", submission_id).stdout)["judgements"]
    record = next(j for j in shown if j["submission_id"] == submission_id)
    assert record["is_record"] and "qqhm" not in record["fields"]
    sent = next(json.loads(v) for *_, v, h in topic_messages(system, "submission.received")
                if v and h.get("ce_id") == submission_id.encode())
    assert len(record["fields"]["fields_sealed"]) > len(sent["fields_sealed"]), "hardship was filled in, and sealed again"
    whole = s.send()
    s.judged(whole)
    shown = json.loads(system.syctl("--json", "record", "show", whole).stdout)["judgements"]
    sent = next(json.loads(v) for *_, v, h in topic_messages(system, "submission.received")
                if v and h.get("ce_id") == whole.encode())
    assert next(j for j in shown if j["submission_id"] == whole)["fields"]["fields_sealed"] == sent["fields_sealed"]


def test_the_newest_accepted_is_the_record(newcomer, system):
    s = newcomer().ready()
    first = s.send()
    second = s.send(JTYB="510000")
    third = s.send(SYSZDDM="440100")
    assert s.judged(third)["revision"] == 3
    shown = json.loads(system.syctl("--json", "record", "show", first).stdout)["judgements"]
    assert [(j["revision"], j["outcome"], j["is_record"]) for j in shown] == [
        (3, "rejected", False), (2, "accepted", True), (1, "accepted", False)]
    assert shown[1]["submission_id"] == second


def test_events_tell_the_judgement_without_asking(student):
    submission_id = student.send()
    answer = student.call("GET", f"/api/v1/submissions/{submission_id}/events")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream")
    data = [line[5:].strip() for line in answer.body.decode().splitlines() if line.startswith("data:")]
    last = json.loads(data[-1])
    assert last["submission_id"] == submission_id and last["state"] == "accepted" and last["revision"] == 1


def test_form_has_what_a_client_shows(student):
    answer = student.call("GET", "/api/v1/form")
    form = answer.json
    assert [part["id"] for part in form["parts"]] == ["school", "person", "other"]
    fields = {f["name"]: f for part in form["parts"] for f in part["fields"]}
    assert len(fields) >= 41
    assert fields["XM"]["value"] == student.row["XM"] and fields["XM"]["editable"] is False
    assert fields["SFZH"]["value"] == student.row["SFZH"][:3] + "*" * 11 + student.row["SFZH"][-4:]
    assert fields["BYSJ"]["value"] == "202706" and fields["BYSJ"]["editable"] is False
    assert fields["SYSZDDM"]["editable"] and fields["SYSZDDM"]["required"] and fields["SYSZDDM"]["max_length"] == 6
    again = student.call("GET", "/api/v1/form", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304 and not again.body


def test_codes(student):
    rows = student.call("GET", "/api/v1/codes/ZZMMDM").json["rows"]
    assert {"code": "01", "name": "中共党员"} in rows
    provinces = student.call("GET", "/api/v1/codes/SYSZDDM")
    assert len(provinces.json["rows"]) == 34
    assert student.call("GET", "/api/v1/codes/SYSZDDM",
                        headers={"If-None-Match": provinces.headers["ETag"]}).status == 304
    below = student.call("GET", "/api/v1/codes/SYSZDDM?parent=440000").json["rows"]
    assert {"code": "441900", "name": "东莞市", "leaf": True} in below
    counties = student.call("GET", "/api/v1/codes/SYSZDDM?parent=440100").json["rows"]
    assert {"code": "440106", "name": "天河区", "leaf": True} in counties
    assert student.call("GET", "/api/v1/codes/NOSUCH").status == 404
    assert student.call("GET", "/api/v1/codes/SYSZDDM?parent=44").status in (400, 422)


def test_draft(student):
    first = student.call("GET", "/api/v1/draft")
    assert first.status == 200 and first.json["fields"] == {}
    etag = first.headers["ETag"]
    assert student.call("PUT", "/api/v1/draft", {"fields": {}}).status == 428
    stored = student.call("PUT", "/api/v1/draft", {"fields": {"JTDZ": "半个地"}}, {"If-Match": etag})
    assert stored.status == 200
    stale = student.call("PUT", "/api/v1/draft", {"fields": {}}, {"If-Match": etag})
    assert stale.status == 412 and stale.problem == "stale"
    read = student.call("GET", "/api/v1/draft")
    assert read.json["fields"] == {"JTDZ": "半个地"} and read.headers["ETag"] == stored.headers["ETag"]
    assert student.call("GET", "/api/v1/draft", headers={"If-None-Match": read.headers["ETag"]}).status == 304
    unknown = student.call("PUT", "/api/v1/draft", {"fields": {"NOPE": "1"}}, {"If-Match": read.headers["ETag"]})
    assert unknown.status == 400 and unknown.problem == "unknown-member"
    long = student.call("PUT", "/api/v1/draft", {"fields": {"JTYB": "1" * 25}}, {"If-Match": read.headers["ETag"]})
    assert long.status == 422


def test_trace_runs_from_request_to_judgement(student, system):
    trace = secrets.token_hex(16)
    answer = student.call("POST", "/api/v1/submissions", {"fields": student.form()},
                          {"Idempotency-Key": "traced", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    submission_id = answer.json["submission_id"]
    student.judged(submission_id)
    with reader(system) as cursor:
        cursor.execute("SELECT count(*) FROM record.submission WHERE submission_id = %s", (submission_id,))
        assert cursor.fetchone()[0] == 1
    shown = json.loads(system.syctl("--json", "record", "show", submission_id).stdout)["judgements"][0]
    assert shown["traceparent"].split("-")[1] == trace

    def traced(topic):
        return [headers for *_, headers in topic_messages(system, topic)
                if headers.get("traceparent", b"").split(b"-")[1:2] == [trace.encode()]]
    assert len(traced("submission.received")) == 1
    assert wait_for("the judgement's message", lambda: len(traced("submission.judged")) == 1)
