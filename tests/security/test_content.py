"""S2, S3, S21 to S27, S30, S36, S37: what stands in bodies, messages and files."""
import csv
import hashlib
import io
import json
import random
import time
import uuid

import pytest

import corpus
import table
import test_access
from conftest import DOORS
from servers import publish, reader, redis_of, superuser, topic_messages
from shengyuan import Http, roster_csv, Staff, Student, wait_for
from documents import OPENAPI
from test_documents_replay import answer_errors


@pytest.fixture(scope="module")
def one(system, people):
    """A bound student for all of this file, who has somebody of staff beside them for the calls that are staff's."""
    bound = Student(system, people()).ready()
    bound.staff = Staff.of(system, "school")
    return bound


def send(doors, door, service, s, method, path, raw, headers=None):
    return Http(doors.base(door, service)).call(method, path, headers={
        "Authorization": f"Bearer {s.token}", "Idempotency-Key": str(uuid.uuid4()), "If-Match": '"draft-0"',
        "Content-Type": "application/json", **(s.staff.credentials(method) if hasattr(s, "staff") else {}), **(headers or {})}, raw=raw)


# --- S21 to S26: one scanner, every door ---

NOBODYS = "5b0c7d1e-2f43-4a6b-8c9d-0e1f2a3b4c5d"  # whose application there is not
BODIES = [
    ("authorization", "POST", "/api/v1/session", {"channel": "h5", "code": "@", "consent_version": "1"}),
    ("authorization", "POST", "/api/v1/staff/session", {"account": "wang", "password": "@", "one_time_code": "012345"}),
    ("authorization", "PUT", "/api/v1/staff/password", {"password": "@", "new_password": "x"}),
    ("binding", "POST", "/api/v1/identity/verifications",
     {"category": "mainland", "name": "@", "id_type": "IDENTITY_CARD", "id_number": "x", "consent_version": "1"}),
    ("binding", "POST", "/api/v1/identity/phone-codes", {"phone": "@"}),
    ("binding", "POST", "/api/v1/identity/binding",
     {"by": "name", "category": "mainland", "name": "@", "id_type": "IDENTITY_CARD", "id_number": "x", "phone": "1", "phone_code": "1"}),
    ("binding", "PUT", "/api/v1/identity/phone", {"phone": "@", "phone_code": "1"}),
    ("binding", "POST", "/api/v1/identity/appeals", {"kind": "major_missing", "school_code": "x", "claims": {"major_name": "x"}, "message": "@"}),
    ("intake", "PUT", "/api/v1/draft", {"fields": {"JTDZ": "@"}}),
    ("intake", "POST", "/api/v1/submissions", {"fields": {"JTDZ": "@"}}),
    ("notification", "POST", "/api/v1/notice-consents", {"result": "@"}),
    ("office", "POST", "/api/v1/office/appeals/{id}/decision", {"decision": "accepted", "reason": "@"}),
    ("office", "POST", "/api/v1/office/reviews", {"decisions": [{"student_id": "x", "submission_id": "x"}], "reason": "@"}),
]


@pytest.mark.parametrize("service,method,path,body", BODIES, ids=[f"{b[1]} {b[2]}" for b in BODIES])
def test_no_body_is_read_leniently(doors, one, service, method, path, body):
    """About 280 traps at each call that takes a body, at the service's own port; the first fifty through the edge as well."""
    assert {(b[1], b[2]) for b in BODIES} == {(m.upper(), p) for p, item in OPENAPI["paths"].items() for m, o in item.items()
                                              if isinstance(o, dict) and "application/json" in o.get("requestBody", {}).get("content", {})}
    path = path.replace("{id}", NOBODYS)
    doors_ = {door: doors.base(door, service) for door in DOORS}
    kept = {door: Http(base) for door, base in doors_.items()}
    wrong, count = [], 0
    headers = {"Authorization": f"Bearer {one.token}", "Idempotency-Key": "k", "If-Match": '"draft-0"',
               **one.staff.credentials(method)}
    for name, raw in corpus.documents(json.dumps(body).encode(), b'"@"'):
        count += 1
        for door in DOORS if count % 6 == 0 else ("own",):
            answer = kept[door].call(method, path, headers=headers, raw=raw)
            if answer.status != (413 if len(raw) > 65536 else 400):
                wrong.append((door, name, answer))
            elif answer.problem not in ("malformed", "unknown-member", "too-large"):
                wrong.append((door, name, answer))
    assert count > 270 and wrong == []


