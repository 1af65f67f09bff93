#!/usr/bin/python3
"""Asks a running system everything that docs/openapi.yaml allows and forbids, with schemathesis.

run.py [--examples N] [--seed S] [--run-dir DIR]      (make schemathesis EXAMPLES=300 SEED=1)

Installs the pinned packages of requirements.txt into build/schemathesis once. Without a system running in DIR (or
RUN_DIR, or .run) it starts one of its own and takes it down again. All checks and phases (examples, coverage, fuzzing,
stateful); what stands in schemathesis.toml says where the contract is stricter than a schema. Beside the findings, each
operation must have succeeded at least once, so that nothing passes because everybody was refused.
Exit 0: no finding. 1: findings. 2: it could not be asked.
"""
import argparse
import collections
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VENV = ROOT / "build/schemathesis"
DOCUMENT = ROOT / "docs/openapi.yaml"
RUN_SECONDS = 3600
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests/integration")]


def install():
    """The virtual environment, made anew when the pins change."""
    wanted = hashlib.sha256((HERE / "requirements.txt").read_bytes()).hexdigest()
    stamp = VENV / "pins"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run(["/usr/bin/python3", "-m", "venv", str(VENV)], check=True)
    subprocess.run([str(VENV / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                    "--requirement", str(HERE / "requirements.txt")], check=True)
    stamp.write_text(wanted)


def ask(run_dir, examples, seed):
    """(exit status, {operation: {status: count}})"""
    edge = json.loads((run_dir / "demo.json").read_text())["edge"]
    with tempfile.TemporaryDirectory() as folder:
        counts = pathlib.Path(folder) / "counts.json"
        env = {**os.environ, "RUN_DIR": str(run_dir), "PYTHONPATH": str(HERE), "STATUS_COUNTS": str(counts)}
        done = subprocess.run([str(VENV / "bin/schemathesis"), f"--config-file={HERE / 'schemathesis.toml'}", "run",
                               str(DOCUMENT), f"--url={edge}", f"--max-examples={examples}", f"--seed={seed}",
                               "--no-color"], cwd=folder, env=env, timeout=RUN_SECONDS, check=False)
        return done.returncode, json.loads(counts.read_text()) if counts.exists() else {}


def report(counts):
    """Prints what was answered; the operations that never succeeded."""
    without = []
    for operation, statuses in sorted(counts.items()):
        print(f"{operation:<22}" + "  ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
        if not any(status.startswith("2") for status in statuses):
            without.append(operation)
    total = collections.Counter()
    for statuses in counts.values():
        total.update(statuses)
    print(f"{sum(total.values())} requests, {len(counts)} operations")
    return without


def own_system(examples, seed):
    from conftest import STACK, stack_env  # the integration tests' way to be private
    run_dir = pathlib.Path(tempfile.mkdtemp(prefix="shengyuan-ask-"))
    run_dir.chmod(0o755)
    env = stack_env(run_dir, COPIES="intake=2")
    try:
        up = subprocess.run([*STACK, "up"], env=env, capture_output=True, text=True, timeout=300, check=False)
        if up.returncode:
            sys.stderr.write(up.stdout + up.stderr)
            return 2, {}
        return ask(run_dir, examples, seed)
    finally:
        subprocess.run([*STACK, "down"], env=env, stdout=subprocess.DEVNULL, timeout=120, check=False)
        subprocess.run([*STACK, "clean-data"], env=env, stdout=subprocess.DEVNULL, timeout=60, check=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run-dir", type=pathlib.Path, default=os.environ.get("RUN_DIR") or ".run")
    args = parser.parse_args()
    install()
    run_dir = pathlib.Path(ROOT, args.run_dir).resolve()
    status, counts = ask(run_dir, args.examples, args.seed) if (run_dir / "demo.json").exists() \
        else own_system(args.examples, args.seed)
    without = report(counts)
    if not counts:
        return 2
    if without:
        print("never succeeded: " + " ".join(without))
    return 1 if status or without else 0


if __name__ == "__main__":
    sys.exit(main())
