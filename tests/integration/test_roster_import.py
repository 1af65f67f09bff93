"""A school roll of more rows than are written as one: killed at any piece, given again, never doubled."""
import json
import signal
import subprocess

from servers import superuser
from shengyuan import wait_for

ROWS, PIECE = 6000, 1000


def one(system, query, *values):
    connection = superuser(system)
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        row = cursor.fetchone()
    connection.close()
    return row


def present(system, numbers):
    return one(system, "SELECT count(*), count(DISTINCT document_index) FROM roster.student WHERE xh = ANY (%s)", numbers)


def start(system, path):
    return subprocess.Popen([system.bin / "syctl", f"--run-dir={system.run_dir}", "--json", "roster", "import", path,
                             f"--piece={PIECE}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_an_import_that_broke_off_goes_on_and_nothing_is_there_twice(system, tmp_path):
    text = system.syctl("people", f"--count={ROWS}", "--seed=77001").stdout
    lines = text.splitlines()
    column = lines[0].split(",").index("XH")
    numbers = [line.split(",")[column] for line in lines[1:]]
    # One row in the part that is written first and one in the part that is not are refused, each time.
    for row in (5, ROWS - 2):
        cells = lines[row].split(",")
        cells[lines[0].split(",").index("XBDM")] = "7"
        lines[row] = ",".join(cells)
    path = tmp_path / "roll.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    unfinished = "SELECT rows_done FROM roster.import WHERE finished_at IS NULL ORDER BY import_id DESC LIMIT 1"
    import_ = start(system, path)
    wait_for("the first piece", lambda: one(system, unfinished), 60, 0.001)
    import_.send_signal(signal.SIGKILL)
    import_.wait(10)
    wait_for("its backend to end", lambda: one(system, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'syctl'") == (0,), 60)
    broke_off = one(system, unfinished)
    if broke_off:  # else it was faster than the signal: then the second is the same file given twice
        assert broke_off[0] >= PIECE and present(system, numbers)[0] == broke_off[0] - 1, "whole pieces"

    second = start(system, path)
    out, errors = second.communicate(timeout=120)
    counts = json.loads(out)
    assert second.returncode == 0, errors
    assert (counts["rows"], counts["refused"]) == (ROWS, 2)
    assert counts["added"] + (0 if broke_off else counts["unchanged"]) == ROWS - 2
    assert {f["row"] for f in counts["findings"] if f["severity"] == "error"} == {6, ROWS - 1}, "told again, row by row"
    assert present(system, numbers) == (ROWS - 2, ROWS - 2)
    assert one(system, unfinished) is None

    again = json.loads(start(system, path).communicate(timeout=120)[0])
    assert (again["added"], again["changed"], again["unchanged"], again["refused"]) == (0, 0, ROWS - 2, 2)
    assert present(system, numbers) == (ROWS - 2, ROWS - 2)


def test_one_process_imports_a_file_at_a_time(system, tmp_path):
    path = tmp_path / "roll.csv"
    path.write_text(system.syctl("people", "--count=3", "--seed=77002").stdout, encoding="utf-8")
    connection = superuser(system)
    connection.autocommit = True
    with connection.cursor() as cursor:
        assert start(system, path).wait(60) == 0
        cursor.execute("SELECT file_index FROM roster.import ORDER BY import_id DESC LIMIT 1")
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", cursor.fetchone())
        busy = start(system, path)
        out, _ = busy.communicate(timeout=60)
        assert busy.returncode == 1 and "another process" in json.loads(out)["error"]["text"]
    connection.close()
    assert start(system, path).wait(60) == 0
