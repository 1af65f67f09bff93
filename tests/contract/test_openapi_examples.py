"""Every example of docs/openapi.yaml by its schema, and by what it says it shows."""
import csv
import json
import re

import pytest
from documents import (
    GIVEN, IMAGES, OPENAPI, ROOT, errors, field_table, operations, parameters_of, request_examples, responses, valued, walk,
    words_of)


def test_bodies_and_main_responses_have_examples():
    for path, method, operation, _ in operations():
        if "requestBody" in operation and path not in IMAGES:
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
