"""Each transition is told at most once, by WeChat or SMS, and what could not be told is listed."""
import contextlib
import datetime
import json
import random
import time
import uuid

import pytest

from crashing import crash_points, crashing
from servers import publish, superuser, topic_messages
from shengyuan import Staff, Student, wait_for

REJECTED = {"JTYB": "1"}  # a postcode of one digit
HEADERS = {"ce_specversion": "1.0", "ce_id": "x", "ce_source": "/tests", "ce_type": "cn.shengyuan.review.decided",
           "ce_time": "2026-11-23T00:00:00.000Z", "content-type": "application/json"}


@pytest.fixture
def told(newcomer):
    """A bound student whose openid ends as asked for, and who agrees to messages about results."""
    def make(ending="", consents=1, phone=None):
        student = newcomer()
        student.name += ending
        if phone:
            student.phone = phone
        student.ready()
        for _ in range(consents):
            answer = student.call("POST", "/api/v1/notice-consents", {"result": True, "closing": True})
            assert answer.status == 200, answer
        return student
    return make


def refuse(student):
    """A submission that is rejected; its id."""
    submission = student.send(**REJECTED)
    assert student.judged(submission)["state"] == "rejected"
    return submission


def inbox(student, channel):
    messages = student.inbox.call("GET", f"/inbox?openid=sandbox-{student.name}").json["messages"] if channel == "wechat" \
        else student.inbox.call("GET", f"/inbox?phone={student.phone}").json["messages"]
    return [m for m in messages if m["channel"] == channel and not m["code"]]


def query(system, text, *values):
    with contextlib.closing(superuser(system)) as connection, connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else None


def notice(system, transition):
    """(state, channel, outcome, tries) of a transition's only notice; None before there is one."""
    rows = query(system, "SELECT state, channel, outcome, tries FROM notification.notice WHERE transition = %s",
                 transition)
    assert len(rows) <= 1
    return rows[0] if rows else None


def ended(system, transition, seconds=30):
    """That, once it has come to its end."""
    def ask():
        row = notice(system, transition)
        return row if row and row[0] not in ("waiting", "sending") else None
    return wait_for("the notice's end", ask, seconds)


def waits(system, transition, outcome):
    wait_for(f"the notice to wait for {outcome}",
             lambda: (notice(system, transition) or ("",) * 4)[::2] == ("waiting", outcome))


def remaining(student, name="result"):
    shown = student.call("GET", "/api/v1/notice-consents").json["templates"]
    return next(t["remaining"] for t in shown if t["name"] == name)


def test_a_judgement_is_told_by_wechat_and_the_consent_is_used(system, told):
    student = told()
    submission = refuse(student)
    assert ended(system, submission) == ("sent", "wechat", "wechat", 1)
    (message,) = inbox(student, "wechat")
    assert message["template"] == "demo-result"
    assert "phrase2=需要修改;" in message["text"] and "thing4=有1项需修改，请打开小程序查看;" in message["text"]
    assert remaining(student) == 0 and inbox(student, "sms") == []


def test_without_consent_a_rejection_comes_by_sms_and_an_acceptance_is_not_worth_one(system, told):
    student = told(consents=0)
    rejected = refuse(student)
    assert ended(system, rejected) == ("sent", "sms", "sms", 1)
    (message,) = inbox(student, "sms")
    assert message["text"].endswith("：需要修改。")
    accepted = student.send()
    assert student.judged(accepted)["state"] == "accepted"
    assert ended(system, accepted)[::2] == ("skipped", "no-consent")
    assert len(inbox(student, "sms")) == 1
    listed = json.loads(system.syctl("--json", "notices", "list", "--state=skipped").stdout)["notices"]
    assert [n["outcome"] for n in listed if n["transition"] == accepted] == ["no-consent"]


def test_a_topic_that_comes_again_is_told_once(system, told):
    """Two copies, and every judgement of the topic once more."""
    student = told(consents=3)
    submission = refuse(student)
    ended(system, submission)
    before = query(system, "SELECT count(*) FROM notification.notice")[0][0]
    mine = [m for m in topic_messages(system, "submission.judged") if submission.encode() in m[3]]
    assert mine
    for partition, _, key, value, headers in mine * 20:
        publish(system, "submission.judged", key, value, headers, partition)
    last = refuse(student)  # the same student, the same partition: behind all of them
    assert ended(system, last)[0] == "sent"
    assert len(inbox(student, "wechat")) == 2 and remaining(student) == 1
    assert query(system, "SELECT count(*) FROM notification.notice WHERE transition = %s", submission) == [(1,)]
    assert query(system, "SELECT count(*) FROM notification.notice")[0][0] >= before + 1


