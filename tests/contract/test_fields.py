"""A field that is added stands everywhere, or one of these fails: the field table (field.h) against the lists that are written by
hand. docs/openapi.yaml is compared by test_openapi_tables; the columns of a migrated database by tests/integration/test_rules.py."""
import csv
import io
import re

from documents import read

# Of the roster, but in no school's file so far: they are kept out of the import until a school sends them.
NOT_IMPORTED = {"YKSH", "XJBDDM"}


def table():
    """Name to (type, owner, sealed, code table)."""
    rows = re.findall(r'^    X\((\w+),\s+"[^"]*",\s+(\w+),\s+(\w+),\s+(\d+),\s+(\w+),\s+(\w+),\s+(\w+),\s+(NULL|"\w+"),', read(
        "common/schema/field.h"), re.M)
    return {name: (kind, owner, sealed == "true", codes.strip('"')) for name, _, kind, _, owner, _, sealed, codes in rows}


FIELDS = table()
STORED = [n for n, (_, owner, sealed, _) in FIELDS.items() if owner == "STUDENT" and not sealed]
IMPORTED = [n for n, (_, owner, _, _) in FIELDS.items() if owner == "ROSTER" and n not in NOT_IMPORTED]


def column(name):
    return name.lower() + ("_sealed" if FIELDS[name][2] else "")


def c_list(path, array):
    text = re.search(array + r"\[\w*\] = \{(.*?)\};", read(path), re.S).group(1)
    return [name for name in re.findall(r"FIELD_(\w+)", text) if name != "COUNT_"]


def test_the_table_was_read_whole():
    assert len(FIELDS) == len(re.findall(r"^    X\(", read("common/schema/field.h"), re.M)) >= 42


def test_what_the_student_fills_in_is_stored():
    assert c_list("services/validation/store_pg.c", "stored_fields") == STORED
    statement = re.sub(r"--[^\n]*", "", read("services/validation/sql/judgements_add.sql"))
    inserted, selected, told = (re.search(pattern, statement, re.S).group(1) for pattern in (
        r"INSERT INTO record\.judgement \((.*?)\)", r"SELECT (.*?)FROM unnest", r"AS r \((.*?)\)"))
    wanted = [n.lower() for n in STORED]
    for text in (inserted, selected.replace("r.", ""), told):
        assert [w for w in re.split(r"[\s,]+", text) if w in wanted] == wanted
    parameters = re.findall(r"\$(\d+)::\w+\[\]", statement)
    assert [int(p) for p in parameters] == list(range(1, len(re.split(r"[\s,]+", told.strip())) + 1))


def test_what_the_school_sends_is_read_everywhere():
    for path, array in (("services/syctl/roster_file.c", "roster_columns"), ("services/validation/store_pg.c", "roster_fields"),
                        ("services/intake/store_pg.c", "roster_columns")):
        assert sorted(c_list(path, array)) == sorted(IMPORTED), path
    put = read("services/syctl/sql/roster_put.sql")
    assert [w for w in re.split(r"[\s,]+", re.search(r"AS g \((.*?)\)", put, re.S).group(1)) if w in map(column, IMPORTED)] == \
        [column(n) for n in c_list("services/syctl/roster_file.c", "roster_columns")]
    facts = re.search(r"s\.document_index,(.*?)FROM", read("services/validation/sql/facts.sql"), re.S).group(1)
    assert re.findall(r"s\.(\w+)", facts) == [column(n) for n in c_list("services/validation/store_pg.c", "roster_fields")]


def test_every_code_field_has_a_table_and_every_table_a_field():
    codes = {row["table"] for row in csv.DictReader(io.StringIO(read("common/schema/data/codes.csv")))}
    named = {codes_of for _, _, _, codes_of in FIELDS.values() if codes_of != "NULL"}
    assert named <= codes and codes - named == {"GATDQ"}  # regions stand in MZDM


def test_aliases_name_codes_that_there_are():
    codes = {(row["table"], row["code"]) for row in csv.DictReader(io.StringIO(read("common/schema/data/codes.csv")))}
    aliases = list(csv.DictReader(io.StringIO(read("common/schema/data/aliases.csv"))))
    assert all((a["table"], a["code"]) in codes for a in aliases)
    assert len({(a["table"], a["written"]) for a in aliases}) == len(aliases)
