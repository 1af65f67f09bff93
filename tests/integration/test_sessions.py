"""The gauge of live sessions says what is so: opened, used, ended in each way, lost with Redis."""
import concurrent.futures
import contextlib
import hashlib
import time

import pytest

from servers import all_known, all_ready, held_down, redis_of, superuser
from shengyuan import Http, wait_for

LIVE = "acct:live"


@pytest.fixture(autouse=True)
def at_rest(system):
    all_ready(system)


def told(system):
    """What each copy of authorization tells; None where it tells nothing."""
    found = []
    for admin in system.admins("authorization"):
        lines = [line for line in Http(admin, 10).call("GET", "/metrics").body.decode().splitlines()
                 if line.startswith("sy_sessions_live ")]
        found.append(int(lines[0].split()[1]) if lines else None)
    return found


def truth(system):
    """The records themselves, one by one."""
    store = redis_of(system)
    now_ms = time.time() * 1000
    records = (store.get(key) for key in store.scan_iter("sess:*", 1000))
    return sum(1 for record in records if record and int(record.split(b"\t")[5]) > now_ms)


def follows(system, expected):
    assert truth(system) == expected
    wait_for(f"the gauge to be {expected}", lambda: told(system) == [expected] * 2, 20)


def hash_of(student):
    return hashlib.sha256(student.token.encode()).hexdigest()


def time_passes(system, *students):
    """The time until which these lived for sure is over."""
    store = redis_of(system)
    for student in students:
        assert store.zadd(LIVE, {hash_of(student): time.time() * 1000 - 1}, xx=True, ch=True) == 1


def test_opened_rotated_evicted_and_logged_out(system, newcomer):
    before = truth(system)
    follows(system, before)
    newcomer().ready()  # binds: the token is another one, the session the same
    follows(system, before + 1)
    student = newcomer()
    for _ in range(7):
        assert student.log_in().status == 201
    follows(system, before + 1 + 5)  # no person has more than five
    assert student.call("DELETE", "/api/v1/session").status == 204
    follows(system, before + 1 + 4)
    assert redis_of(system).zcard(LIVE) == before + 1 + 4


def test_who_logged_out_while_a_binding_was_under_way_stays_logged_out(system, newcomer):
    """The binding waits in PostgreSQL, the student logs out, the binding goes on."""
    student = newcomer()
    assert student.log_in().status == 201
    assert student.verify().status == 200
    assert student.ask_code().status == 202
    before = redis_of(system).zcard(LIVE)
    connection = superuser(system)
    connection.autocommit = False
    with concurrent.futures.ThreadPoolExecutor(1) as pool, contextlib.closing(connection):
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE identity.binding IN EXCLUSIVE MODE")
            bound = pool.submit(student.bind)
            wait_for("the binding to wait", lambda: waiting(system, "sy_binding"), 20)
            with contextlib.closing(Http(system.demo["edge"])) as http:
                gone = http.call("DELETE", "/api/v1/session", headers={"Authorization": f"Bearer {student.token}"})
            assert gone.status == 204
        connection.commit()
        answer = bound.result(30)
    assert answer.status == 401 and answer.problem == "unauthorized", answer
    assert redis_of(system).zcard(LIVE) == before - 1
    assert student.log_in().status == 201
    assert student.call("GET", "/api/v1/identity/binding").status == 200, "the binding stands"


def waiting(system, role):
    with contextlib.closing(superuser(system)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND wait_event_type = 'Lock'", (role,))
        return cursor.fetchone()[0]


def test_a_session_lives_for_sure_until_its_idle_end(system, newcomer):
    store = redis_of(system)
    student = newcomer()
    assert student.log_in().status == 201
    until_s = store.zscore(LIVE, hash_of(student)) / 1000 - time.time()
    assert 7150 < until_s <= 7200


def test_who_is_used_stays_and_who_is_not_goes(system, newcomer):
    store = redis_of(system)
    idle, used, old = newcomer(), newcomer(), newcomer()
    for student in (idle, used, old):
        assert student.log_in().status == 201
    count = truth(system)
    follows(system, count)
    # Idle end: its record has gone.
    store.delete(f"sess:{hash_of(idle)}")
    # Absolute end: the record is still there, and worth nothing.
    key = f"sess:{hash_of(old)}"
    record = store.get(key).split(b"\t")
    record[5] = b"%d" % (time.time() * 1000 - 1)
    store.set(key, b"\t".join(record), keepttl=True)
    time_passes(system, idle, used, old)
    follows(system, count - 2)
    assert store.zscore(LIVE, hash_of(idle)) is None and store.zscore(LIVE, hash_of(old)) is None
    assert 7000 < store.zscore(LIVE, hash_of(used)) / 1000 - time.time() <= 7201
    assert used.call("GET", "/api/v1/session").status == 200


def test_more_than_one_look_s_worth_of_ended_sessions_go(system, newcomer):
    """300 at once: what one question asks for is 128."""
    store = redis_of(system)
    follows(system, truth(system))
    ended = {hashlib.sha256(b"ended %d" % n).hexdigest(): time.time() * 1000 - 1 for n in range(300)}
    store.zadd(LIVE, ended)
    wait_for("all ended sessions to be forgotten", lambda: not any(store.zmscore(LIVE, list(ended))), 20)
    follows(system, truth(system))


def test_sessions_lost_with_redis_are_not_told(system, newcomer):
    student = newcomer()
    assert student.log_in().status == 201
    with held_down(system, "redis"):
        wait_for("no number while Redis is away", lambda: told(system) == [None, None], 20)
    redis_of(system).flushall()
    follows(system, 0)
    all_known(system)
    assert student.log_in().status == 201
    follows(system, 1)
