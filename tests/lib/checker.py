"""The independent checker: what clients were told, against what the servers hold.

Knows the contract only. It is given every acknowledgement (202) a client saw, and reads the topics
and the view record.submission; `violations` must come out empty.
"""
import collections
import json


def violations(acknowledged, judged_rows, received, judged):
    """acknowledged: [(student name, key, submission_id)] in the order seen per student;
    judged_rows: rows of record.submission (submission_id, student_id, idempotency_key, revision,
    outcome); received, judged: messages (partition, offset, key, value, headers)."""
    found = []
    rows = {row[0]: row for row in judged_rows}
    if len(rows) != len(judged_rows):
        found.append("a submission has more than one judgement")

    # 1: acknowledged means kept, with exactly one judgement.
    for name, key, submission_id in acknowledged:
        row = rows.get(submission_id)
        if row is None:
            found.append(f"lost: {name} {key} was acknowledged as {submission_id} and has no judgement")
        elif row[2] != key:
            found.append(f"{submission_id} is recorded under another key")

    # 2: once. One id per student and key, one row per student and key.
    ids = collections.defaultdict(set)
    for name, key, submission_id in acknowledged:
        ids[name, key].add(submission_id)
    found += [f"{pair} has ids {sorted(many)}" for pair, many in ids.items() if len(many) > 1]
    keys = collections.Counter((row[1], row[2]) for row in judged_rows)
    found += [f"{pair} was judged {count} times" for pair, count in keys.items() if count > 1]

    # 3: order. Revisions without gaps, in the order acknowledged.
    revisions = collections.defaultdict(list)
    for row in judged_rows:
        revisions[row[1]].append(row[3])
    found += [f"student {student} has revisions {sorted(numbers)}" for student, numbers in revisions.items()
              if sorted(numbers) != list(range(1, len(numbers) + 1))]
    order = collections.defaultdict(list)
    for name, _, submission_id in acknowledged:
        if submission_id in rows and submission_id not in order[name]:
            order[name].append(submission_id)
    for name, sequence in order.items():
        numbers = [rows[submission_id][3] for submission_id in sequence]
        if numbers != sorted(numbers):
            found.append(f"{name}: acknowledged in the order of revisions {numbers}")

    # Every judgement stems from a message, and was told with the same outcome.
    sent = {message.get("submission_id") for message in objects(received)}
    found += [f"{submission_id} was judged and never received" for submission_id in rows if submission_id not in sent]
    told = collections.defaultdict(set)
    for message in objects(judged):
        told[message.get("submission_id")].add((message.get("revision"), message.get("outcome")))
    for submission_id, row in rows.items():
        if told[submission_id] != {(row[3], row[4])}:
            found.append(f"{submission_id} is {row[3], row[4]} and was told {sorted(told[submission_id])}")
    return found


def objects(messages):
    """The values that are JSON objects; a topic may hold what its reader refused, and tombstones."""
    for *_, value, _ in messages:
        try:
            message = json.loads(value or b"")
        except ValueError:
            continue
        if isinstance(message, dict):
            yield message
