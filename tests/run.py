#!/usr/bin/python3
"""Runs every test there is, or some groups of them; the last line is `N passed, N failed`.

run.py [GROUP…]     groups: see GROUPS; without one, all of them
Each group's words go to $BUILD/test-logs/<group>.log; those of what failed are shown as well.
Needs the programs built (make test does that). Exit 0 when nothing failed.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
LOGS = ROOT / BUILD / "test-logs"
PROGRAM_SECONDS = 600
INTEGRATION_SECONDS = 1500
SHOWN_LINES = 60


def clean_env(**change):
    """Without what make run takes from its caller: tests choose their own."""
    taken = ("RUN_DIR", "PORT", "SANDBOX_PORT", "COPIES", "BROKERS", "ROUNDS", "SEED", "EVERY", "RATE", "ONLY", "MAKEFLAGS",
             "MFLAGS")
    return {**{k: v for k, v in os.environ.items() if k not in taken}, **change}


def show(name, text):
    print("\n".join([f"--- {name}"] + ["    " + line for line in text.splitlines()[-SHOWN_LINES:]]), flush=True)


def run_script(path):
    """A style check: one test, its exit status decides."""
    done = subprocess.run([str(path)], cwd=ROOT, env=clean_env(BUILD=str(BUILD)), capture_output=True, text=True,
                          timeout=PROGRAM_SECONDS, check=False)
    (LOGS / f"{path.stem}.log").write_text(done.stdout + done.stderr)
    if done.returncode:
        show(path.name, done.stdout + done.stderr)
    return (1, 0) if done.returncode == 0 else (0, 1)


TSAN_OPTIONS = f"suppressions={ROOT}/tests/sanitize/tsan.supp second_deadlock_stack=1"


def run_program(path):
    """A cmocka program: as many tests as it says; dying counts as one that failed."""
    try:
        done = subprocess.run([str(path)], cwd=ROOT, env=clean_env(TSAN_OPTIONS=TSAN_OPTIONS), capture_output=True, text=True, errors="replace",
                              timeout=PROGRAM_SECONDS, check=False)
        text, status = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired as expired:
        text, status = f"not done within {expired.timeout} s", -1
    (LOGS / f"{path.parent.parent.name}-{path.name}.log").write_text(text)
    passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", text))
    failed = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test", text))
    if status and not failed:
        failed = 1
    if failed:
        show(path.name, text)
    return passed, failed


def programs(folder):
    found = sorted(p for p in (ROOT / folder).rglob("test_*") if p.is_file() and os.access(p, os.X_OK)
                   and p.suffix == "")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run_program, found))
    if not found:
        print(f"no test programs in {folder}; HINT: make test")
        return 0, 1
    return sum(p for p, _ in results), sum(f for _, f in results)


def style(scripts):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run_script, [ROOT / "tests/lint" / f"{name}.sh" for name in scripts]))
    return sum(p for p, _ in results), sum(f for _, f in results)


def fuzz_replays():
    """Each fuzz target over its corpus: one test a target, and it must have one."""
    folder = ROOT / BUILD / "asan/fuzz/replay"
    targets = sorted(path.stem for path in (ROOT / "tests/fuzz").glob("t[0-9]*_*.c"))

    def replay(target):
        corpus = sorted(map(str, (ROOT / "tests/fuzz/corpus" / target.split("_")[0]).glob("*.lines")))
        try:
            done = subprocess.run([str(folder / target), *corpus], cwd=ROOT, env=clean_env(), capture_output=True,
                                  text=True, errors="replace", timeout=PROGRAM_SECONDS, check=False)
            text, good = done.stdout + done.stderr, done.returncode == 0
        except (OSError, subprocess.TimeoutExpired) as trouble:
            text, good = str(trouble), False
        (LOGS / f"fuzz-{target}.log").write_text(text)
        if not good:
            show(target, text)
        return (1, 0) if good else (0, 1)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(replay, targets))
    oracle = pytest("fuzz-oracle", ["tests/fuzz"], BUILD=SANITIZED)
    return sum(p for p, _ in results) + oracle[0], sum(f for _, f in results) + oracle[1]


def torture():
    """Scenarios whose n-th call fails, for every n: one test a scenario and kind."""
    done = subprocess.run([sys.executable, str(ROOT / "tests/torture/run.py"), "--programs",
                           str(ROOT / SANITIZED / "torture")], cwd=ROOT, env=clean_env(), capture_output=True, text=True,
                          errors="replace", timeout=PROGRAM_SECONDS, check=False)
    text = done.stdout + done.stderr
    (LOGS / "torture.log").write_text(text)
    counts = re.search(r"(\d+) passed, (\d+) failed", text)
    if done.returncode or counts is None:
        show("torture", text)
    return (int(counts[1]), int(counts[2])) if counts else (0, 1)


def pytest(name, paths, **env):
    report = LOGS / f"{name}.xml"
    report.unlink(missing_ok=True)
    log = LOGS / f"{name}.log"
    with open(log, "wb") as out:
        try:
            subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}",
                            *paths], cwd=ROOT, env=clean_env(**env), stdout=out, stderr=subprocess.STDOUT,
                           timeout=INTEGRATION_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            out.write(b"\nnot done in time\n")
    if not report.exists():
        show(name, log.read_text(errors="replace"))
        return 0, 1
    suite = xml.parse(report).getroot().find("testsuite")
    total, bad = int(suite.get("tests")), int(suite.get("failures")) + int(suite.get("errors"))
    if bad:
        show(name, log.read_text(errors="replace"))
    return total - bad - int(suite.get("skipped")), bad


def faults(name="faults", **wanted):
    """A short mix of faults (docs/FAULTS.md): each check of everything counts as a test."""
    log = LOGS / f"{name}.log"
    with open(log, "wb") as out:
        try:
            status = subprocess.run([sys.executable, "tests/faults/run.py"], cwd=ROOT, env=clean_env(**wanted), stdout=out,
                                    stderr=subprocess.STDOUT, timeout=INTEGRATION_SECONDS, check=False).returncode
        except subprocess.TimeoutExpired:
            status = 1
    text = log.read_text(errors="replace")
    if status:
        show(name, text)
    checks = len(re.findall(r"^  round ", text, re.MULTILINE))
    return max(0, checks - bool(status)), int(bool(status))


SANITIZED = str(BUILD / "asan")
# What each group is, in the order it runs.
GROUPS = {
    "style": lambda: style(["layers", "banned", "services", "format", "references", "shell", "python"]),
    "unit": lambda: programs(BUILD / "tests/unit"),
    "contract": lambda: pytest("contract", ["tests/contract", "tests/property", "tests/faults"]),  # the tools of the fault runs
    "lint": lambda: style(["cppcheck", "tidy"]),
    "unit-asan": lambda: programs(BUILD / "asan/tests/unit"),
    "component-asan": lambda: programs(BUILD / "asan/tests/component"),
    "fuzz": fuzz_replays,
    "torture": torture,
    "component-tsan": lambda: programs(BUILD / "tsan/tests/component"),
    "integration": lambda: pytest("integration", ["tests/integration"], BUILD=SANITIZED,
                                  KEEP_LOGS=str(LOGS / "system")),
    "security": lambda: pytest("security", ["tests/security"], BUILD=SANITIZED,
                               KEEP_LOGS=str(LOGS / "system-security")),
    "faults": lambda: faults(BUILD=SANITIZED, ROUNDS="40", EVERY="10", SEED="23", BROKERS="1"),
    # Libraries fall without memory, which a sanitizer would take for ours: the ordinary build.
    "faults-memory": lambda: faults("faults-memory", BUILD=str(BUILD), ROUNDS="12", EVERY="4", SEED="20", BROKERS="1", ONLY="no-memory"),
}
# After the quick ones, side by side: most of these wait more than they work.
LANES = (("integration",), ("security", "faults", "faults-memory"),
         ("lint", "unit-asan", "fuzz", "torture", "component-asan", "component-tsan"))


def main():
    wanted = sys.argv[1:] or list(GROUPS)
    unknown = [name for name in wanted if name not in GROUPS]
    if unknown:
        sys.stderr.write(f"no group {unknown[0]}\n{__doc__}")
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)

    def timed(name):
        started = time.monotonic()
        result = GROUPS[name]()
        print(f"{name:<16} {result[0]:>4} passed {result[1]:>4} failed   {time.monotonic() - started:6.1f} s",
              flush=True)
        return result

    def in_turn(names):
        return [timed(name) for name in names if name in wanted]
    laned = {name for lane in LANES for name in lane}
    results = in_turn(name for name in GROUPS if name not in laned)
    with concurrent.futures.ThreadPoolExecutor(len(LANES)) as pool:
        for lane in pool.map(in_turn, LANES):
            results += lane
    passed, failed = sum(p for p, _ in results), sum(f for _, f in results)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
