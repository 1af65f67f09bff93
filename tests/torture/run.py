#!/usr/bin/python3
"""Runs torture scenarios: the n-th call of each kind fails, for every n.

run.py --programs DIR [--step N] [--long] [SCENARIO:KIND…]     (make torture: --long)

Without names: those that need no servers and not long, with --long also those that take longer. redis and pg want TORTURE_REDIS, TORTURE_REDIS_PASSWORD and TORTURE_PG.
Exit 1 when a process crashed, leaked, hung for 10 s or promised what was not so.
"""
import argparse
import os
import pathlib
import subprocess
import sys

SECONDS = 900
# libcurl 7.88 leaks when it has no memory, hiredis 0.14 and librdkafka 2.0.2 fall: those scenarios go without that kind.
ALONE = ["message:memory", "seal:memory", "server:memory", "server:input", "server:output", "server:connect",
         "platform:input", "platform:output", "platform:connect", "kafka:part"]
LONG = ["kafka:connect", "kafka:output", "kafka:input"]


def run(programs, name, step):
    """One test: its last line is printed, and all of it when it is bad."""
    scenario, kind = name.split(":")
    env = {**os.environ, "LD_PRELOAD": str(programs / "fail.so"),
           "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=1"}
    done = subprocess.run([str(programs / "torture"), scenario, kind, str(step)], env=env, capture_output=True, text=True,
                          errors="replace", timeout=SECONDS, check=False)
    lines = done.stdout.splitlines()
    print(lines[-1] if lines and done.returncode == 0 else f"{name}: {done.returncode}\n{done.stdout}{done.stderr}",
          flush=True)
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    names = args.name or ALONE + (LONG if args.long else [])
    results = [run(args.programs.resolve(), name, args.step) for name in names]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
