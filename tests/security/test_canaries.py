"""Values that exist nowhere else go in at the front door and through everything; then they are looked for everywhere.

What may be found: the name, in PostgreSQL only. Everything else is sealed or hashed with a key, whatever it is that is
looked through. That the hunt finds what is there is shown by laying one of each kind in a place of its own.
"""
import base64
import contextlib
import glob
import hashlib
import json
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import confluent_kafka.admin
import pytest

from hunt import HASHES, Hunt, codes_in, forms
from servers import publish, redis_of, superuser, topic_messages
from shengyuan import ROOT, Staff, Student, roster_csv, wait_for

TOPICS = ("submission.received", "submission.judged", "identity.changed", "submission.received.dlq",
          "submission.judged.dlq", "identity.changed.dlq", "review.decided", "review.decided.dlq",
          "appeal.decided", "appeal.decided.dlq")


def han(count):
    """None with a line's end in it in UTF-16: the hunt goes by lines."""
    return "".join(chr(random.choice([n for n in range(0x4E00, 0x9FA0) if n % 256 != 10])) for _ in range(count))


def digits(count):
    return str(random.randrange(10 ** (count - 1), 10 ** count))


class Listening(Student):
    """Keeps what it was told: refusals must not repeat what was sent."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.refusals, self.tokens, self.codes = [], set(), set()
        self.http.call = self.heard(self.http.call)

    def heard(self, call):
        def wrapped(*args, **kwargs):
            answer = call(*args, **kwargs)
            if answer.status >= 400:
                self.refusals.append(answer.body + str(answer.headers).encode())
            if self.token:
                self.tokens.add(self.token)
            return answer
        return wrapped

    def read_code(self):
        code = super().read_code()
        self.codes.add(code)
        return code


def sensitive():
    """The fields that are sealed, each with a value of its own."""
    mail = f"canary{digits(9)}@example.com"
    return {"RXQHKSZDPCS": han(6) + "派出所", "DZYX": mail, "QQHM": digits(11), "JTDZ": han(8) + "路八十八号",
            "JTDH": f"0{digits(3)}-{digits(8)}", "JTLXR": han(5)}


def whole_life(system, row):
    """One student through every step, right and wrong. Returns (student, {kind: values})."""
    s = Listening(system, row, name=f"canary{digits(10)}")
    login = f"demo-{s.name}.77"
    fields, wrong = sensitive(), sensitive()
    wrong["DZYX"], wrong["JTYB"] = wrong["DZYX"].replace("@", "#"), f"5181{digits(3)}x"
    assert s.log_in(code=login).status == 201
    assert s.log_in(code=login).status == 401                       # the code is used up
    first = s.token
    assert s.verify(name=han(4)).status in (200, 422)               # someone else's name: the check fails
    assert s.verify(id_number=s.row["SFZH"][:-1] + "A").status == 422
    assert s.verify().status == 200
    assert s.ask_code().status == 202
    wait_for("the code", s.read_code)
    assert s.bind(phone_code="000000").status == 422
    assert s.bind(name=(other := han(4))).status == 404
    assert s.bind(id_number=(strange := "11010119900307" + digits(4))).status in (403, 422)
    s.call("POST", "/api/v1/identity/binding", {**s.bind_body(), s.row["SFZH"]: "x"})           # unknown member
    s.call("POST", "/api/v1/identity/binding", raw=json.dumps(s.bind_body()).encode()[:-1])      # no JSON
    s.call("GET", f"/api/v1/identity/{s.row['SFZH']}?phone={s.phone}")                           # nothing there
    assert s.bind().status == 201
    assert s.bind().status == 422                                   # that code is used up
    old_phone, s.phone = s.phone, "199" + digits(8)
    assert s.ask_code().status == 202
    wait_for("the code", s.read_code)
    assert s.call("PUT", "/api/v1/identity/phone", {"phone": s.phone, "phone_code": s.read_code()}).status == 200
    for kind, claims in (("field_correction", {"field": "JTDZ", "wanted": fields["JTDZ"]}), ("erasure", {"what": fields["JTDH"]}),
                         ("roster_mismatch", {"name": other, "id_type": "IDENTITY_CARD", "id_number": row["SFZH"]}),
                         ("roster_mismatch", {row["SFZH"]: other}), ("erasure", {"what": [s.phone]})):
        assert s.call("POST", "/api/v1/identity/appeals", {
            "kind": kind, "claims": claims, "message": fields["RXQHKSZDPCS"]}).status in (201, 400)
    assert fields["JTDZ"].encode() in s.call("GET", "/api/v1/identity/appeals").body
    etag = s.call("GET", "/api/v1/draft").headers["ETag"]
    assert s.call("PUT", "/api/v1/draft", {"fields": {**fields, **wrong}}, {"If-Match": etag}).status == 200
    assert s.call("PUT", "/api/v1/draft", {"fields": wrong}, {"If-Match": etag}).status == 412
    assert s.call("GET", "/api/v1/form").status == 200
    for _ in range(3):                                              # told by WeChat, once refused, then by SMS
        assert s.call("POST", "/api/v1/notice-consents", {"result": True}).status == 200
    accepted = s.send(key="canary", **fields)
    assert s.judged(accepted)["state"] == "accepted"
    assert s.submit(key="canary", **wrong).status == 422            # the key with other fields
    rejected = s.send(**wrong)
    assert s.judged(rejected)["state"] == "rejected"
    assert s.submit(fields={"JTDZ": [fields["JTDZ"]]}).status == 400
    assert s.submit(fields={fields["JTDZ"]: "x"}).status == 400
    assert s.submit(fields={**s.form(), "XM": other}).status == 422
    second = Listening(system, row, name=s.name)
    second.logins = 90
    second.log_in()
    second.call("DELETE", "/api/v1/session")
    kinds = {"number": [row["SFZH"], strange], "phone": [old_phone, s.phone], "name": [row["XM"], other],
             "examinee": [row["KSH"]], "token": s.tokens | second.tokens | {first}, "login": [login],
             "openid": [f"sandbox-{s.name}"], "postcode": [wrong["JTYB"]]}
    for fields_sent in (fields, wrong):
        for field, value in fields_sent.items():
            kinds.setdefault(field, []).append(value)
    s.refusals += second.refusals
    s.submissions = (accepted, rejected)
    return s, {kind: list(values) for kind, values in kinds.items()}


def staff_life(system):
    """One of staff, right and wrong. Returns {kind: values}."""
    staff = Staff.new(system, name=han(4))
    row, fresh, wrong, typed = staff.row, f"Canary-{digits(12)}-x", f"Wrong-{digits(12)}-x", f"canary{digits(12)}"
    assert staff.log_in(password=wrong).status == 401
    assert staff.log_in(account=typed).status == 401                # somebody else's account, or a password in the wrong place
    assert staff.log_in(account=wrong).status == 422
    assert staff.log_in().status == 201
    tokens, csrf = [staff.cookies["sy_staff"]], [staff.csrf]
    assert staff.call("PUT", "/api/v1/staff/password", {"password": wrong, "new_password": fresh}).status == 422
    assert staff.call("PUT", "/api/v1/staff/password", {"password": row["password"], "new_password": fresh}).status == 200
    tokens.append(staff.cookies["sy_staff"])
    csrf.append(staff.csrf)
    system.syctl("staff", "list")
    secret = row["one_time_code_secret"]
    return {"password": [row["password"], fresh, wrong], "one-time-code secret": [secret, base64.b32decode(secret).hex()],
            "token": tokens, "csrf": csrf, "name": [row["name"]], "account": [row["account"]], "typed account": [typed]}


def garbage(system):
    """Messages that nobody can read: what is wrong with them is told without what they say."""
    word = f"garbage-{digits(12)}"
    for topic in ("submission.received", "identity.changed"):
        for value in (word.encode(), json.dumps({word: 1}).encode(), json.dumps({"version": 1, "x": word}).encode()):
            publish(system, topic, b"garbage", value, {"ce_type": "x", "content-type": "application/json"})
    return word


def bad_roster(system, rows):
    """Rows that are refused, each with values of its own; returns what syctl said and the values."""
    wrong, values = [dict(row) for row in rows], []
    for at, row in enumerate(wrong):
        row["XM"], row["KSH"] = han(4), "99" + digits(14)
        row["SFZH"] = f"4401{digits(13)}" if at % 2 else "110101190001" + digits(5) + "7"
        row["XBDM"] = "9"
        values += [row["XM"], row["KSH"], row["SFZH"]]
    words = [system.syctl(*json_option, "roster", "import", "-", stdin=roster_csv(wrong), check=False)
             for json_option in ((), ("--json",))]
    assert '"refused":' in words[1].stdout and json.loads(words[1].stdout)["refused"] == len(wrong)
    return "".join(done.stdout + done.stderr for done in words), values


class Watcher(threading.Thread):
    """What pg_stat_activity shows meanwhile."""

    def __init__(self, system):
        super().__init__(daemon=True)
        self.connection, self.seen, self.enough = superuser(system), set(), threading.Event()

    def run(self):
        with self.connection.cursor() as cursor:
            while not self.enough.wait(0.005):
                cursor.execute("SELECT a::text FROM pg_stat_activity a WHERE pid <> pg_backend_pid()")
                self.seen |= {row[0] for row in cursor.fetchall()}
        self.connection.close()


def collect_topics(system, hunt):
    for topic in TOPICS:
        for *_, key, value, headers in topic_messages(system, topic):
            parts = [key, value, *(part for item in headers.items() for part in (item[0].encode(), item[1]))]
            hunt.keep(f"topic/{topic}", b"\n".join(part or b"" for part in parts))


def collect_redis(system, hunt):
    store = redis_of(system)
    readers = {b"string": store.get, b"zset": lambda k: b"\n".join(store.zrange(k, 0, -1)),
               b"set": lambda k: b"\n".join(store.smembers(k)), b"list": lambda k: b"\n".join(store.lrange(k, 0, -1)),
               b"hash": lambda k: b"\n".join(b for item in store.hgetall(k).items() for b in item), b"none": lambda k: b""}
    for key in store.scan_iter(count=1000):
        hunt.keep("redis/values", key + b"\n" + (readers[store.type(key)](key) or b""))
    store.config_set("rdbcompression", "no")
    store.save()
    hunt.keep("redis/info", repr((store.info("all"), store.client_list(), store.slowlog_get(128))).encode())


def collect_postgres(system, hunt):
    parts = urllib.parse.urlsplit(system.demo["postgres"])
    program = sorted(glob.glob("/usr/lib/postgresql/*/bin/pg_dump"), key=lambda p: int(p.split("/")[4]))[-1]
    password = (system.run_dir / "secrets/pg_superuser.secret").read_text().strip()
    dump = subprocess.run([program, "-h", parts.hostname, "-p", str(parts.port), "-U", "superuser", "shengyuan"],
                          env={**os.environ, "PGPASSWORD": password}, capture_output=True, check=True)
    hunt.keep("postgres/dump", dump.stdout)
    connection = superuser(system)
    with connection.cursor() as cursor:
        for view in ("pg_stat_activity", "pg_prepared_statements", "pg_prepared_xacts", "pg_cursors"):
            cursor.execute(f"SELECT v::text FROM {view} v")
            hunt.keep("postgres/activity", "\n".join(row[0] for row in cursor.fetchall()).encode())
        cursor.execute("CHECKPOINT")
        cursor.execute("SHOW data_directory")
        folder = cursor.fetchone()[0]
    connection.close()
    return folder


def children(pid):
    found = [pid]
    for task in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(task, encoding="ascii") as file:
            for child in file.read().split():
                found += children(int(child))
    return found


def pages(admin):
    """All that an operator's port serves: it names them itself where it is asked for something else."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{admin}/", timeout=10)
    named = refused.value.read().decode().strip().split(", ")
    assert {"/livez", "/readyz", "/metrics", "/status"} <= set(named), named
    return named


