#!/usr/bin/python3
"""How much of the rules and decisions the unit tests reach: every line, and each side of every branch. Exit 1 below the whole.

Run by `make coverage`, which builds the instrumented programs and says where ($BUILD). They are compiled without
optimisation, so that no branch is there that the source has not. A line with a comment "bound: why" keeps a table from running over: its
other side is what the data cannot bring about.
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / os.environ.get("BUILD", "build/coverage")
DECISIONS = [*sorted(str(p.relative_to(ROOT)) for p in (ROOT / "common/schema").glob("rule*.c")),
             *(f"common/schema/{name}.c" for name in ("area", "campaign", "code", "person", "transition")),
             "services/validation/domain.c"]
PROGRAMS = ("schema/test_area", "schema/test_campaign", "schema/test_code", "schema/test_field", "schema/test_person",
            "schema/test_rule", "schema/test_transition", "service/test_validation_domain")


def measure(source):
    """(percent of lines, percent of branch sides, what was not reached)"""
    stem = BUILD / "obj" / source[:-2]
    done = subprocess.run(["gcov", "-b", "-c", "-t", "-o", str(stem.parent), source], cwd=ROOT, capture_output=True, text=True,
                          check=True)
    lines, sides, missed, line, source_line, mine = [0, 0], [0, 0], [], "", "", False
    for text in done.stdout.splitlines():
        if "0:Source:" in text:
            mine = text.endswith(source)
        if not mine:
            continue
        found = re.match(r" *([^:]+): *(\d+):(.*)", text)
        if found:
            count, line, source_line = found.group(1).strip(), found.group(2), found.group(3)
            if count == "-" or line == "0":
                continue
            lines[1] += 1
            lines[0] += "#" not in count
            if "#" in count:
                missed.append(f"{source}:{line} never")
        elif text.startswith("branch"):
            sides[1] += 1
            taken = not re.search(r"taken 0\b|never", text) or "/* bound" in source_line
            sides[0] += taken
            if not taken:
                missed.append(f"{source}:{line} one side of a branch")
    return lines, sides, missed


def main():
    for old in BUILD.rglob("*.gcda"):
        old.unlink()
    for program in PROGRAMS:
        subprocess.run([str(BUILD / "tests/unit" / program)], check=True, capture_output=True)
    missed = []
    for source in DECISIONS:
        lines, sides, lacks = measure(source)
        missed += lacks or ([] if lines[1] else [f"{source} was not measured"])
        percent = [100 * part[0] / part[1] if part[1] else 100.0 for part in (lines, sides)]
        print(f"{source:36} lines {percent[0]:6.2f} % of {lines[1]:4}   branches {percent[1]:6.2f} % of {sides[1]:4}")
    print("\n".join(dict.fromkeys(missed)) or "all of it")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
