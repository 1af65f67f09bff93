"""Rules and campaigns as a season changes them: warnings, severities, editions, rosters that move in between."""
import contextlib
import json
import sys
import threading

import pytest

from shengyuan import ROOT, Student, roster_csv, wait_for
from servers import superuser

DEFAULT = "2027-default"


def query(system, text, *arguments):
    connection = superuser(system)
    try:
        with connection.cursor() as cursor:
            cursor.execute(text, arguments)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


@contextlib.contextmanager
def campaign(system, **change):
    """The default campaign with other settings, for a while."""
    old = query(system, "SELECT to_jsonb(c) FROM campaign.campaign c WHERE campaign_id = %s", DEFAULT)[0][0]
    put(system, **change)
    try:
        yield
    finally:
        put(system, **{name: old[name] for name in change})


def put(system, **change):
    query(system, "UPDATE campaign.campaign c SET (rule_severities, optional_fields, required_fields) = (SELECT n.rule_severities, "
          "n.optional_fields, n.required_fields FROM jsonb_populate_record(c, %s) n) WHERE campaign_id = %s",
          json.dumps(change), DEFAULT)


def judged(student, **change):
    return student.judged(student.send(**change))


def rules(judgement):
    return {f["rule"]: f["severity"] for f in judgement["findings"]}


def judged_until(student, what, condition, **change):
    """Services read a campaign within two seconds: submitted until it counts."""
    return wait_for(what, lambda: (lambda j: j if condition(j) else None)(judged(student, **change)), 60, 0.2)


def load(system, *people):
    return json.loads(system.syctl("--json", "roster", "import", "-", stdin=roster_csv(list(people))).stdout)


@pytest.fixture(scope="module")
def kept(system, people):
    return Student(system, people()).ready()


def test_accepted_with_a_warning_says_so(system, kept):
    judgement = judged(kept, SYSZDDM="430102")
    assert judgement["state"] == "accepted" and rules(judgement) == {"ksh-province": "warn"}
    assert "请" in judgement["findings"][0]["message"]
    edition, version, kept_rules = query(
        system, "SELECT j.rules_edition, j.campaign_version, e.rules FROM record.judgement j "
        "JOIN record.rules_edition e ON e.edition = j.rules_edition WHERE submission_id = %s", judgement["submission_id"])[0]
    assert len(edition) == 12 and version >= 1
    assert {"id", "severity", "adjustable", "summary"} <= set(kept_rules[0]) and len(kept_rules) >= 35
    shown = json.loads(system.syctl("--json", "record", "show", judgement["submission_id"]).stdout)["judgements"]
    assert shown[0]["rules_edition"] == edition and "rules_edition" not in shown[0]["fields"]


def test_a_campaign_makes_a_rule_harder_softer_and_silent(system, kept):
    far = {"SYSZDDM": "430102"}
    with campaign(system, rule_severities={"ksh-province": "reject"}):
        found = judged_until(kept, "harder", lambda j: j["state"] == "rejected", **far)
        assert rules(found) == {"ksh-province": "reject"}
    with campaign(system, rule_severities={"ksh-province": "off"}):
        judged_until(kept, "silent", lambda j: j["state"] == "accepted" and not j["findings"], **far)
    with campaign(system, rule_severities={"postcode": "note"}):
        found = judged_until(kept, "softer", lambda j: j["state"] == "accepted", JTYB="12345")
        assert rules(found) == {"postcode": "note"}
    judged_until(kept, "as before", lambda j: j["state"] == "rejected", JTYB="12345")


def test_what_may_not_be_softened_stays(system, kept):
    with campaign(system, rule_severities={"code": "off", "nobody-knows": "reject", "postcode": "off"}):
        judged_until(kept, "the rest counts", lambda j: j["state"] == "accepted", JTYB="12345")
        assert rules(judged(kept, ZZMMDM="3")) == {"code": "reject"}
    judged_until(kept, "as before", lambda j: j["state"] == "rejected", JTYB="12345")


def test_a_campaign_asks_for_less_and_more(system, kept):
    def required():
        fields = [f for p in kept.call("GET", "/api/v1/form").json["parts"] for f in p["fields"]]
        return {f["name"]: f["required"] for f in fields}
    with campaign(system, optional_fields=["JTYB"], required_fields=["QQHM"]):
        judged_until(kept, "less", lambda j: j["state"] == "accepted", JTYB=None)
        assert rules(judged(kept, QQHM=None)) == {"required": "reject"}
        wait_for("the form of each copy", lambda: all(
            (lambda r: not r["JTYB"] and r["QQHM"])(required()) for _ in range(4)), 60, 0.2)
    judged_until(kept, "as before", lambda j: j["state"] == "rejected", JTYB=None)