def collect_processes(system, hunt):
    supervisor = int((system.run_dir / "supervisor.pid").read_text())
    for pid in children(supervisor):
        for name in ("cmdline", "environ"):
            try:
                hunt.keep(f"process/{name}", pathlib.Path(f"/proc/{pid}/{name}").read_bytes())
            except OSError:
                continue  # it has ended
    for process in system.demo["processes"]:
        if process["admin"]:
            for path in pages(process["admin"]):
                with urllib.request.urlopen(f"{process['admin']}{path}", timeout=10) as answer:
                    hunt.keep(f"admin{path}", answer.read())


def collect(system, hunt):
    """Everything that the system keeps: folders as they are, the rest made files. Returns the folders."""
    collect_topics(system, hunt)
    collect_redis(system, hunt)
    folder = collect_postgres(system, hunt)
    collect_processes(system, hunt)
    run = system.run_dir
    return folder, (run / "logs", run / "kafka", run / "redis", run / "edge", run / "demo.json", run / "urls.txt",
                    run / "operator.json")


def collect_tool(system, hunt, submissions):
    for arguments in (("doctor",), ("lag",), ("topics", "check"), ("dlq", "list"),
                      *((verb, *rest) for verb, *rest in [("record", "show"), ("why",)])):
        for submission in (submissions if arguments[0] in ("record", "why") else (None,)):
            for option in ((), ("--json",)):
                done = system.syctl(*option, *arguments, *([submission] if submission else []), check=False)
                hunt.keep("tool/" + arguments[0], (done.stdout + done.stderr).encode())


