"""docs/asyncapi.yaml: topics, messages and headers against the code's own tables; examples by their schemas."""
import re

import pytest
from documents import (
    ASYNCAPI, JSON_TYPES, OPENAPI, channel_of, errors, field_table, json_rows, json_type, message_examples, message_of,
    operations, read, resolve, topic_table)


def test_channels_are_the_topics():
    table = topic_table()
    assert [c["address"] for c in ASYNCAPI["channels"].values()] == list(table)
    for topic, (partitions, retention) in table.items():
        kafka = channel_of(topic)["bindings"]["kafka"]
        assert kafka["topic"] == topic and kafka["partitions"] == partitions
        assert kafka["topicConfiguration"]["retention.ms"] == retention
        assert topic.endswith(".dlq") or f"{topic}.dlq" in table
        assert message_of(channel_of(topic))["title"] == topic


def test_every_channel_has_a_sender():
    sent = {o["channel"]["$ref"] for o in ASYNCAPI["operations"].values() if o["action"] == "send"}
    assert sent == {f"#/channels/{name}" for name in ASYNCAPI["channels"]}


PAYLOADS = [
    ("SubmissionReceived", "common/schema/submission_event.c", "received_rows", set()),
    ("SubmissionJudged", "common/schema/submission_event.c", "judged_rows", {"findings"}),  # read beside the rows
    ("IdentityChanged", "common/schema/identity_event.c", "rows", set()),
    ("ReviewDecided", "common/schema/review_event.c", "rows", set()),
    ("AppealDecided", "common/schema/appeal_event.c", "rows", set()),
]


@pytest.mark.parametrize("schema,path,table,beside", PAYLOADS)
def test_payloads_have_the_members_of_their_row_tables(schema, path, table, beside):
    described, rows = ASYNCAPI["components"]["schemas"][schema], json_rows(path, table)
    for name in beside:
        assert f'json_get(root, "{name}")' in read(path) and f"member '{name}' is missing" in read(path)
    assert set(described["properties"]) == set(rows) | beside
    assert set(described["required"]) == {name for name, (_, required) in rows.items() if required} | beside
    for name, (kind, _) in rows.items():
        assert json_type(ASYNCAPI, described["properties"][name]) == JSON_TYPES[kind], name


def test_versions_and_types_are_the_codes():
    for header, name, schema in (("submission_event", "SUBMISSION_RECEIVED", "SubmissionReceived"),
                                 ("submission_event", "SUBMISSION_JUDGED", "SubmissionJudged"),
                                 ("identity_event", "IDENTITY_EVENT", "IdentityChanged"),
                                 ("review_event", "REVIEW_EVENT", "ReviewDecided"),
                                 ("appeal_event", "APPEAL_EVENT", "AppealDecided")):
        text = read(f"common/schema/{header}.h")
        version = int(re.search(rf"{name}_VERSION = (\d+)", text)[1])
        assert ASYNCAPI["components"]["schemas"][schema]["properties"]["version"]["const"] == version
        own = ASYNCAPI["components"]["schemas"][f"{schema}Headers"]["allOf"][1]["properties"]
        assert f'"{own["ce_type"]["const"]}"' in text


def test_envelope_is_the_codes():
    text = read("common/runtime/event.c")
    written = set(re.findall(r'\{"((?:ce_|content-|trace)[\w-]+)",', text))
    assert set(ASYNCAPI["components"]["schemas"]["CloudEvent"]["properties"]) == written
    checked = set(re.findall(r'"([\w-]+)"', re.search(r"names\[CHECKED\] = \{(.*?)\}", text, re.S)[1]))
    assert set(ASYNCAPI["components"]["schemas"]["CloudEvent"]["required"]) == checked
    dead = set(re.findall(r'\{"(dlq_\w+)",', text))
    assert set(ASYNCAPI["components"]["schemas"]["DeadLetter"]["required"]) == dead


def test_dead_reasons_are_the_codes():
    schemas = ASYNCAPI["components"]["schemas"]
    rows = set(re.findall(r'X\(DEAD_\w+, "([\w-]+)"', read("services/validation/domain.h")))
    received = schemas["SubmissionReceivedDeadHeaders"]["allOf"][1]["properties"]["dlq_reason"]["enum"]
    assert set(received) == rows
    text = read("services/authorization/identity_reader.c")
    identity = schemas["IdentityChangedDeadHeaders"]["allOf"][1]["properties"]["dlq_reason"]["enum"]
    assert set(identity) == {word for word in rows if f'"{word}"' in text}
    appeal = schemas["AppealDecidedDeadHeaders"]["allOf"][1]["properties"]["dlq_reason"]["enum"]
    text = read("services/binding/appeal_reader.c")
    assert set(appeal) == {word for word in rows | {"unknown-appeal"} if f'"{word}"' in text}
    judged = schemas["SubmissionJudgedDeadHeaders"]["allOf"][1]["properties"]["dlq_reason"]["enum"]
    assert set(judged) <= rows


def test_sealed_fields_are_sealed_in_topics():
    described = ASYNCAPI["components"]["schemas"]["SubmissionReceived"]["properties"]
    students = [f for f in field_table() if f["owner"] == "STUDENT"]
    assert list(described["fields"]["properties"]) == [f["name"] for f in students if f["sealed"] == "false"]
    told = described["fields_sealed"]["description"].split(": ")[-1].rstrip(".\n").split(", ")
    assert told == [f["name"] for f in students if f["sealed"] == "true"]


@pytest.mark.parametrize("topic,message,example", message_examples())
def test_message_examples(topic, message, example):
    key = message["bindings"]["kafka"]["key"]
    wrong = errors(ASYNCAPI, message["headers"], example["headers"], close=False)
    assert not errors(ASYNCAPI, key, example["x-key"])
    assert not ("payload" in example and "x-raw" in example)
    if "payload" in example:
        wrong += errors(ASYNCAPI, message["payload"], example["payload"])
    if "x-yields" not in example:
        assert not wrong
        if not topic.endswith(".dlq"):
            own = "account_id" if topic in ("identity.changed", "appeal.decided") else "student_id"
            assert example["payload"][own] == example["x-key"]
            if topic.startswith("submission."):
                assert example["headers"]["ce_id"] == example["payload"]["submission_id"]
        return
    dead = message_of(channel_of(f"{topic}.dlq"))
    reasons = resolve(ASYNCAPI, dead["headers"])["allOf"][1]["properties"]["dlq_reason"]["enum"]
    reason = example["x-yields"]["reason"]
    assert reason in reasons
    if reason in ("malformed", "unknown-version", "bad-header"):
        assert wrong or "x-raw" in example, "the schema takes what is said to be refused"
    else:
        assert not wrong, "refused for another reason than what it says"


def test_no_clear_personal_values_in_topics():
    """What an HTTP example shows in clear is sealed in the message examples."""
    sealed = {f["name"] for f in field_table() if f["sealed"] == "true"}
    whole = OPENAPI["paths"]["/api/v1/submissions"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    text = read("docs/asyncapi.yaml")
    for name, value in whole["complete"]["value"]["fields"].items():
        if name in sealed and len(value) > 4:
            assert value not in text, name
