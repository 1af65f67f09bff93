"""Office as an attacker sees it: what lists and cursors tell, what may be sent along, and that nothing is decided unnoticed."""
import json
import uuid

import pytest

import table
from conftest import DOORS
from servers import superuser
from shengyuan import Http, Staff, Student

REVIEWS = "/api/v1/office/reviews"


def hand_in(system):
    """A student of college's college whose submission is accepted."""
    s = Student(system, system.people(1, change=lambda row: row.update(SZYX="信息工程学院", PYFSDM="1"))[0]).ready()
    assert s.judged(s.send())["state"] == "accepted"
    return s


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("row", [r for r in table.TABLE if r[3] == table.OFFICE and r[1] != "GET"], ids=lambda r: f"{r[1]} {r[2]}")
def test_no_call_of_staff_changes_anything_without_the_csrf_token(system, doors, door, row):
    service, method, path = row[:3]
    staff = Staff.of(system, "school")
    target = path.replace("{id}", str(uuid.uuid4()))
    for headers in ({}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": staff.cookies["sy_staff"]}):
        answer = Http(doors.base(door, service)).call(method, target, {}, {"Cookie": staff.credentials("GET")["Cookie"], **headers})
        assert (answer.status, answer.problem) == (403, "csrf"), (headers, answer)


def listed(staff, **query):
    answer = staff.call("GET", f"{REVIEWS}?" + "&".join(f"{name}={value}" for name, value in query.items()))
    assert answer.status == 200, answer
    return answer.json


def test_a_cursor_tells_nothing_of_who_is_not_one_s_own(system):
    """A page behind somebody else's student is as empty as one behind nobody."""
    other = system.people(1, change=lambda r: r.update(YXDM="99902", YXMC="另一所学校", XH="0"))[0]  # before all of ours
    college2 = system.people(1, change=lambda r: r.update(SZYX="经济管理学院", XH="00"))[0]
    foreign = listed(Staff.of(system, "school2"), student_number=other["XH"])["rows"][0]["student_id"]
    sibling = listed(Staff.of(system, "school"), student_number=college2["XH"])["rows"][0]["student_id"]
    nobody = listed(Staff.of(system, "college"), after=str(uuid.uuid4()))["rows"]
    assert nobody == []
    assert listed(Staff.of(system, "school"), after=foreign)["rows"] == nobody
    assert listed(Staff.of(system, "college"), after=sibling)["rows"] == nobody
    assert listed(Staff.of(system, "school"), after=sibling)["rows"] != nobody


def test_a_cursor_tells_nothing_of_other_schools_applications(system, people):
    system.people(1, change=lambda r: r.update(YXDM="99902", YXMC="另一所学校"))
    filed = []
    for school in ("99902", "99901"):
        s = Student(system, people())
        assert s.log_in().status == 201
        answer = s.call("POST", "/api/v1/identity/appeals", {"kind": "major_missing", "school_code": school, "message": "请补充",
                                                             "claims": {"major_name": "示例专业"}})
        assert answer.status == 201, answer
        filed.append(answer.json["appeal_id"])
    school = Staff.of(system, "school")
    for after in (filed[0], str(uuid.uuid4())):
        answer = school.call("GET", f"/api/v1/office/appeals?after={after}")
        assert answer.status == 200 and answer.json["rows"] == [], answer


def test_what_is_nobody_s_to_send(system):
    s = hand_in(system)
    staff = Staff.of(system, "college")
    row = listed(staff, student_number=s.row["XH"])["rows"][0]
    one = {"student_id": row["student_id"], "submission_id": row["submission_id"]}
    for more in ({"state": "reported"}, {"to": "reported"}, {"version": 1}, {"changed_by": "x"}, {"by_level": "province"},
                 {"school_code": "99902"}):
        assert staff.call("POST", REVIEWS, {"action": "approve", "decisions": [{**one, **more}]}).status == 400, more
        assert staff.call("POST", REVIEWS, {"action": "approve", "decisions": [one], **more}).status == 400, more
    for path in (f"{REVIEWS}?school_code=99902", f"{REVIEWS}?college=%E6%96%87%E5%AD%A6%E9%99%A2", f"{REVIEWS}?after=%27%20OR%20true"):
        assert staff.call("GET", path).status in (404, 422), path
    for path in (f"{REVIEWS}?school_code=99901&school_code=99902", f"{REVIEWS}?state=%00"):
        assert staff.call("GET", path).status == 400, path
    for name in (row["student_id"].upper(), row["student_id"][:-1], "..", row["student_id"] + "%00"):
        assert staff.call("GET", f"{REVIEWS}/{name}").status in (400, 404), name
    assert listed(staff, student_number=s.row["XH"])["rows"][0]["state"] == "submitted"


def test_nothing_is_decided_without_a_row_of_the_audit(system):
    """Approved, returned, handed in anew and withdrawn: who, what and on which revision, in the transaction of the decision."""
    s = hand_in(system)
    staff = Staff.of(system, "college")
    row = listed(staff, student_number=s.row["XH"])["rows"][0]
    for action in ("approve", "return"):
        answer = staff.call("POST", REVIEWS, {"action": action, "reason_code": "area" if action == "return" else "", "decisions": [
            {"student_id": row["student_id"], "submission_id": row["submission_id"]}]})
        assert answer.json["results"][0]["status"] == 200, answer
    s.judged(s.send())
    assert s.call("POST", "/api/v1/report/withdrawal").status == 200
    with superuser(system) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT action, actor, detail::jsonb->>'to' FROM audit.event WHERE subject = %s ORDER BY sequence", (row["student_id"],))
        rows = cursor.fetchall()
        assert [(r[0], r[2]) for r in rows] == [("review.approve", "college_approved"), ("review.return", "returned"),
                                                ("review.withdraw", "withdrawn")]
        cursor.execute("SELECT staff_id::text FROM staff.account WHERE account = 'college'")
        assert [r[1] for r in rows] == [cursor.fetchone()[0]] * 2 + ["student"]
        cursor.execute("SELECT count(*) FROM review.transition t WHERE NOT EXISTS (SELECT FROM audit.event e"
                       " WHERE e.subject = t.student_id::text AND e.action = 'review.' || t.action"
                       " AND e.detail::jsonb->>'campaign_id' = t.campaign_id AND (e.detail::jsonb->>'version')::int = t.version)")
        assert cursor.fetchone()[0] == 0
    assert json.loads(system.syctl("--json", "audit", "verify").stdout)["whole"]
