"""Invariant 7: nothing sensitive in clear at rest. tests/security/test_canaries.py looks for it; here is how it is kept."""
import json
import signal

import pytest
import redis

from servers import all_ready, kill, publish, redis_of, superuser, topic_messages
from shengyuan import Student, wait_for


def test_hardship_is_sealed(system, student):
    connection = superuser(system)
    submission = student.send(KNSLBDM="6")
    student.judged(submission)
    with connection.cursor() as cursor:
        cursor.execute("SELECT fields_sealed, knslbdm, sjhm, syszddm FROM record.judgement WHERE submission_id = %s",
                       (submission,))
        sealed, hardship, phone, area = cursor.fetchone()
    connection.close()
    assert sealed.startswith("a1.k1.") and hardship is None and phone is None and area == "440106"


def test_a_sealed_value_cannot_be_moved(system, student, people):
    """Another student's sealed value in one's own row is refused, not shown."""
    other = Student(system, people()).ready()
    theirs = other.send()
    other.judged(theirs)
    mine = student.send()
    student.judged(mine)
    messages = {sid: next(m for m in topic_messages(system, "submission.received") if m[3] and sid.encode() in m[3])
                for sid in (theirs, mine)}
    forged = json.loads(messages[mine][3])
    forged["fields_sealed"] = json.loads(messages[theirs][3])["fields_sealed"]
    forged["submission_id"] = forged["submission_id"][:-4] + "0000"
    place = publish(system, "submission.received", messages[mine][2], json.dumps(forged).encode(),
                    {k: v.decode() for k, v in messages[mine][4].items()})
    letter = wait_for("the dead letter", lambda: [h for *_, h in topic_messages(system, "submission.received.dlq")
                                                  if (int(h["dlq_partition"]), int(h["dlq_offset"])) == place])
    assert letter[0]["dlq_reason"] == b"unsealable"


def test_sessions_survive_a_restart_of_redis(system, student):
    """Also those that were written in a transaction, which the reader of the file has to be allowed to repeat."""
    kill(system, "redis", signal.SIGTERM)()
    all_ready(system)
    assert student.call("GET", "/api/v1/session").status == 200
    assert "NOPERM" not in (system.run_dir / "logs/redis.log").read_text(errors="replace")
    parts = redis_of(system).connection_pool.connection_kwargs
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(host=parts["host"], port=parts["port"]).ping()
