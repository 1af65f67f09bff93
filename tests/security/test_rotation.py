"""Keys and suites are exchanged while students work: nothing is lost, nobody notices, and the old key can be thrown away."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading

import pytest

from checker import violations
from conftest import _integration
from load import Load
from servers import held_down, judgements, kill, redis_of, superuser, topic_messages
from shengyuan import Http, roster_csv, Student, System, wait_for

SERVICES = ("authorization", "binding", "intake", "validation", "notification")
SEALED = r"^[a-z][0-9]\.[^.]{1,15}\.[A-Za-z0-9+/]+=*$"


@pytest.fixture(scope="module")
def own(request):
    """A system of its own: its keys change."""
    run_dir = pathlib.Path(tempfile.mkdtemp(prefix="shengyuan-keys-"))
    run_dir.chmod(0o755)
    env = _integration.stack_env(run_dir, COPIES=_integration.COPIES)
    up = subprocess.run([*_integration.STACK, "up"], env=env, capture_output=True, text=True, timeout=300, check=False)
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        yield System(run_dir)
    finally:
        subprocess.run([*_integration.STACK, "down"], env=env, timeout=120, check=False)
        reports = _integration.sanitizer_reports(run_dir)
        if os.environ.get("KEEP_LOGS"):
            shutil.copytree(run_dir / "logs", os.environ["KEEP_LOGS"] + "-keys", dirs_exist_ok=True)
        subprocess.run([*_integration.STACK, "clean-data"], env=env, timeout=60, check=False)
    assert reports == []


class Keys:
    """The key file, and the processes that read it."""

    def __init__(self, system):
        self.system, self.path = system, system.run_dir / "secrets/keys"
        lines = self.path.read_text().splitlines()
        self.others = [line for line in lines if not line.startswith("seal ")]
        self.seal = {line.split()[1]: line for line in lines if line.startswith("seal ")}

    def new(self, key_id, suite):
        self.seal[key_id] = f"seal {key_id} {secrets.token_hex(32)} {suite}"

    def use(self, *key_ids, services=SERVICES):
        """These seal keys, the last one seals; every process once anew, one copy after the other."""
        fresh = self.path.with_suffix(".new")
        fresh.touch(0o600)
        fresh.write_text("\n".join(self.others + [self.seal[key_id] for key_id in key_ids]) + "\n")
        fresh.chmod(0o400)
        fresh.replace(self.path)
        for copy in (1, 2):
            for again in [kill(self.system, f"{service}-{copy}", signal.SIGTERM) for service in services]:
                again()
            wait_for("the copies", lambda: all(self.ready(p["admin"]) for p in self.system.demo["processes"] if p["admin"]))

    @staticmethod
    def ready(admin):
        try:
            return Http(admin, 3).call("GET", "/readyz").status == 200
        except OSError:
            return False


class Drafts:
    """Students who save their draft over and over; what was saved last is there, whoever else writes the row."""

    def __init__(self, students):
        self.students, self.saved, self.wrong = students, {}, []
        self.enough = threading.Event()

    def one(self, student):
        number = 0
        while not self.enough.is_set():
            try:
                etag = student.call("GET", "/api/v1/draft").headers["ETag"]
                answer = student.call("PUT", "/api/v1/draft", {"fields": {"JTDZ": f"第{number}号"}}, {"If-Match": etag})
            except (OSError, http.client.HTTPException):
                continue
            if answer.status == 200:
                self.saved[student.name] = f"第{number}号"
                number += 1
            elif answer.status not in (412, 503):
                self.wrong.append(answer)

    def __enter__(self):
        self.threads = [threading.Thread(target=self.one, args=(s,), daemon=True) for s in self.students]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        for thread in self.threads:
            thread.join(60)


def sealed_under(system, key_id):
    """Columns of any table that hold a value under this key, found without knowing where to look."""
    connection = superuser(system)
    found = set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
                       " AND table_schema NOT IN ('pg_catalog', 'information_schema')")
        for schema, table in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{schema}"."{table}" t WHERE t::text ~ %s',
                           (rf"[a-z][0-9]\.{key_id}\.[A-Za-z0-9+/]{{20}}",))
            if cursor.fetchone()[0]:
                found.add(f"{schema}.{table}")
    connection.close()
    store = redis_of(system)
    for key in store.scan_iter(count=1000):
        if store.type(key) == b"string" and f".{key_id}.".encode() in store.get(key):
            found.add(f"redis {key}")
    return found


def reads_everything(student):
    """What is kept for a student opens: card, form, draft."""
    for path in ("/api/v1/session", "/api/v1/identity/binding", "/api/v1/form", "/api/v1/draft"):
        answer = student.call("GET", path)
        assert answer.status == 200, (path, answer)
    assert student.phone in json.dumps(student.call("GET", "/api/v1/form").json)


@contextlib.contextmanager
def working(system, people, prefix):
    """Load from bound students, drafts, and newcomers who go the whole way."""
    rows = iter(people)
    students = [Student(system, next(rows)).ready() for _ in range(6)]
    with Load(students[:3], prefix) as load, Drafts(students[3:6]) as drafts:
        load.wait_for_more(20)
        yield load, students, lambda: Student(system, next(rows)).ready()
    assert load.wrong == [] and drafts.wrong == []
    for student in drafts.students:
        assert student.call("GET", "/api/v1/draft").json["fields"]["JTDZ"] == drafts.saved[student.name]
    wait_for("every judgement", lambda: len({i for *_, i in load.acknowledged} - {r[0] for r in judgements(system)}) == 0)


def exchange(system, keys, old, new, then):
    """From the old key to the new one, which everybody can open already; `then` are the keys that follow."""
    keys.use(old, new)
    yield
    done = system.syctl("seal", "rotate")
    assert f"\n0 values under the old key {old}\n" in done.stdout
    assert f"\n0 values under the old key {old}\n" in system.syctl("seal", "status").stdout
    assert sealed_under(system, old) == set()
    keys.use(*then)     # the old key is gone
    yield


def test_keys_are_exchanged_under_load_to_sm4_and_back(own):
    keys = Keys(own)
    people = own.people(40)
    own.syctl("roster", "import", "-", stdin=roster_csv([{**row, "SZBJ": "改"} for row in people[:5]]))  # old versions
    keys.new("k2", "sm4-ctr-hmac-sm3")
    keys.new("k3", "aes-256-gcm")
    with working(own, people, "load") as (load, students, newcomer):
        keys.use("k2", "k1")  # everybody can open the new one before anybody seals with it
        for old, new, then, begin in (("k1", "k2", ("k3", "k2"), "s1.k2."), ("k2", "k3", ("k3",), "a1.k3.")):
            for _ in exchange(own, keys, old, new, then):
                students.append(newcomer())
                load.wait_for_more(20)
            for student in students[6:]:  # the others are at work
                reads_everything(student)
            again = Student(own, students[0].row, name=students[0].name)
            again.logins, again.phone = int(new[1]) * 10, students[0].phone
            assert again.log_in().status == 201  # what log-in reads of the identity opens
            reads_everything(again)
            with contextlib.closing(superuser(own)) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT count(*), count(*) FILTER (WHERE fields_sealed LIKE %s) FROM record.judgement",
                               (begin + "%",))
                total, fresh = cursor.fetchone()
                assert total == fresh > 40
    for student in students:
        reads_everything(student)
    status = json.loads(own.syctl("--json", "seal", "status").stdout)
    assert status["active"] == "k3" and status["old"] == 0 and {row["key"] for row in status["values"]} == {"k3"}
    acknowledged = load.acknowledged
    assert violations(acknowledged, [row for row in judgements(own)], topic_messages(own, "submission.received"),
                      topic_messages(own, "submission.judged")) == []
    assert topic_messages(own, "submission.received.dlq") == []
    assert topic_messages(own, "identity.changed.dlq") == []


def test_the_tool_knows_every_place_that_holds_a_sealed_value(own):
    """Found by looking at all columns of all tables, not at the tool's list."""
    known = {row["place"] for row in json.loads(own.syctl("--json", "seal", "status").stdout)["values"]}
    connection = superuser(own)
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns"
                       " JOIN information_schema.tables USING (table_schema, table_name) WHERE table_type = 'BASE TABLE'"
                       " AND table_schema NOT IN ('pg_catalog', 'information_schema', 'seal')"
                       " AND data_type IN ('text', 'jsonb')")
        places = set()
        for schema, table, column, kind in cursor.fetchall():
            if kind == "text" and (schema, table, column) != ("identity", "outbox", "value"):
                cursor.execute(f'SELECT EXISTS (SELECT FROM "{schema}"."{table}" WHERE "{column}" ~ %s)', (SEALED,))
                if cursor.fetchone()[0]:
                    places.add(f"{schema}.{table}.{column}")
            else:
                cursor.execute(f'SELECT DISTINCT e.key FROM "{schema}"."{table}" t, jsonb_each_text('
                               f"CASE WHEN jsonb_typeof(t.{column}::jsonb) = 'object' THEN t.{column}::jsonb END) e"
                               " WHERE e.value ~ %s", (SEALED,))
                places |= {f"{schema}.{table}.{row[0]}" for row in cursor.fetchall()}
    connection.close()
    assert len(places) > 10
    assert places == {place for place in known if not place.startswith(("redis.", "waiting."))}


