"""S1, S4, S39: every cell of table.py at both doors, and nothing that is not in the table."""
import hashlib
import hmac
import itertools
import re
import secrets
import socket
import urllib.parse
import uuid

import pytest

import table
from conftest import DOORS
from servers import redis_of
from shengyuan import Http, png_image, random_phone, Staff, Student, wait_for
from documents import OPENAPI

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "LOCK", "FOO")


APPEAL_FIELDS = itertools.cycle(OPENAPI["components"]["schemas"]["FieldName"]["enum"])


def appeal_body(s):
    """One that is open at most once: of another field each time."""
    return {"kind": "field_correction", "claims": {"field": next(APPEAL_FIELDS), "wanted": "x"}, "message": "x"}


class Cast:
    """The principals, and the things that are theirs."""

    def __init__(self, system, people):
        self.system, self.people = system, people
        self.other_school = None
        self.bound = {name: self.student("99902" if name[0] == "b" else "99901").ready()
                      for name in ("a1", "a2", "b1", "b2")}
        self.submissions = {name: s.send() for name, s in self.bound.items()}
        for name, s in self.bound.items():
            s.judged(self.submissions[name])
        self.verifications = {name: self.begin(s) for name, s in self.bound.items()}
        self.appeals = {name: self.appeal(s) for name, s in self.bound.items()}
        self.dead = {"expired": self.expired(), "logged-out": self.logged_out(), "rotated": self.rotated(),
                     "staff-out": self.staff_out()}

    def student(self, school=None):
        if school == "99901":  # of the college that demo.json's staff is of
            row = self.system.people(1, change=lambda r: r.update(SZYX="信息工程学院", PYFSDM="1"))[0]
            return Student(self.system, row)
        row = self.people()
        if school:
            row = self.system.people(1, change=lambda r: r.update(YXDM=school, YXMC="另一所学校", PYFSDM="1"))[0]
        return Student(self.system, row)

    def student_id(self, name):
        """As their school's list has it."""
        staff = Staff.of(self.system, "school2" if name[0] == "b" else "school")
        return staff.call("GET", f"/api/v1/office/reviews?student_number={self.bound[name].row['XH']}").json["rows"][0]["student_id"]

    def begin(self, s):
        answer = s.call("POST", "/api/v1/identity/verifications", {
            "category": "mainland", "name": s.row["XM"], "id_type": "IDENTITY_CARD", "id_number": s.row["SFZH"],
            "consent_version": s.consent})
        assert answer.status == 201, answer
        return answer.json["verification_id"]

    def appeal(self, s):
        answer = s.call("POST", "/api/v1/identity/appeals", appeal_body(s))
        assert answer.status == 201, answer
        return answer.json["appeal_id"]

    def expired(self):
        s = self.student()
        s.log_in()
        store = redis_of(self.system)
        key = f"sess:{hashlib.sha256(s.token.encode()).hexdigest()}"
        assert store.pexpire(key, 1)
        wait_for("the session to be over", lambda: not store.exists(key))
        return s

    def logged_out(self):
        s = self.student()
        s.log_in()
        assert s.call("DELETE", "/api/v1/session").status == 204
        return s

    def rotated(self):
        s = self.student()
        s.log_in()
        before = s.token
        for step in (s.verify, s.ask_code, s.bind):
            assert step().status in (200, 201, 202)
        assert s.token != before
        s.token = before
        return s

    def staff(self, who):
        """Another session of this member of staff: the record of the one that all tests share under a token of its own."""
        shared, store = Staff.of(self.system, who), redis_of(self.system)
        staff, token = Staff(self.system, who), secrets.token_hex(32)
        record = store.get(f"staff:{hashlib.sha256(shared.cookies['sy_staff'].encode()).hexdigest()}")
        store.set(f"staff:{hashlib.sha256(token.encode()).hexdigest()}", record, ex=600)
        staff.cookies, staff.csrf = {"sy_staff": token}, hmac.new(token.encode(), b"csrf", "sha256").hexdigest()
        return staff

    def staff_out(self):
        staff = self.staff("school")
        before = dict(staff.cookies), staff.csrf
        assert staff.call("DELETE", "/api/v1/staff/session").status == 204
        staff.cookies, staff.csrf = before
        return staff

    def caller(self, who):
        """Somebody who may be used up: what a call changes is theirs alone."""
        if who in table.STAFF:
            return self.staff(who)
        if who == "anonymous":
            return self.student()
        if who in self.dead:
            return self.dead[who]
        if who in self.bound:
            return self.bound[who]
        s = self.student()
        s.log_in()
        if who == "verified":
            assert s.verify().json["state"] == "passed"
        return s

    def owner(self, who, target):
        """Whose thing `target` is, seen by `who`; of those without a school everybody is another's."""
        if target == "own":
            return who
        school = who[0] if who in self.bound else "a"
        return {"same": {"a1": "a2", "a2": "a1", "b1": "b2"}.get(who, "a1"),
                "other": "b1" if school == "a" else "a1"}.get(target)


