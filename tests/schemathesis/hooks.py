"""Who is asking: students of the running system (RUN_DIR), given to schemathesis as tokens.

Three kinds, because one account can be on one step of the way only, and because some limits are per account:
  newcomers  logged in; a new one after a few calls (20 phone codes and 10 face checks an hour are an account's limit)
  starters   verified, with a phone code just sent: one for each binding that is meant to succeed
  bound      bound to a student: everything else; logged in again when their session has ended. One of them has a draft
             whose version is known, another one a code for a new phone, a third one a submission, a fourth one what can be withdrawn, a fifth one
             an application.
  staff      accounts of their own, logged in again a few times only: passwords take their time on purpose
Nothing is switched off in the product: limits that are met are answered 429, which the document says.
"""
import atexit
import collections
import json
import os
import pathlib
import random
import sys
import threading

import schemathesis

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import shengyuan  # noqa: E402
from shengyuan import Staff, Student, System, one_time_code, png_image  # noqa: E402

NEWCOMER_CALLS = 6
BOUND = 8
PEOPLE = 60
STAFF_OPERATIONS = ("showStaffSession", "closeStaffSession", "changeStaffPassword")
STAFF_LOGINS = 4
OFFICE_OPERATIONS = ("listReviews", "decideReviews", "showReview", "listReviewReasons", "reportSchool", "showProgress",
                     "listOfficeAppeals", "showOfficeAppeal", "decideAppeal")
RIGHT = 0.4
NEWCOMER_OPERATIONS = ("sendPhoneCode", "beginVerification", "completeVerification")

system = System(os.environ["RUN_DIR"])
lock = threading.RLock()
# Its own: hypothesis winds the module's generator back, and then people would come twice.
chance = shengyuan.random = random.Random()
stock = []
bound = []
asking = collections.Counter()
statuses = collections.defaultdict(collections.Counter)
newcomer = None
starter = None
mover = None
drafter = None
shower = None
withdrawer = None
applicants = {}
appeals = {}
staff = {}
logins = 0


class Asker(Student):
    """A student who may be idle for longer than the edge keeps a connection."""

    def call(self, *arguments, **named):
        self.http.close()
        self.inbox.close()
        return super().call(*arguments, **named)

    def log_in(self, *arguments, **named):
        self.http.close()
        return super().log_in(*arguments, **named)

    def read_code(self):
        self.inbox.close()
        return super().read_code()


class StaffAsker(Staff):
    def call(self, *arguments, **named):
        self.http.close()
        return super().call(*arguments, **named)


def take_person():
    if not stock:
        stock.extend(system.people(PEOPLE))
    return stock.pop()


def logged_in():
    student = Asker(system, take_person())
    answer = student.log_in()
    assert answer.status == 201, answer
    return student


def current_newcomer():
    """A new account after a few calls, or when its session was ended."""
    global newcomer
    if newcomer is None or newcomer.token is None or asking[newcomer.name] >= NEWCOMER_CALLS:
        newcomer = logged_in()
    asking[newcomer.name] += 1
    return newcomer


def current_starter():
    """Ready to be bound; a new one once it was, or after some tries (five wrong codes burn the right one)."""
    global starter
    if starter is None or starter.token is None or asking[starter.name] >= 4:
        starter = logged_in()
        assert starter.verify().status == 200
        assert starter.ask_code().status == 202
    asking[starter.name] += 1
    return starter


def current_bound():
    if len(bound) < BOUND:
        bound.append(kept(None))
    student = chance.choice(bound)
    if student.token is None:
        assert student.log_in().status == 201
    return student


def kept(student):
    """A bound student of one operation only, whose right values are known."""
    if student is None:
        return Asker(system, take_person()).ready()
    if student.token is None:
        assert student.log_in().status == 201
    return student


def current_mover():
    """Has been sent a code for a phone that is new."""
    global mover
    mover = kept(mover)
    if asking[mover.name] % 4 == 0:
        mover.phone = shengyuan.random_phone()
        if mover.ask_code().status == 429:
            mover = kept(None)
            mover.phone = shengyuan.random_phone()
            assert mover.ask_code().status == 202
    asking[mover.name] += 1
    return mover


def current_drafter():
    global drafter
    drafter = kept(drafter)
    return drafter


def current_shower():
    """Has sent a submission."""
    global shower
    fresh = shower is None
    shower = kept(shower)
    if fresh:
        shower.told = shower.send()
    return shower


def current_withdrawer():
    """Has, now and then, something that can be withdrawn."""
    global withdrawer
    withdrawer = kept(withdrawer)
    if asking[withdrawer.name] % 8 == 0:
        withdrawer.judged(withdrawer.send())
    asking[withdrawer.name] += 1
    return withdrawer


def current_applicant(name):
    """Has an application of its own for evidence to be sent to, another one to be cancelled."""
    applicants[name] = kept(applicants.get(name))
    if name not in appeals:
        answer = applicants[name].call("POST", "/api/v1/identity/appeals", {"kind": "unbind", "message": "换了微信", "claims": {}})
        assert answer.status == 201, answer
        appeals[name] = answer.json["appeal_id"]
    return applicants[name]


def current_staff(name):
    """One for each operation: one that is logged out, one whose password changes. After some times their sessions stay ended."""
    if name not in staff or (staff[name].csrf is None and asking[name] < STAFF_LOGINS):
        asking[name] += 1
        staff[name] = StaffAsker.new(system, "school" if name == "office" else "college")
        assert staff[name].log_in().status == 201
    return staff[name]