@pytest.fixture(scope="module")
def after_the_run(system, tmp_path_factory):
    """(hunt with everything collected, folders to look through, the canaries)"""
    watcher = Watcher(system)
    watcher.start()
    rows = system.people(3, change=lambda row: row.update(XM=han(4)))
    lives = [whole_life(system, row) for row in rows]
    canaries = {}
    for _, kinds in lives:
        for kind, values in kinds.items():
            canaries.setdefault(kind, []).extend(values)
    said, refused = bad_roster(system, rows)
    canaries["refused row"] = refused
    for kind, values in staff_life(system).items():
        canaries.setdefault(kind, []).extend(values)
    canaries["garbage"] = [garbage(system)]
    wait_for("the dead letters", lambda: sum(
        canaries["garbage"][0].encode() in (m[3] or b"") for topic in ("submission.received.dlq", "identity.changed.dlq")
        for m in topic_messages(system, topic)) == 6)
    codes = set().union(*(student.codes for student, _ in lives))
    canaries["code"] = list(codes)  # by their hashes; six digits as such are looked for apart
    hunt = Hunt({**canaries, "code": []}, tmp_path_factory.mktemp("hunt"))
    hunt.known.update({data: ("code", how) for code in codes for data, how in hash_forms(code)})
    hunt.patterns.write_bytes(b"\n".join(hunt.known))
    hunt.keep("tool/roster", said.encode())
    for student, _ in lives:
        hunt.keep("refusals", b"\n".join(student.refusals))
        collect_tool(system, hunt, student.submissions)
    watcher.enough.set()
    watcher.join()
    assert len(watcher.seen) > 10
    hunt.keep("postgres/activity", "\n".join(watcher.seen).encode())
    folder, folders = collect(system, hunt)
    return hunt, folder, folders, codes


