"""What docs/openapi.yaml says against the code's own tables."""
import re

import pytest
from documents import (
    ASYNCAPI, IMAGES, JSON_TYPES, OPENAPI, field_table, json_rows, json_type, operations, parameters_of, problem_base,
    problem_table, read, responses, routes, words_of)


def test_paths_are_the_routes():
    documented = {(path, method) for path, method, _, _ in operations()}
    assert documented == set(routes())


def test_sessions_and_bodies_are_as_routed():
    for path, method, operation, _ in operations():
        public, body = routes()[(path, method)]
        assert (operation.get("security", OPENAPI["security"]) == []) == public, (method, path)
        assert ("requestBody" in operation and path not in IMAGES) == body, (method, path)
        assert ("unauthorized" in words_of(operation, 401)) != public, (method, path)
        assert ("415" in operation["responses"]) == (body or path in IMAGES), (method, path)
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
    ("StaffSessionRequest", "services/authorization/staff_login.c", "staff_rows"),
    ("StaffPasswordRequest", "services/authorization/staff_handlers.c", "password_rows"),
    ("VerificationRequest", "services/binding/face.c", "body_rows"),
    ("PhoneCodeRequest", "services/binding/phone.c", "code_rows"),
    ("PhoneRequest", "services/binding/phone.c", "put_rows"),
    ("BindingRequest", "services/binding/bind.c", "body_rows"),
    ("AppealRequest", "services/binding/appeal.c", "body_rows"),
    ("DraftRequest", "services/intake/draft.c", "body_rows"),
    ("NoticeConsentRequest", "services/notification/consents.c", "body_rows"),
    ("SubmissionRequest", "services/intake/submit.c", "body_rows"),
    ("AppealDecisionRequest", "services/office/appeal.c", "appeal_rows"),
    ("DecisionsRequest", "services/office/decide.c", "body_rows"),
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
             for path, _, operation, _ in operations() if "requestBody" in operation and path not in IMAGES}
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
