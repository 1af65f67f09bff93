"""What operators and clerks rely on: syctl, migrations, rights, health, metrics, scaling, restarts."""
import json
import os
import random
import re
import signal
import subprocess

import psycopg2
import pytest

from conftest import STACK, stack_env
from servers import all_ready, reader, running, superuser
from shengyuan import ROOT, Http, Student, System, roster_csv, wait_for


# --- roster ---


def rows(system, count=5):
    import csv
    import io
    text = system.syctl("people", f"--count={count}", f"--seed={random.randrange(1 << 31)}").stdout
    return list(csv.DictReader(io.StringIO(text)))


def load(system, text, *options):
    done = system.syctl("--json", "roster", "import", "-", *options, stdin=text)
    return json.loads(done.stdout)


def test_people_have_valid_numbers(system):
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    people = rows(system, 500)
    assert len({p["SFZH"] for p in people}) == len({p["XH"] for p in people}) == 500
    for p in people:
        assert "10X98765432"[sum(int(d) * w for d, w in zip(p["SFZH"], weights)) % 11] == p["SFZH"][17]
        assert p["SFZH"][6:14] == p["CSRQ"] and p["XBDM"] == ("1" if int(p["SFZH"][16]) % 2 else "2")


def test_import_counts_and_the_same_file_twice_changes_nothing(system):
    people = rows(system)
    counts = load(system, roster_csv(people))
    assert {k: counts[k] for k in ("rows", "added", "changed", "unchanged", "refused")} == {
        "rows": 5, "added": 5, "changed": 0, "unchanged": 0, "refused": 0}
    assert load(system, roster_csv(people))["unchanged"] == 5
    people[0]["ZYMC"] = "新专业"
    counts = load(system, roster_csv(people))
    assert (counts["changed"], counts["unchanged"]) == (1, 4)
    connection = superuser(system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT v.old_row->>'zymc' FROM roster.student_version v JOIN roster.student s USING (student_id)"
                       " WHERE s.xh = %s", (people[0]["XH"],))
        assert cursor.fetchone()[0] != "新专业"
    connection.close()


@pytest.mark.parametrize("column,value,rule", [
    ("SFZH", "44010619990101001X", None), ("SFZH", "4.40106E+17", "number-as-text"), ("XM", "", "required"),
    ("MZDM", "99", "code"), ("CSRQ", "20040230", "date"), ("XBDM", None, "document-birth-sex"),
    ("ZJLX", "DRIVING_LICENCE", "code"), ("XH", "1" * 16, "length"),
])
def test_bad_rows_are_refused_with_row_and_column_good_ones_go_in(system, column, value, rule):
    people = rows(system, 3)
    people[1][column] = ("2" if people[1]["XBDM"] == "1" else "1") if value is None else value
    counts = load(system, roster_csv(people))
    assert (counts["added"], counts["refused"]) == (2, 1)
    found = [f for f in counts["findings"] if f["row"] == 3 and f["severity"] == "error"]
    assert found and all(f["message"] for f in found)
    if rule:
        assert (column, rule) in {(f["column"], f["rule"]) for f in found}
    assert value is None or len(value) < 15 or value not in json.dumps(counts)


def test_dates_with_separators_are_taken_and_said(system):
    people = rows(system, 2)
    people[0].update(BYSJ="2027-06", RXSJ="2023-09-01", CSRQ="-".join(
        (people[0]["CSRQ"][:4], people[0]["CSRQ"][4:6], people[0]["CSRQ"][6:])))
    counts = load(system, roster_csv(people))
    assert counts["added"] == 2
    assert {f["column"] for f in counts["findings"] if f["rule"] == "date-form"} == {"BYSJ", "RXSJ", "CSRQ"}


def test_gb18030_with_bom_crlf_and_quotes(system, tmp_path):
    people = rows(system, 2)
    people[0]["XM"], people[0]["SZBJ"] = "李雷", '一班,"特"'
    path = tmp_path / "roster.csv"
    path.write_bytes(roster_csv(people).encode("gb18030"))
    assert json.loads(system.syctl("--json", "roster", "import", path).stdout)["added"] == 2
    people = rows(system, 2)
    path.write_bytes("\ufeff".encode() + roster_csv(people).encode())
    assert json.loads(system.syctl("--json", "roster", "import", path).stdout)["added"] == 2


def test_dry_run_writes_nothing(system):
    people = rows(system)
    assert load(system, roster_csv(people), "--dry-run")["added"] == 5
    assert load(system, roster_csv(people))["added"] == 5


@pytest.mark.parametrize("text", ["", "A,B\n1,2\n", "\x00\xff\xfe"])
def test_nothing_to_read_is_exit_1(system, text):
    assert system.syctl("--json", "roster", "import", "-", stdin=text, check=False).returncode == 1


