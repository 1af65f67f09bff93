"""Log-in, face check, phone codes, binding: what is refused, in which order, how often."""
import concurrent.futures
import json
import random

import pytest

from checker import objects
from shengyuan import Student, random_phone, wait_for
from servers import redis_of


# --- log-in ---


def test_a_code_is_good_once(newcomer):
    s = newcomer()
    code = f"demo-{s.name}.1"
    assert s.log_in(code=code).status == 201
    again = s.log_in(code=code)
    assert again.status == 401 and again.problem == "login-code-invalid"


@pytest.mark.parametrize("code", ["nonsense", "demo-", "demo", "x" * 40])
def test_unknown_codes(newcomer, code):
    answer = newcomer().log_in(code=code)
    assert (answer.status, answer.problem) == (401, "login-code-invalid")


@pytest.mark.parametrize("change,status,word", [
    ({"channel": "fax"}, 422, "invalid-value"),
    ({"consent_version": "0"}, 422, "invalid-value"),
    ({"consent_version": None}, 400, "missing-member"),
    ({"code": 5}, 400, "malformed"),
    ({"role": "admin"}, 400, "unknown-member"),
])
def test_log_in_body(newcomer, change, status, word):
    s = newcomer()
    body = {"channel": "h5", "code": f"demo-{s.name}.1", "consent_version": s.consent, **change}
    answer = s.http.call("POST", "/api/v1/session", {k: v for k, v in body.items() if v is not None})
    assert (answer.status, answer.problem) == (status, word), answer


def test_five_sessions_the_oldest_goes(newcomer):
    s = newcomer()
    tokens = []
    for _ in range(6):
        s.log_in()
        tokens.append(s.token)
    statuses = [s.http.call("GET", "/api/v1/session", headers={"Authorization": f"Bearer {t}"}).status for t in tokens]
    assert statuses == [401, 200, 200, 200, 200, 200]


def test_token_is_not_in_redis(newcomer, system):
    s = newcomer()
    s.log_in()
    store = redis_of(system)
    for key in store.scan_iter():
        assert s.token.encode() not in key
        if store.type(key) == b"string":
            assert s.token.encode() not in store.get(key)


# --- face check ---


@pytest.mark.parametrize("suffix,reason", [("不符", "mismatch"), ("超时", "timeout"), ("取消", "cancelled")])
def test_face_check_failures_are_told(newcomer, suffix, reason):
    s = newcomer()
    s.log_in()
    answer = s.verify(name=s.row["XM"] + suffix)
    assert answer.status == 200 and answer.json == {"state": "failed", "reason": reason}
    assert s.call("GET", "/api/v1/session").json["verified"] is False
    s.ask_code()
    refused = s.bind()
    assert (refused.status, refused.problem) == (403, "face-required")
    assert s.verify().json["state"] == "passed", "may be tried again"


def wrong_digit(number):
    return number[:17] + ("0" if number[17] != "0" else "1")


@pytest.mark.parametrize("change", [
    {"category": "hmt"}, {"category": "hmt", "id_type": "HM_TRAVEL_PERMIT", "id_number": "H12345678"},
    {"category": "other"}, {"id_type": "PASSPORT"}, {"id_number": "44010619990230001X"}, {"id_number": "１" * 18},
    {"id_number": ""}, {"name": ""}, {"consent_version": "0"}, {"id_number": wrong_digit},
])
def test_face_check_values(newcomer, change):
    s = newcomer()
    s.log_in()
    change = {k: v(s.row["SFZH"]) if callable(v) else v for k, v in change.items()}
    answer = s.verify(**change)
    assert (answer.status, answer.problem) == (422, "invalid-value"), answer
    for number in (s.row["SFZH"], change.get("id_number") or "\0"):
        assert number not in answer.body.decode()


def test_lower_case_x_is_the_same_number(system, people):
    row = people()
    while not row["SFZH"].endswith("X"):
        row = people()
    s = Student(system, row)
    s.log_in()
    assert s.verify(id_number=row["SFZH"].lower()).json["state"] == "passed"
    s.ask_code()
    assert s.bind(id_number=row["SFZH"].lower()).status == 201


def test_verification_of_another_account_is_not_found(newcomer):
    a, b = newcomer(), newcomer()
    a.log_in(), b.log_in()
    mine = a.call("POST", "/api/v1/identity/verifications", {
        "category": "mainland", "name": a.row["XM"], "id_type": "IDENTITY_CARD", "id_number": a.row["SFZH"],
        "consent_version": a.consent}).json["verification_id"]
    assert b.call("POST", f"/api/v1/identity/verifications/{mine}/completion").status == 404
    assert a.call("POST", f"/api/v1/identity/verifications/{mine}/completion").json["state"] == "passed"


# --- phone codes ---