@pytest.mark.parametrize("errcode,left", [(43101, 0), (40003, 2), (40037, 2), (41030, 2), (47003, 2), (45168, 2)])
def test_what_wechat_refuses_comes_by_sms(system, told, errcode, left):
    """43101 says that there is no consent whatever we counted; the others have used none."""
    student = told(f"-e{errcode}", consents=2)
    submission = refuse(student)
    assert ended(system, submission) == ("sent", "sms", "sms", 2)
    assert len(inbox(student, "sms")) == 1 and inbox(student, "wechat") == []
    assert remaining(student) == left


def test_a_quota_is_waited_for(system, told):
    student = told("-e45009")
    submission = refuse(student)
    waits(system, submission, "wechat-busy")
    wait_for("another try", lambda: notice(system, submission)[3] > 1)
    assert inbox(student, "sms") == [] and remaining(student) == 1


@pytest.mark.parametrize("prefix,end", [("1660", ("undeliverable", "sms", "sms-number")),
                                        ("1663", ("unknown", "sms", "no-answer"))])
def test_what_sms_does_not_deliver_is_listed(system, told, prefix, end):
    student = told(consents=0, phone=prefix + str(random.randrange(10**6, 10**7)))
    submission = refuse(student)
    assert ended(system, submission)[:3] == end
    assert len(inbox(student, "sms")) == (prefix == "1663"), "one that may have been sent is not sent again"
    listed = json.loads(system.syctl("--json", "notices", "list", f"--state={end[0]}").stdout)["notices"]
    assert [(n["kind"], n["outcome"]) for n in listed if n["transition"] == submission] == [("rejected", end[2])]


@pytest.mark.parametrize("prefix,outcome", [("1661", "sms-limited"), ("1662", "sms-busy")])
def test_what_sms_cannot_take_now_waits(system, told, prefix, outcome):
    student = told(consents=0, phone=prefix + str(random.randrange(10**6, 10**7)))
    waits(system, refuse(student), outcome)


def test_no_answer_from_wechat_is_never_followed_by_another_message(system, told):
    student = told("-lost", consents=2)
    submission = refuse(student)
    assert ended(system, submission)[:3] == ("unknown", "wechat", "no-answer")
    assert len(inbox(student, "wechat")) == 1 and inbox(student, "sms") == [] and remaining(student) == 1


def test_a_number_gets_one_notice_a_day(system, told):
    student = told(consents=0)
    assert ended(system, refuse(student))[0] == "sent"
    second = refuse(student)
    waits(system, second, "budget")
    (due,) = query(system, "SELECT due_at FROM notification.notice WHERE transition = %s", second)[0]
    china = datetime.timezone(datetime.timedelta(hours=8))
    tomorrow = datetime.datetime.now(china).date() + datetime.timedelta(days=1)
    assert due.astimezone(china) == datetime.datetime.combine(tomorrow, datetime.time(), china)
    assert len(inbox(student, "sms")) == 1


def test_quiet_hours_are_kept(system, told):
    """A copy for which it is night: what is made now waits for its morning."""
    student = told()
    hour = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).hour
    with crashing(system, "notification", "notification-2") as copies:
        copies.start("", f"--quiet-from-h={hour}", f"--quiet-to-h={(hour + 2) % 24}")
        submission = refuse(student)
        wait_for("the notice", lambda: notice(system, submission))
        (state, seconds) = query(system, "SELECT state, extract(epoch FROM due_at - now()) FROM notification.notice"
                                         " WHERE transition = %s", submission)[0]
        assert state == "waiting" and 3500 < seconds <= 7200
    assert inbox(student, "wechat") == []