@schemathesis.auth(refresh_interval=None)
class Tokens:
    def get(self, case, context):
        name = case.operation.definition.raw.get("operationId")
        with lock:
            if name in STAFF_OPERATIONS:
                return current_staff(name)
            if name in OFFICE_OPERATIONS:
                return current_staff("office")
            own = {"bind": current_starter, "changePhone": current_mover, "saveDraft": current_drafter,
                   "showSubmission": current_shower, "followSubmission": current_shower, "withdrawReport": current_withdrawer,
                   **dict.fromkeys(("sendEvidence", "cancelAppeal"), lambda: current_applicant(name))}
            if name in own:
                return own[name]()
            return current_newcomer() if name in NEWCOMER_OPERATIONS else current_bound()

    def set(self, case, data, context):
        case.headers = case.headers or {}
        if isinstance(data, Staff):
            case.headers.update(data.credentials("GET"))
            return
        case.headers["Authorization"] = f"Bearer {data.token}"


def everybody():
    return [student for student in (newcomer, starter, mover, drafter, shower, withdrawer, *applicants.values(), *bound) if student is not None]


@schemathesis.hook
def after_call(context, case, response):
    """Counts the answer; a session that ended is not used again."""
    name = case.operation.definition.raw.get("operationId")
    statuses[name][str(response.status_code)] += 1
    if name in OFFICE_OPERATIONS:
        return
    if name in STAFF_OPERATIONS:
        with lock:
            if name in staff and (name == "closeStaffSession" and response.status_code == 204 or response.status_code == 401):
                staff[name].csrf = None
            elif name == "changeStaffPassword" and response.status_code == 200:
                staff[name].csrf = None
        return
    sent = (response.request.headers.get("Authorization") or "").removeprefix("Bearer ")
    ended = (name == "closeSession" and response.status_code == 204) or (name == "bind" and response.status_code == 201)
    if ended or response.status_code == 401:
        with lock:
            for student in everybody():
                if student.token == sent:
                    student.token = None


def text(value):
    """Without what no string of ours may have: noncharacters."""
    if isinstance(value, str):
        return "".join(c for c in value if ord(c) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(c) <= 0xFDEF)
    if isinstance(value, list):
        return [text(v) for v in value]
    return {text(k): text(v) for k, v in value.items()} if isinstance(value, dict) else value


@schemathesis.hook
def map_body(context, body):
    return text(body)


def right_body(name, body):
    """A body that no generator guesses."""
    consent = system.demo["consent_version"]
    if name == "openSession":
        return {"channel": "h5", "code": f"demo-st{chance.randrange(10 ** 12)}.1", "consent_version": consent}
    if name == "openStaffSession":
        who = StaffAsker.new(system).row
        asking[name] += 1
        return {"account": who["account"], "password": who["password"], "one_time_code": one_time_code(who["one_time_code_secret"])}
    if name == "changeStaffPassword":
        return {"password": staff[name].row["password"], "new_password": f"Fresh-{chance.randrange(10 ** 12)}-word"}
    if name == "bind":
        return starter.bind_body()
    if name == "changePhone":
        return {"phone": mover.phone, "phone_code": mover.read_code() or "000000"}
    if name == "sendPhoneCode":
        return {"phone": shengyuan.random_phone()}
    if name == "beginVerification":
        return {**body, "name": "陈示例", "id_number": "441900200409010019", "consent_version": consent}
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    """Some requests that are right by their schema are made right by their values as well."""
    name = case.operation.definition.raw.get("operationId")
    if not case.meta or not case.meta.generation.mode.is_positive or chance.random() > RIGHT:
        return
    with lock:
        if name in OFFICE_OPERATIONS and "office" in staff and case.headers and "X-CSRF-Token" in case.headers:
            case.headers["X-CSRF-Token"] = staff["office"].csrf
        if name in STAFF_OPERATIONS and name in staff and staff[name].csrf and case.headers and "X-CSRF-Token" in case.headers:
            case.headers["X-CSRF-Token"] = staff[name].csrf
        if name in ("openStaffSession", "changeStaffPassword") and asking[name] > STAFF_LOGINS:
            return
        if name == "saveDraft":
            case.headers["If-Match"] = drafter.call("GET", "/api/v1/draft").headers["ETag"]
        elif name in ("showSubmission", "followSubmission"):
            case.path_parameters["id"] = shower.told
        elif name == "completeVerification" and newcomer and newcomer.token:
            begun = newcomer.call("POST", "/api/v1/identity/verifications", {
                "category": "mainland", "name": "陈示例", "id_type": "IDENTITY_CARD", "id_number": "441900200409010019",
                "consent_version": system.demo["consent_version"]})
            if begun.status == 201:
                case.path_parameters["id"] = begun.json["verification_id"]
        elif name == "cancelAppeal":
            case.path_parameters["id"] = appeals[name]
        elif name == "sendEvidence":
            case.path_parameters["id"] = appeals[name]
            case.media_type, case.body = "image/png", png_image(9, 7)
        elif name == "showReview" and "office" in staff:
            rows = staff["office"].call("GET", "/api/v1/office/reviews?limit=1").json["rows"]
            case.path_parameters["id"] = rows[0]["student_id"]
        elif isinstance(case.body, dict):
            case.body = right_body(name, case.body)


@atexit.register
def tell():
    """For run.py: what was answered to what."""
    if "STATUS_COUNTS" in os.environ:
        pathlib.Path(os.environ["STATUS_COUNTS"]).write_text(json.dumps(statuses))
