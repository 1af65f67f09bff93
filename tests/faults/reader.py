"""Reads what a system holds into a checker.History: topics from their beginning, tables in one snapshot, the files."""
import datetime
import json
import time
import urllib.parse

import confluent_kafka
import psycopg2

from checker import History, Message, parse, Row

GROUPS = (("validation", "submission.received"), ("authorization", "identity.changed"))
POISON_KEY = "poison"
TOPICS = ("submission.received", "submission.judged", "identity.changed")


def client(demo, group="none"):
    return confluent_kafka.Consumer({
        "bootstrap.servers": demo["kafka"], "group.id": group, "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "log_level": 0})


def partitions(consumer, topic):
    return [confluent_kafka.TopicPartition(topic, number)
            for number in consumer.list_topics(topic, timeout=10).topics[topic].partitions]


def lag(demo):
    """Messages that the groups have not committed yet."""
    total = 0
    for group, topic in GROUPS:
        consumer = client(demo, group)
        try:
            for place in consumer.committed(partitions(consumer, topic), timeout=10):
                low, high = consumer.get_watermark_offsets(place, timeout=10)
                total += high - max(place.offset, low)
        finally:
            consumer.close()
    return total


def topic_messages(demo, topic):
    """(partition, offset, key, value, headers) of every message."""
    consumer, found, ends, places = client(demo), [], {}, []
    try:
        for place in partitions(consumer, topic):
            low, high = consumer.get_watermark_offsets(place, timeout=10)
            if low < high:
                places.append(confluent_kafka.TopicPartition(topic, place.partition, low))
                ends[place.partition] = high
        consumer.assign(places)
        deadline = time.monotonic() + 60
        while ends:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{topic} could not be read to its end: {ends}")
            for message in consumer.consume(2000, 0.2):
                if message.error():
                    continue
                if message.offset() + 1 >= ends.get(message.partition(), 1 << 62):
                    ends.pop(message.partition())
                found.append((message.partition(), message.offset(), message.key(), message.value(),
                              dict(message.headers() or [])))
    finally:
        consumer.close()
    return sorted(found, key=lambda one: one[:2])


def messages(demo, topic):
    return [Message((partition, offset), (key or b"").decode(errors="replace"), parse(value))
            for partition, offset, key, value, _ in topic_messages(demo, topic)]


def dead_letters(demo):
    found = []
    for topic in TOPICS:
        for *_, headers in topic_messages(demo, f"{topic}.dlq"):
            found.append((headers["dlq_topic"].decode(), int(headers["dlq_partition"]), int(headers["dlq_offset"])))
    return found


def database(run_dir, demo):
    parts = urllib.parse.urlsplit(demo["postgres"])
    password = (run_dir / "secrets/pg_superuser.secret").read_text().strip()
    return psycopg2.connect(host=parts.hostname, port=parts.port, user="superuser", dbname="shengyuan",
                            password=password, connect_timeout=5)


def unpublished(run_dir, demo):
    with database(run_dir, demo) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM identity.outbox WHERE published_at IS NULL")
        return cursor.fetchone()[0]


def read_tables(run_dir, demo, history):
    connection = database(run_dir, demo)
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    with connection, connection.cursor() as cursor:
        def ask(text):
            cursor.execute(text)
            return cursor.fetchall()
        history.rows = [Row(*row[:6], tuple(row[6:])) for row in ask(
            "SELECT submission_id::text, student_id::text, idempotency_key, revision, outcome, rxqdaszdw, "
            "origin_partition, origin_offset FROM record.judgement")]
        history.latest = {row[0]: tuple(row[1:]) for row in ask(
            "SELECT student_id::text, revision, accepted_submission_id::text, accepted_revision FROM record.latest")}
        history.roster = dict(ask("SELECT xh, student_id::text FROM roster.student"))
        history.bindings = {row[0] for row in ask("SELECT student_id::text FROM identity.binding")}
        history.identities = {row[0] for row in ask(
            "SELECT student_id::text FROM auth.identity WHERE student_id IS NOT NULL")}
        history.unpublished = ask("SELECT count(*) FROM identity.outbox WHERE published_at IS NULL")[0][0]
    connection.close()


def lines(path):
    if not path.exists():
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def read(run_dir, demo, log, sent, events):
    """Everything; `events` are the harness's own lines (poison: where a bad message is; forgotten)."""
    history = History(log=lines(log), sent=[
        {**line, "time": datetime.datetime.fromisoformat(line["time"]).timestamp()} for line in lines(sent)])
    history.forgotten = [line["forgotten"] for line in events if "forgotten" in line]
    history.received, history.judged = messages(demo, "submission.received"), messages(demo, "submission.judged")
    # Bad messages are known by their key; those whose delivery was confirmed must be there.
    history.poison = [("submission.received", *message.place) for message in history.received if message.key == POISON_KEY]
    history.poison += [place for place in (tuple(line["poison"]) for line in events if "poison" in line)
                       if place not in set(history.poison)]
    history.changed, history.dead = messages(demo, "identity.changed"), dead_letters(demo)
    read_tables(run_dir, demo, history)
    return history