def hash_forms(code):
    return ((data, how) for data, how in forms(code).items() if how.split(",")[0] in HASHES)


def allowed(kind, how, path, postgres):
    """Names, and what staff is called, are in clear in PostgreSQL; what nobody can read stays as it came in topics, and syctl shows it."""
    if kind in ("name", "account"):
        return how == "as it is" and (path.startswith(postgres) or path == "postgres/dump")
    if kind == "garbage":
        return path.startswith("topic/") or "/kafka/data/" in path
    return False


def test_canaries_are_nowhere_in_clear(after_the_run, system):
    hunt, postgres, folders, codes = after_the_run
    hits = hunt.found(postgres, *folders)
    assert {hit for hit in hits if not allowed(*hit, postgres)} == set()
    # What has to be there is: the hunt does look into these places.
    assert any(kind == "name" and path == "postgres/dump" for kind, _, path in hits)
    assert any(kind == "name" and "/pg_wal/" in path for kind, _, path in hits)
    assert any(kind == "garbage" and path == "topic/submission.received.dlq" for kind, _, path in hits)
    texts = [hunt.folder / "collected", *(f for f in folders if f.name in ("logs", "edge"))]
    assert len(codes) >= 6
    assert codes_in(codes, texts) == []


def plant(system, kind, value, tmp_path):
    """Lays one value somewhere in its own way; returns how to take it away."""
    data = value.encode()
    store, log = redis_of(system), system.run_dir / "logs" / f"planted-{kind}.log"

    def in_log(content):
        log.write_bytes(content)
        return log.unlink

    def in_redis(key, content):
        store.set(key, content)
        return lambda: store.delete(key)

    def in_table(content):
        connection = superuser(system)
        connection.cursor().execute("CREATE TABLE public.planted AS SELECT %s AS word", (content,))
        return lambda: (connection.cursor().execute("DROP TABLE public.planted"), connection.close())

    def in_topic(content):
        topic = f"planted-{digits(8)}"
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": system.demo["kafka"]})
        admin.create_topics([confluent_kafka.admin.NewTopic(topic, 1, 1)])[topic].result(10)
        publish(system, topic, b"k", b"v", {"header": content})
        return lambda: admin.delete_topics([topic])[topic].result(10)

    escaped = json.dumps(value).encode()
    ways = {
        "number": lambda: in_redis("planted:1", data), "phone": lambda: in_redis(b"planted:" + data, "x"),
        "name": lambda: in_log(value.encode("utf-16-le")), "examinee": lambda: in_log(base64.b64encode(b"ab" + data)),
        "token": lambda: in_table(value), "login": lambda: in_topic(value),
        "openid": lambda: in_log(urllib.parse.quote(value).encode()), "postcode": lambda: in_log(data.hex().encode()),
        "JTDZ": lambda: in_log(value.encode("gb18030")), "JTLXR": lambda: in_log(escaped),
        "RXQHKSZDPCS": lambda: in_log(urllib.parse.quote(value).encode()),
        "DZYX": lambda: in_log(hashlib.sha256(data).hexdigest().encode()),
        "QQHM": lambda: in_log(hashlib.new("sm3", data).digest()),
        "JTDH": lambda: in_log(base64.urlsafe_b64encode(hashlib.md5(data).digest())),
        "code": lambda: in_log(hashlib.sha1(data).hexdigest().upper().encode()),
    }
    return ways[kind]()


