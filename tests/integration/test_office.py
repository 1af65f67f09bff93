"""The review on the real system: college, school, province, and what the student sees of it."""
import concurrent.futures
import json
import uuid

import pytest

from servers import superuser, topic_messages
from shengyuan import Staff, Student, wait_for

COLLEGE = "信息工程学院"  # of demo.json's counsellor and college; college2 has another one
LOCKED = ("college_approved", "school_approved", "reported")


class Office:
    """Staff of the demo school, each with a session of their own, and what they do."""

    def __init__(self, system):
        self.system = system

    def staff(self, account):
        return Staff.of(self.system, account)

    def find(self, account, number, **query):
        """The list's row of a student number, or None."""
        parts = {"student_number": number, **query}
        answer = self.staff(account).call("GET", "/api/v1/office/reviews?" + "&".join(f"{k}={v}" for k, v in parts.items()))
        assert answer.status == 200, answer
        return next(iter(answer.json["rows"]), None)

    def decide(self, account, decisions, staff=None, **common):
        answer = (staff or self.staff(account)).call("POST", "/api/v1/office/reviews", {"decisions": decisions, **common})
        assert answer.status == 200, answer
        return answer.json["results"]

    def act(self, account, row, action, **more):
        (result,) = self.decide(account, [{"student_id": row["student_id"], "submission_id": row["submission_id"],
                                           "action": action, **more}])
        return result


@pytest.fixture(scope="module")
def office(system):
    return Office(system)


@pytest.fixture(scope="module")
def handed_in(system):
    """Makes students of the college whose first submission is accepted."""
    def make(count=1):
        rows = system.people(count, change=lambda row: row.update(SZYX=COLLEGE, PYFSDM="1"))
        students = [Student(system, row).ready() for row in rows]
        for s in students:
            s.submission = s.send()
        for s in students:
            assert s.judged(s.submission)["state"] == "accepted"
        return students
    return make


def report(student):
    answer = student.call("GET", "/api/v1/report")
    assert answer.status == 200, answer
    return answer.json


def test_the_whole_way_through(system, office, handed_in):
    (s,) = handed_in()
    number = s.row["XH"]
    row = office.find("college", number)
    assert (row["state"], row["revision"], row["submission_id"]) == ("submitted", 1, s.submission)

    # Returned with a reason: the student sees who and why, and hands in again.
    assert office.act("college", row, "return", reason_code="other", reason="请补全门牌号")["state"] == "returned"
    seen = report(s)
    assert (seen["state"], seen["by_level"], seen["reason_code"], seen["reason"]) == ("returned", "college", "other", "请补全门牌号")
    assert not seen["locked"]
    second = s.send(JTDZ="广东省广州市天河区示范路1号102室")
    assert s.judged(second)["state"] == "accepted"
    assert (report(s)["state"], report(s)["reason"]) == ("submitted", None)

    # A decision on the older revision is none any more.
    assert office.act("college", row, "approve") | {"detail": ""} == {
        "student_id": row["student_id"], "submission_id": s.submission, "status": 409, "result": "stale", "state": "submitted",
        "by_level": "college", "changed_at": seen["changed_at"], "detail": ""}
    row = office.find("college", number)
    assert office.act("college", row, "approve")["state"] == "college_approved"
    assert office.act("college", row, "approve")["status"] == 200, "the same again is done"

    # Locked: nothing to withdraw, nothing to hand in.
    answer = s.call("POST", "/api/v1/report/withdrawal")
    assert (answer.status, answer.problem) == (409, "locked")
    assert "学院退回" in answer.json["detail"]
    judged = s.judged(s.send(JTDZ="广东省广州市天河区示范路1号103室"))
    assert judged["state"] == "rejected"
    assert [f["rule"] for f in judged["findings"]] == ["locked"], judged
    assert report(s)["state"] == "college_approved"

    assert office.act("school", row, "approve")["state"] == "school_approved"
    answer = office.staff("school").call("POST", "/api/v1/office/reports")
    assert answer.status == 200 and row["student_id"] in {r["student_id"] for r in answer.json["results"]}, answer
    assert report(s)["state"] == "reported"
    refused = office.act("school", row, "return", reason_code="area")
    assert (refused["status"], refused["result"]) == (409, "not-allowed")
    assert "省级可以退回" in refused["detail"]
    assert office.act("province", row, "return", reason_code="area")["state"] == "returned"
    last = s.send()
    assert s.judged(last)["state"] == "accepted"
    seen = report(s)
    assert (seen["state"], seen["revision"]) == ("submitted", 4)
    assert [(e["event"], e["by_level"]) for e in reversed(seen["history"])] == [
        ("accepted", "student"), ("return", "college"), ("accepted", "student"), ("approve", "college"),
        ("rejected", "student"), ("approve", "school"), ("report", "school"), ("return", "province"), ("accepted", "student")]

    def told():
        values = [json.loads(value) for _, _, key, value, _ in topic_messages(system, "review.decided")
                  if key == row["student_id"].encode()]
        return sorted(values, key=lambda v: v["sequence"]) if len(values) >= 5 else None
    news = wait_for("the decisions on the topic", told)
    assert [(n["from"], n["to"], n["by_level"]) for n in news] == [
        ("submitted", "returned", "college"), ("submitted", "college_approved", "college"),
        ("college_approved", "school_approved", "school"), ("school_approved", "reported", "school"),
        ("reported", "returned", "province")]
    assert all("门牌号" not in json.dumps(n, ensure_ascii=False) for n in news), "staff's own words stay at home"


