"""Invariant 7: nothing sensitive in clear at rest. Canary values are looked for everywhere."""
import hashlib
import pathlib

from servers import redis_of, superuser, topic_messages
from shengyuan import Student

CANARY = {"JTDZ": "金丝雀路八十八号", "JTLXR": "金丝雀联系人", "RXQHKSZDPCS": "金丝雀派出所", "DZYX": "canary.bird@example.com",
          "QQHM": "88776655443", "JTDH": "020-88776655", "JTYB": "518118", "KNSLBDM": "7"}


def found_in(data, words):
    return [word for word in words if word.encode() in data]


def test_canaries_are_nowhere_in_clear(system, people):
    s = Student(system, people()).ready()
    etag = s.call("GET", "/api/v1/draft").headers["ETag"]
    assert s.call("PUT", "/api/v1/draft", {"fields": CANARY}, {"If-Match": etag}).status == 200
    accepted = s.send(**CANARY)
    assert s.judged(accepted)["state"] == "accepted"
    s.judged(s.send(**{**CANARY, "JTYB": "51811x", "DZYX": "canary.bird"}))
    s.call("POST", "/api/v1/identity/binding", {**s.bind_body(), "id_number": s.row["SFZH"]})
    words = [v for k, v in CANARY.items() if k not in ("KNSLBDM",)] + [s.phone, s.row["SFZH"], s.row["KSH"], "51811x"]
    hashes = [getattr(hashlib, kind)(value.encode()).hexdigest() for value in (s.phone, s.row["SFZH"])
              for kind in ("md5", "sha1", "sha256")]
    name = s.row["XM"]

    for topic in ("submission.received", "submission.judged", "identity.changed", "submission.received.dlq"):
        for *_, key, value, headers in topic_messages(system, topic):
            data = (key or b"") + (value or b"") + b"".join(headers.values())
            if accepted.encode() in data:
                assert name.encode() not in data, topic
            assert not found_in(data, words + hashes), topic

    store = redis_of(system)
    for key in store.scan_iter():
        kind = store.type(key)
        data = key + (store.get(key) or b"" if kind == b"string" else b"".join(store.zrange(key, 0, -1)))
        assert not found_in(data, words + hashes + [name]), key

    for path in sorted(pathlib.Path(system.run_dir / "logs").glob("*.log")):
        data = path.read_bytes()
        assert not found_in(data, words + hashes), path
        if path.name.split("-")[0] in ("authorization", "binding", "intake", "validation"):
            assert not found_in(data, [name]), path

    connection = superuser(system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
                       " WHERE table_type = 'BASE TABLE'"
                       " AND table_schema NOT IN ('pg_catalog', 'information_schema')")
        tables = [row[0] for row in cursor.fetchall()]
        assert len(tables) > 10
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE ANY (%s)",
                           ([f"%{word}%" for word in words + hashes],))
            assert cursor.fetchone()[0] == 0, table
    connection.close()


def test_hardship_is_sealed(system, student):
    connection = superuser(system)
    submission = student.send(KNSLBDM="6")
    student.judged(submission)
    with connection.cursor() as cursor:
        cursor.execute("SELECT knslbdm, sjhm, syszddm FROM record.judgement WHERE submission_id = %s", (submission,))
        hardship, phone, area = cursor.fetchone()
    connection.close()
    assert hardship.startswith("a1.k1.") and phone.startswith("a1.k1.") and area == "440106"
    assert len(hardship) > 40, "a sealed value does not tell its length by a digit"


def test_a_sealed_value_cannot_be_moved(system, student, people):
    """Another student's sealed value in one's own row is refused, not shown."""
    import json
    from servers import publish
    other = Student(system, people()).ready()
    theirs = other.send()
    other.judged(theirs)
    mine = student.send()
    student.judged(mine)
    messages = {sid: next(m for m in topic_messages(system, "submission.received") if m[3] and sid.encode() in m[3])
                for sid in (theirs, mine)}
    forged = json.loads(messages[mine][3])
    forged["fields"]["JTDZ"] = json.loads(messages[theirs][3])["fields"]["JTDZ"]
    forged["submission_id"] = forged["submission_id"][:-4] + "0000"
    place = publish(system, "submission.received", messages[mine][2], json.dumps(forged).encode(),
                    {k: v.decode() for k, v in messages[mine][4].items()})
    from shengyuan import wait_for
    letter = wait_for("the dead letter", lambda: [h for *_, h in topic_messages(system, "submission.received.dlq")
                                                  if (int(h["dlq_partition"]), int(h["dlq_offset"])) == place])
    assert letter[0]["dlq_reason"] == b"unsealable"
