"""Statements are prepared while the tables are empty, as on the first day, and have to find rows by index when they fill."""
import pytest

from conftest import running_stack
from linked import Linked, key
from servers import superuser
from shengyuan import wait_for

TABLES = ("record.judgement", "record.latest", "roster.student", "identity.binding")
MANY = 40


@pytest.fixture(name="fresh", scope="module")
def fresh_stack():
    with running_stack("plans", COPIES="") as system:
        stack = Linked.__new__(Linked)  # that, without its links
        stack.system, stack.rows, stack.crowd = system, [], []
        yield stack


def scans(cursor):
    """{table: (whole scans, look-ups by index)}; a session tells what it did when it has been idle for a second."""
    cursor.execute("SELECT format('%s.%s', schemaname, relname), seq_scan, coalesce(idx_scan, 0) FROM pg_stat_user_tables")
    return {name: (whole, by_index) for name, whole, by_index in cursor.fetchall() if name in TABLES}


def test_judging_does_not_read_whole_tables(fresh):
    student = fresh.student()
    fresh.judged([student.send(key())])
    with superuser(fresh.system).cursor() as cursor:
        wait_for("the first look-ups", lambda: scans(cursor)["record.judgement"][1] > 0, 20)
        before = scans(cursor)
        # judged() looks at the view of judgements by itself: so the record's own tables are asked here.
        sent = [student.send(key()) for _ in range(MANY)]
        wait_for("all judged", lambda: set(sent) <= set(judged_ids(cursor, sent)), 30)
        wait_for("their look-ups", lambda: scans(cursor)["record.latest"][1] >= before["record.latest"][1] + MANY, 20)
        after = scans(cursor)
    print({name: (before[name], after[name]) for name in TABLES})
    assert {name: after[name][0] - before[name][0] for name in TABLES} == dict.fromkeys(TABLES, 0)


def judged_ids(cursor, ids):
    cursor.execute("SET enable_seqscan = off")
    cursor.execute("SELECT submission_id::text FROM record.judgement WHERE submission_id = ANY(%s::uuid[])", (ids,))
    return [row[0] for row in cursor.fetchall()]
