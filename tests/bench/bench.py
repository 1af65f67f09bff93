#!/usr/bin/python3
"""make bench: the product beside the shortest program with the same I/O, by turns on the same parts.

Brings up a private system (one copy of each service) and measures PAIRS times, product then floor:

  accept        CONNECTIONS kept connections send DRAIN submissions; nothing judges meanwhile
  drain         one worker judges that backlog: first to last offset commit
  end to end    REQUESTS submissions, from the first POST to the last offset commit
  cpu           of the end to end run: processor time a submission, all processes but the load
  open loop     RATES submissions a second for OPEN_SECONDS: answer and judgement, from when each was due

Both sides begin each pair with empty tables. A ratio is the median of the pairs' ratios; 1 is the
floor, more is better. Prints a table and JSON lines. Kafka: one broker, replication 1; whether the
topics flush per batch is asked of the broker, must be alike on both sides, and is printed.

With ROWS (5000000 for a nation's year) there follow ROWS_PAIRS of another kind, without the floor:

  drain, ROWS rows   the product's drain of ROWS_DRAIN with that many judgements of other students in
                     the table ("product") against the empty table ("floor"), by turns

PAIRS, DRAIN, REQUESTS, CONNECTIONS, STUDENTS, RATES, OPEN_SECONDS, WARM, SEED, ROWS, ROWS_PAIRS,
ROWS_DRAIN from the environment.
"""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

from confluent_kafka import libversion
from confluent_kafka.admin import ConfigResource

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests/integration"), str(ROOT / "tests/bench")]
from conftest import STACK, stack_env  # noqa: E402
from servers import redis_of, superuser  # noqa: E402
from sides import Floor, Product  # noqa: E402
from shengyuan import Student, System  # noqa: E402


def setting(name, default):
    return int(os.environ.get(name) or default)


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
ROWS_PAIRS = setting("ROWS_PAIRS", PAIRS)
ROWS_DRAIN = setting("ROWS_DRAIN", DRAIN)
WARM = setting("WARM", 60000)  # each side, once: the JVM compiles what it finds hot
WARM_UP = setting("WARM_UP", 5000)

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


def report_rows(pairs, conditions):
    full, empty = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    ratios = sorted(pair[0] / pair[1] for pair in pairs)
    name = f"drain, {ROWS} rows"
    print(f"{name:<22}{full:>10.1f}{empty:>10.1f}{statistics.median(ratios):>8.2f}  submissions/s, against the empty "
          f"table (medians of {len(pairs)} pairs)")
    print(json.dumps({"case": name, "product": round(full, 2), "floor": round(empty, 2),
                      "ratio": round(statistics.median(ratios), 3), "ratio_min": round(ratios[0], 3),
                      "ratio_max": round(ratios[-1], 3), "unit": "submissions/s", **conditions}, ensure_ascii=False))


def report(pairs, conditions):
    lines = []
    if pairs:
        print(f"{'case':<22}{'product':>10}{'floor':>10}{'ratio':>8}  unit   (medians of {len(pairs)} pairs)")
    for case in CASES if pairs else []:
        name, unit, pick, _ = case
        ours, theirs = (statistics.median(pick(pair[side]) for pair in pairs) for side in (0, 1))
        ratios = sorted(ratio_of(case, *pair) for pair in pairs)
        ratio = statistics.median(ratios)
        print(f"{name:<22}{ours:>10.1f}{theirs:>10.1f}{ratio:>8.2f}  {unit}")
        lines.append({"case": name, "product": round(ours, 2), "floor": round(theirs, 2), "ratio": round(ratio, 3),
                      "ratio_min": round(ratios[0], 3), "ratio_max": round(ratios[-1], 3), "unit": unit,
                      **conditions})
    for side, name in enumerate(("product", "floor") if pairs else ()):
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
            "students": STUDENTS, "machine": f"{os.cpu_count()} x {model}", "kernel": platform.release(),
            "postgres_version": cursor.fetchone()[0].split()[0], "librdkafka_version": libversion()[0],
            "redis_version": version_of(["redis-server", "--version"], r"v=([\d.]+)"),
            "kafka_version": version_of(["cat", ROOT / "deploy/kafka/pom.xml"], r"<kafka.version>(.*?)<")}


def version_of(argv, pattern):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout)
    return found[1] if found else "unknown"


