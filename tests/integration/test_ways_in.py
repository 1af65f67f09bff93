"""Ways into the school roll beside the face check: 港澳台, the school's confirmation, applications, consents."""
import random

import pytest

from shengyuan import Student

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