def test_deep_nesting_costs_nothing(doors, one):
    """S21: refused at the 17th level, in the time of a refusal."""
    taken = []
    for _ in range(20):
        started = time.perf_counter()
        answer = send(doors, "own", "intake", one, "POST", "/api/v1/submissions", b'{"fields":' + b"[" * 60000)
        taken.append(time.perf_counter() - started)
        assert answer.status == 400
    assert sorted(taken)[10] < 0.05, taken


def headers_of(system, submission_id):
    return next((k.decode(), {n: v.decode() for n, v in h.items()}, json.loads(v)) for _, _, k, v, h in
                topic_messages(system, "submission.received") if v and submission_id.encode() in v)


def test_no_message_is_read_leniently(system, one):
    """The same traps at the topics' door: each becomes a dead letter, none a judgement, and the next good one is judged."""
    first = one.send()
    one.judged(first)
    key, headers, message = headers_of(system, first)
    message["fields_sealed"] = "@"
    places = {}
    for name, raw in corpus.documents(json.dumps(message).encode(), b'"@"'):
        if len(raw) > 60000 or raw == b"":
            continue
        headers["ce_id"] = str(uuid.uuid4())
        places[publish(system, "submission.received", key, raw, headers)] = name
    later = one.send()
    assert one.judged(later)["state"] == "accepted"

    def letters():
        found = {(int(h["dlq_partition"]), int(h["dlq_offset"])): h["dlq_reason"].decode()
                 for *_, h in topic_messages(system, "submission.received.dlq")}
        return found if set(places) <= set(found) else None
    found = wait_for("every trap to be a dead letter", letters, 60, 0.3)
    other = {name: found[place] for place, name in places.items() if found[place] != "malformed"}
    # Members of messages that are not known are passed over: so that old and new run beside each other.
    assert other == {"a member's name in capitals beside it": "unsealable"}, other
    assert len(places) > 260


HOSTILE_CELLS = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"a\x00b", b"\xf4\x90\x80\x80", b"\xe4\xb8", b"a\x01b", b"a\x7fb", b"\xef\xbf\xbe"]