def test_finds_one_of_each_kind_that_is_laid_somewhere(system, tmp_path):
    """So that nothing found means that nothing is there."""
    values = {"number": "44010119990307" + digits(4), "phone": "198" + digits(8), "name": han(4), "examinee": digits(14),
              "token": random.randbytes(32).hex(), "login": f"demo-{digits(12)}.1", "openid": f"sandbox-{digits(12)}",
              "postcode": f"5181{digits(3)}x", "code": digits(12), **sensitive()}
    while b"\n" in hashlib.new("sm3", values["QQHM"].encode()).digest():
        values["QQHM"] = digits(11)
    hunt = Hunt({kind: [value] for kind, value in values.items()}, tmp_path)
    undo = [plant(system, kind, value, tmp_path) for kind, value in values.items()]
    try:
        folder, folders = collect(system, hunt)
        hits = hunt.found(folder, *folders)
        assert {kind for kind, *_ in hits} == set(values)
    finally:
        for step in undo:
            step()
    assert codes_in(["123456", "654321"], [pathlib.Path(__file__)]) == [__file__]


HOLDER = "import sys; word = 'canary' + '-in-memory'; print(word[:6], flush=True); sys.stdin.read()"


def sandbox_argv(system):
    """A process of ours that needs nothing else, without instruments: those have dealings with cores of their own."""
    secrets = system.run_dir / "secrets"
    return [str(ROOT / "build/bin/sy-sandbox"), f"--wechat-secret-file={secrets}/wechat.secret", "--listen=127.0.0.1:0",
            f"--wechat-h5-secret-file={secrets}/wechat_h5.secret", f"--sms-secret-key-file={secrets}/sms.secret"]


@contextlib.contextmanager
def started(argv, folder):
    process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert process.stdout.readline()  # it has begun
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def aborted_with_core(argv, folder):
    """Whether the system writes a core of it when it may write as large a one as this account may ask for."""
    largest = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (largest, largest))
    with started(argv, folder) as process:
        os.kill(process.pid, signal.SIGABRT)  # send_signal would reap it if it had ended by itself
        _, status = os.waitpid(process.pid, 0)
        process.returncode = -os.WTERMSIG(status)
        return os.WCOREDUMP(status)


def gcore_of(pid, folder):
    """What root's debugger writes of a process; empty when it may not."""
    subprocess.run(["gcore", "-o", str(folder / "core"), str(pid)], capture_output=True, check=False, timeout=60)
    core = folder / f"core.{pid}"
    return core.read_bytes() if core.exists() else b""


def test_no_process_leaves_its_memory_in_a_file(system, tmp_path):
    for process in system.demo["processes"]:  # the servers as well
        limits = pathlib.Path(f"/proc/{process['pid']}/limits").read_text(encoding="ascii")
        assert re.search(r"^Max core file size +0 +0 ", limits, re.M), process["name"]
    ours = [p for p in system.demo["processes"] if p["admin"]]
    assert len(ours) >= 11
    for process in ours:
        with open(f"/proc/{process['pid']}/coredump_filter", encoding="ascii") as file:
            assert int(file.read(), 16) == 0, process["name"]
    assert not aborted_with_core(sandbox_argv(system), tmp_path)
    assert list(tmp_path.iterdir()) == []
    with started([sys.executable, "-c", HOLDER], tmp_path) as process:
        assert b"canary-in-memory" in gcore_of(process.pid, tmp_path)  # of any other it would be in there
    with started(sandbox_argv(system), tmp_path) as process:
        secret = (system.run_dir / "secrets/sms.secret").read_bytes().strip()
        assert secret not in gcore_of(process.pid, tmp_path)