def flush_of(side):
    """How many messages a topic takes between flushes, as the broker has it; both sides alike."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, side.received)
    return side.admin.describe_configs([resource])[resource].result(20)["flush.messages"].value


class Tables:
    """The judgements twice: `empty`, and `full` with ROWS of other students; one of them is record's."""

    names = ("judgement", "latest")

    def __init__(self, system):
        self.cursor = superuser(system).cursor()
        self.cursor.execute("CREATE SCHEMA aside")
        self.cursor.execute("CREATE SCHEMA limbo")
        for name in self.names:
            self.cursor.execute(f"CREATE TABLE aside.{name} (LIKE record.{name} INCLUDING ALL)")
            self.cursor.execute("SELECT DISTINCT grantee, privilege_type FROM information_schema.role_table_grants "
                                "WHERE table_schema = 'record' AND table_name = %s AND grantee LIKE 'sy%%'", (name,))
            for grantee, privilege in self.cursor.fetchall():
                self.cursor.execute(f"GRANT {privilege} ON aside.{name} TO {grantee}")
        self.full = False  # which one is record's

    def fill(self):
        """Each row a student's record, with ids as the product makes them; indexes are built after it."""
        self.cursor.execute("SELECT string_agg(format('%I', attname), ',') FROM pg_attribute "
                            "WHERE attrelid = 'record.judgement'::regclass AND attnum > 0 AND NOT attisdropped "
                            "AND attname NOT IN ('submission_id', 'student_id', 'idempotency_key')")
        others = self.cursor.fetchone()[0]
        self.cursor.execute("SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
                            "WHERE connamespace = 'aside'::regnamespace AND contype IN ('p', 'u')")
        constraints = self.cursor.fetchall()
        for table, name, _ in constraints:
            self.cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        self.cursor.execute(f"CREATE TEMP TABLE pattern AS SELECT {others} FROM record.judgement "
                            "ORDER BY judged_at DESC LIMIT 1")
        self.cursor.execute(f"INSERT INTO aside.judgement (submission_id, student_id, idempotency_key, {others}) "
                            f"SELECT gen_random_uuid(), gen_random_uuid(), n::text, {others} "
                            f"FROM generate_series(1, {ROWS}) n, pattern")
        self.cursor.execute("INSERT INTO aside.latest SELECT student_id, campaign_id, revision, submission_id, revision "
                            "FROM aside.judgement")
        for table, name, definition in constraints:
            self.cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        self.cursor.execute("VACUUM ANALYZE aside.judgement, aside.latest")

    def use(self, full):
        if full != self.full:
            self.cursor.execute("BEGIN")
            for name in self.names:
                for origin, target in (("record", "limbo"), ("aside", "record"), ("limbo", "aside")):
                    self.cursor.execute(f"ALTER TABLE {origin}.{name} SET SCHEMA {target}")
            self.cursor.execute("COMMIT")
            self.full = full
        if not full:
            self.cursor.execute("TRUNCATE record.judgement, record.latest")
        self.cursor.execute("CHECKPOINT")


def measure_rows(product, load):
    """Pairs of drains: the full table, then the empty one."""
    tables = Tables(product.system)
    with product.watching():
        load(product, WARM_UP)
        product.all_judged()
        tables.fill()
        pairs = []
        for number in range(ROWS_PAIRS):
            rates = []
            for full in (True, False):
                tables.use(full)
                load(product, WARM_UP)
                product.all_judged()
                with product.worker_down():
                    load(product, ROWS_DRAIN)
                rates.append(product.drain_rate())
            pairs.append(rates)
            print(f"# pair {number + 1} of {ROWS} rows: {rates[0]:.0f} against {rates[1]:.0f}", flush=True)
    return pairs


def main():
    run_dir = pathlib.Path(tempfile.mkdtemp(prefix="shengyuan-bench-"))
    run_dir.chmod(0o755)
    # Speed, not admission (make burst).
    env = stack_env(run_dir, EXTRA_INTAKE="--admit-open=4096 --delivery-timeout-ms=20000 --new-a-day=0")
    try:
        subprocess.run([*STACK, "up"], env=env, check=True, stdout=subprocess.DEVNULL)
        system = System(run_dir)
        redis_of(system).config_set("maxmemory", "4gb")  # keys of millions of submissions stay for 400 days
        under = conditions(system)
        print(f"# {DRAIN} to drain, {REQUESTS} end to end, {CONNECTIONS} connections, {STUDENTS} students, "
              f"{under['machine']}, commit {under['commit']}", flush=True)
        students(system, run_dir / "bench.tokens")
        load = Load(run_dir / "bench.tokens")
        product, floor = Product(system), Floor(system)
        for side in (product, floor) if PAIRS else (product,):
            with side.running():
                load(side, WARM)
                side.all_judged()
        under["flush_messages"] = flush_of(product)
        if PAIRS and flush_of(floor) != under["flush_messages"]:
            raise SystemExit("the two sides' topics do not flush alike")
        print(f"# topics flush every {under['flush_messages']} messages (9223372036854775807: never by count)")
        pairs = []
        for number in range(PAIRS):  # by turns: what disturbs one disturbs the other
            pairs.append((measure(product, load), measure(floor, load)))
            print(f"# pair {number + 1}: " + ", ".join(f"{case[0]} {ratio_of(case, *pairs[-1]):.2f}"
                                                       for case in CASES), flush=True)
        report(pairs, under)
        if ROWS:
            report_rows(measure_rows(product, load), under)
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            subprocess.run([*STACK, "down"], env=env, check=False)
            subprocess.run([*STACK, "clean-data"], env=env, check=False, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
