"""Ways into the school roll beside the face check: 港澳台, the school's confirmation, applications, consents."""
import json
import random
import time
import uuid

import pytest

from servers import publish, redis_of, superuser, topic_messages
from shengyuan import Student, png_image, random_phone, wait_for

PERMITS = {  # document type: a number of its form
    "HM_TRAVEL_PERMIT": lambda: f"H{random.randrange(10**8):08d}",
    "TW_TRAVEL_PERMIT": lambda: f"{random.randrange(10**8):08d}",
}
ABROAD = {"HM_TRAVEL_PERMIT": "+8526", "TW_TRAVEL_PERMIT": "+8869"}


def permit_holder(system, kind, **change):
    """A student of the roll with such a document, logged in; no face check anywhere."""
    def edit(row):
        row.update(ZJLX=kind, SFZH=PERMITS[kind](), PYFSDM="1", **change)
    s = Student(system, system.people(1, change=edit)[0])
    assert s.log_in().status == 201
    return s


@pytest.mark.parametrize("kind", PERMITS)
@pytest.mark.parametrize("by", ["name", "student_number"])
def test_hmt_binds_without_a_face_check(system, kind, by):
    s = permit_holder(system, kind)
    if by == "student_number":
        s.phone = ABROAD[kind] + f"{random.randrange(10**(8 if kind[0] == 'T' else 7)):0{8 if kind[0] == 'T' else 7}d}"
    assert s.ask_code().status == 202
    more = {"school_code": s.row["YXDM"], "student_number": s.row["XH"]} if by == "student_number" else {}
    wrong = s.bind(category="hmt", by=by, **{**more, **({"name": "别的名字"} if by == "name" else {"student_number": "0"})})
    assert (wrong.status, wrong.problem) == (404, "roster-no-match")
    answer = s.bind(category="hmt", by=by, **more)
    assert answer.status == 201, answer
    assert answer.json["student"]["student_number"] == s.row["XH"]
    assert s.row["SFZH"] not in answer.body.decode() and s.phone not in answer.body.decode()
    assert s.call("GET", "/api/v1/session").json["bound"] is True
    second = Student(system, s.row)
    second.log_in()
    second.ask_code()
    again = second.bind(category="hmt")
    assert (again.status, again.problem) == (409, "already-bound")


def test_hmt_does_not_open_other_doors(system, newcomer):
    s = permit_holder(system, "HM_TRAVEL_PERMIT")
    s.ask_code()
    for change in ({"category": "mainland"}, {"category": "hmt", "id_type": "PASSPORT"},
                   {"category": "hmt", "id_type": "FOREIGN_PR"}, {"category": "hmt", "phone_code": "000000"}):
        assert s.bind(**change).status in (403, 422), change
    assert s.call("GET", "/api/v1/identity/binding").status == 403
    card = newcomer()
    card.log_in()
    card.phone = "+85261234567"
    assert card.ask_code().status == 202, "what it is for is not known yet"
    card.verify()
    answer = card.bind()
    assert answer.status == 422 and [e["field"] for e in answer.json["errors"]] == ["phone"]
    for kind, number in (("HM_TRAVEL_PERMIT", "X12345678"), ("TW_TRAVEL_PERMIT", "1234567")):
        answer = s.bind(category="hmt", id_type=kind, id_number=number)
        assert answer.status == 422 and number not in answer.body.decode()


def test_hmt_has_the_limits_of_everybody(system):
    s = permit_holder(system, "TW_TRAVEL_PERMIT")
    s.ask_code()
    for _ in range(10):
        assert s.bind(category="hmt", name="别的名字").status == 404
    answer = s.bind(category="hmt")
    assert (answer.status, answer.problem) == (429, "too-many-tries")
    other = Student(system, s.row)
    other.log_in()
    other.ask_code()
    assert other.bind(category="hmt").problem == "too-many-tries", "the document has its own count"


def test_hmt_submits_with_a_phone_of_home(system):
    s = permit_holder(system, "HM_TRAVEL_PERMIT")
    s.phone = f"+8526{random.randrange(10**7):07d}"
    s.ask_code()
    assert s.bind(category="hmt").status == 201
    judged = s.judged(s.send(ZZMMDM="13"))
    assert not any("SJHM" in str(finding) for finding in judged.get("findings") or []), judged


# --- the school's decisions: office's part is played here, on its topic ---


