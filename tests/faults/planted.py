#!/usr/bin/python3
"""make faults-planted: bugs are planted into a copy of the product; the fault runs must see each of them.

tests/faults/planted/NAME.patch begins with `what:` (a sentence), `turns:` (the number that must not stay 0) and `faults:` (those
that bring it out), perhaps `rate:` (submissions a second), then comes the patch. ONLY names some (with commas), TRIES (3) is how many seeds may be tried. Ends
in a table; exit 0 when every bug was caught by its number.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = 4000


def read(path):
    head = {}
    for line in path.read_text().split("\n\n", 1)[0].splitlines():
        name, _, value = line.partition(": ")
        head[name] = value
    return head


def make(copy, words):
    done = subprocess.run(["make", "-s", f"-j{os.cpu_count()}", *words], cwd=copy, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


def fault_run(copy, run_dir, head, seed):
    """The last JSON line of a run, and its words."""
    environ = {name: value for name, value in os.environ.items() if name not in ("BUILD", "ONLY", "MAKEFLAGS", "MFLAGS")}
    done = subprocess.run(
        [sys.executable, "tests/faults/run.py"], cwd=copy, capture_output=True, text=True, check=False, timeout=900,
        env={**environ, "RUN_DIR": str(run_dir), "SEED": str(seed), "ROUNDS": "30", "EVERY": "10", "ONLY": head["faults"],
             "RATE": head.get("rate", ""), "BROKERS": "1"})
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return (json.loads(lines[-1]) if lines else {}), done.stdout + done.stderr


def catch(copy, run_dir, path, tries):
    head, begun = read(path), time.monotonic()
    found = {}
    try:
        subprocess.run(["git", "apply", "--whitespace=nowarn", path], cwd=copy, check=True)
        make(copy, ["all"])
        for seed in range(SEED, SEED + tries):
            found, words = fault_run(copy, run_dir, head, seed)
            subprocess.run([sys.executable, "deploy/local/stack.py", "clean-data"], cwd=copy, check=False,
                           env={**os.environ, "RUN_DIR": str(run_dir)}, stderr=subprocess.DEVNULL)
            shutil.rmtree(run_dir, ignore_errors=True)
            if not found:
                print(words[-2000:])
            if found.get(head["turns"]):
                break
    except (subprocess.CalledProcessError, RuntimeError) as error:  # it no longer fits the code
        print(f"{path.stem}: {error}"[-2000:])
    finally:
        subprocess.run(["git", "checkout", "-q", "."], cwd=copy, check=True)
    numbers = {name: found.get(name) for name in ("lost", "ghost", "doubled", "reordered", "sent-twice")}
    return {"bug": path.stem, "caught": bool(found.get(head["turns"])), "by": head["turns"], **numbers,
            "rounds": found.get("rounds"), "seed": found.get("seed"), "seconds": round(time.monotonic() - begun)}


def main():
    wanted = [name for name in (os.environ.get("ONLY") or "").split(",") if name]
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="shengyuan-planted-"))
    scratch.chmod(0o755)
    copy, results = scratch / "copy", []
    try:
        subprocess.run(["git", "clone", "-q", ROOT, copy], check=True)
        make(copy, ["all"])
        for path in sorted((copy / "tests/faults/planted").glob("*.patch")):
            if wanted and path.stem not in wanted:
                continue
            results.append(catch(copy, scratch / "run", path, int(os.environ.get("TRIES") or 3)))
            print(json.dumps(results[-1]), flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{'bug':<34} {'caught by':<12} numbers")
    for one in results:
        print(f"{one['bug']:<34} {one['by'] if one['caught'] else 'MISSED':<12} "
              f"{one['lost']}/{one['ghost']}/{one['doubled']}/{one['reordered']}/{one['sent-twice']} after {one['rounds']} rounds")
    caught = sum(one["caught"] for one in results)
    print(f"{caught} of {len(results)} planted bugs caught")
    return 0 if results and caught == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
