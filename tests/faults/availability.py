#!/usr/bin/python3
"""make availability: a steady open load and a fault each minute; does it stay what it promises?

From the environment: MINUTES (30), SUBMISSIONS and READS a second (60, 600), SEED, BROKERS (1 or 3), BUILD, RUN_DIR.
There are no proxies on the links: in Python they would be most of the load. So links are not disturbed here; parts are killed,
stopped and paused. Promised: outside the 10 s that begin with a fault, at least 99.9 % of all requests succeed at once (no retry), 99 % within
500 ms of the time they were due; nothing acknowledged is lost; memory of our processes does not rise (1 MiB an hour and 1 MiB
for what cannot be told apart in that time; a connection that is open costs its own, so 8 KiB are taken off for each descriptor:
after a fault everybody who waited has one, and keeps it); descriptors are at the end what they were before the first fault. Ends in
a verdict and a JSON line.
"""
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
import reader  # noqa: E402
import run  # noqa: E402
import schedule  # noqa: E402
from shengyuan import Student, wait_for  # noqa: E402

STUDENTS = 120
WINDOW = 10.0  # a fault's own seconds
BEFORE = 40.0  # calm before the first fault
SAMPLE_EVERY = 2.0
CONNECTION_KIB = 8  # common/io/http_connection.c: 4 KiB of input, 64 header fields, itself; nginx has about as much
OURS = ("authorization", "binding", "intake", "validation", "sandbox", "edge")
SUCCESS = (200, 202, 304)


def kills(brokers):
    return [*schedule.SERVICES, "edge", *schedule.brokers(brokers), "postgres", "redis"]


def make(seed, minutes, brokers):
    """One fault a minute; each kind has its turn before any comes again."""
    dice = random.Random(seed)
    kinds = [{"fault": "kill", "parts": [name], "for": 0.0} for name in kills(brokers)] + \
        [{"fault": "stop", "parts": [name], "for": 0.0} for name in schedule.SERVICES] + \
        [{"fault": "pause", "parts": [name], "for": 3.0} for name in ("intake-1", "validation-2", "postgres", "redis",
                                                                     schedule.brokers(brokers)[0])] + \
        [{"fault": "postgres-immediate", "parts": ["postgres"], "for": 0.0}]
    steps = []
    while len(steps) < minutes:
        steps += dice.sample(kinds, len(kinds))
    return [{"round": number, **step} for number, step in enumerate(steps[:minutes], 1)]


