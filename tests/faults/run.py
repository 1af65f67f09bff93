#!/usr/bin/python3
"""make faults: a load, a seeded schedule of faults, and a checker. Ends in five numbers.

From the environment: ROUNDS (default 50), SEED (default: a new one, printed), BROKERS (1 or 3), EVERY (rounds between
checks, default 25), RATE (submissions a second, default 60), ONLY (names of faults, with commas), BUILD, RUN_DIR.
Words of the run go to $RUN_DIR: schedule.jsonl (what was done when), load.jsonl (what clients did and were told),
sent.jsonl, found.json. A clean run removes it; a red one is kept and says how to repeat it. Exit 0 when clean.
"""
import contextlib
import json
import os
import pathlib
import platform
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
import checker  # noqa: E402
import reader  # noqa: E402
import schedule  # noqa: E402
from proxy import Links  # noqa: E402
from shengyuan import ROOT, Http, System  # noqa: E402

DRAIN_SECONDS = 60
READY_SECONDS = 120
QUIET_SECONDS = 40  # more than three times what one request may take (load.py)
BREATH_SECONDS = 6
PEOPLE = 40


def free_port():
    while True:
        port = 30000 + secrets.randbelow(2700)
        with socket.socket() as probe:
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port


def say(text):
    print(text, flush=True)


