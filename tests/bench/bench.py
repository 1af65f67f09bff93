#!/usr/bin/python3
"""make bench: accept, drain and end to end, the product beside the shortest program with the same I/O.

Brings up a private system (one copy of each service), and runs product and floor by turns on the
same Kafka, Redis and PostgreSQL. Prints a table and JSON lines: case, product, floor, ratio, unit,
seed, commit. ROUNDS, REQUESTS, CONNECTIONS from the environment.
"""
import concurrent.futures
import json
import os
import pathlib
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests/integration")]
from conftest import STACK, free_port, stack_env  # noqa: E402
from servers import held_down, superuser  # noqa: E402
from shengyuan import Student, System, wait_for  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "3"))
REQUESTS = int(os.environ.get("REQUESTS", "20000"))
WARM_UP = 2000
CONNECTIONS = int(os.environ.get("CONNECTIONS", "64"))
BENCH = ROOT / os.environ.get("BUILD", "build") / "bench"
SEED = int(os.environ.get("SEED", "7"))


class Bench:
    def __init__(self, system):
        self.system, self.demo = system, system.demo
        parts = urllib.parse.urlsplit(self.demo["redis"])
        self.redis_port, self.redis_user, self.redis_password = parts.port, parts.username, parts.password
        self.database = superuser(system)
        self.cursor = self.database.cursor()
        self.tokens = system.run_dir / "bench.tokens"
        self.run = 0

    # --- preparations ---

    def students(self):
        """One bound student a connection, through the front door."""
        rows = [r for r in self.system.people(CONNECTIONS * 2, SEED) if r["PYFSDM"] == "1"][:CONNECTIONS]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            bound = list(pool.map(lambda row: Student(self.system, row).ready(), rows))
        self.tokens.write_text("".join(f"{s.token} {s.phone}\n" for s in bound))

    def floor_tables(self):
        self.cursor.execute("CREATE SCHEMA bench")
        self.cursor.execute("CREATE TABLE bench.judgement (" + ", ".join(
            f"c{n} text" + (" PRIMARY KEY" if n == 1 else "") for n in range(1, 34)) + ", UNIQUE (c2, c1))")
        self.cursor.execute("CREATE TABLE bench.latest (student text PRIMARY KEY, newest text)")

    def floor_topics(self, run):
        from confluent_kafka.admin import AdminClient, NewTopic
        admin = AdminClient({"bootstrap.servers": self.demo["kafka"]})
        names = [f"bench.{run}.received", f"bench.{run}.judged"]
        for future in admin.create_topics([NewTopic(name, 12, 1) for name in names]).values():
            future.result(20)
        return names

    # --- one measurement ---

    def load(self, port, requests=REQUESTS):
        self.run += 1
        done = subprocess.run([BENCH / "load", str(port), self.tokens, str(CONNECTIONS), str(requests),
                               f"bench-{self.run}"], capture_output=True, text=True, check=False)
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
        if answer.get("accepted") != requests:
            raise SystemExit(f"load: {done.stdout} {done.stderr}")
        return answer

    def judged(self, table):
        self.cursor.execute(f"SELECT count(*) FROM {table}")
        return self.cursor.fetchone()[0]

    def drain_rate(self, table, before):
        """Rows a second between the first and the last of WARM_UP + REQUESTS."""
        total = before + WARM_UP + REQUESTS
        first = wait_for("the first row", lambda: self.judged(table) > before and
                         (time.monotonic(), self.judged(table)), 60, 0.005)
        last = wait_for("the last row", lambda: self.judged(table) >= total and time.monotonic(), 300, 0.01)
        return (total - first[1]) / max(last - first[0], 1e-3)

    def intake_port(self):
        return json.loads((self.system.run_dir / "ports.json").read_text())["intake-1"]

    def product(self):
        port, table = self.intake_port(), "record.judgement"
        before = self.judged(table)
        with held_down(self.system, "validation-1"):
            self.load(port, WARM_UP)
            accepted = self.load(port)
            hold = self.system.run_dir / "hold/validation-1"
            hold.unlink()
            drained = self.drain_rate(table, before)
            hold.touch()
        before = self.judged(table)
        started = time.monotonic()
        self.load(port)
        wait_for("the last judgement", lambda: self.judged(table) >= before + REQUESTS, 300, 0.01)
        return accepted, drained, REQUESTS / (time.monotonic() - started)

    def floor(self):
        received, judged = self.floor_topics(f"r{self.run}")
        port, table = free_port(), "bench.judgement"
        self.cursor.execute("TRUNCATE bench.judgement, bench.latest")
        parts = urllib.parse.urlsplit(self.demo["postgres"])
        dsn = (f"host=127.0.0.1 port={parts.port} dbname=shengyuan user=superuser password="
               + (self.system.run_dir / "secrets/pg_superuser.secret").read_text().strip())
        worker = [BENCH / "floor_worker", self.demo["kafka"], dsn, received, judged, f"bench-{received}"]
        intake = subprocess.Popen([BENCH / "floor_intake", str(port), self.demo["kafka"], str(self.redis_port),
                                   self.redis_user, self.redis_password, received])
        running = [intake]
        try:
            wait_for("the floor's port", lambda: not os.system(f"ss -Hltn 'sport = :{port}' | grep -q .") or None, 10)
            self.load(port, WARM_UP)
            accepted = self.load(port)
            running.append(subprocess.Popen(worker))
            drained = self.drain_rate(table, 0)
            started = time.monotonic()
            self.load(port)
            wait_for("the last row", lambda: self.judged(table) >= WARM_UP + 2 * REQUESTS, 300, 0.01)
            return accepted, drained, REQUESTS / (time.monotonic() - started)
        finally:
            for process in running:
                process.kill()
                process.wait()


