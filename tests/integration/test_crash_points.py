"""Every named crash point is hit on purpose (row F1): whatever was done and whatever was not, the books are right."""
import os

import pytest

from checker import objects, violations
from crashing import crash_points, crashing
from load import Load
from patience import Stream
from servers import judgements, superuser, topic_messages
from shengyuan import Student, wait_for


@pytest.fixture(scope="module")
def crowd(system, people):
    return [Student(system, people()).ready() for _ in range(6)]


def check_books(system, load):
    assert load.wrong == []
    told = {submission_id for *_, submission_id in load.acknowledged}
    wait_for("all to be judged", lambda: told <= {row[0] for row in judgements(system)}, 90, 0.3)
    wait_for("all to be told", lambda: told <= {message.get("submission_id") for message in
                                               objects(topic_messages(system, "submission.judged"))}, 60, 0.5)
    assert violations(load.acknowledged, judgements(system), topic_messages(system, "submission.received"),
                      topic_messages(system, "submission.judged")) == []


def crash_under_load(system, crowd, service, *held):
    """Every point of the service, one after the other, in one load; how many were acknowledged."""
    for student in crowd:
        student.http.close()
    with Load(crowd, os.urandom(4).hex()) as load:
        with crashing(system, service, *held) as copies:
            for number, point in enumerate(crash_points(service)):
                copies.start(f"{point}:{1 + number % 2}")
                copies.crashed()
        load.wait_for_more(40, 90)
    check_books(system, load)
    return len(load.acknowledged)


PEOPLE_MAX = 500


def test_intake_dies_between_any_two_steps(system, crowd):
    assert crash_under_load(system, crowd, "intake") > 50


def test_validation_dies_between_any_two_steps(system, crowd):
    """The other copy is down: the batch that was given up comes back to the one that dies next."""
    assert crash_under_load(system, crowd, "validation", "validation-2") > 50


def bindings_of(system, numbers):
    connection = superuser(system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT s.xh, count(*) FROM identity.binding b JOIN roster.student s USING (student_id)"
                       " WHERE s.xh = ANY(%s) GROUP BY s.xh", (numbers,))
        counts = dict(cursor.fetchall())
    connection.close()
    return counts


def check_newcomers(system, newcomers):
    """Who was told, or could not know, is bound once; their log-ins say so; no code was sent twice. News may overtake
    older news on the way (two relays, each with its own rows): readers go by the sequence, which the log-ins show."""
    bound = [n for n in newcomers if n.step == "bound"]
    assert len(bound) >= 3
    assert bindings_of(system, [n.row["XH"] for n in bound]) == {n.row["XH"]: 1 for n in bound}
    for newcomer in bound:
        wait_for("the log-in to know the binding", newcomer.knows_its_binding, 30, 0.1)
    for newcomer in newcomers:
        assert newcomer.messages() <= 1 + newcomer.asked_again


@pytest.mark.parametrize("service", ["binding", "authorization"])
def test_a_person_on_the_way_in_survives_every_crash(system, people, service):
    rows = [people() for _ in range(PEOPLE_MAX)]
    with Stream(system, rows) as stream:
        with crashing(system, service, f"{service}-2") as copies:
            for point in crash_points(service):
                copies.start(point)
                copies.crashed()
        stream.wait_for_more(3)
    check_newcomers(system, stream.arrived)