class Run:
    def __init__(self, environ):
        self.rounds, self.brokers = int(environ.get("ROUNDS") or 50), int(environ.get("BROKERS") or 1)
        self.seed = int(environ.get("SEED") or secrets.randbelow(1_000_000))
        self.every, self.rate = int(environ.get("EVERY") or 25), float(environ.get("RATE") or 60)
        self.only = [name for name in (environ.get("ONLY") or "").split(",") if name]
        self.dir = pathlib.Path(environ["RUN_DIR"]).resolve() if environ.get("RUN_DIR") else \
            pathlib.Path(tempfile.mkdtemp(prefix="shengyuan-faults-"))
        self.dir.mkdir(parents=True, exist_ok=True)
        self.dir.chmod(0o755)
        keep = {name: value for name, value in environ.items() if name not in ("COPIES", "MAKEFLAGS", "MFLAGS")}
        self.env = {**keep, "RUN_DIR": str(self.dir), "PORT": str(free_port()), "SANDBOX_PORT": str(free_port()),
                    "BROKERS": str(self.brokers), "BACKOFF_MAX": "0.2",
                    "COPIES": ",".join(f"{name}={count}" for name, count in schedule.COPIES.items()),
                    "LINKS": f"{sys.executable} {HERE / 'proxy.py'}", "LOGIN_RATE": "5000",
                    "EXTRA_INTAKE": "--new-a-day=0", "EXTRA_SANDBOX": f"--sent-log={self.dir / 'sent.jsonl'}"}
        if "no-memory" in self.only:
            schedule.torture_files(self.dir / "torture")
            library = ROOT / environ.get("BUILD", "build") / "torture/fail.so"
            words = f"env LD_PRELOAD={library} TORTURE_DIR={self.dir / 'torture'} ASAN_OPTIONS=verify_asan_link_order=0"
            self.env |= {f"WRAP_{name.upper()}": words for name in schedule.COPIES}
        self.system = System(self.dir)
        self.links = self.bad_numbers = None
        self.events, self.troubles = [], []

    # --- the system and the load ---

    def stack(self, word, **options):
        return subprocess.run([sys.executable, str(ROOT / "deploy/local/stack.py"), word], env=self.env, check=False,
                              timeout=400, **options)

    @contextlib.contextmanager
    def running(self):
        try:
            up = self.stack("up", capture_output=True, text=True)
            if up.returncode:
                raise RuntimeError(up.stdout + up.stderr)
            self.links = Links(self.dir) if "LINKS" in self.env else None
            yield
        finally:
            if self.links:
                with contextlib.suppress(OSError):
                    schedule.Hands(self.system, self.links, self.note).heal()
            self.stack("down", stderr=subprocess.DEVNULL)

    def note(self, **event):
        self.events.append(event)
        with open(self.dir / "schedule.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({"t": round(time.monotonic(), 3), **event}) + "\n")

    @contextlib.contextmanager
    def load(self):
        people = self.dir / "people.csv"
        count = PEOPLE + self.rounds * (12 if self.only == ["join-leave"] else 3)
        people.write_text(self.system.syctl("people", f"--count={min(count, 10000)}", f"--seed={self.seed + 1}").stdout)
        self.system.syctl("--json", "roster", "import", people)
        process = subprocess.Popen(
            [sys.executable, str(HERE / "load.py"), str(self.dir), str(people), str(self.dir / "load.jsonl"),
             str(self.dir / "sent.jsonl"), str(self.seed), str(PEOPLE - 16), str(self.rate)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def tell(self, load, word):
        load.stdin.write(word + "\n")
        load.stdin.flush()
        if not select.select([load.stdout], [], [], QUIET_SECONDS)[0]:
            raise RuntimeError(f"the load did not answer within {QUIET_SECONDS} s")
        line = load.stdout.readline()
        if not line:
            raise RuntimeError("the load ended")
        return json.loads(line)

    # --- rounds and checks ---

    def until(self, what, condition, seconds):
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError, ValueError, RuntimeError, reader.psycopg2.Error,
                                     reader.confluent_kafka.KafkaException, KeyError):
                if condition():
                    return True
            if time.monotonic() > deadline:
                self.troubles.append(f"{what}: not within {seconds} s")
                say(f"  TROUBLE {self.troubles[-1]}")
                return False
            time.sleep(0.1)

    def all_ready(self):
        processes = self.system.demo["processes"]
        return len(processes) >= 11 + self.brokers and all(
            Http(p["admin"], 3).call("GET", "/readyz").status == 200 if p["admin"] else schedule.alive(p["pid"])
            for p in processes)

    def fall_quiet(self, load):
        """Until nothing has been under way five times in a row."""
        seen = []

        def quiet():
            seen.append(self.tell(load, "pause")["under_way"])
            return len(seen) >= 5 and not any(seen[-5:])
        self.until("the load to fall quiet", quiet, QUIET_SECONDS)

    def check(self, load, hands):
        """Drains and compares; True when the five numbers are zero and nothing else is wrong."""
        hands.heal()
        self.fall_quiet(load)
        self.until("every process to be ready", self.all_ready, READY_SECONDS)
        self.until("the drain", lambda: reader.lag(self.system.demo) == 0 and
                   reader.unpublished(self.dir, self.system.demo) == 0, DRAIN_SECONDS)
        history = reader.read(self.dir, self.system.demo, self.dir / "load.jsonl", self.dir / "sent.jsonl", self.events)
        verdict = checker.judge(history)
        self.troubles += [f"odd answer: {line}" for line in history.log if "odd" in line]
        self.troubles += self.sanitizer_reports()
        self.bad_numbers = verdict.numbers
        if not verdict.clean or self.troubles:
            (self.dir / "found.json").write_text(json.dumps({"found": verdict.found, "troubles": self.troubles},
                                                            ensure_ascii=False, indent=1))
            for name, found in verdict.found.items():
                for text in found[:5]:
                    say(f"    {name}: {text}")
            for text in self.troubles[:5]:
                say(f"    {text}")
        self.counts = {"judgements": len(history.rows), "messages": len(history.received), "codes": len(history.sent),
                       "bindings": len(history.bindings), "dead letters": len(history.dead)}
        return verdict.clean and not self.troubles

    def sanitizer_reports(self):
        """And assertions of ours; without memory a library may end the process by its own (docs/FUZZING.md)."""
        marks = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion", "UNREACHABLE")
        starved = re.compile(r"\brd\w*\.[ch]:\d+: \w+: Assertion" if "no-memory" in self.only else r"\Z.")
        return [f"{path.name}: {line}" for path in sorted((self.dir / "logs").glob("*.log"))
                for line in path.read_text(errors="replace").splitlines()
                if any(mark in line for mark in marks) and not starved.search(line)]

    def breathe(self, load):
        """Until some submissions got through: a system that never recovers between faults proves nothing."""
        def accepted():
            return self.tell(load, "resume")["answered"].get("202", 0)
        wanted, deadline = accepted() + 3, time.monotonic() + BREATH_SECONDS
        while accepted() < wanted and time.monotonic() < deadline:
            time.sleep(0.05)

    def rounds_run(self, load, hands, steps):
        begun, kills = time.monotonic(), 0
        for step in steps:
            time.sleep(step["after"])
            self.note(**step)
            try:
                hands.apply(step)
                time.sleep(step["for"])
                hands.heal(step)
            except RuntimeError as error:  # a part that stays away is a finding
                self.troubles.append(str(error))
            kills += schedule.is_kill(step)
            self.breathe(load)
            if step["round"] % self.every and step["round"] != len(steps) and not self.troubles:
                continue
            clean = self.check(load, hands)
            answered = self.tell(load, "resume")["answered"]
            say(f"  round {step['round']:>5} ({kills} kills)  " +
                "  ".join(f"{name} {count}" for name, count in self.bad_numbers.items()) +
                f"   {self.counts['judgements']} judgements  {time.monotonic() - begun:.0f} s  {answered}")
            if not clean:
                return False, kills, step["round"]
        return True, kills, len(steps)

    def starved_told(self):
        """What came of missing memory; a run in which none was missing proves nothing."""
        starved = [event for event in self.events if "starved" in event]
        for way in sorted({event["way"] for event in starved}):
            those = [event for event in starved if event["way"] == way]
            say(f"  without memory ({way}): {len(those)} times, {sum(bool(e['failed']) for e in those)} times a call failed, "
                f"{sum(e['ended'] for e in those)} times the process ended and was started again")
        return not starved or any(event["failed"] for event in starved)

    def versions(self):
        kafka = (ROOT / "deploy/kafka/pom.xml").read_text().split("<kafka.version>")[1].split("<")[0]
        postgres = subprocess.run(["bash", "-c", "/usr/lib/postgresql/*/bin/postgres --version"], capture_output=True,
                                  text=True, check=False).stdout.split()
        redis = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=False).stdout.split()
        commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True,
                                check=False).stdout.strip()
        return {"commit": commit or "unknown", "kafka": kafka, "postgresql": postgres[2] if len(postgres) > 2 else "?",
                "redis": next((word[2:] for word in redis if word.startswith("v=")), "?"),
                "librdkafka": reader.confluent_kafka.libversion()[0], "machine": platform.machine(),
                "build": os.environ.get("BUILD", "build")}

    def run(self):
        steps = schedule.make(self.seed, self.rounds, self.brokers, self.only)
        say(f"faults: seed {self.seed}, {self.rounds} rounds, {self.brokers} broker(s), in {self.dir}")
        begun = time.monotonic()
        with self.running(), self.load() as load:
            self.tell(load, "resume")
            hands = schedule.Hands(self.system, self.links, self.note)
            self.until("a first crowd of students", lambda: self.tell(load, "resume")["bound"] >= 12, 90)
            clean, kills, done = self.rounds_run(load, hands, steps)
        result = {"clean": clean, **(self.bad_numbers or {}), "seed": self.seed, "rounds": done, "kills": kills,
                  "brokers": self.brokers, "seconds": round(time.monotonic() - begun), **self.counts, **self.versions()}
        say(json.dumps(result))
        clean = clean and self.starved_told()
        if clean:
            self.stack("clean-data", stderr=subprocess.DEVNULL)
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            say(f"RED. Kept: {self.dir} (schedule.jsonl, load.jsonl, found.json, logs). Again:\n"
                f"  make faults SEED={self.seed} ROUNDS={self.rounds} BROKERS={self.brokers}"
                + (f" ONLY={','.join(self.only)}" if self.only else ""))
        return 0 if clean else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(Run(os.environ).run())