def decide(system, s, appeal, decision="accepted", reason="", **change):
    """What office publishes; returns when binding has applied it."""
    message = {"version": 1, "appeal_id": appeal["appeal_id"], "account_id": account_of(system, appeal), "kind": appeal["kind"],
               "decision": decision, "reason": reason, "at_ms": int(time.time() * 1000), **change}
    headers = {"ce_specversion": "1.0", "ce_id": str(uuid.uuid4()), "ce_source": "/office",
               "ce_type": "cn.shengyuan.appeal.decided", "ce_time": "2026-11-25T00:00:00.000Z",
               "content-type": "application/json"}
    publish(system, "appeal.decided", message["account_id"].encode(), json.dumps(message).encode(), headers)
    return wait_for("the decision to be applied", lambda: shown(s, appeal)["state"] != "filed" and shown(s, appeal))


def account_of(system, appeal):
    connection = superuser(system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id FROM identity.appeal WHERE appeal_id = %s", (appeal["appeal_id"],))
        found = cursor.fetchone()[0]
    connection.close()
    return found


def shown(s, appeal):
    answer = s.call("GET", f"/api/v1/identity/appeals/{appeal['appeal_id']}")
    assert answer.status == 200, answer
    return answer.json


def file_appeal(s, kind, claims=None, message="请老师核对，谢谢", **change):
    return s.call("POST", "/api/v1/identity/appeals", {"kind": kind, "claims": claims or {}, "message": message, **change})


def lost_claims(row, **change):
    return {"name": row["XM"], "id_type": row["ZJLX"], "id_number": row["SFZH"], **change}


def logged_in(newcomer, **want):
    s = newcomer(**want)
    assert s.log_in().status == 201
    return s


def confirm_body(s, **change):
    return s.bind_body(confirmation="school", school_code=s.row["YXDM"], **change)


def test_without_face_the_school_confirms_and_binding_binds(system, newcomer):
    s = logged_in(newcomer)
    s.ask_code()
    answer = s.call("POST", "/api/v1/identity/binding", confirm_body(s))
    assert answer.status == 202, answer
    assert answer.json["state"] == "filed" and "学校确认" in answer.json["told"]
    assert s.call("GET", "/api/v1/identity/binding").status == 403
    again = s.call("POST", "/api/v1/identity/binding", confirm_body(s))
    assert (again.status, again.problem) == (422, "phone-code-wrong"), "the code is used up"
    appeal = {**answer.json, "kind": "identity_confirmation"}
    assert shown(s, appeal)["claims"]["phone"] == s.phone
    done = decide(system, s, appeal)
    assert (done["state"], [h["to"] for h in done["history"]]) == ("accepted", ["filed", "accepted"])
    wait_for("the session to know it", lambda: s.call("GET", "/api/v1/identity/binding").status == 200)
    assert s.call("GET", "/api/v1/identity/binding").json["student"]["student_number"] == s.row["XH"]
    assert [n["kind"] for n in s.call("GET", "/api/v1/identity/notices").json["notices"]] == ["bound"]
    assert s.judged(s.send())["state"] == "accepted"
    other = Student(system, s.row)
    other.log_in(), other.verify(), other.ask_code()
    assert other.bind().problem == "already-bound"


def test_foreign_permanent_residents_are_confirmed_by_the_school(system):
    def edit(row):
        row.update(ZJLX="FOREIGN_PR", SFZH=foreign_number(row), PYFSDM="1")
    s = Student(system, system.people(1, change=edit)[0])
    s.log_in(), s.ask_code()
    refused = s.bind()
    assert refused.status == 422 and [e["field"] for e in refused.json["errors"]] == ["id_type"]
    answer = s.call("POST", "/api/v1/identity/binding", confirm_body(s, by="student_number", student_number=s.row["XH"]))
    assert answer.status == 202, answer
    decide(system, s, {**answer.json, "kind": "identity_confirmation"})
    wait_for("the session to know it", lambda: s.call("GET", "/api/v1/identity/binding").status == 200)


def foreign_number(row):
    """The old form: three letters of the country and twelve digits, the last by a 7-3-1 check."""
    return "CAN110123456701"


def test_without_face_nobody_learns_whether_there_is_such_a_person(system, newcomer, student):
    known, taken, unknown = logged_in(newcomer), logged_in(newcomer), logged_in(newcomer)
    taken.row = student.row
    unknown.row = {**unknown.row, "SFZH": "110101199003070011"}
    answers = []
    for s in (known, taken, unknown):
        s.ask_code()
        answer = s.call("POST", "/api/v1/identity/binding", confirm_body(s))
        answers.append((answer.status, {k: v for k, v in answer.json.items() if k != "appeal_id"}))
    assert answers[0] == answers[1] == answers[2] and answers[0][0] == 202
    # Nor does an accepted one take what is another's, or bind to nobody.
    for s, outcome in ((taken, "绑定"), (unknown, "没有")):
        appeal = s.call("GET", "/api/v1/identity/appeals").json["appeals"][0]
        assert outcome in decide(system, s, appeal)["told"]
        assert s.call("GET", "/api/v1/identity/binding").status == 403
    assert student.call("GET", "/api/v1/identity/binding").status == 200


def test_refused_and_cancelled_confirmations_bind_nobody(system, newcomer):
    s = logged_in(newcomer)
    s.ask_code()
    first = {**s.call("POST", "/api/v1/identity/binding", confirm_body(s)).json, "kind": "identity_confirmation"}
    answer = s.call("POST", f"/api/v1/identity/appeals/{first['appeal_id']}/cancellation")
    assert answer.status == 200 and answer.json["state"] == "cancelled"
    again = s.call("POST", f"/api/v1/identity/appeals/{first['appeal_id']}/cancellation")
    assert (again.status, again.problem) == (409, "appeal-closed")
    assert decide(system, s, first)["state"] == "cancelled", "who cancelled has cancelled"
    store = redis_of(system)
    for key in store.scan_iter("lim:cool:*"):
        store.delete(key)
    s.ask_code()
    second = {**s.call("POST", "/api/v1/identity/binding", confirm_body(s)).json, "kind": "identity_confirmation"}
    done = decide(system, s, second, "refused", reason="请带学生证到学院办公室")
    assert (done["state"], done["reason"]) == ("refused", "请带学生证到学院办公室")
    assert s.call("GET", "/api/v1/identity/binding").status == 403


def test_unbind_frees_the_student_and_the_old_sessions_lose_it(system, student):
    second_device = Student(system, student.row, student.name)
    second_device.logins = 50
    second_device.log_in()
    appeal = file_appeal(student, "unbind").json
    assert appeal["state"] == "filed" and student.call("GET", "/api/v1/form").status == 200
    done = decide(system, student, appeal)
    assert done["state"] == "accepted" and "解除绑定" in done["told"]
    for s in (student, second_device):
        wait_for("the session to lose it", lambda s=s: s.call("GET", "/api/v1/form").status == 403)
        assert s.submit().status == 403
    assert [n["kind"] for n in student.call("GET", "/api/v1/identity/notices").json["notices"]] == ["unbound"]
    later = Student(system, student.row, student.name)
    later.logins = 60
    assert later.log_in().json["bound"] is False
    rebound = Student(system, student.row)
    rebound.ready()
    assert rebound.call("GET", "/api/v1/form").status == 200
    # The decision once more, as after a crash: what was bound since stays bound.
    message_again(system, appeal)
    assert rebound.call("GET", "/api/v1/form").status == 200 and student.call("GET", "/api/v1/form").status == 403


def message_again(system, appeal):
    """All of the topic's messages about it, once more, and one behind them whose effect can be seen."""
    for *_, key, value, headers in topic_messages(system, "appeal.decided"):
        if value and appeal["appeal_id"].encode() in value:
            publish(system, "appeal.decided", key, value, headers)
            publish(system, "appeal.decided", key, b"{}", headers)
            break
    else:
        raise AssertionError("no decision to repeat")
    wait_for("the message behind it to be buried", lambda: any(
        k == key for *_, k, v, h in topic_messages(system, "appeal.decided.dlq")))


def test_a_lost_account_is_released_for_the_one_who_asked_and_for_nobody_else(system, student, newcomer):
    thief, owner = logged_in(newcomer), Student(system, student.row)
    owner.log_in()
    claims = lost_claims(student.row)
    answer = file_appeal(owner, "lost_account", claims, school_code=student.row["YXDM"])
    assert answer.status == 201 and "student_id" not in answer.json, answer
    assert [n["kind"] for n in student.call("GET", "/api/v1/identity/notices").json["notices"]] == ["release_asked"]
    owner.verify(), owner.ask_code()
    assert owner.bind().problem == "already-bound", "filed is not accepted"
    decide(system, owner, answer.json)
    wait_for("the earlier owner's session to lose it", lambda: student.call("GET", "/api/v1/form").status == 403)
    assert [n["kind"] for n in student.call("GET", "/api/v1/identity/notices").json["notices"]] == ["unbound", "release_asked"]
    # The earlier owner (who passed the face check of it before) and a stranger cannot come first.
    for one in (student, thief):
        one.row = student.row
        one.phone = random_phone()
        one.verify(), one.ask_code()
        assert one.bind().problem == "already-bound"
    assert owner.bind().status == 201
    assert owner.call("GET", "/api/v1/identity/binding").json["student"]["student_number"] == student.row["XH"]


def test_an_application_gives_no_way_to_anothers_record(system, student, newcomer):
    """Claims about another, another's decision, another's application: nothing of the victim changes."""
    s = logged_in(newcomer)
    unbind = file_appeal(s, "unbind")
    assert (unbind.status, unbind.problem) == (403, "binding-required")
    mine = file_appeal(s, "roster_mismatch", lost_claims(student.row), school_code=student.row["YXDM"]).json
    decide(system, s, mine)
    theirs = file_appeal(student, "unbind").json
    for method, tail in (("GET", ""), ("POST", "/cancellation")):
        assert s.call(method, f"/api/v1/identity/appeals/{theirs['appeal_id']}{tail}").status == 404
    # A decision that names another account or kind than the application's is set aside.
    before = len(topic_messages(system, "appeal.decided.dlq"))
    for change in ({"account_id": "f" * 32}, {"kind": "lost_account"}, {"appeal_id": str(uuid.uuid4())}):
        message = {"version": 1, "appeal_id": theirs["appeal_id"], "account_id": account_of(system, theirs),
                   "kind": "unbind", "decision": "accepted", "at_ms": 1, **change}
        publish(system, "appeal.decided", message["account_id"].encode(), json.dumps(message).encode(), {
            "ce_specversion": "1.0", "ce_id": str(uuid.uuid4()), "ce_source": "/office",
            "ce_type": "cn.shengyuan.appeal.decided", "ce_time": "2026-11-25T00:00:00.000Z",
            "content-type": "application/json"})
    wait_for("the three to be buried", lambda: len(topic_messages(system, "appeal.decided.dlq")) == before + 3)
    assert shown(student, theirs)["state"] == "filed" and student.call("GET", "/api/v1/form").status == 200
    assert s.call("GET", "/api/v1/identity/binding").status == 403


@pytest.mark.parametrize("kind,claims,status,fields", [
    ("nothing", {}, 422, ["kind"]), ("identity_confirmation", {}, 422, ["kind"]),
    ("roster_mismatch", {}, 422, ["school_code", "claims.name", "claims.id_type", "claims.id_number"]),
    ("major_missing", {"major_name": "新" * 61}, 422, ["school_code", "claims.major_name"]),
    ("major_missing", {"major_name": " x"}, 422, ["school_code", "claims.major_name"]),
    ("major_missing", {"colour": "x"}, 400, None), ("major_missing", {"major_name": 1}, 400, None),
    ("field_correction", {"field": "XM", "wanted": "x"}, 403, None), ("erasure", {"what": "x"}, 403, None),
])
def test_claims_by_kind(newcomer, kind, claims, status, fields):
    answer = file_appeal(logged_in(newcomer), kind, claims)
    assert answer.status == status and (fields is None or [e["field"] for e in answer.json["errors"]] == fields), answer


def test_field_corrections_are_one_open_of_each_field(student):
    first = file_appeal(student, "field_correction", {"field": "XM", "wanted": "新名字"})
    assert first.status == 201 and first.json["school_code"] == student.row["YXDM"]
    assert file_appeal(student, "field_correction", {"field": "XM", "wanted": "别的"}).problem == "appeal-open"
    assert file_appeal(student, "field_correction", {"field": "MZDM", "wanted": "02"}).status == 201
    assert file_appeal(student, "field_correction", {"field": "NONE", "wanted": "02"}).status == 422
    assert file_appeal(student, "erasure", {"what": "草稿"}, message="").status == 422
    listed = student.call("GET", "/api/v1/identity/appeals").json["appeals"]
    assert [a["claims"]["field"] for a in listed] == ["MZDM", "XM"]


def test_ten_applications_a_day(newcomer):
    s = logged_in(newcomer)
    statuses = []
    for n in range(11):
        answer = file_appeal(s, "major_missing", {"major_name": f"专业{n}"}, school_code=s.row["YXDM"])
        statuses.append(answer.status)
        if answer.status == 201:
            s.call("POST", f"/api/v1/identity/appeals/{answer.json['appeal_id']}/cancellation")
    assert statuses == [201] * 10 + [429]


# --- evidence ---


def send_image(s, appeal, data, kind="image/png"):
    return s.call("POST", f"/api/v1/identity/appeals/{appeal['appeal_id']}/evidence", raw=data, headers={"Content-Type": kind})


def open_appeal(s):
    answer = file_appeal(s, "major_missing", {"major_name": "示范学"}, school_code=s.row["YXDM"])
    assert answer.status == 201, answer
    return answer.json


def test_evidence_is_written_anew_and_kept_sealed(system, newcomer):
    s = logged_in(newcomer)
    appeal = open_appeal(s)
    data = png_image(300, 200, comment=b"camera-canary-4711", noise=True)
    assert len(data) > 128 * 1024, "more than any other call takes"
    first = send_image(s, appeal, data)
    assert first.status == 201 and first.json["media_type"] == "image/jpeg", first
    assert send_image(s, appeal, data).json["evidence_id"] == first.json["evidence_id"], "the same is the same"
    assert shown(s, appeal)["evidence"] == 1
    connection = superuser(system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT content, bytes, key_sealed FROM identity.evidence WHERE evidence_id = %s",
                       (first.json["evidence_id"],))
        content, size, key = cursor.fetchone()
    connection.close()
    content = bytes(content)
    assert size == first.json["bytes"] and size < len(content) < size + 100 and key.count(".") == 2
    assert not any(word in content for word in (b"camera-canary", b"JFIF", bytes.fromhex("ffd8ffe0"), b"\x89PNG"))
    for n in range(1, 4):
        assert send_image(s, appeal, png_image(20, 20 + n)).status == 201
    full = send_image(s, appeal, png_image(30, 30))
    assert (full.status, full.problem) == (409, "evidence-full")
    s.call("POST", f"/api/v1/identity/appeals/{appeal['appeal_id']}/cancellation")
    assert send_image(s, appeal, data).problem == "appeal-closed"


def test_what_is_no_image_is_refused_by_its_content(newcomer):
    s = logged_in(newcomer)
    appeal = open_appeal(s)
    good = png_image(40, 30)
    for data in (b"", b"%PDF-1.7", b"<svg/>", good[:-20], good[:8] + b"<?php 1", b"\xff\xd8\xff" + good, b"MZ\x90" * 1000,
                 png_image(20000, 1)):
        answer = send_image(s, appeal, data)
        assert answer.status == 422 and [e["field"] for e in answer.json["errors"]] == ["evidence"], (data[:20], answer)
    for kind in ("application/json", "image/gif", "text/html", "multipart/form-data; boundary=x"):
        assert send_image(s, appeal, good, kind).problem == "media-type"
    assert shown(s, appeal)["evidence"] == 0


def test_only_evidence_may_be_large(newcomer, student):
    s = logged_in(newcomer)
    appeal = open_appeal(s)
    five = 5 * 1024 * 1024
    assert send_image(s, appeal, bytes(five)).status == 422
    for path, size in ((f"/api/v1/identity/appeals/{appeal['appeal_id']}/evidence", five + 1),
                       ("/api/v1/identity/appeals", 64 * 1024 + 1), ("/api/v1/submissions", 64 * 1024 + 1),
                       (f"/api/v1/identity/appeals/{appeal['appeal_id']}/cancellation", 64 * 1024 + 1)):
        answer = student.call("POST", path, raw=b" " * size)
        assert (answer.status, answer.problem) == (413, "too-large"), (path, answer)
        student.http.close()


def test_own_data_is_all_there_and_only_ones_own(student, newcomer):
    secret = f"路{random.randrange(10**12)}号"
    student.judged(student.send(JTDZ=secret))
    file_appeal(student, "field_correction", {"field": "XM", "wanted": secret})
    answer = student.call("GET", "/api/v1/me/export")
    assert answer.status == 200, answer
    held = {}
    for one in answer.json["held"]:
        held.setdefault(one["table"], []).append(one)
    assert {"auth.account", "auth.consent", "identity.verification", "identity.consent", "identity.binding", "identity.appeal",
            "roster.student", "record.judgement"} <= set(held)
    assert held["roster.student"][0]["sealed"]["sfzh"] == student.row["SFZH"]
    assert held["identity.binding"][0]["sealed"]["phone"] == student.phone
    assert secret in held["record.judgement"][0]["sealed"]["fields"] and secret in held["identity.appeal"][0]["sealed"]["claims"]
    assert all(len(held[table]) == 1 for table in ("roster.student", "identity.binding", "auth.account"))
    assert not any(name.endswith(("_index", "_sealed")) for rows in held.values() for one in rows for name in one["row"])
    other = logged_in(newcomer).call("GET", "/api/v1/me/export")
    assert other.status == 200 and student.row["SFZH"] not in other.body.decode()
    assert {one["table"] for one in other.json["held"]} == {"auth.account", "auth.consent"}
