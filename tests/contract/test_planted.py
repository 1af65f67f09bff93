"""Every planted bug (tests/faults/planted) still fits the code: it applies, compiles, and names what shall see it.

Whether it is seen is `make faults-planted`. A patch that is red here has to follow the code that moved.
"""
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/faults"))
import planted  # noqa: E402
import schedule  # noqa: E402

PATCHES = sorted((ROOT / "tests/faults/planted").glob("*.patch"))
NUMBERS = ("lost", "ghost", "doubled", "reordered", "sent-twice")
GEN = ROOT / os.environ.get("BUILD", "build") / "gen"


def test_there_are_enough_of_them():
    assert len(PATCHES) >= 21


@pytest.mark.parametrize("path", PATCHES, ids=[path.stem for path in PATCHES])
def test_it_fits_the_code(path, tmp_path):
    head = planted.read(path)
    assert head["what"] and head["turns"] in NUMBERS
    assert set(head["faults"].split(",")) <= set(schedule.FAULTS)
    done = subprocess.run(["git", "apply", "--check", "--whitespace=nowarn", path], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}HINT: make {path.name} follow the code"
    touched = re.findall(r"^\+\+\+ b/(\S+)", path.read_text(), re.M)
    assert touched
    for name in touched:  # git applies it to a copy of nothing but these
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(["git", "apply", "--whitespace=nowarn", path], cwd=tmp_path, check=True,
                   env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    for name in touched:
        assert (tmp_path / name).read_bytes() != (ROOT / name).read_bytes()
        if name.endswith(".c"):
            compiles(tmp_path, name)


def compiles(copy, name):
    own = (str(copy / name.rsplit("/", 1)[0]), str(ROOT / name.rsplit("/", 1)[0]))  # what it includes beside itself
    done = subprocess.run(
        ["gcc", "-fsyntax-only", "-std=gnu17", "-D_GNU_SOURCE", '-DSY_VERSION="planted"', "-Wall", "-Wextra", "-Werror",
         *(f"-I{folder}" for folder in (copy / "common", copy, *own, ROOT / "common", ROOT, GEN)), str(copy / name)],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
