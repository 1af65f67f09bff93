"""Both API documents against themselves. No network, no running system."""
import jsonschema
import pytest
from documents import ASYNCAPI, DOCUMENTS, OPENAPI, resolve, responses, walk


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
    unused.discard("#/components/securitySchemes/staff")
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
