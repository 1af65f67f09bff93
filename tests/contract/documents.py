"""The two API documents and the tables of the C sources (problems, fields, topics, routes, members of messages and bodies), read."""
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
IMAGES = ("/api/v1/identity/appeals/{id}/evidence",)  # bodies that are no JSON
GIVEN = ("nothing", "session", "bound", "staff")


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
            if path in IMAGES:
                assert list(content) == ["image/jpeg", "image/png"]
                continue
            assert list(content) == ["application/json"]
            for name, example in content["application/json"]["examples"].items():
                yield pytest.param(path, method, operation, shared, content["application/json"]["schema"], example,
                                   id=f"{method} {path} {name}")


def words_of(operation, status):
    return resolve(OPENAPI, operation["responses"][str(status)])["x-problems"]


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


JSON_TYPES = {"STR": "string", "INT": "integer", "BOOL": "boolean", "OBJECT": "object", "ARRAY": "array"}
