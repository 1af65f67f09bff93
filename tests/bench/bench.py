#!/usr/bin/python3
"""make bench: the product beside the shortest program with the same I/O, by turns on the same parts.

Brings up a private system (one copy of each service) and measures PAIRS times, product then floor:

  accept        CONNECTIONS kept connections send DRAIN submissions; nothing judges meanwhile
  drain         one worker judges that backlog: first to last offset commit
  end to end    REQUESTS submissions, from the first POST to the last offset commit
  cpu           of the end to end run: processor time a submission, all processes but the load
  open loop     RATES submissions a second for OPEN_SECONDS: answer and judgement, from when each was due

A ratio is the median of the pairs' ratios; 1 is the floor, more is better. Prints a table and JSON
lines. Kafka: one broker, replication 1, no flush per batch, on both sides alike.
PAIRS, DRAIN, REQUESTS, CONNECTIONS, STUDENTS, RATES, OPEN_SECONDS, SEED, ROWS from the environment;
ROWS: that many judgements of other students are in the table before (5000000 for a nation's year).
"""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests/integration"), str(ROOT / "tests/bench")]
from conftest import STACK, stack_env  # noqa: E402
from servers import superuser  # noqa: E402
from sides import Floor, Product  # noqa: E402
from shengyuan import Student, System  # noqa: E402


def setting(name, default):
    return int(os.environ.get(name, default))


PAIRS = setting("PAIRS", 5)
DRAIN = setting("DRAIN", 200000)
REQUESTS = setting("REQUESTS", 100000)
CONNECTIONS = setting("CONNECTIONS", 256)
STUDENTS = setting("STUDENTS", 1000)
OPEN_SECONDS = setting("OPEN_SECONDS", 15)
OPEN_CONNECTIONS = 256
RATES = [int(rate) for rate in os.environ.get("RATES", "600,1000").split(",") if rate]
SEED = setting("SEED", 7)
ROWS = setting("ROWS", 0)
WARM_UP = 5000

# name, unit, how to find it in a pair's result, whether less is better
CASES = [
    ("accept", "submissions/s", lambda r: r["accept"]["rate"], False),
    ("accept p50", "ms", lambda r: r["accept"]["p50_ms"], True),
    ("accept p99", "ms", lambda r: r["accept"]["p99_ms"], True),
    ("drain", "submissions/s", lambda r: r["drain"], False),
    ("end to end", "submissions/s", lambda r: r["end"]["rate"], False),
    ("cpu", "µs/submission", lambda r: sum(r["cpu"].values()), True),
]
for each in RATES:
    for share in ("p50", "p99", "p999"):
        CASES.append((f"answer {share} at {each}/s", "ms", lambda r, at=each, s=share: r["open"][at][f"{s}_ms"], True))
    for share in ("p50", "p99", "p999"):
        CASES.append((f"judged {share} at {each}/s", "ms",
                      lambda r, at=each, s=share: r["open"][at][f"judged_{s}_ms"], True))