def report(product, floor, commit):
    def middle(results, pick):
        return statistics.median(pick(r) for r in results)
    rate = lambda r: r[0]["accepted"] / r[0]["seconds"]  # noqa: E731
    cases = [("accept", "submissions/s", rate, False), ("accept p50", "ms", lambda r: r[0]["p50_ms"], True),
             ("accept p99", "ms", lambda r: r[0]["p99_ms"], True), ("drain", "submissions/s", lambda r: r[1], False),
             ("end to end", "submissions/s", lambda r: r[2], False)]
    lines = []
    print(f"{'case':<14}{'product':>10}{'floor':>10}{'ratio':>8}  unit   (median of {ROUNDS}; ratio 1 is the floor)")
    for name, unit, pick, less in cases:
        ours, theirs = middle(product, pick), middle(floor, pick)
        ratio = theirs / ours if less else ours / theirs
        print(f"{name:<14}{ours:>10.1f}{theirs:>10.1f}{ratio:>8.2f}  {unit}")
        lines.append({"case": name, "product": round(ours, 2), "floor": round(theirs, 2), "ratio": round(ratio, 3),
                      "unit": unit, "seed": SEED, "commit": commit})
    for line in lines:
        print(json.dumps(line, ensure_ascii=False))


def main():
    run_dir = pathlib.Path(tempfile.mkdtemp(prefix="shengyuan-bench-"))
    run_dir.chmod(0o755)
    env = stack_env(run_dir)
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True,
                            check=False).stdout.strip()
    try:
        subprocess.run([*STACK, "up"], env=env, check=True, stdout=subprocess.DEVNULL)
        bench = Bench(System(run_dir))
        bench.students()
        bench.floor_tables()
        print(f"# {REQUESTS} submissions a run, {CONNECTIONS} connections, {os.cpu_count()} cores, commit {commit},"
              f" tag {secrets.token_hex(2)}", flush=True)
        product, floor = [], []
        for number in range(ROUNDS):  # by turns: what disturbs one disturbs the other
            product.append(bench.product())
            floor.append(bench.floor())
            print(f"# round {number + 1}: product accepts {product[-1][0]['accepted'] / product[-1][0]['seconds']:.0f}/s, "
                  f"drains {product[-1][1]:.0f}/s; floor {floor[-1][0]['accepted'] / floor[-1][0]['seconds']:.0f}/s, "
                  f"{floor[-1][1]:.0f}/s", flush=True)
        report(product, floor, commit)
    finally:
        subprocess.run([*STACK, "down"], env=env, check=False)
        subprocess.run([*STACK, "clean-data"], env=env, check=False, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
