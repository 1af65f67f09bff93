"""Who may do what: every call × whose thing it is about × who calls, and the status that comes of it.

The calls are those that the programs print, the document describes and this table lists: test_access.py
compares the three.
"""
import subprocess

SERVICES = ("authorization", "binding", "intake", "notification", "office")
# Logged in only; face check passed; two of one school; one of another; and tokens that are no more.
STUDENTS = ("anonymous", "unbound", "verified", "a1", "a2", "b1", "expired", "logged-out", "rotated")
DEAD = ("anonymous", "expired", "logged-out", "rotated", "staff-out")
BOUND = ("a1", "a2", "b1")
# demo.json's: of one college its counsellor and its own; another college of that school; the school, another one; the
# province; and a session that was ended. A student's token is none for them, nor their cookie one for students.
STAFF = ("counsellor", "college", "college2", "school", "school2", "province")
PRINCIPALS = STUDENTS + STAFF + ("staff-out",)

PUBLIC, SESSION, BINDING, OFFICE = "public", "session", "binding", "staff"
# service, method, path, the step that has to be behind one, {whose thing: status for who is that far}
#   own, same (school), other (school), missing; "-" is a call that is about nobody's thing
TABLE = (
    ("authorization", "POST", "/api/v1/session", PUBLIC, {"-": 201}),
    ("authorization", "GET", "/api/v1/session", SESSION, {"own": 200}),
    ("authorization", "DELETE", "/api/v1/session", SESSION, {"own": 204}),
    # Who can be no account is told so before anything is asked of anybody; logging in is tests/integration/test_staff.py.
    ("authorization", "POST", "/api/v1/staff/session", PUBLIC, {"-": 422}),
    ("authorization", "GET", "/api/v1/staff/session", OFFICE, {"own": 200}),
    ("authorization", "DELETE", "/api/v1/staff/session", OFFICE, {"own": 204}),
    ("authorization", "PUT", "/api/v1/staff/password", OFFICE, {"own": 422}),
    ("binding", "POST", "/api/v1/identity/verifications", SESSION, {"own": 201}),
    ("binding", "POST", "/api/v1/identity/verifications/{id}/completion", SESSION,
     {"own": 200, "same": 404, "other": 404, "missing": 404}),
    ("binding", "POST", "/api/v1/identity/phone-codes", SESSION, {"own": 202}),
    # The person in the body: only one whose face check this account has passed; then once.
    ("binding", "POST", "/api/v1/identity/binding", SESSION,
     {"own": {"unbound": 403, "verified": 201, "a1": 409, "a2": 409, "b1": 409},
      "same": 403, "other": 403, "missing": 403}),
    ("binding", "GET", "/api/v1/identity/binding", BINDING, {"own": 200}),
    ("binding", "PUT", "/api/v1/identity/phone", BINDING, {"own": 200}),
    ("notification", "GET", "/api/v1/notice-consents", SESSION, {"own": 200}),
    ("notification", "POST", "/api/v1/notice-consents", SESSION, {"own": 200}),
    ("binding", "POST", "/api/v1/identity/appeals", SESSION, {"own": 201}),
    ("binding", "GET", "/api/v1/identity/appeals", SESSION, {"own": 200}),
    ("binding", "GET", "/api/v1/identity/appeals/{id}", SESSION,
     {"own": 200, "same": 404, "other": 404, "missing": 404}),
    ("binding", "POST", "/api/v1/identity/appeals/{id}/cancellation", SESSION,
     {"own": 200, "same": 404, "other": 404, "missing": 404}),
    ("binding", "POST", "/api/v1/identity/appeals/{id}/evidence", SESSION,
     {"own": 201, "same": 404, "other": 404, "missing": 404}),
    ("binding", "GET", "/api/v1/identity/notices", SESSION, {"own": 200}),
    ("binding", "GET", "/api/v1/me/export", SESSION, {"own": 200}),
    ("intake", "GET", "/api/v1/form", BINDING, {"own": 200}),
    ("intake", "GET", "/api/v1/codes/{table}", SESSION, {"-": 200, "missing": 404}),
    ("intake", "GET", "/api/v1/draft", BINDING, {"own": 200}),
    ("intake", "PUT", "/api/v1/draft", BINDING, {"own": 200}),
    ("intake", "POST", "/api/v1/submissions", BINDING, {"own": 202}),
    ("intake", "GET", "/api/v1/submissions/{id}", BINDING,
     {"own": 200, "same": 404, "other": 404, "missing": 404}),
    ("intake", "GET", "/api/v1/submissions/{id}/events", BINDING,
     {"own": 200, "same": 404, "other": 404, "missing": 404}),
    ("office", "GET", "/api/v1/report", BINDING, {"own": 200}),
    ("office", "POST", "/api/v1/report/withdrawal", BINDING, {"own": 200}),
    ("office", "GET", "/api/v1/office/reviews", OFFICE, {"own": {**dict.fromkeys(STAFF, 200), "province": 422}}),
    # What a decision is about is answered row by row: tests/integration/test_office.py.
    ("office", "POST", "/api/v1/office/reviews", OFFICE, {"-": 200}),
    # Of a student of the first college (same) and of the other school (other).
    ("office", "GET", "/api/v1/office/reviews/{id}", OFFICE,
     {"same": {**dict.fromkeys(STAFF, 200), "college2": 404, "school2": 404},
      "other": {**dict.fromkeys(STAFF, 404), "school2": 200, "province": 200}, "missing": 404}),
    ("office", "GET", "/api/v1/office/review-reasons", OFFICE, {"-": 200}),
    ("office", "POST", "/api/v1/office/reports", OFFICE, {"own": {**dict.fromkeys(STAFF, 403), "school": 200, "school2": 200}}),
    ("office", "GET", "/api/v1/office/progress", OFFICE, {"own": {**dict.fromkeys(STAFF, 200), "province": 422}}),
    ("office", "GET", "/api/v1/office/appeals", OFFICE, {"own": {**dict.fromkeys(STAFF, 200), "province": 422}}),
    # The application of a student of the first college.
    ("office", "GET", "/api/v1/office/appeals/{id}", OFFICE,
     {"same": {**dict.fromkeys(STAFF, 200), "college2": 404, "school2": 404}, "missing": 404}),
    # With a decision that is none: who may not decide is told so before.
    ("office", "POST", "/api/v1/office/appeals/{id}/decision", OFFICE,
     {"same": {"counsellor": 403, "college": 422, "college2": 404, "school": 422, "school2": 404, "province": 403}, "missing": 404}),
)


def status(row, target, who):
    """What the table says; None for a thing that this one cannot have."""
    _, _, path, step, cells = row
    cell = cells[target]
    if step != PUBLIC and (who in DEAD or (who in STAFF) != (step == OFFICE)):
        return 401
    if step == BINDING and who not in BOUND:
        return None if target == "own" and "{id}" in path else 403
    return cell.get(who) if isinstance(cell, dict) else cell


def cells(service=None):
    """(row, target, who, status) of every cell there is."""
    for row in TABLE:
        for target in row[4]:
            for who in PRINCIPALS:
                if service in (None, row[0]) and status(row, target, who) is not None:
                    yield row, target, who, status(row, target, who)


def printed(bin_dir):
    """{(service, method, path): access} as the programs themselves tell."""
    found = {}
    for program in sorted(bin_dir.glob("sy-*")):
        name = program.name.removeprefix("sy-")
        if name in ("gen-docs", "sandbox"):
            continue
        done = subprocess.run([str(program), "--print-routes"], capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            method, path, access = line.split()
            found[name, method, path] = access
    return found