def memory_of(pid):
    """KiB of its own; a process that has ended and was not collected yet has none."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1])
    return 0


class Watch(threading.Thread):
    """Memory and descriptors of every process, every other second."""

    def __init__(self, system):
        super().__init__(daemon=True)
        self.system, self.enough, self.samples = system, threading.Event(), []

    def run(self):
        while not self.enough.wait(SAMPLE_EVERY):
            with contextlib.suppress(OSError, ValueError):
                for process in self.system.demo["processes"]:
                    self.sample(process["name"], process["pid"])

    def sample(self, name, pid):
        with contextlib.suppress(OSError, ValueError):
            family = schedule.family(pid)
            kib = sum(memory_of(one) for one in family)
            descriptors = sum(len(os.listdir(f"/proc/{one}/fd")) for one in family)
            self.samples.append((time.monotonic(), name, pid, kib, descriptors))

    def memory(self):
        """(name, hours it was watched, KiB an hour, medians in KiB of its thirds) of each life of a process; its first
        minute is warm-up."""
        lives = collections.defaultdict(list)
        for at, name, pid, kib, descriptors in self.samples:
            lives[name, pid].append((at, kib - CONNECTION_KIB * descriptors))
        for (name, _), points in lives.items():
            points = [point for point in points if point[0] > points[0][0] + 60]
            if len(points) < 30 or not name.startswith(OURS):
                continue
            hours = (points[-1][0] - points[0][0]) / 3600
            slope = statistics.linear_regression(*zip(*points)).slope * 3600
            third = len(points) // 3
            thirds = [statistics.median(kib for _, kib in points[n * third:(n + 1) * third]) for n in range(3)]
            yield name, hours, slope, thirds

    def descriptors(self, begin, end):
        found = collections.defaultdict(list)
        for at, name, _, _, count in self.samples:
            if begin <= at <= end:
                found[name].append(count)
        return {name: statistics.median(counts) for name, counts in found.items()}


class Availability(run.Run):
    def __init__(self, environ):
        self.minutes = int(environ.get("MINUTES") or 30)
        super().__init__({**environ, "ROUNDS": str(self.minutes)})
        self.env.pop("LINKS")
        self.rates = float(environ.get("SUBMISSIONS") or 60), float(environ.get("READS") or 600)
        self.windows = []

    def students(self):
        """Bound, with one submission that reads can ask for."""
        people = self.system.people(STUDENTS)

        def one(row):
            student = Student(self.system, row).ready()
            told = wait_for("a first submission", lambda: (student.submit("first").json or {}).get("submission_id"), 60)
            student.http.close()
            student.inbox.close()
            return f"{student.token} {student.phone} {told}\n"
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            (self.dir / "students.txt").write_text("".join(pool.map(one, people)))

    def steady(self, seconds):
        port = self.system.demo["edge"].rsplit(":", 1)[1]
        program = run.ROOT / os.environ.get("BUILD", "build") / "faults/steady"
        return subprocess.Popen([program, port, self.dir / "students.txt", str(seconds), *map(str, self.rates), "steady"],
                                stdout=open(self.dir / "requests.txt", "wb"))

    def run_faults(self, begun, steps):
        hands = schedule.Hands(self.system, self.links, self.note)
        for step in steps:
            at = begun + BEFORE + (step["round"] - 1) * 60
            time.sleep(max(0.0, at - time.monotonic()))
            self.windows.append((time.monotonic(), step))
            self.note(**step)
            hands.apply(step)
            time.sleep(step["for"])
            hands.heal(step)

    def judge_requests(self):
        inside, outside, worst = 0, {"s": [], "r": []}, collections.Counter()
        begins = [at for at, _ in self.windows]
        with open(self.dir / "requests.txt", encoding="ascii") as file:
            for line in file:
                due, kind, status, taken = line.split()
                due, taken = int(due) / 1e6, int(taken) / 1e6
                if any(due < at + WINDOW and due + taken > at for at in begins):
                    inside += 1
                else:
                    outside[kind].append((int(status), taken))
                    if int(status) not in SUCCESS:
                        worst[f"{kind} {status}, {due - max([b for b in begins if b < due], default=0):.0f} s after a fault"] += 1
        everything = outside["s"] + outside["r"]
        good = sum(status in SUCCESS for status, _ in everything)

        def p99(many):
            times = sorted(taken for _, taken in many)
            return round(times[int(len(times) * 0.99)] * 1000, 1) if times else None
        for text, count in worst.most_common(10):
            run.say(f"    {count} × {text}")
        return {"requests": inside + len(everything), "in_windows": inside, "outside": len(everything),
                "failed": len(everything) - good, "success": round(100 * good / max(1, len(everything)), 4),
                "p99_submissions_ms": p99(outside["s"]), "p99_reads_ms": p99(outside["r"])}

    def acknowledged_and_judged(self):
        """Every 202 counts: keys are numbers, so that the table can be asked for the gaps."""
        self.until("the drain", lambda: reader.lag(self.system.demo) == 0, 60)
        with open(self.dir / "requests.txt", encoding="ascii") as file:
            acked = sum(line.split()[1:3] == ["s", "202"] for line in file)
        with reader.database(self.dir, self.system.demo) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT idempotency_key) FROM record.judgement WHERE idempotency_key LIKE 'steady-%'")
            return acked, cursor.fetchone()[0]

    def run(self):
        seconds = int(BEFORE + self.minutes * 60)
        run.say(f"availability: {self.minutes} minutes, seed {self.seed}, {self.brokers} broker(s), in {self.dir}")
        with self.running():
            self.students()
            watch = Watch(self.system)
            watch.start()
            load, begun = self.steady(seconds), time.monotonic()
            try:
                self.run_faults(begun, make(self.seed, self.minutes, self.brokers))
                load.wait(seconds + 60)
            finally:
                load.kill()
            ended = time.monotonic()
            watch.enough.set()
            acked, judged = self.acknowledged_and_judged()
        requests = self.judge_requests()
        before, after = watch.descriptors(begun + 10, begun + BEFORE), watch.descriptors(ended - 35, ended - 5)
        return self.verdict(requests, acked, judged, list(watch.memory()), before, after)

    def verdict(self, requests, acked, judged, memory, before, after):
        rising = [(name, round(slope * hours)) for name, hours, slope, _ in memory if slope * hours > 1024 * (hours + 1)]
        leaking = {name: (count, after.get(name)) for name, count in before.items()
                   if name.startswith(OURS) and after.get(name, 0) > count + 4}
        slopes = {}
        for name, hours, slope, thirds in memory:
            if hours > slopes.get(name, (0,))[0]:
                slopes[name] = (hours, slope, thirds)
        failures = [text for bad, text in (
            (requests["success"] < 99.9, f"success {requests['success']} %"),
            (max(requests["p99_submissions_ms"] or 1e9, requests["p99_reads_ms"] or 1e9) > 500, "p99 over 500 ms"),
            (judged < acked, f"{acked} acknowledged, {judged} judged"), (rising, f"memory rises: {rising}"),
            (leaking, f"descriptors: {leaking}"), (self.troubles, str(self.troubles))) if bad]
        for name, (hours, slope, thirds) in sorted(slopes.items()):
            run.say(f"  {name:<18} {slope / 1024:+7.2f} MiB/h over its longest life of {hours * 60:.0f} minutes; its thirds: " +
                    ", ".join(f"{kib / 1024:.2f}" for kib in thirds) + " MiB")
        result = {"case": "availability", "passed": not failures, **requests, "acknowledged": acked, "judged": judged,
                  "minutes": self.minutes, "faults": len(self.windows), "rates": self.rates, "seed": self.seed,
                  "brokers": self.brokers, "memory_mib_per_hour_max": round(max((slope for _, slope, _ in slopes.values()), default=0) / 1024, 2),
                  "descriptors_before": sum(before.values()), "descriptors_after": sum(after.values()), **self.versions()}
        run.say(json.dumps(result))
        run.say("passed" if not failures else "FAILED: " + "; ".join(failures) + f". Kept: {self.dir}")
        if not failures:
            self.stack("clean-data", stderr=subprocess.DEVNULL)
        return 0 if not failures else 1


if __name__ == "__main__":
    sys.exit(Availability(os.environ).run())