def test_the_same_person_twice_in_a_file(system):
    people = rows(system, 2)
    counts = load(system, roster_csv(people + [people[0]]))
    assert (counts["added"], counts["refused"]) == (2, 1)
    assert counts["findings"][-1]["rule"] == "duplicate-row" and counts["findings"][-1]["row"] == 4


def test_usage_errors_are_exit_2(system):
    for arguments in (["nope"], ["roster"], ["people", "--count=x"], ["people", "--nope"], ["dlq", "show", "a"]):
        assert system.syctl(*arguments, check=False).returncode == 2, arguments
    assert "roster import" in system.syctl("--help").stdout


def test_a_roster_change_counts_for_the_next_submission(system, people):
    row = people()
    s = Student(system, row).ready()
    first = s.send()
    assert s.judged(first)["state"] == "accepted"
    load(system, roster_csv([{**row, "BYSJ": "202612"}]))
    judged = s.judged(s.send())
    assert judged["state"] == "rejected" and judged["findings"][0]["rule"] == "graduation-month"
    load(system, roster_csv([row]))
    assert s.judged(s.send())["state"] == "accepted"


# --- looking ---


def test_why(system, student):
    submission_id = student.send()
    student.judged(submission_id)
    told = json.loads(system.syctl("--json", "why", submission_id).stdout)
    assert told["stage"] == "judged" and told["judgement"]["outcome"] == "accepted" and told["who_can_act"]
    unknown = system.syctl("--json", "why", "00000000-0000-8000-8000-000000000000", check=False)
    assert unknown.returncode == 1 and json.loads(unknown.stdout)["stage"] == "unknown"


def test_doctor_and_lag(system):
    checks = json.loads(system.syctl("--json", "doctor", check=False).stdout)
    parts = {c["part"] for c in checks["checks"]}
    assert {"keys", "postgres", "kafka", "outbox", "campaigns", "validation-1", "intake-2"} <= parts
    assert all(c["ok"] or (".dlq" in c["text"] and c["hint"]) for c in checks["checks"]), checks
    groups = json.loads(system.syctl("--json", "lag").stdout)["groups"]
    assert {g["group"] for g in groups} == {"validation", "authorization", "notification"}
    assert len(groups[0]["partitions"]) == 12


def test_admin_port(system, student):
    student.judged(student.send())
    for process in system.demo["processes"]:
        if not process["admin"]:
            continue
        http = Http(process["admin"])
        assert http.call("GET", "/livez").status == 200
        ready = http.call("GET", "/readyz")
        assert ready.status == 200, (process, ready)
        metrics = http.call("GET", "/metrics")
        assert metrics.headers["Content-Type"].startswith("text/plain")
        text = metrics.body.decode()
        assert "sy_build_info{" in text and "process_resident_memory_bytes" in text
        for line in text.splitlines():
            assert re.match(r'^(#.*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+0-9.eInfNa]+)$', line), line
        assert student.row["SFZH"] not in text and student.phone not in text
        judged = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert judged.returncode == 0, (process["name"], judged.stdout, judged.stderr)
        status = http.call("GET", "/status").json
        assert status["ready"] and not status["draining"] and not any(loop["stuck"] for loop in status["loops"])
        if process["service"] in ("authorization", "binding", "intake", "validation"):
            assert status["loops"], process
        assert http.call("GET", "/nope").status == 404


