"""The README shows what make run prints, and names what exists."""
import csv
import io
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy/local"))
import programs  # noqa: E402
import run_dir  # noqa: E402
import screen  # noqa: E402

READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
STOP = {"en": "Ctrl-C stops all", "zh": "Ctrl-C 停止全部"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_run_block(language):
    people = subprocess.run([ROOT / os.environ.get("BUILD", "build") / "bin/syctl", "people", "--count=1",
                             f"--seed={programs.DEMO_SEED}"], capture_output=True, text=True, check=True).stdout
    student = next(csv.DictReader(io.StringIO(people)))
    printed = screen.BLOCK[language].format(
        edge="http://127.0.0.1:8080", sandbox="http://127.0.0.1:8099", name=student["XM"],
        number=student["SFZH"][:4] + "…" + student["SFZH"][-4:], xh=student["XH"],
        services=" ".join(f"{name} ✓" for name in run_dir.SERVICES), seconds=4.7, stop=STOP[language])
    shown = re.search(r"```text\n(.*?)```", READMES[language].read_text(), re.S)[1]
    assert shown == printed


@pytest.mark.parametrize("path", [*READMES.values(), *sorted((ROOT / "docs").glob("*.md"))])
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        assert target.startswith("http") or (path.parent / target).exists(), target


def test_make_targets_that_are_named_exist():
    text = " ".join(p.read_text() for p in (ROOT / "Makefile", ROOT / "deploy/local.mk", ROOT / "tests/tests.mk",
                                           ROOT / "tests/fuzz/fuzz.mk"))
    targets = set(re.findall(r"^([a-z][a-z-]*):", text, re.M))
    for path in [*READMES.values(), *sorted((ROOT / "docs").glob("*.md"))]:
        for line in re.findall(r"`make ([a-z-]+)", path.read_text()):
            assert line in targets, (path.name, line)


def test_the_edges_problems_are_the_tables():
    """nginx' own refusals use words, statuses and titles of the problem table."""
    table = {(int(status), word): title for status, word, title in re.findall(
        r'X\(PROBLEM_\w+,\s+(\d+), "([a-z-]+)",\s+"([^"]+)"\)',
        (ROOT / "common/runtime/problem.h").read_text())}
    edge = re.findall(r'return (\d+) \'\{"type":"https://shengyuan.example/problems/([a-z-]+)","title":"([^"]+)"',
                      (ROOT / "deploy/edge/nginx.conf.in").read_text())
    assert len(edge) >= 8
    for status, word, title in edge:
        assert table[int(status), word] == title