def test_one_record_as_staff_sees_it(office, handed_in):
    (s,) = handed_in()
    row = office.find("college", s.row["XH"])
    answer = office.staff("college").call("GET", f"/api/v1/office/reviews/{row['student_id']}")
    assert answer.status == 200, answer
    fields = {f["name"]: f for f in answer.json["fields"]}
    assert fields["SYSZDDM"]["value"] == "440106"
    assert fields["JTDZ"]["value"] == s.form()["JTDZ"]
    assert fields["XM"]["value"] == s.row["XM"]
    for name, clear in (("SFZH", s.row["SFZH"]), ("SJHM", s.phone), ("JTDH", s.form()["JTDH"])):
        assert fields[name]["masked"] and clear not in answer.body.decode(), name
        assert fields[name]["value"] != clear and "*" in fields[name]["value"], name
    answer = office.staff("province").call("GET", f"/api/v1/office/reviews/{row['student_id']}?campaign_id=2027-default")
    assert {f["name"] for f in answer.json["fields"] if f["masked"]} >= {"SFZH", "SJHM", "JTDZ", "KNSLBDM"}


def test_scopes_are_kept(office, handed_in):
    (s,) = handed_in()
    row = office.find("school", s.row["XH"])
    one = f"/api/v1/office/reviews/{row['student_id']}"
    for account, status in (("counsellor", 200), ("college", 200), ("school", 200), ("college2", 404), ("school2", 404)):
        assert office.staff(account).call("GET", one).status == status, account
        assert (office.staff(account).call("GET", "/api/v1/office/reviews?school_code=99901").status == 200) == (account != "school2")
    assert office.find("college2", s.row["XH"]) is None
    for account in ("college2", "school2"):
        assert office.act(account, row, "return", reason_code="area")["status"] == 404
        assert office.staff(account).call("GET", one).json["detail"] == "没有找到"
    assert office.staff("college").call("GET", "/api/v1/office/reviews?college=%E6%96%87").status == 404
    answer = office.staff("province").call("GET", "/api/v1/office/reviews")
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "school_code")
    assert office.find("province", s.row["XH"], school_code="99901")["student_id"] == row["student_id"]
    # A counsellor returns and does not approve; who can is said.
    refused = office.act("counsellor", row, "approve")
    assert (refused["status"], refused["detail"]) == (409, "现为“待学院审核”，辅导员不能审核通过。学院可以审核通过")
    assert office.act("counsellor", row, "return", reason_code="area")["state"] == "returned"
    assert office.staff("college").call("POST", "/api/v1/office/reports").status == 403