def test_logs_are_json_lines_with_a_trace(system, student):
    trace = os.urandom(16).hex()
    student.call("POST", "/api/v1/identity/phone-codes", {"phone": student.phone},
                 {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    for path in (system.run_dir / "logs").glob("*-[12].log"):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            assert {"time", "level", "service", "instance", "message"} <= set(entry), line


# --- database ---


@pytest.mark.parametrize("role,statement", [
    ("reader", "SELECT * FROM roster.student"), ("reader", "INSERT INTO record.submission DEFAULT VALUES"),
    ("intake", "DELETE FROM record.judgement"), ("intake", "UPDATE roster.student SET xm = ''"),
    ("intake", "SELECT * FROM identity.binding"), ("binding", "SELECT sfzh_sealed FROM roster.student"),
    ("binding", "SELECT * FROM record.judgement"), ("validation", "UPDATE record.judgement SET outcome = 'accepted'"),
    ("validation", "DELETE FROM record.judgement"), ("validation", "UPDATE roster.student SET xm = ''"),
    ("authorization", "SELECT * FROM roster.student"), ("monitor", "SELECT sfzh_sealed FROM roster.student"),
    ("office", "SELECT * FROM identity.binding"), ("validation", "CREATE TABLE public.t ()"),
    ("authorization", "CREATE SCHEMA s"),
])
def test_roles_have_only_the_rights_they_need(system, role, statement):
    parts = psycopg2.extensions.parse_dsn(system.demo["postgres"])
    connection = psycopg2.connect(host=parts["host"], port=parts["port"], dbname="shengyuan", user=f"sy_{role}",
                                  password=(system.run_dir / f"secrets/pg_{role}.secret").read_text().strip())
    with connection.cursor() as cursor, pytest.raises((psycopg2.errors.InsufficientPrivilege,
                                                       psycopg2.errors.ReadOnlySqlTransaction)):
        cursor.execute(statement)
    connection.close()


def migrate(system, *arguments):
    parts = psycopg2.extensions.parse_dsn(system.demo["postgres"])
    env = {**os.environ, "PGHOST": parts["host"], "PGPORT": parts["port"], "PGUSER": "sy_owner",
           "PGDATABASE": "shengyuan", "PGPASSWORD": (system.run_dir / "secrets/pg_owner.secret").read_text().strip()}
    return subprocess.run([ROOT / "deploy/db/migrate.sh", *arguments], env=env, capture_output=True, text=True, check=False)


def test_migrations(system, tmp_path):
    assert migrate(system, "--check").returncode == 0
    for path in (ROOT / "deploy/db/migrations").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    last = sorted(p.name for p in tmp_path.iterdir())[-1]
    number = int(last[:4]) + 1
    (tmp_path / f"{number:04d}_next.sql").write_text("CREATE TABLE intake.t (a int); SELECT 1/0;")
    assert migrate(system, f"--dir={tmp_path}", "--check").returncode == 1
    assert migrate(system, f"--dir={tmp_path}").returncode == 1, "a failing migration applies nothing"
    assert migrate(system, "--check").returncode == 0
    (tmp_path / f"{number:04d}_next.sql").unlink()
    (tmp_path / last).write_text((tmp_path / last).read_text() + "-- changed\n")
    refused = migrate(system, f"--dir={tmp_path}")
    assert refused.returncode == 3 and "was changed" in refused.stderr


def test_a_table_is_written_by_its_owner_only(system):
    """Invariant 6, from the catalogue: no two services may write the same table."""
    connection = superuser(system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_schema || '.' || table_name, array_agg(DISTINCT grantee::text)"
                       " FROM information_schema.role_table_grants"
                       " WHERE grantee LIKE 'sy\\_%' AND grantee <> 'sy_owner'"
                       " AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') GROUP BY 1")
        writers = dict(cursor.fetchall())
    connection.close()
    assert len(writers) >= 10
    assert {table: who for table, who in writers.items() if len(who) > 1} == {}


# --- processes ---


def test_unknown_option_and_missing_option_are_exit_2():
    binary = ROOT / os.environ.get("BUILD", "build") / "bin/sy-intake"
    assert subprocess.run([binary, "--nope=1"], capture_output=True, check=False).returncode == 2
    assert subprocess.run([binary], capture_output=True, check=False, env={}).returncode == 2
    assert b"--kafka-bootstrap" in subprocess.run([binary, "--help"], capture_output=True, check=True).stdout


def test_keys_that_others_can_read_are_refused(system, tmp_path):
    binary = system.bin / "sy-intake"
    keys = tmp_path / "keys"
    keys.write_bytes((system.run_dir / "secrets/keys").read_bytes())
    keys.chmod(0o644)
    done = subprocess.run([binary, "--kafka-bootstrap=127.0.0.1:1", "--pg-dsn=host=127.0.0.1", f"--keys-file={keys}",
                           "--redis-url=redis://sy@127.0.0.1:1/0"], capture_output=True, check=False, timeout=20)
    assert done.returncode == 78 and b"HINT" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["authorization-1", "binding-1", "intake-1", "validation-1", "sandbox"])
def test_sigterm_ends_cleanly_within_ten_seconds(system, name):
    pid = next(p["pid"] for p in system.demo["processes"] if p["name"] == name)
    os.kill(pid, signal.SIGTERM)
    wait_for(f"{name} to end", lambda: not running(pid), 10)
    log = (system.run_dir / f"logs/{name}.log").read_text().splitlines()
    ended = [json.loads(line) for line in log if '"stopped"' in line]
    assert ended[-1]["exit_status"] == 0
    wait_for("the next one", lambda: pid not in [p["pid"] for p in system.demo["processes"]])
    all_ready(system)


def test_another_system_beside_this_one_and_its_life(system, tmp_path_factory):
    """up, status, COPIES while running, down, up again with its data, clean-data; two side by side."""
    run_dir = tmp_path_factory.mktemp("second")
    env = stack_env(run_dir)

    def stack(command, **change):
        return subprocess.run([*STACK, command], env={**env, **change}, capture_output=True, text=True, timeout=200,
                              check=False)
    try:
        up = stack("up")
        assert up.returncode == 0, up.stdout + up.stderr
        second = System(run_dir)
        assert up.stdout == (run_dir / "urls.txt").read_text() and second.demo["edge"] in up.stdout
        assert second.demo["edge"] != system.demo["edge"]
        assert stack("up").returncode == 0, "up again is safe"
        s = Student(second, second.people(1)[0]).ready()
        judged = s.send("kept")
        s.judged(judged)
        foreign = Student(system, s.row)
        foreign.token = s.token
        assert foreign.call("GET", "/api/v1/session").status == 401
        scaled = stack("up", COPIES="validation=3")
        assert scaled.returncode == 0, scaled.stdout + scaled.stderr
        assert len(second.pids("validation")) == 3
        scaled = stack("up", COPIES="validation=1")
        assert scaled.returncode == 0 and len(second.pids("validation")) == 1
        assert stack("status").returncode == 0
        pids = [p["pid"] for p in second.demo["processes"]]
        assert stack("clean-data").returncode == 1, "not while it runs"
        assert stack("down").returncode == 0
        assert not any(running(pid) for pid in pids) and not (run_dir / "demo.json").exists()
        assert stack("status").returncode == 1
        assert stack("up").returncode == 0
        with reader(second) as cursor:
            cursor.execute("SELECT count(*) FROM record.submission WHERE submission_id = %s", (judged,))
            assert cursor.fetchone()[0] == 1, "data is kept"
        busy = subprocess.run([*STACK, "up"], env={**stack_env(tmp_path_factory.mktemp("third")), "PORT": env["PORT"]},
                              capture_output=True, text=True, timeout=60, check=False)
        assert busy.returncode == 1 and "PORT=" in busy.stderr + busy.stdout and "nginx" in busy.stderr + busy.stdout
    finally:
        stack("down")
        stack("clean-data")
    assert not run_dir.exists()
    assert Http(system.demo["edge"]).call("GET", "/api/v1/session").status == 401


def test_the_supervisor_killed_leaves_nothing_behind(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("orphans")
    env = stack_env(run_dir)
    up = subprocess.run([*STACK, "up"], env=env, capture_output=True, text=True, timeout=200, check=False)
    assert up.returncode == 0, up.stdout + up.stderr
    pids = [p["pid"] for p in System(run_dir).demo["processes"]]
    os.kill(int((run_dir / "supervisor.pid").read_text()), signal.SIGKILL)
    try:
        wait_for("all to end", lambda: not any(running(pid) for pid in pids), 30)
    finally:
        subprocess.run([*STACK, "clean-data"], env=env, timeout=60, check=False)


def test_run_in_the_foreground_ends_cleanly_with_ctrl_c(tmp_path_factory):
    """make run: the block on standard output, then SIGINT ends all of it with status 0."""
    run_dir = tmp_path_factory.mktemp("foreground")
    env = stack_env(run_dir, LOGIN_RATE="5", LOGIN_BURST="5", STAFF_RATE="1", STAFF_BURST="2")
    process = subprocess.Popen([*STACK, "run"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        block = "".join(process.stdout.readline() for _ in range(7))
        assert block == (run_dir / "urls.txt").read_text() and "demo" in block
        services = [p for p in System(run_dir).demo["processes"] if p["name"] == p["service"] + "-1"]
        pids = [p["pid"] for p in System(run_dir).demo["processes"]]
        assert Http(System(run_dir).demo["edge"]).call("GET", "/").status == 200
        tokens = [{}, {"Authorization": "Bearer none"}]  # what a log-in brings along excuses it from nothing
        answers = [Http(System(run_dir).demo["edge"]).call("POST", "/api/v1/session", {}, tokens[i % 2])
                   for i in range(30)]
        limited = [a for a in answers if a.status == 429]
        assert 15 <= len(limited) <= 24 and {a.status for a in answers} == {400, 429}, "log-ins of one address"
        assert all(a.problem == "too-many-requests" and int(a.headers["Retry-After"]) > 0 for a in limited)
        staff = Http(System(run_dir).demo["edge"])
        assert [staff.call("POST", "/api/v1/staff/session", {}).status for _ in range(6)] == [400] * 3 + [429] * 3
        assert {staff.call("GET", "/api/v1/staff/session").status for _ in range(6)} == {401}, "who looks is not limited"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, process.stderr.read()
        assert not any(running(pid) for pid in pids)
        logs = "".join(p.read_text() for p in (run_dir / "logs").glob("*-1.log"))
        assert logs.count('"exit_status":0') == len(services), "every service stopped by itself"
    finally:
        process.kill()
        process.communicate()
        subprocess.run([*STACK, "clean-data"], env=env, timeout=60, check=False)
