"""The examples of docs/openapi.yaml and docs/asyncapi.yaml, sent; and what comes back, by their schemas."""
import json
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "contract"))
import documents  # noqa: E402
from servers import publish, topic_messages  # noqa: E402
from shengyuan import Staff, Student, png_image, wait_for  # noqa: E402

OPENAPI, ASYNCAPI = documents.OPENAPI, documents.ASYNCAPI
SAMPLE = {"id": "00000000-0000-8000-8000-000000000000", "table": "SYSZDDM"}


@pytest.fixture(scope="module")
def principals(system, people):
    """Whom an example is sent by."""
    nothing, session, bound = (Student(system, people()) for _ in range(3))
    session.log_in()
    bound.ready()
    return {"nothing": nothing, "session": session, "bound": bound, "staff": Staff.of(system, "school")}


def answer_errors(path, method, answer):
    """What is wrong with an answer by the document: status, content type, body."""
    operation = OPENAPI["paths"][path][method]
    if str(answer.status) not in operation["responses"]:
        return [f"{method} {path}: {answer.status} is not described"]
    response = documents.resolve(OPENAPI, operation["responses"][str(answer.status)])
    if "content" not in response:
        return ["a body where none is described"] if answer.body else []
    media = answer.headers["Content-Type"].split(";")[0]
    if media not in response["content"]:
        return [f"{media} is not described"]
    if media == "text/event-stream":
        return []
    return documents.errors(OPENAPI, response["content"][media]["schema"], answer.json, close=False)


def send(student, method, path, example):
    headers = dict(example.get("x-headers", {}))
    headers["Content-Type"] = example.get("x-content-type", "application/json")
    raw = example["x-raw"].encode() if "x-raw" in example else json.dumps(example["value"]).encode()
    return student.call(method.upper(), path, headers=headers, raw=raw)


def filled(path, **values):
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], SAMPLE[m[1]]), path)


@pytest.mark.parametrize("path,method,operation,shared,schema,example",
                         [p for p in documents.request_examples() if "x-yields" in p.values[5]])
def test_refused_requests_are_refused_as_described(principals, path, method, operation, shared, schema, example):
    answer = send(principals[example["x-given"]], method, filled(path), example)
    told = example["x-yields"]
    assert (answer.status, answer.problem) == (told["status"], told["type"]), answer
    if "fields" in told:
        assert sorted({e["field"] for e in answer.json["errors"]}) == sorted(set(told["fields"]))
    assert answer_errors(path, method, answer) == []


def parameter_examples():
    for path, method, operation, shared in documents.operations():
        for parameter in documents.parameters_of(operation, shared):
            for name, example in parameter.get("examples", {}).items():
                if "x-yields" in example:
                    yield pytest.param(path, method, parameter, example, id=f"{method} {path} {parameter['name']} {name}")


@pytest.mark.parametrize("path,method,parameter,example", parameter_examples())
def test_refused_parameters_are_refused_as_described(principals, path, method, parameter, example):
    given, where = example.get("x-given", "bound"), parameter["in"]
    values = {**example.get("x-with", {}), **({parameter["name"]: example["value"]} if where == "path" else {})}
    target = filled(path, **{k: str(v) for k, v in values.items()})
    if where == "query":
        target += f"?{parameter['name']}={example['value']}"
    headers = {"Idempotency-Key": "k", "If-Match": '"draft-0"', **example.get("x-headers", {})}
    if where == "header":
        headers[parameter["name"]] = str(example["value"]).encode("latin-1", "replace")
    content = OPENAPI["paths"][path][method].get("requestBody", {}).get("content", {})
    raw = None
    if "image/png" in content:
        headers["Content-Type"], raw = "image/png", png_image(3, 2)
    elif content:
        raw = json.dumps({"fields": {}}).encode()
    answer = principals[given].call(method.upper(), target, headers=headers, raw=raw)
    told = example["x-yields"]
    assert (answer.status, answer.problem) == (told["status"], told["type"]), answer
    assert answer_errors(path, method, answer) == []


@pytest.mark.parametrize("path,method,operation,shared,schema,example", [
    p for p in documents.request_examples() if "x-yields" not in p.values[5]
    and p.values[0] in ("/api/v1/session", "/api/v1/submissions", "/api/v1/draft")])