def test_a_return_is_told_with_its_reason_cut_to_the_platforms_length(system, told):
    student = told(consents=2)
    submission = refuse(student)
    ended(system, submission)
    row = query(system, "SELECT student_id::text, campaign_id FROM record.judgement WHERE submission_id = %s", submission)[0]
    at_ms = int(time.time() * 1000)
    event = {"version": 1, "student_id": row[0], "campaign_id": row[1], "submission_id": submission, "from": "submitted",
             "to": "returned", "reason": "户口所在地与身份证住址不一致，请核对后重新填写\n并附说明", "by_level": "college", "at_ms": at_ms}
    for _ in range(2):
        publish(system, "review.decided", row[0].encode(), json.dumps(event, ensure_ascii=False).encode(), HEADERS)
    assert ended(system, f"{submission}/{at_ms}")[0] == "sent"
    message = inbox(student, "wechat")[0]
    assert "phrase2=退回修改;" in message["text"]
    assert "thing4=户口所在地与身份证住址不一致，请核对后…;" in message["text"]
    assert len(inbox(student, "wechat")) == 2


def test_what_staff_decide_is_told_step_by_step(system, told):
    """Through office and its outbox: a return with its reason, then the approvals, each once."""
    row = system.people(1, change=lambda r: r.update(SZYX="信息工程学院", PYFSDM="1"))[0]
    student = Student(system, row).ready()
    for _ in range(5):
        student.call("POST", "/api/v1/notice-consents", {"result": True})

    def decide(account, submission, action, **more):
        (student_id,) = query(system, "SELECT student_id::text FROM record.judgement WHERE submission_id = %s", submission)[0]
        answer = Staff.of(system, account).call("POST", "/api/v1/office/reviews", {"decisions": [
            {"student_id": student_id, "submission_id": submission, "action": action, **more}]})
        assert answer.status == 200, answer
        return answer.json["results"][0]["state"]

    def told_of(count):
        return wait_for(f"{count} messages", lambda: len(inbox(student, "wechat")) >= count and inbox(student, "wechat"))[0]["text"]

    first = student.send()
    assert student.judged(first)["state"] == "accepted"
    assert "phrase2=核验通过;" in told_of(1)
    assert decide("college", first, "return", reason_code="other", reason="请补全门牌号") == "returned"
    assert "phrase2=退回修改;" in told_of(2) and "thing4=其他问题，请按说明修改;" in told_of(2), "what is typed stays with office"
    second = student.send(JTDZ="广东省广州市天河区示范路1号102室")
    assert student.judged(second)["state"] == "accepted"
    told_of(3)
    assert decide("college", second, "approve") == "college_approved"
    assert "phrase2=院系通过;" in told_of(4)
    assert decide("school", second, "approve") == "school_approved"
    assert "phrase2=学校通过;" in told_of(5)
    assert len(inbox(student, "wechat")) == 5 and remaining(student) == 0


def test_a_decided_application_is_told_to_the_account_that_filed_it(system, told):
    student = told(consents=0)
    student.call("POST", "/api/v1/notice-consents", {"application": True})
    (account,) = query(system, "SELECT account_id FROM identity.binding b JOIN roster.student s USING (student_id)"
                               " WHERE s.xh = %s", student.row["XH"])[0]
    appeal = str(uuid.uuid4())
    event = {"version": 1, "appeal_id": appeal, "account_id": account, "student_id": "", "kind": "field_correction",
             "decision": "refused", "reason": "请补充学信网截图", "at_ms": int(time.time() * 1000)}
    for _ in range(2):
        publish(system, "appeal.decided", account.encode(), json.dumps(event, ensure_ascii=False).encode(),
                {**HEADERS, "ce_type": "cn.shengyuan.appeal.decided"})
    assert ended(system, appeal)[0] == "sent"
    (message,) = inbox(student, "wechat")
    assert message["template"] == "demo-application"
    assert "thing1=信息更正申请;phrase2=未同意;" in message["text"] and "thing4=请补充学信网截图;" in message["text"]