@pytest.fixture(scope="module")
def cast(system, people):
    return Cast(system, people)


def call(door, s, method, path, body=None, headers=None, raw=None):
    fields = dict(headers or {})
    if isinstance(s, Staff):
        fields.update(s.credentials(method))
    elif s.token:
        fields["Authorization"] = f"Bearer {s.token}"
    return Http(door).call(method, path, body, fields, raw)


# --- how each call is made: (path, body, headers) ---


def make_login(cast, s, who, target):
    s.logins += 1
    return "/api/v1/session", {"channel": "h5", "code": f"demo-{s.name}.{1000 + s.logins}",
                               "consent_version": s.consent}, None


def make_verification(cast, s, who, target):
    return "/api/v1/identity/verifications", {
        "category": "mainland", "name": s.row["XM"], "id_type": "IDENTITY_CARD", "id_number": s.row["SFZH"],
        "consent_version": s.consent}, None


def make_completion(cast, s, who, target):
    owner = cast.owner(who, target)
    if target == "own" and who in ("unbound", "verified"):
        key = cast.begin(s)
    else:
        key = cast.verifications.get(owner) or str(uuid.uuid4())
    return f"/api/v1/identity/verifications/{key}/completion", None, None


def make_binding(cast, s, who, target):
    if s.token and who not in table.DEAD:
        s.phone = random_phone()
        assert s.ask_code().status == 202
    body = s.bind_body()
    if target in ("same", "other"):
        row = cast.bound[cast.owner(who, target)].row
        body.update(name=row["XM"], id_number=row["SFZH"])
    elif target == "missing":
        body.update(id_number="11010119900307002X", name="查无此人")
    return "/api/v1/identity/binding", body, None


def make_phone(cast, s, who, target):
    phone, code = random_phone(), "000000"
    if who in table.BOUND:
        s.phone = phone
        assert s.ask_code().status == 202
        code = s.read_code()
    return "/api/v1/identity/phone", {"phone": phone, "phone_code": code}, None


def make_appeal(cast, s, who, target):
    body = appeal_body(s) if who in table.BOUND else {
        "kind": "major_missing", "school_code": s.row["YXDM"], "claims": {"major_name": "x"}, "message": "x"}
    return "/api/v1/identity/appeals", body, None


def make_appeal_of(tail):
    def make(cast, s, who, target):
        owner = cast.owner(who, target)
        key = cast.appeals.get(owner) or str(uuid.uuid4())
        if target == "own" and who not in table.DEAD and who not in table.STAFF and (tail or owner not in cast.appeals):
            key = s.call("POST", *make_appeal(cast, s, who, target)[:2]).json["appeal_id"]
        return f"/api/v1/identity/appeals/{key}{tail}", None, None
    return make


def make_draft(cast, s, who, target):
    answer = s.call("GET", "/api/v1/draft")
    return "/api/v1/draft", {"fields": {"JTYB": "510630"}}, {"If-Match": answer.headers.get("ETag") or '"draft-0"'}


def make_submission(cast, s, who, target):
    return "/api/v1/submissions", {"fields": s.form()}, {"Idempotency-Key": str(uuid.uuid4())}


def make_status(tail):
    def make(cast, s, who, target):
        owner = cast.owner(who, target)
        mine = cast.submissions["a1"]
        key = cast.submissions.get(owner) or mine[:-1] + ("0" if mine[-1] != "0" else "1")
        return f"/api/v1/submissions/{key}{tail}", None, None
    return make