def test_taken_requests_are_taken(system, principals, path, method, operation, shared, schema, example):
    student = principals["nothing" if path.endswith("session") else "bound"]
    if path.endswith("draft"):  # the tag of now, not the one of the document
        tag = student.call("GET", path).headers["ETag"]
        example = {**example, "x-headers": {"If-Match": tag}}
    if path.endswith("session"):
        student = Student(system, student.row)
    answer = send(student, method, path, example)
    assert 200 <= answer.status < 300, answer
    assert answer_errors(path, method, answer) == []
    if path.endswith("submissions"):
        student.judged(answer.json["submission_id"])


def test_every_answer_of_the_way_is_as_described(system, people):
    """A student's whole way, each answer checked by the schema of its call and status."""
    wrong, seen = [], set()
    templates = [(re.compile("^" + re.sub(r"\{\w+\}", "[^/]+", path) + "$"), path) for path in OPENAPI["paths"]]

    class Checked(Student):
        def call(self, method, path, body=None, headers=None, raw=None):
            answer = super().call(method, path, body, headers, raw)
            bare = path.split("?")[0]
            template = next(t for pattern, t in templates if pattern.match(bare))
            seen.add((template, method, answer.status))
            wrong.extend(f"{method} {template} {answer.status}: {e}" for e in answer_errors(template, method.lower(), answer))
            return answer
    s = Checked(system, people()).ready()
    s.call("GET", "/api/v1/session")
    form = s.call("GET", "/api/v1/form")
    s.call("GET", "/api/v1/form", headers={"If-None-Match": form.headers["ETag"]})
    s.call("GET", "/api/v1/codes/MZDM")
    s.call("GET", "/api/v1/codes/SYSZDDM?parent=440000")
    tag = s.call("GET", "/api/v1/draft").headers["ETag"]
    s.call("PUT", "/api/v1/draft", {"fields": {"JTDZ": "路"}}, {"If-Match": tag})
    s.call("PUT", "/api/v1/draft", {"fields": {}}, {"If-Match": tag})
    s.call("PUT", "/api/v1/draft", {"fields": {}})
    first = s.send(JTYB="1")
    s.judged(first)
    s.call("GET", f"/api/v1/submissions/{first}/events")
    s.status(first[:-1] + ("0" if first[-1] != "0" else "1"))
    s.submit("same")
    s.submit("same", JTYB="100000")
    s.call("GET", "/api/v1/identity/binding")
    s.ask_code()
    s.bind()
    s.call("DELETE", "/api/v1/session")
    s.call("GET", "/api/v1/session")
    assert wrong == []
    assert len(seen) >= 22, sorted(seen)


# --- messages ---


def message_examples():
    for row in documents.message_examples():
        topic, _, example = row.values
        if "x-yields" in example and topic in ("submission.received", "identity.changed", "appeal.decided"):
            yield pytest.param(topic, example, id=f"{topic} {example['name']}")


@pytest.mark.parametrize("topic,example", message_examples())
def test_refused_messages_become_the_dead_letters_described(system, topic, example):
    value = example["x-raw"].encode() if "x-raw" in example else json.dumps(example["payload"]).encode()
    place = publish(system, topic, example["x-key"], value, example["headers"])
    letter = wait_for("the dead letter", lambda: [h for *_, h in topic_messages(system, f"{topic}.dlq") if
                                                  (int(h["dlq_partition"]), int(h["dlq_offset"])) == place])
    assert letter[0]["dlq_reason"].decode() == example["x-yields"]["reason"], letter


def test_messages_sent_are_as_described(system, student):
    """The messages of one student in every topic, headers and payload."""
    sent = [student.send(), student.send(JTYB="1"), student.send(fields={})]
    for submission_id in sent:
        student.judged(submission_id)
    own = json.loads(next(v for *_, v, _ in topic_messages(system, "submission.received") if v and sent[0].encode() in v))
    for topic, values, least in (("submission.received", sent, 3), ("submission.judged", sent, 3),
                                 ("identity.changed", [own["student_id"]], 1)):
        message = documents.message_of(documents.channel_of(topic))
        checked = 0
        for *_, value, headers in topic_messages(system, topic):
            if not value or not any(v.encode() in value for v in values):
                continue
            headers = {k: v.decode() for k, v in headers.items()}
            assert documents.errors(ASYNCAPI, message["headers"], headers, close=False) == []
            assert documents.errors(ASYNCAPI, message["payload"], json.loads(value), close=False) == []
            checked += 1
        assert checked >= least, topic