@pytest.mark.parametrize("cell", HOSTILE_CELLS, ids=[c.hex() for c in HOSTILE_CELLS])
def test_no_roster_row_is_read_leniently(system, cell):
    """The third door. A file that is neither UTF-8 nor GB18030 is refused whole; a row with such text is refused."""
    text = system.syctl("people", "--count=2", f"--seed={random.randrange(1 << 31)}").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    marker = "标记姓名标记"
    rows[0]["XM"] = marker
    data = roster_csv(rows).encode().replace(marker.encode(), cell)
    path = system.run_dir / "hostile.csv"
    path.write_bytes(data)
    done = system.syctl("--json", "roster", "import", path, check=False)
    connection = superuser(system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT xm FROM roster.student WHERE xh = %s", (rows[0]["XH"],))
        stored = [row[0] for row in cursor.fetchall()]
    connection.close()
    assert stored == [], stored
    assert done.returncode == 1 or json.loads(done.stdout)["refused"] == 1, done


# --- S2, S3 ---

EXTRA = ("status", "role", "school_id", "school", "verified", "version", "judged_by", "student_id", "account_id", "revision",
         "outcome", "is_admin", "__proto__", "constructor", "submission_id", "campaign_id", "id_number_sealed")


@pytest.mark.parametrize("service,method,path,body", BODIES, ids=[f"{b[1]} {b[2]}" for b in BODIES])
def test_what_is_nobodys_to_send_is_refused(doors, one, system, service, method, path, body):
    with reader(system) as cursor:
        cursor.execute("SELECT count(*) FROM record.submission")
        before = cursor.fetchone()[0]
    path = path.replace("{id}", NOBODYS)
    if service == "notification":  # its members are yes or no
        body = {name: True for name in body}
    for n, name in enumerate(EXTRA):
        for value in (True, "x", 1, None, {"a": 1})[n % 2::2]:
            answer = send(doors, DOORS[n % 2], service, one, method, path, json.dumps({**body, name: value}).encode())
            assert (answer.status, answer.problem) == (400, "unknown-member"), (name, answer)
        if "fields" in body:
            inner = {"fields": {**body["fields"], name: "x"}}
            answer = send(doors, DOORS[n % 2], service, one, method, path, json.dumps(inner).encode())
            assert (answer.status, answer.problem) == (400, "unknown-member"), (name, answer)
    with reader(system) as cursor:
        cursor.execute("SELECT count(*) FROM record.submission")
        assert cursor.fetchone()[0] == before


def test_answers_have_no_member_more_than_described(doors, system, people):
    """S3: every answer of the table's calls against its schema, with nothing beside it."""
    cast = test_access.Cast(system, people)
    wrong, seen = [], set()
    closed = json.loads(json.dumps(OPENAPI))
    for row in table.TABLE:
        service, method, path = row[:3]
        for _, target, who, status in (c for c in table.cells() if c[0] is row):
            if who not in ("anonymous", "a1", "verified"):
                continue
            s = cast.caller(who)
            if method == "DELETE":
                continue
            made = test_access.MAKE.get((method, path), lambda *_, p=path: (p, None, None))(cast, s, who, target)
            answer = test_access.call(doors.base("own", service), s, method, *made)
            wrong += [(method, path, answer.status, e) for e in answer_errors(path, method.lower(), answer)]
            if answer.status != 204 and answer.body and b"event:" not in answer.body[:10]:
                known = described_members(closed, path, method.lower(), answer)
                wrong += [(method, path, answer.status, name) for name in set(answer.json) - known]
            seen.add((method, path, answer.status))
    assert wrong == [] and len(seen) > 30


def described_members(document, path, method, answer):
    import documents
    response = documents.resolve(document, document["paths"][path][method]["responses"][str(answer.status)])
    schema = response["content"][answer.headers["Content-Type"].split(";")[0]]["schema"]
    return members(document, schema)


def members(document, schema):
    import documents
    schema = documents.resolve(document, schema)
    names = set(schema.get("properties", {}))
    for part in schema.get("allOf", []) + schema.get("oneOf", []) + schema.get("anyOf", []):
        names |= members(document, part)
    return names


# --- S27, S30, S36 ---

HOSTILE = ["'; DROP TABLE record.judgement; --", "\" OR 1=1", "$1", "%s%s%n", "{{7*7}}", "${jndi:ldap://x}", "a\tb", "*/--",
           "\\'; x", "a,b;c|d", "=1+1", "+1", "@SUM(A1)", "<script>", "\u2028x", "a\u200bb", "\u202eabc", "😀", "a  b",
           "..\\..\\x", "{1,2}", "NULL", "\\N", "(1)", "k\u0301", "Ω≈ç"]


def test_hostile_text_is_kept_to_the_letter(one, system):
    """S27: what looks like a command of any store is text in all of them: through draft, message, seal and record."""
    wrong = []
    for n, text in enumerate(HOSTILE):
        tag = one.call("GET", "/api/v1/draft").headers["ETag"]
        answer = one.call("PUT", "/api/v1/draft", {"fields": {"JTDZ": text, "JTLXR": text[:20]}}, {"If-Match": tag})
        kept = one.call("GET", "/api/v1/draft")
        if answer.status != 200 or kept.json["fields"] != {"JTDZ": text, "JTLXR": text[:20]}:
            wrong.append((text, answer, kept))
        key = "".join(c for c in text if "!" <= c <= "~") or f"k{n}"
        sent = one.submit(f"{key}-{n}", JTDZ=text)
        if sent.status != 202:
            wrong.append((text, sent))
            continue
        one.judged(sent.json["submission_id"])
        with reader(system) as cursor:
            cursor.execute("SELECT idempotency_key FROM record.submission WHERE submission_id::text = %s",
                           (sent.json["submission_id"],))
            if cursor.fetchone()[0] != f"{key}-{n}":
                wrong.append((key, "key"))
    assert wrong == []


def test_hostile_text_makes_no_lines_in_logs(one, system, doors):
    """S30: every line of every log is one JSON object, whatever was sent; no value begins a line or a colour of its own."""
    marker = f"injected{random.randrange(10**9)}"
    evil = f"{marker}\r\n{{\"level\":\"error\"}}\x1b[31m\u2028x"
    for door in DOORS:
        for s_path in (f"/api/v1/{marker}%0d%0a", f"/api/v1/codes/{marker}", f"/api/v1/submissions/{marker}%1b[31m"):
            Http(doors.base(door, "intake")).call("GET", s_path, headers={"Authorization": f"Bearer {one.token}"})
        send(doors, door, "authorization", one, "POST", "/api/v1/session", json.dumps(
            {"channel": evil, "code": evil, "consent_version": evil}).encode())
        send(doors, door, "intake", one, "POST", "/api/v1/submissions", json.dumps({"fields": {"JTDZ": evil}}).encode(),
             {"Idempotency-Key": marker, "traceparent": f"00-{marker}", "User-Agent": f"{marker}"})
        send(doors, door, "binding", one, "POST", "/api/v1/identity/binding", json.dumps({
            "by": evil, "category": evil, "name": evil, "id_type": evil, "id_number": evil, "phone": evil,
            "phone_code": evil}).encode())
    publish(system, "submission.received", marker, evil.encode(), {"ce_id": evil, "ce_type": evil})
    wait_for("the dead letter", lambda: [1 for *_, k, v, h in topic_messages(system, "submission.received.dlq")
                                         if k == marker.encode()], 30, 0.3)
    lines = 0
    for path in (system.run_dir / "logs").glob("*.log"):
        if path.stem.split("-")[0] not in ("authorization", "binding", "intake", "validation"):
            continue
        data = path.read_bytes()
        assert b"\x1b" not in data and "\u2028".encode() not in data and b"\r" not in data, path
        for line in data.split(b"\n"):
            if line and not line.startswith(b"=="):
                assert isinstance(json.loads(line), dict), (path, line)
                lines += 1
    assert lines > 10


def rare_names(count):
    """Extension B to H, compatibility and private use, middle dots; never a form that is normalised away."""
    blocks = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B738), (0x2B740, 0x2B81D),
              (0x2B820, 0x2CEA1), (0x2CEB0, 0x2EBE0), (0x30000, 0x3134A), (0x31350, 0x323AF), (0xF900, 0xFAD9), (0xE000, 0xE0FF)]
    rng = random.Random(36)
    names = ["𠮷野", "㛃", "买买提·吐尔逊", "𬌗", "\ue0c1", "﨑"]
    while len(names) < count:
        names.append("".join(chr(rng.randint(*rng.choice(blocks))) for _ in range(rng.randint(1, 6))))
    return names


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_rare_names_come_back_as_they_were(system, encoding):
    """S36: 1,000 names in each encoding a roster may have: byte-equal in the table; length in characters."""
    names = rare_names(1000)
    text = system.syctl("people", "--count=1000", f"--seed={random.randrange(1 << 31)}").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    for row, name in zip(rows, names):
        row["XM"] = name
    path = system.run_dir / f"rare-{encoding}.csv"
    path.write_bytes(roster_csv(rows).encode(encoding))
    counts = json.loads(system.syctl("--json", "roster", "import", path).stdout)
    assert counts["added"] == 1000, {k: v for k, v in counts.items() if k != "findings"} | {"findings": counts["findings"][:3]}
    connection = superuser(system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT xh, xm FROM roster.student WHERE xh = ANY(%s)", ([r["XH"] for r in rows],))
        stored = dict(cursor.fetchall())
    connection.close()
    assert {row["XH"]: row["XM"] for row in rows} == stored


def test_a_rare_name_binds_and_is_shown(system):
    name = "𠮷𬌗·㛃"
    row = system.people(1, change=lambda r: r.update(XM=name, PYFSDM="1"))[0]
    s = Student(system, row).ready()
    assert s.call("GET", "/api/v1/identity/binding").json["student"]["name"] == name
    assert s.judged(s.send(JTLXR=name))["state"] == "accepted"


# --- S37 ---

AREAS = ("110101", "440106", "659001", "310115")


def number(area, birth, sequence):
    first = f"{area}{birth}{sequence:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return first + "10X98765432"[sum(int(c) * w for c, w in zip(first, weights)) % 11]


def test_identity_numbers_by_their_arithmetic(newcomer):
    """For two numbers: all 17 x 9 single digits changed, all neighbours swapped, wrong dates and letters: 422 each."""
    s = newcomer()
    s.log_in()
    http = s.http

    def status(text):
        return http.call("POST", "/api/v1/identity/verifications", {
            "category": "mainland", "name": "张三", "id_type": "IDENTITY_CARD", "id_number": text, "consent_version": "0"},
            {"Authorization": f"Bearer {s.token}"})

    def refused(text):
        answer = status(text)
        return answer.status == 422 and any(e["field"] == "id_number" for e in answer.json["errors"])
    rng = random.Random(37)
    for area in AREAS[:2]:
        good = number(area, "20030228", rng.randrange(1000))
        assert not refused(good), "only the consent is wrong"
        assert not refused(good.replace("X", "x"))
        for place in range(18):
            for digit in "0123456789X":
                changed = good[:place] + digit + good[place + 1:]
                if changed != good and (digit != "X" or place == 17):
                    assert refused(changed), changed
        for place in range(17):
            swapped = good[:place] + good[place + 1] + good[place] + good[place + 2:]
            assert swapped == good or refused(swapped), swapped
    for birth in ("20030229", "20030230", "20031301", "20030001", "20030100", "20990101", "00000000", "18000101"):
        assert refused(number("110101", birth, 1)), birth
    for area in ("000000", "999999", "100000", "110199"):
        assert refused(number(area, "20030228", 1)), area
    good = number("110101", "20030228", 7)
    for text in (good[:17], good + "0", " " + good, good + " ", good[:6] + " " + good[6:], good.replace("1", "１"), good[:17] + "Ⅹ",
                 good[:15], "-" + good[1:], good[:17] + "\u0425", "\u200b" + good, good[:6] + "\n" + good[7:]):
        assert refused(text), text


# --- S10's neighbour: what is asked again and again ---


def test_a_burst_of_repeated_findings_does_not_end_intake(one, system, doors):
    """While Redis is being filled again, 256 rejected submissions repeated in one moment bring all their findings along."""
    bad = {name: "！" for name in one.form()} | {"SJHM": "1"}
    keys = [f"burst-{n}" for n in range(256)]
    http = Http(doors.base("own", "intake"))
    ids = [one.submit(key, fields=bad).json["submission_id"] for key in keys]
    one.judged(ids[-1])
    pids = system.pids("intake")
    store = redis_of(system)
    body = json.dumps({"fields": bad}).encode()
    requests = b"".join(
        f"POST /api/v1/submissions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {one.token}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body for key in keys)
    assert http.call("GET", "/api/v1/form").status == 401
    import socket
    for _ in range(3):
        for key in store.scan_iter("idem:*"):
            store.delete(key)
        connections = [socket.create_connection(("127.0.0.1", doors.ports["intake-1"]), 10) for _ in keys]
        size = len(requests) // len(keys)
        store.delete("idem:ready")
        for n, connection in enumerate(connections):
            connection.sendall(b"".join(requests.split(b"POST ")[n + 1:n + 2]) and b"POST " + requests.split(b"POST ")[n + 1])
        statuses = {connection.recv(4096)[9:12] for connection in connections}
        for connection in connections:
            connection.close()
        assert statuses <= {b"202", b"503"} and size
    assert system.pids("intake") == pids


def test_fingerprints_are_keyed(one, system):
    """An unkeyed hash of a phone or a number is as good as clear text: none is in Redis."""
    store = redis_of(system)
    digests = [hashlib.new(name, text.encode()).hexdigest().encode() for name in ("md5", "sha1", "sha256") for text in
               (one.phone, one.row["SFZH"], "+86" + one.phone)]
    for key in store.scan_iter():
        value = store.get(key) if store.type(key) == b"string" else b""
        assert not any(d in key or d in value for d in digests), key


def test_a_text_that_grows_when_it_is_written_stops_nobody(system, student):
    """DEL, line feed and U+2028 take up to six bytes in JSON; all that is sensitive is sealed as one, which has a limit."""
    pids = {p["name"]: p["pid"] for p in system.demo["processes"]}
    for field, text in (("JTDZ", "\x7f" * 11000), ("JTDZ", "\n" * 11000), ("JTDZ", "\u2028" * 11000), ("DZYX", "x" * 60000),
                        ("JTDZ", "\x7f" * 10920), ("RXQDASZDW", "\x7f" * 60000), ("JTDZ", "路" * 481)):
        body = {"fields": {field: text}} if len(text) > 481 else {"fields": student.form(JTDZ=text)}
        answer = student.call("POST", "/api/v1/submissions", body, {"Idempotency-Key": f"grows-{len(text)}-{ord(text[0])}"})
        assert answer.status == 422 and answer.json["errors"][0]["field"] == field, (field, len(text), answer.status, answer.json)
        assert answer.json["errors"][0]["rule"] == "length"
    for text in ("\x7f" * 480, "\n" * 480, "\u2028" * 480):  # the longest there are: judged
        told = student.judged(student.send(fields={**student.form(), "KNSLBDM": "", "JTDZ": text}))
        assert told["state"] == "rejected" and any(f["field"] == "JTDZ" for f in told["findings"])
    assert {p["name"]: p["pid"] for p in system.demo["processes"]} == pids, "nobody died"
