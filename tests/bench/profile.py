#!/usr/bin/python3
"""make profile: where the processor time of the product goes, stage by stage.

Brings up a private system, runs accept, drain and end to end as `make bench` does, each under
`perf record`, and prints for each stage: processor time a submission by process, and the functions
that hold the most of each process's own time. STAGES, DRAIN, REQUESTS, TOP from the environment.
"""
import collections
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bench  # noqa: E402
from conftest import STACK, stack_env  # noqa: E402
from shengyuan import System  # noqa: E402
from sides import Product  # noqa: E402

STAGES = os.environ.get("STAGES", "accept,drain,end").split(",")
TOP = int(os.environ.get("TOP", "15"))
HERTZ = 997


@contextlib.contextmanager
def recorded(name, folder, side, count):
    """Profiles the whole machine meanwhile and prints what was ours."""
    data = folder / f"{name}.perf"
    before = side.processor_seconds()
    perf = subprocess.Popen(["perf", "record", "-q", "-F", str(HERTZ), "-a", "-o", str(data)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = time.monotonic()
    try:
        yield
    finally:
        seconds = time.monotonic() - started
        perf.terminate()
        perf.wait()
    after = side.processor_seconds()
    cost = {part: (after[part] - before[part]) / count * 1e6 for part in after}
    print(f"\n## {name}: {count / seconds:.0f}/s; µs a submission: " +
          ", ".join(f"{part} {us:.1f}" for part, us in cost.items()) + f"; sum {sum(cost.values()):.1f}")
    report(data, folder, side, cost)


def report(data, folder, side, cost):
    owner = {pid: part for part, pids in {**side.own(), **side.parts()}.items() for pid in pids}
    text = subprocess.run(["perf", "script", "-i", str(data), "-F", "pid,ip,sym,dso"], capture_output=True, text=True,
                          check=False, errors="replace").stdout
    counts = collections.defaultdict(collections.Counter)
    for line in text.splitlines():
        found = re.match(r"\s*(\d+)\s+[0-9a-f]+ (.*) \((.*)\)$", line)
        if found and int(found[1]) in owner:
            place = pathlib.PurePath(found[3].split(" ")[0]).name
            kernel = found[3].startswith("[")
            counts[owner[int(found[1])]][("kernel " if kernel else f"{place} ") + found[2]] += 1
    for part, functions in counts.items():
        total = sum(functions.values())
        print(f"\n### {part}: {cost[part]:.1f} µs a submission")
        for function, number in functions.most_common(TOP):
            print(f"{number / total * 100:5.1f} %  {number / total * cost[part]:5.2f} µs  {function}")
        places = collections.Counter()
        for function, number in functions.items():
            places[function.split(" ")[0]] += number
        print("by object: " + ", ".join(f"{place} {number / total * 100:.0f} %"
                                        for place, number in places.most_common(8)))


def main():
    run_dir = pathlib.Path(tempfile.mkdtemp(prefix="shengyuan-profile-"))
    run_dir.chmod(0o755)
    env = stack_env(run_dir, EXTRA_INTAKE="--admit-open=4096 --delivery-timeout-ms=20000 --new-a-day=0")
    try:
        subprocess.run([*STACK, "up"], env=env, check=True, stdout=subprocess.DEVNULL)
        system = System(run_dir)
        bench.students(system, run_dir / "bench.tokens")
        load, side = bench.Load(run_dir / "bench.tokens"), Product(system)
        with side.running():
            for _ in range(4):
                load(side, bench.WARM_UP)
                side.all_judged()
            if "accept" in STAGES or "drain" in STAGES:
                with side.worker_down():
                    load(side, bench.WARM_UP)
                    with recorded("accept", run_dir, side, bench.DRAIN):
                        print(load(side, bench.DRAIN)["rate"])
                with recorded("drain", run_dir, side, bench.DRAIN + bench.WARM_UP):
                    side.drain_rate()
            if "end" in STAGES:
                with recorded("end to end", run_dir, side, bench.REQUESTS):
                    load(side, bench.REQUESTS)
                    side.all_judged()
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            subprocess.run([*STACK, "down"], env=env, check=False)
            subprocess.run([*STACK, "clean-data"], env=env, check=False, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