def keeper(system):
    import psycopg2
    from urllib.parse import urlsplit
    parts = urlsplit(system.demo["postgres"])
    connection = psycopg2.connect(host=parts.hostname, port=parts.port, user="sy_keeper", dbname="shengyuan",
                                  password=(system.run_dir / "secrets/pg_keeper.secret").read_text().strip())
    connection.autocommit = True
    return connection


def test_a_value_that_was_changed_meanwhile_stands(own):
    """The exchange is a compare-and-set: between being told a value and putting another, somebody else writes."""
    import psycopg2
    with contextlib.closing(keeper(own)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT place, name, context, value FROM seal.take('identity.binding', 0, 100, 'none') LIMIT 1")
        place, name, context, value = cursor.fetchone()
        assert re.match(SEALED, value) and context.startswith("phone/")
        other, fresh = value[:-8] + "AAAAAAA=", value[:-8] + "BBBBBBB="
        put = "SELECT seal.put('identity.binding', %s, %s, %s, %s)"
        cursor.execute(put, ([place], [name], [other], [fresh]))
        assert cursor.fetchone()[0] == 0
        cursor.execute(put, ([place], [name], [value], [fresh]))
        assert cursor.fetchone()[0] == 1
        cursor.execute(put, ([place], [name], [value], [other]))  # the row has moved and holds something else
        assert cursor.fetchone()[0] == 0
        cursor.execute("SELECT place FROM seal.take('identity.binding', 0, 100, 'none') WHERE value = %s", (fresh,))
        cursor.execute(put, ([cursor.fetchone()[0]], [name], [fresh], [value]))
        assert cursor.fetchone()[0] == 1
        with pytest.raises(psycopg2.Error, match="not a sealed value"):
            cursor.execute(put, ([place], [name], [value], ["clear text"]))
        for table in ("roster.student", "identity.binding", "record.judgement", "seal.place", "intake.draft"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(f"SELECT * FROM {table}")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(f"DELETE FROM {table}")


def test_a_value_that_cannot_be_opened_is_told_and_left(own):
    keys = Keys(own)
    with contextlib.closing(superuser(own)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT student_id, sfzh_sealed FROM roster.student LIMIT 1")
        student, sealed = cursor.fetchone()
        suite, _, data = sealed.split(".")
        cursor.execute("UPDATE roster.student SET sfzh_sealed = %s WHERE student_id = %s", (f"{suite}.k9.{data}", student))
        done = own.syctl("seal", "rotate", check=False)
        assert done.returncode == 1
        assert "1 values cannot be opened, such as roster.student: sealed under key 'k9', which is not in" in done.stderr
        assert "under the key k9, which the key file has not" in own.syctl("seal", "status").stdout
        cursor.execute("SELECT sfzh_sealed FROM roster.student WHERE student_id = %s", (student,))
        assert cursor.fetchone()[0] == f"{suite}.k9.{data}"
        cursor.execute("UPDATE roster.student SET sfzh_sealed = %s WHERE student_id = %s", (sealed, student))
    assert len(keys.seal) == 1
    assert Http(own.demo["edge"]).call("GET", "/").status == 200


def test_a_field_in_the_clear_that_looks_sealed_is_not_counted(own):
    """It could never be sealed again, and the count of old values would never be 0."""
    student = Student(own, own.people(1)[0]).ready()
    with held_down(own, *(p["name"] for p in own.demo["processes"] if p["service"] == "validation")):
        sent = student.send(RXQDASZDW="a1.k0.QUJDREVG")
        status = json.loads(own.syctl("--json", "seal", "status").stdout)
        waiting = {row["key"]: row["count"] for row in status["values"] if row["place"] == "waiting.submission.received"}
    assert waiting == {status["active"]: 1}
    assert student.judged(sent)["state"] == "accepted"


def test_what_was_sealed_before_validation_knew_the_key_is_judged_by_a_replay(own):
    """The first step of an exchange was left out and intake had the key first (OPERATIONS): buried, then judged, nothing lost."""
    keys = Keys(own)
    (old,) = keys.seal
    students = [Student(own, row).ready() for row in own.people(43)[40:]]
    before = len(topic_messages(own, "submission.received.dlq"))
    keys.new("k7", "aes-256-gcm")
    keys.use(old, "k7", services=("intake",))
    sent = [student.send() for student in students]
    letters = wait_for("the dead letters", lambda: (found := topic_messages(own, "submission.received.dlq")[before:]) and len(found) == 3 and found)
    assert {h["dlq_reason"] for *_, h in letters} == {b"unsealable"}
    keys.use("k7", old)  # the step that was left out
    told = json.loads(own.syctl("--json", "dlq", "replay", "--reason=unsealable", "--since=1h").stdout)
    assert told["matched"] >= 3, told
    for student, submission_id in zip(students, sent, strict=True):
        assert student.judged(submission_id)["state"] == "accepted"
    assert len(topic_messages(own, "submission.received.dlq")) == before + 3
