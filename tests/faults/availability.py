#!/usr/bin/python3
"""make availability: a steady open load and a fault each minute; does it stay what it promises?

From the environment: MINUTES (30), SUBMISSIONS and READS a second (60, 600), SEED, BROKERS (1 or 3), BUILD, RUN_DIR.
There are no proxies on the links: in Python they would be most of the load. So links are not disturbed here; parts are killed,
stopped and paused. Promised: outside the 10 s that begin with a fault, at least 99.9 % of all requests succeed at once (no retry), 99 % within
500 ms of the time they were due; nothing acknowledged is lost; memory of our processes does not rise (1 MiB an hour and 1 MiB
for what cannot be told apart in that time; the least of a life's last third is compared with the least of its first, so what a
backlog needed may come back, but has to go again; a connection that is open costs its own, so 8 KiB are taken off for each
descriptor: after a fault everybody who waited has one, and keeps it); when the load has ended and idle connections with it,
nobody has more descriptors than it had of its own before the first fault. Failures outside the windows are told with what is known
of that moment. Ends in a verdict and a JSON line.
"""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
import moments  # noqa: E402
import reader  # noqa: E402
import run  # noqa: E402
import schedule  # noqa: E402
import watch  # noqa: E402
from shengyuan import Student, wait_for  # noqa: E402

STUDENTS = 120
WINDOW = 10.0  # a fault's own seconds
BEFORE = 40.0  # calm before the first fault
IDLE = 120.0  # the edge keeps a connection that nobody uses for 60 s
SUCCESS = (200, 202, 304)
MOMENTS = 10  # told at the end, those with most failures


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

    def judge_requests(self, seen):
        inside, outside, failures = 0, {"s": [], "r": []}, []
        begins = [at for at, _ in self.windows]
        with open(self.dir / "requests.txt", encoding="ascii") as file:
            for line in file:
                due, kind, status, taken = line.split()[:4]
                due, taken = int(due) / 1e6, int(taken) / 1e6
                if any(due < at + WINDOW and due + taken > at for at in begins):
                    inside += 1
                else:
                    outside[kind].append((int(status), taken))
                    if int(status) not in SUCCESS:
                        failures.append(moments.failure(line))
        everything = outside["s"] + outside["r"]
        clock = time.time() - time.monotonic()
        for group in sorted(moments.moments(failures), key=len, reverse=True)[:MOMENTS]:
            for text in moments.tell(group, self.windows, clock, self.dir / "logs", seen.turned_away):
                run.say(f"    {text}")

        def p99(many):
            times = sorted(taken for _, taken in many)
            return round(times[int(len(times) * 0.99)] * 1000, 1) if times else None
        good = len(everything) - len(failures)
        return {"requests": inside + len(everything), "in_windows": inside, "outside": len(everything),
                "failed": len(failures), "success": round(100 * good / max(1, len(everything)), 4),
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
            seen = watch.Watch(self.system)
            seen.start()
            load, begun = self.steady(seconds), time.monotonic()
            try:
                self.run_faults(begun, make(self.seed, self.minutes, self.brokers))
                load.wait(seconds + 60)
            finally:
                load.kill()
            ended = time.monotonic()
            acked, judged = self.acknowledged_and_judged()
            own = seen.own(begun + 10, begun + BEFORE)
            over = self.idle(seen, own)
        return self.verdict(self.judge_requests(seen), acked, judged, list(seen.memory(ended)), own, over)

    def idle(self, seen, own):
        """Until idle connections have ended; what is left then."""
        with contextlib.suppress(AssertionError):  # what is left then is judged
            wait_for("idle connections to end", lambda: not watch.left_over(own, seen.last()), IDLE, watch.EVERY)
        seen.enough.set()
        seen.join()
        return watch.left_over(own, seen.last())

    def verdict(self, requests, acked, judged, memory, own, over):
        rising = [(name, round(growth)) for name, hours, growth, _ in memory if watch.rises_too_much(hours, growth)]
        longest = {}
        for name, hours, growth, least in memory:
            if hours > longest.get(name, (0,))[0]:
                longest[name] = (hours, growth, least)
        failures = [text for bad, text in (
            (requests["success"] < 99.9, f"success {requests['success']} %"),
            (max(requests["p99_submissions_ms"] or 1e9, requests["p99_reads_ms"] or 1e9) > 500, "p99 over 500 ms"),
            (judged < acked, f"{acked} acknowledged, {judged} judged"), (rising, f"memory rises (KiB): {rising}"),
            (over, f"descriptors: {over}"), (self.troubles, str(self.troubles))) if bad]
        for name, (hours, growth, least) in sorted(longest.items()):
            run.say(f"  {name:<18} {growth / 1024:+7.2f} MiB in its longest life of {hours * 60:.0f} minutes; the least of its thirds: " +
                    ", ".join(f"{kib / 1024:.2f}" for kib in least) + " MiB")
        result = {"case": "availability", "passed": not failures, **requests, "acknowledged": acked, "judged": judged,
                  "minutes": self.minutes, "faults": len(self.windows), "rates": self.rates, "seed": self.seed,
                  "brokers": self.brokers, "memory_mib_max": round(max((growth for _, growth, _ in longest.values()), default=0) / 1024, 2),
                  "descriptors_own": sum(own.values()), "descriptors_left_over": len(over), **self.versions()}
        run.say(json.dumps(result))
        run.say("passed" if not failures else "FAILED: " + "; ".join(failures) + f". Kept: {self.dir}")
        if not failures:
            self.stack("clean-data", stderr=subprocess.DEVNULL)
        return 0 if not failures else 1


if __name__ == "__main__":
    sys.exit(Availability(os.environ).run())