def test_every_version_of_a_campaign_is_kept(system):
    before = query(system, "SELECT version FROM campaign.campaign WHERE campaign_id = %s", DEFAULT)[0][0]
    with campaign(system, rule_severities={"age": "note"}):
        put(system, rule_severities={"age": "note"})  # nothing new: no version
    assert query(system, "SELECT version FROM campaign.campaign WHERE campaign_id = %s", DEFAULT)[0][0] == before + 2
    kept_rows = query(system, "SELECT version, old_row->'rule_severities' FROM campaign.campaign_version WHERE campaign_id = %s"
                      " AND version >= %s ORDER BY version", DEFAULT, before)
    assert kept_rows == [(before, {}), (before + 1, {"age": "note"})]


def test_a_campaign_edited_while_batches_are_judged(system, people):
    """Whatever version a judgement says it was made by, its outcome is that version's."""
    students = [Student(system, people()).ready() for _ in range(3)]
    over = threading.Event()
    sent = []

    def submit(student):
        while not over.is_set():
            sent.append(student.send(SYSZDDM="430102"))
    threads = [threading.Thread(target=submit, args=(s,)) for s in students]
    with campaign(system, rule_severities={}):
        for thread in threads:
            thread.start()
        try:
            for severity in ("reject", "off", "warn", "reject"):
                put(system, rule_severities={"ksh-province": severity})
                version = query(system, "SELECT version FROM campaign.campaign WHERE campaign_id = %s", DEFAULT)[0][0]
                wait_for(f"judgements by {severity}", lambda v=version: query(
                    system, "SELECT count(*) FROM record.judgement WHERE campaign_id = %s AND campaign_version = %s", DEFAULT, v)[0][0] >= 3, 60)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        for student in students:
            student.judged(student.send())
    told = query(system, """
        WITH edition AS (
            SELECT version, old_row->'rule_severities'->>'ksh-province' AS severity FROM campaign.campaign_version WHERE campaign_id = %s
             UNION ALL SELECT version, rule_severities->>'ksh-province' FROM campaign.campaign WHERE campaign_id = %s)
        SELECT coalesce(e.severity, 'warn'), j.outcome, coalesce(j.findings->0->>'severity', 'off')
          FROM record.judgement j JOIN edition e ON e.version = j.campaign_version
         WHERE j.submission_id = ANY (%s::uuid[])""", DEFAULT, DEFAULT, sent)
    assert len(told) == len(sent)
    assert {t for t in told} <= {("reject", "rejected", "reject"), ("off", "accepted", "off"), ("warn", "accepted", "warn")}
    assert {severity for severity, _, _ in told} == {"reject", "off", "warn"}


def test_commissioned_in_the_draft_no_longer_at_submit(system, people):
    """定向 became 非定向 in the roll between draft and submit: told to clear the unit; without it, accepted."""
    row = people(way="2")
    s = Student(system, row).ready()
    fields = s.form(DXHWPDW="示范县人民政府")
    tag = s.call("GET", "/api/v1/draft").headers["ETag"]
    assert s.call("PUT", "/api/v1/draft", {"fields": fields}, {"If-Match": tag}).status == 200
    assert load(system, {**row, "PYFSDM": "1"})["changed"] == 1
    judgement = s.judged(s.send(fields=fields))
    assert judgement["state"] == "rejected" and rules(judgement) == {"dxhwpdw-forbidden": "reject"}
    assert "请清空" in judgement["findings"][0]["message"]
    assert s.judged(s.send(fields={**fields, "DXHWPDW": ""}))["state"] == "accepted"


def test_major_changed_graduation_moved_back_after_a_year(system, people):
    row = people()
    s = Student(system, row).ready()
    assert judged(s)["findings"] == []
    load(system, {**row, "ZYDM": "050101", "ZYMC": "汉语言文学"})  # 转专业
    assert judged(s)["state"] == "accepted"
    load(system, {**row, "BYSJ": "202808", "ZYDM": "050101", "ZYMC": "汉语言文学"})  # 延期, out of this campaign
    judgement = judged(s)
    assert judgement["state"] == "rejected" and rules(judgement) == {"graduation-month": "reject"} | {"study-longer": "warn"}
    assert judgement["findings"][0]["severity"] == "reject" and "联系学院" in judgement["findings"][0]["message"]
    load(system, {**row, "RXSJ": "20220901", "BYSJ": "202706"})  # 复学: began a year earlier
    judgement = judged(s)
    assert judgement["state"] == "accepted" and rules(judgement) == {"ksh-year": "warn", "study-longer": "warn"}