def test_a_window_that_closes_is_told_once_a_number_of_days(system, told):
    student = told()
    school = "8" + str(random.randrange(10**3, 10**4))
    student_id = query(system, "SELECT student_id FROM identity.binding b JOIN roster.student s USING (student_id)"
                               " WHERE s.xh = %s", student.row["XH"])[0][0]
    campaign = f"closing-{school}"
    query(system, "UPDATE roster.student SET yxdm = %s WHERE student_id = %s", school, student_id)
    query(system, "INSERT INTO campaign.campaign (campaign_id, school_code, name, edition, opens_at, closes_at,"
                  " graduation_months) VALUES (%s, %s, '将要截止的上报', '2027', now() - interval '1 day',"
                  " now() + interval '50 hours', '{202706}')", campaign, school)
    assert ended(system, f"{campaign}/3")[0] == "sent"
    (message,) = inbox(student, "wechat")
    assert message["template"] == "demo-closing" and "thing3=还剩3天，请尽快完成上报;" in message["text"]
    query(system, "UPDATE campaign.campaign SET closes_at = now() + interval '20 hours' WHERE campaign_id = %s", campaign)
    assert ended(system, f"{campaign}/1")[0] == "sent"
    assert query(system, "SELECT count(*) FROM notification.notice WHERE campaign_id = %s", campaign) == [(2,)]
    query(system, "DELETE FROM campaign.campaign WHERE campaign_id = %s", campaign)


def test_a_sender_that_dies_sends_at_most_once_and_leaves_a_list(system, told):
    """At every point between two effects; the other copy is down, so that the dying one has the work."""
    students = {point: told(consents=1) for point in crash_points("notification")}
    assert len(students) == 3
    submissions = {}
    with crashing(system, "notification", "notification-2") as copies:
        for point, student in students.items():
            copies.start(point)
            submissions[point] = refuse(student)
            copies.crashed()
            if point == "notification/stored":  # what was stored is sent by the next one, and not stored again
                copies.start("")
                ended(system, submissions[point])
                copies.end()
    states = {}
    for point, student in students.items():
        # Its sender is dead for a minute before the row is given up; here the minute is over at once.
        query(system, "UPDATE notification.notice SET claimed_at = now() - interval '1 hour'"
                      " WHERE transition = %s AND state = 'sending'", submissions[point])
        states[point] = ended(system, submissions[point])[0]
        assert len(inbox(student, "wechat")) == (point != "notification/marked"), point
        assert inbox(student, "sms") == []
    assert states == {"notification/stored": "sent", "notification/marked": "unknown", "notification/sent": "unknown"}
    listed = json.loads(system.syctl("--json", "notices", "list", "--state=unknown").stdout)["notices"]
    assert {submissions["notification/marked"], submissions["notification/sent"]} <= {n["transition"] for n in listed}


def test_consents_are_the_accounts_own_and_bounded(system, told, newcomer):
    student, other = told(consents=0), newcomer()
    other.log_in()
    for _ in range(25):
        answer = student.call("POST", "/api/v1/notice-consents", {"application": True, "result": False})
    assert [t["remaining"] for t in answer.json["templates"]] == [0, 20, 0]
    assert [t["name"] for t in answer.json["templates"]] == ["result", "application", "closing"]
    assert [t["remaining"] for t in other.call("GET", "/api/v1/notice-consents").json["templates"]] == [0, 0, 0]
    assert student.call("POST", "/api/v1/notice-consents", {"result": "yes"}).status == 400
    assert student.call("POST", "/api/v1/notice-consents", {"weekly": True}).status == 400


def test_messages_that_nobody_can_read_go_to_the_dead_letters(system):
    before = len(topic_messages(system, "review.decided.dlq"))
    publish(system, "review.decided", b"x", b"{", HEADERS)
    publish(system, "review.decided", b"x", json.dumps({"version": 9}).encode(), HEADERS)
    publish(system, "review.decided", b"x", None, HEADERS)
    wait_for("the dead letters", lambda: len(topic_messages(system, "review.decided.dlq")) == before + 3)
    reasons = {m[4]["dlq_reason"].decode() for m in topic_messages(system, "review.decided.dlq")}
    assert {"malformed", "unknown-version", "tombstone"} <= reasons


def test_the_student_of_another_school_is_not_reminded(system, told):
    student = told(consents=0)
    school = "7" + str(random.randrange(10**3, 10**4))
    query(system, "INSERT INTO campaign.campaign (campaign_id, school_code, name, edition, opens_at, closes_at,"
                  " graduation_months) VALUES (%s, %s, 'x', '2027', now() - interval '1 day',"
                  " now() + interval '50 hours', '{202706}')", f"closing-{school}", school)
    marker = told(consents=0)
    ended(system, refuse(marker))
    assert query(system, "SELECT count(*) FROM notification.notice WHERE campaign_id = %s", f"closing-{school}") == [(0,)]
    assert inbox(student, "sms") == []
    query(system, "DELETE FROM campaign.campaign WHERE campaign_id = %s", f"closing-{school}")