def verified(newcomer):
    s = newcomer()
    s.log_in()
    s.verify()
    return s


def test_cool_down(newcomer):
    s = verified(newcomer)
    assert s.ask_code().status == 202
    again = s.ask_code()
    assert again.status == 429 and 0 < int(again.headers["Retry-After"]) <= 60


@pytest.mark.parametrize("phone", ["", "1380013800", "138001380000", "12345678901", "+8613800138000", "1380013800a"])
def test_phone_values(newcomer, phone):
    s = verified(newcomer)
    s.phone = phone
    assert s.ask_code().status == 422


def skip_cool_down(system):
    store = redis_of(system)
    for key in store.scan_iter("lim:cool:*"):
        store.delete(key)


def test_five_an_hour(newcomer, system):
    s = verified(newcomer)
    for _ in range(5):
        assert s.ask_code().status == 202
        skip_cool_down(system)
    assert s.ask_code().status == 429
    other = verified(newcomer)
    other.phone = s.phone
    assert other.ask_code().status == 429, "the limit is the phone's"


def test_an_account_cannot_bother_many_phones(newcomer):
    s = verified(newcomer)
    statuses = []
    for _ in range(25):
        s.phone = random_phone()
        statuses.append(s.ask_code().status)
    assert statuses == [202] * 20 + [429] * 5


def test_five_wrong_tries_burn_the_code_and_a_new_one_does_not_help(newcomer, system):
    s = verified(newcomer)
    s.ask_code()
    right = s.read_code()
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(5):
        answer = s.bind(phone_code=wrong)
        assert (answer.status, answer.problem) == (422, "phone-code-wrong")
    answer = s.bind(phone_code=right)
    assert (answer.status, answer.problem) == (422, "phone-code-wrong"), "burnt"
    skip_cool_down(system)
    assert s.ask_code().status == 202
    answer = s.bind(phone_code=s.read_code())
    assert (answer.status, answer.problem) == (429, "too-many-tries")
    assert 0 < int(answer.headers["Retry-After"]) <= 3600


def test_parallel_wrong_tries_count_one_by_one(newcomer, system):
    s = verified(newcomer)
    s.ask_code()
    right = s.read_code()
    guesses = random.sample([f"{n:06d}" for n in range(1000000) if f"{n:06d}" != right], 19) + [right]

    def guess(code):
        one = Student(system, s.row)
        one.token, one.phone = s.token, s.phone
        return one.bind(phone_code=code).status
    with concurrent.futures.ThreadPoolExecutor(19) as pool:
        statuses = list(pool.map(guess, guesses[:19]))
    assert set(statuses) <= {422, 429} and statuses.count(422) >= 5
    assert s.bind(phone_code=right).status in (422, 429), "burnt by the guesses"


def test_code_of_another_session_or_an_older_one(newcomer, system):
    s, other = verified(newcomer), verified(newcomer)
    s.ask_code()
    old = s.read_code()
    other.phone = s.phone
    answer = other.bind(phone_code=old)
    assert (answer.status, answer.problem) == (422, "phone-code-wrong")
    skip_cool_down(system)
    s.ask_code()
    if s.read_code() != old:
        assert s.bind(phone_code=old).problem == "phone-code-wrong"
    assert s.bind().status == 201


def test_a_code_lives_five_minutes(newcomer, system):
    s = verified(newcomer)
    s.ask_code()
    store = redis_of(system)
    lives = [store.ttl(key) for key in store.scan_iter("otp:*")]
    assert lives and all(0 < life <= 300 for life in lives)
    for key in store.scan_iter("otp:*"):
        store.delete(key)
    assert s.bind().problem == "phone-code-wrong"


def test_used_up_by_a_binding_only(newcomer):
    s = verified(newcomer)
    s.ask_code()
    assert s.bind(name="别的名字").status == 404
    assert s.bind().status == 201


# --- binding ---


def test_order_of_refusals(newcomer, student):
    s = newcomer()
    s.log_in()
    answer = s.bind(phone="1", phone_code="x")
    assert (answer.status, answer.problem) == (403, "face-required")
    s.verify()
    answer = s.bind(phone="1")
    assert (answer.status, answer.problem) == (422, "invalid-value")
    answer = s.bind(phone_code="000000")
    assert (answer.status, answer.problem) == (422, "phone-code-wrong")
    s.ask_code()
    answer = s.bind(name="别的名字")
    assert (answer.status, answer.problem) == (404, "roster-no-match")


def test_already_bound(student, system):
    second = Student(system, student.row)
    second.log_in()
    second.verify()
    second.ask_code()
    answer = second.bind()
    assert (answer.status, answer.problem) == (409, "already-bound")