@pytest.mark.parametrize("name", ["阿依古丽·买买提", "𠮷田", "张", "欧" * 30])
def test_names_of_all_kinds(system, people, name):
    row = {**people(), "XM": name}
    load(system, row)
    s = Student(system, row).ready()
    judgement = judged(s)
    assert judgement["state"] == "accepted"
    assert set(rules(judgement)) <= {"name-rare"} and ("name-rare" in rules(judgement)) == (name == "𠮷田")


def test_two_of_one_name_in_a_school(system, people):
    rows = [{**people(), "XM": "陈晓明"} for _ in range(2)]
    load(system, *rows)
    pair = [Student(system, row).ready() for row in rows]
    assert [judged(s)["state"] for s in pair] == ["accepted", "accepted"]
    records = {s.call("GET", "/api/v1/session").json["student"]["student_number"] for s in pair}
    assert records == {row["XH"] for row in rows}


def test_a_level_and_a_province_have_their_campaign(system, people):
    """Nearer than every school's: its province's, and of its level."""
    row = people()
    college = {**people(), "XLDM": "61", "XZ": "3", "BYSJ": "202607", "KSH": ""}
    load(system, college)
    pair = [Student(system, row).ready(), Student(system, college).ready()]

    def shown():
        return [s.call("GET", "/api/v1/form").json["campaign"]["id"] for s in pair]
    query(system, "INSERT INTO campaign.campaign SELECT (jsonb_populate_record(c, jsonb_build_object('campaign_id', 'gd-college', "
          "'province', '44', 'level', 'college', 'graduation_months', '{202607}'::text[]))).* FROM campaign.campaign c WHERE campaign_id = %s", DEFAULT)
    try:
        wait_for("each its own", lambda: all(shown() == [DEFAULT, "gd-college"] for _ in range(4)), 60, 0.2)
        assert [judged(s)["state"] for s in pair] == ["accepted", "accepted"]
    finally:
        query(system, "DELETE FROM campaign.campaign WHERE campaign_id = 'gd-college'")
    wait_for("as before", lambda: shown() == [DEFAULT, DEFAULT], 60, 0.2)


def test_a_roster_with_old_codes_and_names_is_read_and_said(system, people):
    """Never silently changed: each is a finding of its row."""
    rows = [people() for _ in range(8)]
    written = [("MZDM", "1", "01"), ("MZDM", "毛难", "36"), ("MZDM", "崩龙族", "46"), ("MZDM", "汉", "01"), ("PYFSDM", "01", "1"),
               ("XLDM", "本科", "31"), ("XBDM", "男" if rows[6]["XBDM"] == "1" else "女", rows[6]["XBDM"]), ("XLDM", "231", "31")]
    done = load(system, *({**row, field: text} for row, (field, text, _) in zip(rows, written)))
    assert done["refused"] == 0
    told = {(f["row"], f["column"]): f["message"] for f in done["findings"] if f["rule"] == "code-form"}
    assert set(told) == {(place + 2, field) for place, (field, _, _) in enumerate(written)}
    for place, (field, text, code) in enumerate(written):
        assert f"“{text}”已按 {code}（" in told[place + 2, field]
        assert query(system, f"SELECT {field} FROM roster.student WHERE xh = %s", rows[place]["XH"])[0][0] == code  # noqa: S608
    assert load(system, *rows[4:])["unchanged"] == 4  # the same rows, written as they should be


def test_one_student_number_twice_in_a_school(system, people):
    """Said, not refused: which of the two is wrong, the school knows. The same number in two schools is none of it."""
    pair = [people(), people()]
    pair[1] = {**pair[1], "XH": pair[0]["XH"]}
    done = load(system, *pair)
    assert (done["refused"], [(f["row"], f["column"]) for f in done["findings"] if f["rule"] == "duplicate-number"]) == (0, [(3, "XH")])
    assert [judged(Student(system, row).ready())["state"] for row in pair] == ["accepted", "accepted"]
    done = load(system, pair[0], {**pair[1], "YXDM": "99902"})
    assert not [f for f in done["findings"] if f["rule"] == "duplicate-number"]


def test_the_columns_are_those_of_the_field_table(system):
    sys.path.insert(0, str(ROOT / "tests/contract"))
    from test_fields import IMPORTED, STORED, column
    for name, wanted in (("record.judgement", {n.lower() for n in STORED}), ("roster.student", {column(n) for n in IMPORTED})):
        schema, relation = name.split(".")
        there = {row[0] for row in query(system, "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND "
                                         "table_name = %s", schema, relation)}
        assert wanted <= there, name
