"""The checker of the fault runs, checked: a right history is clean, each way to spoil it turns the right number red."""
import copy
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from checker import History, judge, Message, Row  # noqa: E402

A, B = "student-a", "student-b"


def received(offset, student, key, submission_id, mark, partition=0):
    return Message((partition, offset), student, {"submission_id": submission_id, "student_id": student,
                                                  "idempotency_key": key, "fields": {"RXQDASZDW": mark}})


def told(offset, row):
    return Message((0, offset), row.student_id, {"submission_id": row.submission_id, "student_id": row.student_id,
                                                 "revision": row.revision, "outcome": row.outcome})


def right():
    """Two students: a submits twice in sequence (the second after one unanswered try), b once and wrongly; b is bound."""
    rows = [Row("id1", A, "k1", 1, "accepted", "m1", (0, 0)), Row("id2", A, "k2", 2, "accepted", "m2", (0, 2)),
            Row("id3", B, "k1", 1, "rejected", "m3", (0, 1))]
    log = []

    def request(t, do, status=None, **more):
        number = sum("do" in line for line in log) + 1
        told_back = {name: more.pop(name) for name in ("answer_id", "state", "revision") if name in more}
        log.append({"n": number, "t": t, "do": do, **more})
        if status is not None:
            if "answer_id" in told_back:
                told_back["id"] = told_back.pop("answer_id")
            log.append({"n": number, "t": t + 0.1, "status": status, **told_back})
    request(1, "submit", 202, who="a", key="k1", mark="m1", fit=True, answer_id="id1")
    request(2, "submit", 202, who="b", key="k1", mark="m3", fit=False, answer_id="id3")
    request(3, "submit", 0, who="a", key="k2", mark="m2", fit=True)
    request(4, "submit", 202, who="a", key="k2", mark="m2", fit=True, answer_id="id2")
    request(5, "submit", 422, who="a", key="k2", mark="other", fit=True)
    request(6, "submit", None, who="a", key="k3", mark="m4", fit=True)  # never answered, never arrived
    request(7, "read", 200, who="a", id="id1", state="accepted", revision=1)
    request(8, "code", 202, who="b", phone="131")
    request(8.01, "code", 429, who="b", phone="131")
    request(9, "bind", 201, who="b")
    request(10, "stale", 401, who="b")
    return History(
        log=log, sent=[{"phone": "131", "time": 8.05}], roster={"a": A, "b": B, "c": "student-c"}, rows=rows,
        latest={A: (2, "id2", 2), B: (1, None, None)}, bindings={B}, identities={B},
        received=[received(0, A, "k1", "id1", "m1"), received(1, B, "k1", "id3", "m3"), received(2, A, "k2", "id2", "m2"),
                  received(3, A, "k2", "id2", "m2"), Message((0, 4), "poison", None)],
        judged=[told(0, rows[0]), told(1, rows[2]), told(2, rows[1]), told(3, rows[0])],
        changed=[Message((0, 0), "account", {"student_id": B})],
        dead=[("submission.received", 0, 4)], poison=[("submission.received", 0, 4)])


def test_a_right_history_is_clean():
    verdict = judge(right())
    assert verdict.clean, verdict.found


def answer_of(history, number):
    return next(line for line in history.log if line.get("n") == number and "status" in line)


def replace(rows, index, **change):
    for name, value in change.items():
        setattr(rows[index], name, value)


def drop_judgement(h):
    del h.rows[1], h.judged[2], h.latest[A]
    h.latest[A] = (1, "id1", 1)


def swap_revisions(h):
    replace(h.rows, 0, revision=2)
    replace(h.rows, 1, revision=1)
    h.latest[A] = (2, "id1", 2)
    h.judged = [told(0, h.rows[1]), told(1, h.rows[2]), told(2, h.rows[0])]
    h.log = [line for line in h.log if line.get("do") != "read" and line["n"] != 7]


def gap(h):
    replace(h.rows, 1, revision=3)
    h.latest[A] = (3, "id2", 3)
    h.judged[2] = told(2, h.rows[1])


def another_id(h):
    h.received[3].value["submission_id"] = "id9"
    h.rows.append(Row("id9", A, "k2", 3, "accepted", "m2", (0, 3)))
    h.latest[A] = (3, "id9", 3)
    h.judged.append(told(4, h.rows[-1]))


def wrong_outcome(h):
    replace(h.rows, 2, outcome="accepted")
    h.latest[B] = (1, "id3", 1)
    h.judged[1] = told(1, h.rows[2])


def other_mark(h):
    h.rows[1].mark = h.received[2].value["fields"]["RXQDASZDW"] = h.received[3].value["fields"]["RXQDASZDW"] = "other"


