"""S10, S13, S14 for staff: what a cookie is worth, and what it takes besides."""
import pytest

from conftest import DOORS
from shengyuan import Http, Staff, Student

SESSION, PASSWORD = "/api/v1/staff/session", "/api/v1/staff/password"


@pytest.fixture(scope="module")
def staff(system):
    return Staff.of(system, "school")


def flips(text):
    """Each place of a token with another digit, and what else is nearly it."""
    for at, c in enumerate(text):
        yield text[:at] + ("0" if c != "0" else "1") + text[at + 1:]
    yield from (text[:-1], text + "0", text.upper(), f'"{text}"', f" {text}", text + "%00", "")


@pytest.mark.parametrize("door", DOORS)
def test_a_cookie_that_is_nearly_one_is_none(doors, staff, door):
    http, token = Http(doors.base(door, "authorization")), staff.cookies["sy_staff"]
    assert http.call("GET", SESSION, headers={"Cookie": f"sy_staff={token}"}).status == 200
    for wrong in flips(token):
        if wrong.strip(" ") == token:
            continue
        answer = http.call("GET", SESSION, headers={"Cookie": f"sy_staff={wrong}"})
        assert answer.status == 401 and "Set-Cookie" not in answer.headers, (wrong, answer)
    for cookie in (f"sy_staff={token}; sy_staff={token}", f"sy_staff=x; sy_staff={token}", f"SY_STAFF={token}",
                   f"__Host-sy_staff={token}", f"sy_staff_device={token}", token):
        assert http.call("GET", SESSION, headers={"Cookie": cookie}).status == 401, cookie
    assert http.call("GET", f"{SESSION}?sy_staff={token}").status == 401
    assert http.call("GET", SESSION, headers={"Authorization": f"Bearer {token}"}).status == 401


@pytest.mark.parametrize("door", DOORS)
def test_nothing_is_changed_without_the_csrf_token_of_this_session(system, doors, staff, door):
    http, other = Http(doors.base(door, "authorization")), Staff.of(system, "college")
    cookie = {"Cookie": f"sy_staff={staff.cookies['sy_staff']}"}
    body = {"password": "x", "new_password": "x"}
    for wrong in [*flips(staff.csrf), other.csrf, other.cookies["sy_staff"], staff.cookies["sy_staff"]]:
        if wrong.strip(" ") == staff.csrf:
            continue
        answer = http.call("PUT", PASSWORD, body, {**cookie, "X-CSRF-Token": wrong})
        assert answer.status == 403 and answer.problem == "csrf", (wrong, answer)
    assert http.call("DELETE", SESSION, headers=cookie).problem == "csrf"
    assert http.call("PUT", PASSWORD, body, {**cookie, "X-CSRF-Token": staff.csrf}).status == 422


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_other_sites_change_and_read_nothing(doors, staff, door, origin):
    """What a page of somebody else's can make a browser send: simple requests, with the cookie at most."""
    http = Http(doors.base(door, "authorization"))
    headers = {"Origin": origin, "Cookie": f"sy_staff={staff.cookies['sy_staff']}"}
    for kind, raw in (("text/plain", b'{"password":"x","new_password":"y"}'), ("application/x-www-form-urlencoded", b"password=x"),
                      ("multipart/form-data; boundary=x", b"--x--")):
        for method, path, status in (("POST", SESSION, 415), ("PUT", PASSWORD, 403), ("POST", PASSWORD, 405)):
            answer = http.call(method, path, headers={**headers, "Content-Type": kind}, raw=raw)
            assert answer.status == status and "Set-Cookie" not in answer.headers, (method, path, kind, answer)
    for method, path in (("GET", SESSION), ("OPTIONS", SESSION), ("OPTIONS", PASSWORD)):
        answer = http.call(method, path, headers={**headers, "Access-Control-Request-Method": "PUT",
                                                  "Access-Control-Request-Headers": "x-csrf-token"})
        assert not any(name.lower().startswith("access-control") for name in answer.headers), (method, path)
        assert answer.status == (200 if method == "GET" else 405)


def test_a_cookie_that_comes_along_is_never_adopted(system):
    somebody = Staff.new(system)
    preset = "ab" * 32
    somebody.cookies = {"sy_staff": preset}
    assert somebody.log_in().status == 201
    assert somebody.cookies["sy_staff"] != preset
    assert somebody.call("GET", SESSION, headers={"Cookie": f"sy_staff={preset}"}).status == 401


def test_students_and_staff_are_nothing_to_each_other(system, doors, staff, people):
    student = Student(system, people()).ready()
    for door in DOORS:
        http = Http(doors.base(door, "authorization"))
        assert http.call("GET", SESSION, headers={"Cookie": f"sy_staff={student.token}"}).status == 401
        assert http.call("GET", "/api/v1/session", headers={"Authorization": f"Bearer {staff.cookies['sy_staff']}"}).status == 401