def test_many_at_once_each_answered_by_itself(office, handed_in):
    students = handed_in(4)
    rows = [office.find("college", s.row["XH"]) for s in students]
    good = [{"student_id": r["student_id"], "submission_id": r["submission_id"]} for r in rows]
    bad = [{"student_id": str(uuid.uuid4()), "submission_id": str(uuid.uuid4())},
           {"student_id": "no-id", "submission_id": "no-id"},
           {"student_id": rows[0]["student_id"], "submission_id": rows[1]["submission_id"]},
           {**good[3], "action": "return"},
           {**good[3], "action": "return", "reason_code": "other"},
           {**good[3], "action": "submit"},
           {**good[0]}]
    results = office.decide("college", good[:3] + bad, action="approve")
    assert [r["status"] for r in results] == [200, 200, 200, 404, 404, 404, 422, 422, 422, 422]
    assert [r.get("member") for r in results[6:]] == ["reason_code", "reason", "action", "student_id"]
    assert [report(s)["state"] for s in students] == ["college_approved"] * 3 + ["submitted"]
    answer = office.staff("college").call("POST", "/api/v1/office/reviews", {"action": "approve", "decisions": good * 126})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "decisions")


def test_progress_counts_what_the_lists_show(office, handed_in):
    handed_in(2)
    answer = office.staff("school").call("GET", "/api/v1/office/progress")
    assert answer.status == 200, answer
    total, colleges = answer.json["total"], answer.json["colleges"]
    assert total["students"] == sum(c["students"] for c in colleges) > 200
    assert total["passed"] == sum(total[state] for state in LOCKED)
    own = office.staff("college").call("GET", "/api/v1/office/progress").json
    assert [c["college"] for c in own["colleges"]] == [COLLEGE]

    def listed(state):
        count, after = 0, ""
        while after is not None:
            page = office.staff("college").call("GET", f"/api/v1/office/reviews?state={state}&limit=7" + (f"&after={after}" if after else ""))
            assert page.status == 200, page
            assert all(row["state"] == state and row["college"] == COLLEGE for row in page.json["rows"])
            count, after = count + len(page.json["rows"]), page.json["next"]
        return count
    counts = own["total"]
    assert {state: counts["missing" if state == "none" else state] for state in ("submitted", "returned", "none")} == {
        state: listed(state) for state in ("submitted", "returned", "none")}


def together(*calls):
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(call) for call in calls]]


def transitions(system, student_id):
    with superuser(system) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version, from_state::text, to_state::text FROM review.transition WHERE student_id = %s ORDER BY 1", (student_id,))
        return cursor.fetchall()


def test_of_two_at_once_one_decides(system, office, handed_in):
    """Approve against return against the student's withdrawal, by both copies: one after the other, or one refused."""
    college, school = (Staff.of(system, account) for account in ("college", "school"))
    for s in handed_in(4):
        row = office.find("college", s.row["XH"])
        one = [{"student_id": row["student_id"], "submission_id": row["submission_id"]}]
        approved, returned, withdrawn = together(
            lambda one=one: office.decide("", one, staff=college, action="approve")[0],
            lambda one=one: office.decide("", one, staff=school, action="return", reason_code="area")[0],
            lambda s=s: s.call("POST", "/api/v1/report/withdrawal"))
        rows = transitions(system, row["student_id"])
        assert len(rows) == sum((approved["status"] == 200, returned["status"] == 200, withdrawn.status == 200)), (rows, approved, returned, withdrawn)
        assert [r[0] for r in rows] == list(range(1, len(rows) + 1))
        assert all(a[2] == b[1] for a, b in zip(rows, rows[1:], strict=False)), rows
        assert report(s)["state"] == rows[-1][2]