def test_by_student_number_the_name_may_differ(newcomer):
    s = verified(newcomer)
    s.ask_code()
    answer = s.bind(by="student_number", name="𠮷" + s.row["XM"], school_code=s.row["YXDM"],
                    student_number=s.row["XH"])
    assert answer.status == 201 and answer.json["student"]["name"] == s.row["XM"]


@pytest.mark.parametrize("change", [{"school_code": "99902"}, {"student_number": "1"}])
def test_by_student_number_no_match(newcomer, change):
    s = verified(newcomer)
    s.ask_code()
    answer = s.bind(by="student_number", **{"school_code": s.row["YXDM"], "student_number": s.row["XH"], **change})
    assert (answer.status, answer.problem) == (404, "roster-no-match")


def test_not_existing_and_not_matching_answer_alike(newcomer, system, people):
    stranger_row = dict(people())
    unknown = next(r for r in _unimported(system))
    a = Student(system, {**unknown, "PYFSDM": "1"})
    b = Student(system, stranger_row)
    answers = []
    for s, change in ((a, {}), (b, {"name": "别的名字"})):
        s.log_in()
        s.verify()
        s.ask_code()
        answers.append(s.bind(**change))
    bodies = [{k: v for k, v in x.json.items() if k != "traceId"} for x in answers]
    assert [x.status for x in answers] == [404, 404] and bodies[0] == bodies[1]


def _unimported(system):
    import csv
    import io
    text = system.syctl("people", "--count=3", f"--seed={random.randrange(1 << 31)}").stdout
    return csv.DictReader(io.StringIO(text))


def test_another_document_than_the_verified_one(newcomer):
    s, other = verified(newcomer), newcomer()
    s.ask_code()
    answer = s.bind(id_number=other.row["SFZH"], name=other.row["XM"])
    assert (answer.status, answer.problem) == (403, "face-required")


def test_calling_oneself_hmt_does_not_skip_the_face_check(newcomer):
    s = newcomer()
    s.log_in()
    s.ask_code()
    answer = s.bind(category="hmt")
    assert answer.status in (403, 422)
    answer = s.bind(category="hmt", id_type="IDENTITY_CARD")
    assert (answer.status, answer.problem) == (422, "invalid-value")


def test_ten_failed_matches_an_hour(newcomer):
    s = verified(newcomer)
    s.ask_code()
    for _ in range(10):
        assert s.bind(name="别的名字").status == 404
    answer = s.bind()
    assert (answer.status, answer.problem) == (429, "too-many-tries") and "Retry-After" in answer.headers


def test_unbound_has_no_card(newcomer):
    s = newcomer()
    s.log_in()
    answer = s.call("GET", "/api/v1/identity/binding")
    assert (answer.status, answer.problem) == (403, "binding-required")


def test_other_devices_learn_of_the_binding(newcomer, system):
    phone = newcomer()
    tablet = Student(system, phone.row, phone.name)
    tablet.logins = 100
    tablet.log_in()
    phone.ready()
    wait_for("the other session to be bound", lambda: tablet.call("GET", "/api/v1/form").status == 200)


def test_face_check_elsewhere_does_not_undo_the_binding(student, system):
    """Older or partial news never overwrites a binding."""
    other = Student(system, student.row, student.name)
    other.logins = 100
    other.log_in()
    assert other.verify().json["state"] == "passed"
    for _ in range(20):
        assert student.call("GET", "/api/v1/form").status == 200
    assert Student.log_in(other).json["bound"] is True


def test_change_of_phone(student):
    old, student.phone = student.phone, random_phone()
    student.ask_code()
    answer = student.call("PUT", "/api/v1/identity/phone", {"phone": student.phone, "phone_code": student.read_code()})
    assert answer.status == 200, answer
    assert student.call("GET", "/api/v1/identity/binding").json["student"]["phone"] == \
        student.phone[:3] + "****" + student.phone[-4:]
    judged = student.judged(student.send())
    assert judged["state"] == "accepted", "the new phone is the verified one"
    judged = student.judged(student.send(SJHM=old))
    assert judged["findings"][0]["rule"] == "phone-verified"


def test_binding_announces_through_an_outbox(newcomer, system):
    """While Kafka is away a binding is stored; the news follows when it is back."""
    from servers import held_down, topic_messages
    s = verified(newcomer)
    s.ask_code()
    with held_down(system, "kafka"):
        assert s.bind().status == 201

    def told():
        return [message for message in objects(topic_messages(system, "identity.changed"))
                if message.get("kind") == "bound" and message.get("student_id") in _student_ids(system, s)]
    wait_for("the news", told, 60)


def _student_ids(system, s):
    from servers import superuser
    connection = superuser(system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT student_id::text FROM roster.student WHERE xh = %s", (s.row["XH"],))
        ids = [row[0] for row in cursor.fetchall()]
    connection.close()
    return ids