def students(system, path):
    """Bound students, through the front door; one line `token phone` each."""
    rows = [r for r in system.people(STUDENTS * 5 // 4 + 20, SEED) if r["PYFSDM"] == "1"][:STUDENTS]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        bound = list(pool.map(lambda row: Student(system, row).ready(), rows))
    path.write_text("".join(f"{s.token} {s.phone}\n" for s in bound))
    for student in bound:
        student.http.close()


class Load:
    def __init__(self, tokens):
        self.tokens, self.run = tokens, 0

    def __call__(self, side, requests, connections=CONNECTIONS, rate=0):
        self.run += 1
        argv = [side.load_program, side.port(), self.tokens, connections, requests, f"{side.name}-{self.run}", rate]
        if rate:
            argv += [side.bootstrap, side.judged]
        done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False)
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
        if answer.get("accepted") != requests or (rate and answer["judged"] != requests):
            raise SystemExit(f"load: {done.stdout} {done.stderr}")
        answer["rate"] = answer["accepted"] / answer["seconds"]
        return answer


def measure(side, load):
    """One side of one pair."""
    result = {"open": {}}
    with side.running():
        load(side, WARM_UP)
        side.all_judged()
        with side.worker_down():
            load(side, WARM_UP)
            result["accept"] = load(side, DRAIN)
        result["drain"] = side.drain_rate()
        before, started = side.processor_seconds(), time.monotonic()
        load(side, REQUESTS)
        side.all_judged()
        seconds, after = time.monotonic() - started, side.processor_seconds()
        result["end"] = {"rate": REQUESTS / seconds}
        result["cpu"] = {name: (after[name] - before[name]) / REQUESTS * 1e6 for name in after}
        for rate in RATES:
            result["open"][rate] = load(side, rate * OPEN_SECONDS, OPEN_CONNECTIONS, rate)
    return result


def ratio_of(case, product, floor):
    _, _, pick, less = case
    ours, theirs = pick(product), pick(floor)
    return theirs / ours if less else ours / theirs


def report(pairs, conditions):
    print(f"{'case':<22}{'product':>10}{'floor':>10}{'ratio':>8}  unit   (medians of {len(pairs)} pairs)")
    lines = []
    for case in CASES:
        name, unit, pick, _ = case
        ours, theirs = (statistics.median(pick(pair[side]) for pair in pairs) for side in (0, 1))
        ratios = sorted(ratio_of(case, *pair) for pair in pairs)
        ratio = statistics.median(ratios)
        print(f"{name:<22}{ours:>10.1f}{theirs:>10.1f}{ratio:>8.2f}  {unit}")
        lines.append({"case": name, "product": round(ours, 2), "floor": round(theirs, 2), "ratio": round(ratio, 3),
                      "ratio_min": round(ratios[0], 3), "ratio_max": round(ratios[-1], 3), "unit": unit,
                      **conditions})
    for side, name in enumerate(("product", "floor")):
        cpu = {part: round(statistics.median(pair[side]["cpu"][part] for pair in pairs), 1)
               for part in pairs[0][side]["cpu"]}
        print(f"cpu of the {name}, µs a submission: " + ", ".join(f"{part} {us}" for part, us in cpu.items()))
        lines.append({"case": f"cpu of the {name}", **cpu, "unit": "µs/submission", **conditions})
    for line in lines:
        print(json.dumps(line, ensure_ascii=False))


def conditions(system):
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True,
                            check=False).stdout.strip()
    cursor = superuser(system).cursor()
    cursor.execute("SHOW server_version")
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="ascii", errors="replace")
                  if line.startswith("model name")), platform.machine())
    return {"seed": SEED, "commit": commit, "date": time.strftime("%Y-%m-%d"), "connections": CONNECTIONS,
            "students": STUDENTS, "rows_before": ROWS, "machine": f"{os.cpu_count()} x {model}",
            "postgres_version": cursor.fetchone()[0].split()[0], "kernel": platform.release()}


def fill_table(system):
    """Judgements of ROWS other students, each their record, with ids as the product makes them."""
    cursor = superuser(system).cursor()
    cursor.execute("SELECT string_agg(format('%%I', attname), ',') FROM pg_attribute "
                   "WHERE attrelid = 'record.judgement'::regclass AND attnum > 0 AND NOT attisdropped "
                   "AND attname NOT IN ('submission_id', 'student_id', 'idempotency_key')")
    others = cursor.fetchone()[0]
    for first in range(0, ROWS, 250000):
        count = min(250000, ROWS - first)
        cursor.execute("SET session_replication_role = replica")  # the pattern row stands for a real student
        cursor.execute(f"""WITH pattern AS (SELECT {others} FROM record.judgement ORDER BY judged_at DESC LIMIT 1),
            added AS (INSERT INTO record.judgement (submission_id, student_id, idempotency_key, {others})
                SELECT gen_random_uuid(), gen_random_uuid(), n::text, {others}
                  FROM generate_series({first + 1}, {first + count}) n, pattern
                RETURNING submission_id, student_id, campaign_id, revision)
            INSERT INTO record.latest (student_id, campaign_id, revision, accepted_submission_id, accepted_revision)
            SELECT student_id, campaign_id, revision, submission_id, revision FROM added""")
    cursor.execute("VACUUM ANALYZE record.judgement, record.latest")
    cursor.execute("CHECKPOINT")


def main():
    run_dir = pathlib.Path(tempfile.mkdtemp(prefix="shengyuan-bench-"))
    run_dir.chmod(0o755)
    env = stack_env(run_dir, EXTRA_INTAKE="--admit-open=4096")  # speed, not admission (make burst)
    try:
        subprocess.run([*STACK, "up"], env=env, check=True, stdout=subprocess.DEVNULL)
        system = System(run_dir)
        under = conditions(system)
        print(f"# {DRAIN} to drain, {REQUESTS} end to end, {CONNECTIONS} connections, {STUDENTS} students, "
              f"{under['machine']}, commit {under['commit']}", flush=True)
        students(system, run_dir / "bench.tokens")
        load = Load(run_dir / "bench.tokens")
        product, floor = Product(system), Floor(system)
        if ROWS:
            load(product, 1)
            product.all_judged()
            fill_table(system)
        for side in (product, floor):  # the JVM compiles what it finds hot
            with side.running():
                load(side, 4 * WARM_UP)
                side.all_judged()
        pairs = []
        for number in range(PAIRS):  # by turns: what disturbs one disturbs the other
            pairs.append((measure(product, load), measure(floor, load)))
            print(f"# pair {number + 1}: " + ", ".join(f"{case[0]} {ratio_of(case, *pairs[-1]):.2f}"
                                                       for case in CASES), flush=True)
        report(pairs, under)
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            subprocess.run([*STACK, "down"], env=env, check=False)
            subprocess.run([*STACK, "clean-data"], env=env, check=False, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
