"""Looking into the servers behind the system, and taking them down: for tests only."""
import contextlib
import json
import os
import signal
import time
import urllib.parse

import confluent_kafka
import psycopg2
import redis

from shengyuan import wait_for


@contextlib.contextmanager
def reader(system):
    """A cursor of the read-only role of demo.json."""
    connection = psycopg2.connect(system.demo["postgres"])
    connection.autocommit = True
    try:
        yield connection.cursor()
    finally:
        connection.close()


def superuser(system, database="shengyuan"):
    parts = urllib.parse.urlsplit(system.demo["postgres"])
    password = (system.run_dir / "secrets/pg_superuser.secret").read_text().strip()
    connection = psycopg2.connect(host=parts.hostname, port=parts.port, user="superuser", dbname=database,
                                  password=password)
    connection.autocommit = True
    return connection


def redis_of(system):
    return redis.Redis.from_url(system.demo["redis"])


@contextlib.contextmanager
def redis_flushed(system):
    """Redis forgets everything now; after the block it knows again which keys were used."""
    redis_of(system).flushall()
    yield
    all_known(system)


def all_known(system):
    """Redis knows every key that was used, since it was empty last."""
    store = redis_of(system)
    wait_for("Redis to be filled again", lambda: store.get("idem:ready") and
             store.get("idem:ready") == store.get("idem:life"), 60)


def topic_messages(system, topic):
    """Every message of a topic: (partition, offset, key, value bytes or None, headers)."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": system.demo["kafka"], "group.id": "tests", "enable.auto.commit": False,
        "auto.offset.reset": "earliest"})
    found = []
    try:
        places, ends = [], {}
        for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            low, high = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), timeout=10)
            if low < high:
                places.append(confluent_kafka.TopicPartition(topic, partition, low))
                ends[partition] = high
        consumer.assign(places)
        deadline = time.monotonic() + 30
        while ends:
            assert time.monotonic() < deadline, f"{topic} could not be read to its end: {ends}"
            for message in consumer.consume(1000, 0.1):
                if message.error():
                    continue
                if message.offset() + 1 >= ends.get(message.partition(), 1 << 62):
                    ends.pop(message.partition())
                found.append((message.partition(), message.offset(), message.key(), message.value(),
                              dict(message.headers() or [])))
    finally:
        consumer.close()
    return found


def publish(system, topic, key, value, headers, partition=None):
    """A message past the product; returns (partition, offset)."""
    producer = confluent_kafka.Producer({"bootstrap.servers": system.demo["kafka"]})
    place = []
    options = {} if partition is None else {"partition": partition}
    producer.produce(topic, key=key, value=value, headers=list(headers.items()),
                     on_delivery=lambda error, message: place.append((error, message.partition(), message.offset())),
                     **options)
    producer.flush(10)
    assert place and place[0][0] is None, place
    return place[0][1], place[0][2]


def judgements(system, student_id=None):
    with reader(system) as cursor:
        cursor.execute("SELECT submission_id, student_id, idempotency_key, revision, outcome FROM record.submission"
                       + (" WHERE student_id = %s" if student_id else "") + " ORDER BY student_id, revision, submission_id",
                       (student_id,) if student_id else None)
        return cursor.fetchall()


def kill(system, name, number=signal.SIGKILL):
    """Ends the process of this name and waits until the supervisor has started the next one."""
    def process():
        try:
            return next(p for p in system.demo["processes"] if p["name"] == name)
        except (FileNotFoundError, json.JSONDecodeError):
            return None
    before = process()["pid"]
    os.kill(before, number)
    return lambda: wait_for(f"{name} to be started again", lambda: (process() or {}).get("pid") not in (None, before))


@contextlib.contextmanager
def held_down(system, *names, number=signal.SIGKILL):
    """The processes stay down for as long as the block lasts; afterwards everything is ready again."""
    hold = system.run_dir / "hold"
    hold.mkdir(exist_ok=True)
    for name in names:
        (hold / name).touch()
    pids = {p["name"]: p["pid"] for p in system.demo["processes"]}
    for name in names:
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself a moment ago
            os.kill(pids[name], number)
    wait_for(f"{names} to be down", lambda: not any(running(pids[name]) for name in names))
    try:
        yield
    finally:
        for name in names:
            (hold / name).unlink()
        wait_for(f"{names} to be started again", lambda: all(
            p["pid"] != pids[p["name"]] for p in system.demo["processes"] if p["name"] in names), 60)
        all_ready(system)


def running(pid):
    """False also for one that has ended and was not collected yet; not while a thread of it still holds its sockets."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            words = stat.read().rsplit(")", 1)[1].split()
            return words[0] != "Z" or int(words[17]) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def all_ready(system, seconds=90):
    from shengyuan import Http

    since = None  # /readyz tells what was seen up to a second ago: it has to stay so for longer

    def ready():
        nonlocal since
        try:
            fit = all(Http(p["admin"], 3).call("GET", "/readyz").status == 200
                      for p in system.demo["processes"] if p["admin"])
        except (OSError, json.JSONDecodeError):
            fit = False
        since = (since or time.monotonic()) if fit else None
        return since and time.monotonic() - since > 1.5
    wait_for("every process to be ready", ready, seconds, 0.1)
