"""What the fuzz targets tell of their corpora, compared with Python's own reading."""
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
import json  # noqa: E402

import lines  # noqa: E402
import reference  # noqa: E402

REPLAY = ROOT / os.environ.get("BUILD", "build/asan") / "fuzz/replay"


def told(target, inputs, folder):
    """(input, verdict) of each."""
    path = folder / "inputs.lines"
    lines.write(path, inputs, "from test_oracle.py")
    done = subprocess.run([str(next(REPLAY.glob(f"{target}_*"))), "--tell", str(path)], capture_output=True, timeout=120,
                          check=True)
    pairs = [line.split("\t") for line in done.stdout.decode("latin-1").splitlines()]
    assert len(pairs) == len(inputs)
    return [(lines.unescape(data), lines.unescape(verdict)) for data, verdict in pairs]


def corpus(target):
    inputs = [data for path in sorted((HERE / "corpus" / target).glob("*.lines")) for data in lines.read(path)]
    assert inputs
    return inputs


def test_the_gate_lets_in_what_strict_python_reads_and_nothing_else(tmp_path):
    accepted = 0
    for data, verdict in told("t1", corpus("t1"), tmp_path):
        good, value = reference.json_strict(data)
        assert verdict.startswith(b"accept ") == good, (data, verdict)
        if good:
            accepted += 1
            assert json.loads(verdict[7:].decode("utf-8")) == value, data
    assert accepted > 10


def test_persons_are_judged_as_the_reference_judges_them(tmp_path):
    kinds = set()
    for data, verdict in told("t6", corpus("t6"), tmp_path):
        assert verdict.decode() == reference.person(data), data
        kinds.add((data[:1], verdict))
    assert len(kinds) > 40


def test_targets_and_header_fields_are_read_as_the_reference_reads_them(tmp_path):
    kinds = set()
    for data, verdict in told("t4", corpus("t4"), tmp_path):
        assert verdict == reference.head(data), data
        kinds.add((data[:1], verdict))
    assert len(kinds) > 25


def test_files_are_read_as_python_reads_them(tmp_path):
    compared = 0
    for data, verdict in told("t7", corpus("t7"), tmp_path):
        rows = reference.csv_rows(data[1:]) if data[:1] == b"r" else None
        if rows is not None:
            bad, read = verdict.split(b" ", 1)
            assert (bad, json.loads(read)) == (b"0", rows), data
            compared += 1
    assert compared > 10


def test_platforms_are_believed_only_when_they_say_so(tmp_path):
    believed = set()
    for data, verdict in told("t10", corpus("t10"), tmp_path):
        expected = reference.platform(data) if len(data) > 1 else None
        if expected is not None:
            assert verdict == expected, data
            believed.add((data[:1], verdict[:1]))
    assert len(believed) == 10


@pytest.mark.parametrize("data", [b"", b"#", b"\\", b"\n\r\t\0", bytes(range(256)), b"\\x00", b"\\n"])
def test_an_input_is_written_and_read_the_same(data, tmp_path):
    assert lines.unescape(lines.escape(data)) == data
    path = tmp_path / "one.lines"
    lines.write(path, [data], "one")
    assert lines.read(path) == [data]
    assert told("t6", [data], tmp_path)[0][0] == data
