"""The two API documents against themselves and against the code's own tables. No network, no running system.

What can be read out of the C sources as a table (problems, fields, topics, routes, members of messages and bodies) is
compared with what the documents say; all examples are checked by their schemas.
"""
import copy
import csv
import json
import pathlib
import re

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
METHODS = ("get", "put", "post", "delete")
GIVEN = ("nothing", "session", "bound")


class OneNameOnce(yaml.SafeLoader):
    """A name that stands twice in a mapping is an error, not the last one's win."""

    def construct_mapping(self, node, deep=False):
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(names) == len(set(names)), f"{node.start_mark}: a name twice in {names}"
        return super().construct_mapping(node, deep)


# "=" and times are texts here, as they are in JSON.
OneNameOnce.yaml_implicit_resolvers = {
    first: [(tag, shape) for tag, shape in rows if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def load(path):
    return yaml.load(read(path), OneNameOnce)  # noqa: S506 (a safe loader)


OPENAPI, ASYNCAPI = load("docs/openapi.yaml"), load("docs/asyncapi.yaml")
DOCUMENTS = {"openapi": OPENAPI, "asyncapi": ASYNCAPI}


# --- reading the documents ---

def resolve(document, node):
    """What a $ref stands for; anything else as it is."""
    while isinstance(node, dict) and "$ref" in node:
        assert node["$ref"].startswith("#/"), node
        target = document
        for part in node["$ref"][2:].split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def walk(node, path=""):
    """Every mapping and list below, with where it stands."""
    yield path, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        yield from walk(child, f"{path}/{name}")


def closed(document, schema):
    """The schema with references filled in and objects closed: an example must not show members that are not
    described. (Clients still have to ignore members they do not know.)"""
    schema = resolve(document, schema)
    if isinstance(schema, list):
        return [closed(document, child) for child in schema]
    if not isinstance(schema, dict):
        return schema
    done = {name: {key: closed(document, child) for key, child in value.items()} if name == "properties"
            else copy.deepcopy(value) if name in ("enum", "const") else closed(document, value)
            for name, value in schema.items() if not name.startswith("x-")}
    if schema.get("type") == "object" and "properties" in schema and "allOf" not in schema:
        done.setdefault("additionalProperties", False)
    return done


def errors(document, schema, value, close=True):
    schema = closed(document, schema) if close else {**resolve(document, schema), "components": document["components"]}
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(value)]


def operations():
    for path, item in OPENAPI["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method], item.get("parameters", [])


def parameters_of(operation, shared):
    return [resolve(OPENAPI, p) for p in [*shared, *operation.get("parameters", [])]]


def responses():
    """(where, response) of every operation, and of those no operation names."""
    for path, method, operation, _ in operations():
        for status, response in operation["responses"].items():
            yield f"{method} {path} {status}", status, resolve(OPENAPI, response)


def valued():
    """Every place of the OpenAPI document with a schema and examples: (where, schema, examples)."""
    for where, node in walk(OPENAPI):
        if isinstance(node, dict) and "examples" in node and "schema" in node:
            yield where, node["schema"], {name: resolve(OPENAPI, e) for name, e in node["examples"].items()}


def request_examples():
    for path, method, operation, shared in operations():
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]
            assert list(content) == ["application/json"]
            for name, example in content["application/json"]["examples"].items():
                yield pytest.param(path, method, operation, shared, content["application/json"]["schema"], example,
                                   id=f"{method} {path} {name}")


def words_of(operation, status):
    return resolve(OPENAPI, operation["responses"][str(status)])["x-problems"]


# --- reading the code's tables ---

def problem_table():
    rows = re.findall(r'X\(PROBLEM_\w+,\s*(\d+), "([^"]+)",\s*"([^"]+)"\)', read("common/runtime/problem.h"))
    assert rows and "PROBLEM_TABLE(X)" in read("common/runtime/problem.c")
    return {word: (int(status), title) for status, word, title in rows}


def problem_base():
    return re.search(r'PROBLEM_TYPE_BASE "([^"]+)"', read("common/runtime/problem.h"))[1]


FIELD_ROW = re.compile(
    r'^\s*X\((\w+),\s*"([^"]*)",\s*(\w+),\s*(\w+),\s*(\d+),\s*(\w+),\s*(true|false),\s*(true|false),'
    r'\s*(NULL|"[^"]*"),\s*(NULL|"[^"]*"),\s*(NULL|"[^"]*"),\s*(NULL|"[^"]*")\)', re.M)


def field_table():
    names = ("name", "label", "part", "type", "max", "owner", "required", "sealed", "codes", "when", "default", "help")
    rows = [dict(zip(names, row)) for row in FIELD_ROW.findall(read("common/schema/field.h"))]
    assert len(rows) == len(re.findall(r"^\s*X\([A-Z]+,", read("common/schema/field.h"), re.M)), "a row was not read"
    for row in rows:
        row["max"] = int(row["max"])
        for name in ("codes", "when", "default", "help"):
            row[name] = None if row[name] == "NULL" else row[name][1:-1]
    return rows


def topic_table():
    rows = re.findall(r'^    \{"([\w.]+)",\s*(\d+),\s*"(-?\d+)",', read("common/schema/topic.c"), re.M)
    return {name: (int(partitions), int(retention)) for name, partitions, retention in rows}


def json_rows(path, table):
    """{member: (kind, required)} of one row table."""
    body = re.search(r"json_row " + table + r"\[\] = \{(.*?)\n\};", read(path), re.S)[1]
    rows = re.findall(r"JSON_ROW\(struct \w+,\s*(\w+),\s*JSON_KIND_(\w+),\s*(true|false)\)", body)
    assert len(rows) == body.count("JSON_ROW("), f"{path}: a row of {table} was not read"
    return {name: (kind, required == "true") for name, kind, required in rows}


def routes():
    """{(path, method): (public, json_body)} of all services."""
    found = {}
    for service in sorted((ROOT / "services").glob("*/service.c")):
        for method, path, access, body in re.findall(
                r'\{HTTP_(\w+),\s*"([^"]+)",\s*API_(\w+),\s*(true|false),', service.read_text(encoding="utf-8")):
            found[(path, method.lower())] = (access == "PUBLIC", body == "true")
    return found


def json_type(document, schema):
    schema = resolve(document, schema)
    if "type" in schema:
        return schema["type"]
    values = [schema["const"]] if "const" in schema else schema["enum"]
    kinds = {type(value) for value in values}
    assert kinds == {str}, schema
    return "string"


JSON_TYPES = {"STR": "string", "INT": "integer", "BOOL": "boolean", "OBJECT": "object"}


# --- both documents ---

def test_versions():
    assert OPENAPI["openapi"].startswith("3.1.") and ASYNCAPI["asyncapi"].startswith("3.1.")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_reference_resolves(name):
    document = DOCUMENTS[name]
    count = 0
    for where, node in walk(document):
        if isinstance(node, dict) and "$ref" in node:
            assert set(node) == {"$ref"}, f"{where}: members beside $ref"
            try:
                resolve(document, node)
            except (KeyError, TypeError):
                pytest.fail(f"{where}: {node['$ref']} does not resolve")
            count += 1
    assert count


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_component_is_used(name):
    document = DOCUMENTS[name]
    used = {node["$ref"] for _, node in walk(document) if isinstance(node, dict) and "$ref" in node}
    unused = {f"#/components/{kind}/{one}" for kind, all_of in document["components"].items() for one in all_of} - used
    unused.discard("#/components/securitySchemes/session")  # named by `security`
    unused.discard("#/components/responses/MethodNotAllowed")  # of no operation that exists
    assert not unused


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_schema_is_a_schema(name):
    for schema in DOCUMENTS[name]["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for where, node in walk(DOCUMENTS[name]):
        if "/examples/" not in where and isinstance(node, dict) and isinstance(node.get("schema"), dict):
            jsonschema.Draft202012Validator.check_schema(node["schema"])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_was_left_empty(name):
    """`{description: one, two}` would make a member 'two' without a value."""
    for where, node in walk(DOCUMENTS[name]):
        if node is None:
            assert "/value" in where or "/payload" in where or "/enum/" in where, where


# --- openapi: the code's tables ---

def test_paths_are_the_routes():
    documented = {(path, method) for path, method, _, _ in operations()}
    assert documented == set(routes())


def test_sessions_and_bodies_are_as_routed():
    for path, method, operation, _ in operations():
        public, body = routes()[(path, method)]
        assert (operation.get("security", OPENAPI["security"]) == []) == public, (method, path)
        assert ("requestBody" in operation) == body, (method, path)
        assert ("unauthorized" in words_of(operation, 401)) != public, (method, path)
        assert ("415" in operation["responses"]) == body, (method, path)
        assert len({p["in"] + p["name"] for p in parameters_of(operation, [])}) == len(operation.get("parameters", []))
        assert {p["name"] for p in parameters_of(operation, OPENAPI["paths"][path].get("parameters", []))
                if p["in"] == "path"} == set(re.findall(r"\{(\w+)\}", path))


def test_problem_words_are_the_codes():
    base = problem_base()
    types = OPENAPI["components"]["schemas"]["ProblemType"]["enum"]
    assert all(one.startswith(base) for one in types)
    assert [one[len(base):] for one in types] == list(problem_table())
    in_responses = {word for _, _, r in responses() for word in r.get("x-problems", ())}
    in_responses |= {word for r in OPENAPI["components"]["responses"].values() for word in r.get("x-problems", ())}
    assert in_responses == set(problem_table())
    in_text = set(re.findall(r"problems/([\w-]+)", read("docs/openapi.yaml")))
    assert in_text == set(problem_table())


def test_problem_examples_are_the_codes():
    table, base = problem_table(), problem_base()
    examples = OPENAPI["components"]["examples"]
    assert list(examples) == list(table)
    for word, (status, title) in table.items():
        value = examples[word]["value"]
        assert (value["type"], value["status"], value["title"]) == (base + word, status, title)


def test_responses_have_the_status_of_their_problems():
    for where, status, response in responses():
        assert ("x-problems" in response) == (int(status) >= 400), where
        for word in response.get("x-problems", ()):
            assert problem_table()[word][0] == int(status), where
        if "x-problems" in response:
            assert list(response["content"]) == ["application/problem+json"], where
            assert list(response["content"]["application/problem+json"]["examples"]) == response["x-problems"], where
            assert ("Retry-After" in response.get("headers", {})) == (status in ("429", "503")), where
            assert ("WWW-Authenticate" in response.get("headers", {})) == (status == "401"), where


REQUESTS = [
    ("SessionRequest", "services/authorization/session_handlers.c", "login_rows"),
    ("VerificationRequest", "services/binding/face.c", "body_rows"),
    ("PhoneCodeRequest", "services/binding/phone.c", "code_rows"),
    ("PhoneRequest", "services/binding/phone.c", "put_rows"),
    ("BindingRequest", "services/binding/bind.c", "body_rows"),
    ("DraftRequest", "services/intake/draft.c", "body_rows"),
    ("SubmissionRequest", "services/intake/submit.c", "body_rows"),
    ("Student", "services/binding/card.c", "card_rows"),
]


@pytest.mark.parametrize("schema,path,table", REQUESTS)
def test_bodies_have_the_members_of_their_row_tables(schema, path, table):
    described, rows = OPENAPI["components"]["schemas"][schema], json_rows(path, table)
    assert set(described["properties"]) == set(rows)
    assert set(described["required"]) == {name for name, (_, required) in rows.items() if required}
    for name, (kind, _) in rows.items():
        assert json_type(OPENAPI, described["properties"][name]) == JSON_TYPES[kind], name
    if schema.endswith("Request"):
        assert described["additionalProperties"] is False


def test_every_request_body_is_one_of_these():
    named = {operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
             for _, _, operation, _ in operations() if "requestBody" in operation}
    assert named == {schema for schema, _, _ in REQUESTS if schema.endswith("Request")}


def test_fields_are_the_field_table():
    table = field_table()
    names = OPENAPI["components"]["schemas"]["FieldName"]
    assert names["enum"] == [f["name"] for f in table]
    assert names["x-labels"] == {f["name"]: f["label"] for f in table}
    assert ASYNCAPI["components"]["schemas"]["FieldName"]["enum"] == names["enum"]
    with_codes = [f["name"] for f in table if f["codes"] or f["type"] == "AREA"]
    assert OPENAPI["components"]["parameters"]["CodeTable"]["schema"]["enum"] == with_codes
    types = OPENAPI["components"]["schemas"]["FormField"]["properties"]["type"]["enum"]
    assert {f["type"].lower() for f in table} <= set(types)


def test_the_students_fields_are_as_in_the_field_table():
    students = [f for f in field_table() if f["owner"] == "STUDENT"]
    submission = OPENAPI["components"]["schemas"]["SubmissionFields"]["properties"]
    draft = OPENAPI["components"]["schemas"]["DraftFields"]["properties"]
    assert list(submission) == list(draft) == [f["name"] for f in students]
    factor = int(re.search(r"FIELDS_LENGTH_FACTOR = (\d+)", read("services/intake/domain.h"))[1])
    for f in students:
        one = submission[f["name"]]
        assert (one["type"], one["title"], one["x-max-length"], one["maxLength"]) == ("string", f["label"], f["max"], factor * f["max"]), f
        assert (one["x-required"], one["x-sealed"]) == (f["required"] == "true", f["sealed"] == "true"), f
        assert one["x-type"] == f["type"].lower() and one.get("x-default") == f["default"], f
        assert draft[f["name"]] == {"type": "string", "title": f["label"], "maxLength": factor * f["max"]}


def test_limits_are_those_of_the_code():
    limits = dict(re.findall(r"(LIMIT_\w+)\s*= ([\d *]+),", read("common/base/limits.h")))
    value = {name: eval(text, {"__builtins__": {}}) for name, text in limits.items()}  # noqa: S307 (products of numbers)
    text = OPENAPI["info"]["description"]
    row = (f"| {value['LIMIT_HTTP_BODY'] // 1024} KiB; {value['LIMIT_HTTP_TARGET'] // 1024} KiB; "
           f"{value['LIMIT_HTTP_HEADERS'] // 1024} KiB and {value['LIMIT_HTTP_HEADER_COUNT']} fields |")
    assert row in text
    assert f"at most {value['LIMIT_JSON_DEPTH']} levels and {value['LIMIT_JSON_MEMBERS']} open members" in text
    key = OPENAPI["components"]["parameters"]["IdempotencyKey"]["schema"]["pattern"]
    assert key == f"^[!-~]{{1,{value['LIMIT_IDEMPOTENCY_KEY']}}}$"
    assert f"At most {value['LIMIT_MESSAGE'] // 1024} KiB" in ASYNCAPI["info"]["description"]


# --- openapi: examples ---

def test_bodies_and_main_responses_have_examples():
    for path, method, operation, _ in operations():
        if "requestBody" in operation:
            examples = operation["requestBody"]["content"]["application/json"]["examples"]
            assert any("x-yields" not in example for example in examples.values()), (method, path)
    for where, _, response in responses():
        for content in response.get("content", {}).values():
            assert content["examples"], where


@pytest.mark.parametrize("where,schema,examples", [pytest.param(*row, id=row[0]) for row in valued()])
def test_examples_are_valid(where, schema, examples):
    for name, example in examples.items():
        if "x-yields" not in example:
            assert not errors(OPENAPI, schema, example["value"]), f"{where}/{name}"
            assert not errors(OPENAPI, schema, example["value"], close=False), f"{where}/{name}"


@pytest.mark.parametrize("path,method,operation,shared,schema,example", request_examples())
def test_refused_examples_say_what_the_operation_may_answer(path, method, operation, shared, schema, example):
    named = {p["name"] for p in parameters_of(operation, shared) if p["in"] == "header"}
    assert set(example.get("x-headers", {})) <= named, (method, path)
    for p in parameters_of(operation, shared):
        if p["name"] in example.get("x-headers", {}):
            assert not errors(OPENAPI, p["schema"], example["x-headers"][p["name"]])
    if "x-yields" not in example:
        assert set(example) <= {"summary", "value", "x-headers"}
        assert {p["name"] for p in parameters_of(operation, shared) if p["in"] == "header" and p["required"]} \
            <= set(example.get("x-headers", {})), "an example that is taken names the header fields it needs"
        return
    yields = example["x-yields"]
    assert example["x-given"] in GIVEN and ("value" in example) != ("x-raw" in example)
    assert yields["type"] in words_of(operation, yields["status"])
    assert ("fields" in yields) == (yields["type"] == "invalid-value")
    if "value" not in example:
        assert yields["type"] in ("malformed", "media-type")
    elif yields["type"] in ("malformed", "unknown-member", "missing-member", "invalid-value"):
        assert errors(OPENAPI, schema, example["value"]) or yields.get("fields") in (
            ["id_number"], ["consent_version"]), "the schema takes what is said to be refused"
    else:
        assert not errors(OPENAPI, schema, example["value"]), "refused for another reason than what it says"


def test_refused_parameters_say_what_their_operations_may_answer():
    for path, method, operation, shared in operations():
        for parameter in parameters_of(operation, shared):
            for name, example in parameter["examples"].items():
                if "x-yields" in example:
                    yields = example["x-yields"]
                    assert example["x-given"] in GIVEN, name
                    assert yields["type"] in words_of(operation, yields["status"]), (method, path, name)
                    assert set(example.get("x-with", {})) <= {p["name"] for p in parameters_of(operation, shared)}


def test_raw_examples_are_no_bodies():
    for where, node in walk(OPENAPI):
        if isinstance(node, dict) and "x-raw" in node and node["x-yields"]["type"] == "malformed":
            def pairs(rows):
                assert len(dict(rows)) == len(rows), "a name twice"
                return dict(rows)
            try:
                value = json.loads(node["x-raw"], object_pairs_hook=pairs)
                json.dumps(value, ensure_ascii=False).encode()
                assert isinstance(value, dict), "no object"
            except (AssertionError, ValueError):
                continue
            pytest.fail(f"{where} is strict JSON")


def test_event_stream_examples_are_streams_of_states():
    content = OPENAPI["paths"]["/api/v1/submissions/{id}/events"]["get"]["responses"]["200"]["content"]
    stream = content["text/event-stream"]
    for name, example in stream["examples"].items():
        assert example["value"].endswith("\n\n"), name
        blocks = example["value"].split("\n\n")[:-1]
        states = []
        for block in blocks:
            if block.startswith(":"):
                assert "\n" not in block
                continue
            event, data = block.split("\n")
            assert event == f"event: {stream['x-event']}" and data.startswith("data: ")
            states.append(json.loads(data[6:]))
            assert not errors(OPENAPI, stream["x-event-schema"], states[-1]), name
        assert states[-1]["state"] in ("accepted", "rejected") and len({s["submission_id"] for s in states}) == 1


def check_digit(number):
    """ISO 7064 MOD 11-2."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(int(c) * w for c, w in zip(number, weights)) % 11]


def taken_values():
    """(where, mapping) of everything inside request examples that are not refused."""
    for param in request_examples():
        path, _, _, _, _, example = param.values
        if "x-yields" not in example:
            for where, node in walk(example["value"]):
                if isinstance(node, dict):
                    yield f"{path}{where}", node


def area_rows():
    with (ROOT / "common/schema/data/areacodes.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    return [row for row in rows if re.fullmatch(r"\d{6}", row[0])]


def test_numbers_of_taken_examples_are_right():
    prefixes = {row[0] for row in area_rows()} | {"810000", "820000", "830000"}
    numbers = [node["id_number"] for _, node in taken_values()
               if node.get("id_type") in ("IDENTITY_CARD", "HMT_RESIDENCE_PERMIT")]
    assert numbers
    for number in numbers:
        assert check_digit(number[:17]) == number[17].upper() and number[:6] in prefixes, number


def test_forms_of_taken_examples_are_right():
    codes = {}
    with (ROOT / "common/schema/data/codes.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            codes.setdefault(row["table"], set()).add(row["code"])
    table = {f["name"]: f for f in field_table()}
    in_force = {row[0] for row in area_rows() if row[5] == "在用"}
    whole = 0
    for where, node in taken_values():
        if not where.endswith("/fields"):
            continue
        for name, value in node.items():
            assert len(value) <= table[name]["max"], (where, name)
            if table[name]["codes"]:
                assert value in codes[table[name]["codes"]], (where, name)
            if table[name]["type"] == "AREA":
                assert value in in_force, (where, name)
        needed = {f["name"] for f in table.values() if f["owner"] == "STUDENT" and f["required"] == "true"}
        if needed <= set(node):
            whole += 1
            area = node["SYSZDDM"]
            below = {code for code in in_force if area.endswith("00") and code[:4] == area[:4] and code != area}
            assert not below, f"{area} has counties"
    assert whole, "one example is a whole form"


# --- asyncapi ---

def channel_of(topic):
    found = [c for c in ASYNCAPI["channels"].values() if c["address"] == topic]
    assert len(found) == 1, topic
    return found[0]


def message_of(channel):
    return resolve(ASYNCAPI, next(iter(channel["messages"].values())))


def message_examples():
    for channel in ASYNCAPI["channels"].values():
        message = message_of(channel)
        for example in message["examples"]:
            yield pytest.param(channel["address"], message, example, id=f"{channel['address']} {example['name']}")


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
                                 ("identity_event", "IDENTITY_EVENT", "IdentityChanged")):
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
            own = "account_id" if topic == "identity.changed" else "student_id"
            assert example["payload"][own] == example["x-key"]
            if "submission_id" in example["payload"]:
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