def test_approving_while_a_newer_submission_is_judged(office, handed_in):
    """Either it was approved before, and the newer one is rejected; or the newer one is what has to be looked at."""
    for s in handed_in(3):
        row = office.find("college", s.row["XH"])
        newer, result = together(lambda s=s: s.send(JTDH="020-87654321"), lambda row=row: office.act("college", row, "approve"))
        outcome, seen = s.judged(newer)["state"], report(s)
        if outcome == "rejected":
            assert (result["status"], seen["state"], seen["revision"]) == (200, "college_approved", 1)
        else:
            assert (seen["state"], seen["submission_id"]) == ("submitted", newer)
            assert office.act("college", office.find("college", s.row["XH"]), "approve")["state"] == "college_approved"


def test_the_list_sees_what_the_table_says(system):
    """review.visible() is review_visible(): a newer revision is submitted, unless the school has vouched."""
    states = ("none", "submitted", "withdrawn", "returned", *LOCKED)
    a, b = str(uuid.uuid4()), str(uuid.uuid4())
    with superuser(system) as connection, connection.cursor() as cursor:
        for state in states:
            for accepted, decided, want in ((a, a, state), (b, a, state if state in LOCKED[1:] else "submitted"),
                                            (None, a, "none"), (a, None, "submitted"), (None, None, "none")):
                cursor.execute("SELECT review.visible(%s::uuid, %s::uuid, %s)", (accepted, decided, state))
                assert cursor.fetchone()[0] == want, (state, accepted, decided)


def test_an_application_is_decided_once_and_applied(system, office, handed_in):
    s, other = handed_in(2)

    def file(student, **body):
        answer = student.call("POST", "/api/v1/identity/appeals", {"message": "换了手机和微信号", **body})
        assert answer.status == 201, answer
        return answer.json["appeal_id"]
    unbind = file(s, kind="unbind", claims={})
    correction = file(other, kind="field_correction", claims={"field": "ZYMC", "wanted": "网络工程"})
    one = f"/api/v1/office/appeals/{unbind}"
    listed = office.staff("college").call("GET", "/api/v1/office/appeals?state=filed&kind=unbind&limit=100").json["rows"]
    assert unbind in {row["appeal_id"] for row in listed}
    shown = office.staff("school").call("GET", one)
    assert shown.status == 200, shown
    assert (shown.json["message"], shown.json["student"]["student_number"]) == ("换了手机和微信号", s.row["XH"])
    assert s.row["SFZH"] not in shown.body.decode()

    # Who may not says who may; out of scope is not there; a refusal has a reason, without numbers.
    refused = office.staff("college").call("POST", f"{one}/decision", {"decision": "accepted"})
    assert (refused.status, refused.json["detail"]) == (403, "“解除绑定”由学校处理")
    assert office.staff("school2").call("POST", f"{one}/decision", {"decision": "accepted"}).status == 404
    for body in ({"decision": "refused"}, {"decision": "refused", "reason": "证件号 110101199003070020 不对"}):
        assert office.staff("school").call("POST", f"{one}/decision", body).status == 422

    for status, decision in ((200, "accepted"), (200, "accepted"), (409, "refused")):
        answer = office.staff("school").call("POST", f"{one}/decision", {"decision": decision, "reason": "请核对"})
        assert answer.status == status, answer
    assert office.staff("school").call("GET", one).json["state"] == "accepted"
    wait_for("the account to be unbound", lambda: s.call("GET", "/api/v1/identity/binding").status == 403)
    told = s.call("GET", f"/api/v1/identity/appeals/{unbind}").json
    assert told["state"] == "accepted", told

    answer = office.staff("college").call("POST", f"/api/v1/office/appeals/{correction}/decision",
                                          {"decision": "refused", "reason": "学籍以录取名册为准"})
    assert (answer.status, answer.json["state"]) == (200, "refused"), answer
    told = wait_for("the refusal to be told", lambda: (a := other.call("GET", f"/api/v1/identity/appeals/{correction}").json)["state"] == "refused" and a)
    assert told["reason"] == "学籍以录取名册为准"