def judged_later_message(h):
    h.rows[1].place = (0, 3)


SPOILED = {
    "an acknowledged submission has no judgement": ("lost", drop_judgement),
    "a message was not judged": ("lost", lambda h: h.received.append(received(9, A, "k3", "id8", "m4"))),
    "a judgement was not told": ("lost", lambda h: h.judged.pop(1)),
    "another content than acknowledged": ("lost", other_mark),
    "the pointer to the record stayed behind": ("lost", lambda h: h.latest.update({A: (2, "id1", 1)})),
    "the pointer is missing": ("lost", lambda h: h.latest.pop(B)),
    "a dead letter was skipped": ("lost", lambda h: h.dead.clear()),
    "a binding that was answered is not there": ("lost", lambda h: h.bindings.clear()),
    "news of a binding did not come": ("lost", lambda h: h.identities.clear()),
    "an outbox row was not published but marked": ("lost", lambda h: h.changed.clear()),
    "an outbox row stays": ("lost", lambda h: setattr(h, "unpublished", 1)),
    "an acknowledged code was never sent": ("lost", lambda h: h.sent.clear()),
    "an acknowledged submission was not found": ("lost", lambda h: answer_of(h, 7).update(status=404)),
    "a judgement of nothing": ("ghost", lambda h: h.rows.append(Row("id7", A, "k7", 3, "accepted", "m7", (0, 9)))),
    "a message of nothing": ("ghost", lambda h: h.received.append(received(9, A, "k7", "id7", "m7"))),
    "a content nobody sent": ("ghost", lambda h: setattr(h.rows[0], "mark", "m9")),
    "an outcome against the rules": ("ghost", wrong_outcome),
    "a good message is a dead letter": ("ghost", lambda h: h.dead.append(("submission.received", 0, 2))),
    "told and not judged": ("ghost", lambda h: h.judged.append(told(9, Row("id7", A, "", 3, "accepted", "", (0, 9))))),
    "shown otherwise than judged": ("ghost", lambda h: answer_of(h, 7).update(state="rejected")),
    "bound without asking": ("ghost", lambda h: h.bindings.add(A)),
    "the old token opens": ("ghost", lambda h: answer_of(h, 11).update(status=200)),
    "acknowledged as another's": ("ghost", lambda h: answer_of(h, 1).update(id="id3")),
    "one key, two ids": ("doubled", another_id),
    "one key acknowledged as two": ("doubled", lambda h: h.log.append({**answer_of(h, 4), "n": 5, "status": 202, "id": "id1"})),
    "two rows of one submission": ("doubled", lambda h: h.rows.append(copy.copy(h.rows[2]))),
    "more messages than requests": ("doubled", lambda h: h.received.extend(
        received(5 + n, B, "k1", "id3", "m3") for n in range(2))),
    "told in two ways": ("doubled", lambda h: h.judged.append(
        told(9, Row("id1", A, "k1", 1, "rejected", "m1", (0, 0))))),
    "a batch judged backwards": ("reordered", swap_revisions),
    "a gap in the revisions": ("reordered", gap),
    "told in another order": ("reordered", lambda h: h.judged.insert(0, h.judged.pop(2))),
    "a student's messages in two partitions": ("reordered", lambda h: replace(h.rows, 1, place=(1, 0))),
    "judged by a later message": ("reordered", judged_later_message),
    "a message under another key": ("reordered", lambda h: setattr(h.received[0], "key", B)),
    "two codes for one request": ("sent-twice", lambda h: h.sent.append({"phone": "131", "time": 8.06})),
    "three codes for two requests after a flush": ("sent-twice", lambda h: (
        h.sent.extend([{"phone": "131", "time": 8.2}, {"phone": "131", "time": 8.3}]), h.forgotten.append(8.1))),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_history_turns_the_right_number_red(name):
    number, spoil = SPOILED[name]
    history = right()
    spoil(history)
    assert judge(history).numbers[number] > 0, judge(history).found


def test_a_second_code_after_a_flush_is_none_of_the_products_fault():
    history = right()
    history.sent.append({"phone": "131", "time": 8.2})
    history.forgotten.append(8.1)
    assert judge(history).clean


def test_messages_of_a_student_judged_against_the_order_of_answers():
    """Rows agree with the topic, but the topic itself holds them against the order of requests."""
    history = right()
    history.received[0].place, history.received[2].place = (0, 2), (0, 0)
    history.received.sort(key=lambda message: message.place)
    swap_revisions(history)
    history.rows[0].place, history.rows[1].place = (0, 2), (0, 0)
    assert judge(history).numbers["reordered"] > 0