def make_review(cast, s, who, target):
    owner = {"same": "a1", "other": "b1"}.get(target)
    key = cast.student_id(owner) if owner else str(uuid.uuid4())
    return f"/api/v1/office/reviews/{key}?campaign_id=2027-default", None, None


def make_decision(cast, s, who, target):
    return "/api/v1/office/reviews", {"action": "approve", "decisions": [
        {"student_id": str(uuid.uuid4()), "submission_id": str(uuid.uuid4())}]}, None


def make_office_appeal(tail, body=None):
    def make(cast, s, who, target):
        key = cast.appeals["a1"] if target == "same" else str(uuid.uuid4())
        return f"/api/v1/office/appeals/{key}{tail}", body, None
    return make


MAKE = {
    ("POST", "/api/v1/session"): make_login,
    ("POST", "/api/v1/staff/session"): lambda cast, s, who, target: (
        "/api/v1/staff/session", {"account": "No Account", "password": "x", "one_time_code": "123456"}, None),
    ("PUT", "/api/v1/staff/password"): lambda cast, s, who, target: (
        "/api/v1/staff/password", {"password": "x", "new_password": "short"}, None),
    ("POST", "/api/v1/identity/verifications"): make_verification,
    ("POST", "/api/v1/identity/verifications/{id}/completion"): make_completion,
    ("POST", "/api/v1/identity/phone-codes"):
        lambda cast, s, who, target: ("/api/v1/identity/phone-codes", {"phone": random_phone()}, None),
    ("POST", "/api/v1/identity/binding"): make_binding,
    ("PUT", "/api/v1/identity/phone"): make_phone,
    ("POST", "/api/v1/identity/appeals"): make_appeal,
    ("GET", "/api/v1/identity/appeals/{id}"): make_appeal_of(""),
    ("POST", "/api/v1/identity/appeals/{id}/cancellation"): make_appeal_of("/cancellation"),
    ("POST", "/api/v1/identity/appeals/{id}/evidence"):
        lambda cast, s, who, target: (*make_appeal_of("/evidence")(cast, s, who, target)[:2],
                                      {"Content-Type": "image/png"}, png_image(20, 20)),
    ("GET", "/api/v1/codes/{table}"):
        lambda cast, s, who, target: ("/api/v1/codes/" + ("NOTHING" if target == "missing" else "MZDM"), None, None),
    ("PUT", "/api/v1/draft"): make_draft,
    ("POST", "/api/v1/notice-consents"): lambda cast, s, who, target: ("/api/v1/notice-consents", {"result": True}, None),
    ("POST", "/api/v1/submissions"): make_submission,
    ("GET", "/api/v1/submissions/{id}"): make_status(""),
    ("GET", "/api/v1/submissions/{id}/events"): make_status("/events"),
    ("GET", "/api/v1/office/reviews/{id}"): make_review,
    ("POST", "/api/v1/office/reviews"): make_decision,
    ("GET", "/api/v1/office/appeals/{id}"): make_office_appeal(""),
    ("POST", "/api/v1/office/appeals/{id}/decision"): make_office_appeal("/decision", {"decision": "perhaps"}),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("row", table.TABLE, ids=lambda row: f"{row[1]} {row[2]}")
def test_every_cell(cast, doors, door, row):
    service, method, path = row[:3]
    wrong = []
    for _, target, who, expected in (c for c in table.cells() if c[0] is row):
        s = cast.caller(who)
        if method == "DELETE" and who in table.BOUND:  # one of their devices
            s = Student(cast.system, s.row, s.name)
            s.logins = 5000 + s.logins
            assert s.log_in(code=f"demo-{s.name}.{uuid.uuid4().int % 10**9}").status == 201
        # Staff who try a student's call send what somebody without a session would.
        sender = cast.student() if isinstance(s, Staff) and row[3] != table.OFFICE else s
        made = MAKE.get((method, path), lambda *_: (path, None, None))(cast, sender, who, target)
        answer = call(doors.base(door, service), s, method, *made)
        if answer.status != expected:
            wrong.append((target, who, expected, answer))
        elif expected == 401 and answer.problem != "unauthorized":
            wrong.append((target, who, "unauthorized", answer))
        if method == "POST" and path == "/api/v1/session":
            assert answer.json["token"] != getattr(s, "token", None), "a token that comes along is never adopted"
    assert not wrong, wrong


def test_three_lists_are_one(system):
    """What the programs answer, what the document describes, what the table decides."""
    printed = table.printed(system.bin)
    decided = {(row[0], row[1], row[2]): row[3] if row[3] in (table.PUBLIC, table.OFFICE) else "session" for row in table.TABLE}
    described = {(method.upper(), path): {"[]": "public", "[{'staff': []}]": "staff"}.get(str(operation.get("security")), "session")
                 for path, item in OPENAPI["paths"].items() for method, operation in item.items()
                 if method.upper() in METHODS}
    assert printed == decided
    assert {key[1:]: access for key, access in printed.items()} == described
    assert {key[0] for key in printed} == set(table.SERVICES)


def test_every_call_is_made():
    assert {(row[1], row[2]) for row in table.TABLE if row[1:3] not in [tuple(k) for k in MAKE]} == {
        (m, p) for m, p in (("GET", "/api/v1/session"), ("DELETE", "/api/v1/session"),
                            ("GET", "/api/v1/staff/session"), ("DELETE", "/api/v1/staff/session"),
                            ("GET", "/api/v1/identity/binding"), ("GET", "/api/v1/form"), ("GET", "/api/v1/draft"),
                            ("GET", "/api/v1/notice-consents"), ("GET", "/api/v1/identity/appeals"),
                            ("GET", "/api/v1/identity/notices"), ("GET", "/api/v1/me/export"),
                            ("GET", "/api/v1/report"), ("POST", "/api/v1/report/withdrawal"), ("GET", "/api/v1/office/reviews"),
                            ("GET", "/api/v1/office/review-reasons"), ("POST", "/api/v1/office/reports"),
                            ("GET", "/api/v1/office/progress"), ("GET", "/api/v1/office/appeals"))}
    count = sum(1 for _ in table.cells())
    assert count == sum(len(row[4]) * len(table.PRINCIPALS) for row in table.TABLE) - sum(
        2 for row in table.TABLE if row[3] == table.BINDING and "{id}" in row[2])


SAMPLE = {"id": "00000000-0000-8000-8000-000000000000", "table": "MZDM"}


def paths():
    return sorted({(row[0], row[2]) for row in table.TABLE})


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("service,path", paths())
def test_other_methods_are_refused(cast, doors, door, service, path):
    """S4: what is not in the table is 405, with what is in Allow; also with a good token."""
    known = {row[1] for row in table.TABLE if row[2] == path}
    filled = re.sub(r"\{(\w+)\}", lambda m: SAMPLE[m[1]], path)
    for method in METHODS:
        if method in known or method == "HEAD" and "GET" in known:
            continue
        answer = call(doors.base(door, service), cast.bound["a1"], method, filled)
        assert answer.status == 405, (method, answer)
        if method != "HEAD":
            assert answer.headers["Content-Type"] == "application/problem+json", (method, answer)
        assert set(answer.headers["Allow"].split(", ")) == known, (method, answer.headers["Allow"])


STRANGE = ("/", "/api", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/session/", "/api/v1/session/x", "/api/v1//form",
           "/api/v1/form/", "/api/v1/Form", "/API/v1/form", "/api/v2/form", "/api/v1/submissions/a/b",
           "/api/v1/submissions/a/events/b", "/api/v1/submissions//events", "/api/v1/staff", "/api/v1/staff/", "/api/v1/staff/sessions",
           "/api/v1/office/students", "/api/v1/identity", "/api/v1/identity/", "/livez", "/readyz", "/metrics",
           "/.git/config", "/api/v1/codes", "/api/v1/codes/", "/api/v1/codes/MZDM/x", "/inbox?phone=13800138000")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("path", STRANGE)
def test_other_paths_are_not_found(cast, doors, door, path):
    for service in table.SERVICES if door == "own" else ("edge",):
        if door == "edge" and path == "/":
            continue  # the page
        answer = call(doors.base(door, service), cast.bound["a1"], "GET", path)
        assert answer.status == 404, (service, answer)


# Percent-encoding, dots, double slashes: a path is taken as it is written or not at all.
def disguises(path):
    head, _, last = path.rpartition("/")
    return [f"{head}/%{ord(last[0]):02x}{last[1:]}", f"{head}/x/../{last}", f"{head}/./{last}", f"{head}/{last}%00",
            f"{head}/{last}%2f", f"{head}/..%2f{last}", f"{head}/{last}%ff", f"{head}/{last};x=1", f"{head}%2f{last}",
            f"{head}/{last}%20", f"//x{path}", f"{head}/{last}/.", f"{head}/%2e%2e/v1/{last}"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("service,path", [p for p in paths() if "{" not in p[1]])
def test_disguised_paths_lead_nowhere(cast, doors, door, service, path):
    """S29: at the service nothing is decoded; the edge may resolve dots, but never to a call with more rights."""
    for disguise in disguises(path):
        with socket.create_connection(("127.0.0.1", doors.port(door, service)), 5) as connection:
            connection.sendall(f"PROBE {disguise} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            connection.settimeout(5)
            data = connection.recv(65536)
        status = int(data[9:12])
        assert status in ((400, 404) if door == "own" else (400, 404, 405)), (disguise, data[:300])


@pytest.mark.parametrize("door", DOORS)
def test_no_cross_origin_reading(cast, doors, door):
    """S13 as far as there is something: no cookie is set or read, no origin is let in."""
    for origin in ("https://evil.example", "null"):
        answer = Http(doors.base(door, "intake")).call("GET", "/api/v1/form", headers={
            "Origin": origin, "Cookie": f"token={cast.bound['a1'].token}; session={cast.bound['a1'].token}"})
        assert answer.status == 401
        assert not any(name.lower().startswith("access-control") or name.lower() == "set-cookie"
                       for name in answer.headers)


def test_query_is_no_way_in(cast, doors):
    """A token in the query, twice in the head, or in another scheme is none."""
    token = cast.bound["a1"].token
    for door, (path, headers) in itertools.product(DOORS, (
            (f"/api/v1/form?access_token={token}", {}), (f"/api/v1/form?token={token}&Authorization=Bearer%20{token}", {}),
            ("/api/v1/form", {"Authorization": f"Basic {token}"}), ("/api/v1/form", {"Authorization": token}),
            ("/api/v1/form", {"X-Authorization": f"Bearer {token}"}),
            ("/api/v1/form", {"Authorization": f"Bearer {token}, Bearer {token}"}))):
        assert Http(doors.base(door, "intake")).call("GET", path, headers=headers).status == 401, (door, path, headers)
    for door in DOORS:
        with socket.create_connection(("127.0.0.1", doors.port(door, "intake")), 5) as connection:
            connection.sendall(f"GET /api/v1/form HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                               f"Authorization: Bearer {token}\r\n\r\n".encode())
            assert connection.recv(64)[9:12] in (b"400", b"401")


@pytest.mark.parametrize("door", DOORS)
def test_query_given_twice(cast, doors, door):
    """S29: `?parent=a&parent=b` has no meaning."""
    base = doors.base(door, "intake")
    s = cast.bound["a1"]
    assert call(base, s, "GET", "/api/v1/codes/SYSZDDM?parent=440000").status == 200
    for query in ("parent=440000&parent=110000", "parent=440000&parent=440000", "parent=44%000", "parent=%zz",
                  "parent=440000%00", "parent=%ff", "parent=..%2f"):
        answer = call(base, s, "GET", f"/api/v1/codes/SYSZDDM?{urllib.parse.quote(query, safe='=&%')}")
        assert answer.status in (400, 422), (query, answer)


def test_admin_port_has_three_pages(system, cast):
    """No personal data, nothing to change: not routes of the product, but doors all the same."""
    secrets = [cast.bound["a1"].token, cast.bound["a1"].row["SFZH"], cast.bound["a1"].phone, cast.bound["a1"].row["XM"]]
    for process in system.demo["processes"]:
        if not process["admin"]:
            continue
        http = Http(process["admin"])
        for path in ("/livez", "/readyz", "/metrics"):
            answer = http.call("GET", path)
            assert answer.status == 200, (process["name"], path)
            assert not any(secret.encode() in answer.body for secret in secrets), (process["name"], path)
            assert http.call("POST", path).status == 405
        for path in ("/", "/debug", "/metrics/x", "/api/v1/session", "/livez%00", "/../metrics"):
            assert http.call("GET", path).status in (400, 404), (process["name"], path)
