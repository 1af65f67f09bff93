#!/usr/bin/python3
"""make faults-upgrade: a release under load, with two builds side by side, and back again.

From the environment: OLD (a commit, default the one this test came with), ORDER (services as they are exchanged, with
commas; docs/OPERATIONS.md says which), BACK (1: and back in the other order; 0: not), RATE, SEED, BUILD, RUN_DIR.
OLD is built in a folder of its own and runs; under load its database is migrated by this tree (a stand-in that adds a
column where nothing is pending), then copy by copy stops and starts as this tree's build, and back. Red: one of the checker's five
numbers, an error that a client sees twice in a row for the same thing, a copy that does not run the build it should,
a stage in which nothing was accepted. Ends in a JSON line.
"""
import collections
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib"), str(HERE.parents[1] / "deploy/local")]
import checker  # noqa: E402
import reader  # noqa: E402
import run  # noqa: E402
from shengyuan import ROOT, Http  # noqa: E402

OLD = "876f441"
ORDER = "validation,authorization,binding,intake"  # who reads a message before who writes it
COPIES = 2
EACH_STAGE = 60  # submissions that must be accepted in it
COPY_SECONDS = 30
ERRORS = checker.NO_ANSWER
STAND_IN = "ALTER TABLE record.judgement ADD COLUMN stand_in text;\n"


def repeated_errors(log):
    """(errors, those that met the same request of the same person again at once) in the order of the log."""
    answers = {line["n"]: line for line in log if "n" in line and "do" not in line}
    since = collections.Counter()
    errors, twice = 0, []
    for line in log:
        if "do" not in line:
            continue
        what = (line["do"], line.get("who"), line.get("key") or line.get("id") or line.get("phone"))
        answer = answers.get(line["n"])
        failed = answer is not None and answer["status"] in ERRORS and not (line["do"] == "code" and answer["status"] == 429)
        since[what] = since[what] + 1 if failed else 0
        errors += failed
        if since[what] > 1:
            twice.append(f"{line['do']} of {line.get('who')}: {answer['status']} again")
    return errors, twice


class Upgrade(run.Run):
    def __init__(self, environ):
        super().__init__({**environ, "ROUNDS": "20", "BROKERS": "1"})
        self.env.pop("LINKS")
        # The load is no student's day. The older build may not know that: options come with the newer programs.
        self.options = {"intake": self.env.pop("EXTRA_INTAKE", "")}
        self.old_commit = subprocess.run(["git", "rev-parse", environ.get("OLD") or OLD], cwd=ROOT, check=True,
                                         capture_output=True, text=True).stdout.strip()[:12]
        self.order = (environ.get("ORDER") or ORDER).split(",")
        self.back = (environ.get("BACK") or "1") == "1"
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="shengyuan-release-"))
        self.scratch.chmod(0o755)
        self.tree, self.new_bin = self.scratch / "old", self.system.bin
        self.builds = {"new": self.new_bin, "old": self.scratch / "old-bin"}
        self.env["BUILD"] = "build"
        self.seen = {}

    def stack(self, word, **options):
        return subprocess.run([sys.executable, str(self.tree / "deploy/local/stack.py"), word], env=self.env,
                              check=False, timeout=400, **options)

    def build_old(self):
        self.tree.mkdir()
        archive = subprocess.run(["git", "archive", self.old_commit], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x"], cwd=self.tree, input=archive.stdout, check=True)
        words = ["make", "-s", f"-j{os.cpu_count()}", "BUILD=build", f"COMMIT={self.old_commit}", "all"]
        environ = {name: value for name, value in os.environ.items() if name not in ("BUILD", "MAKEFLAGS", "MFLAGS")}
        subprocess.run(words, cwd=self.tree, env=environ, check=True, stdout=subprocess.DEVNULL)
        shutil.copytree(self.tree / "build/bin", self.builds["old"])
        self.system.bin = self.builds["old"]

    # --- what a release is made of ---

    def commit_of(self, service, build):
        words = subprocess.run([self.builds[build] / f"sy-{service}", "--version"], capture_output=True, text=True,
                               check=True).stdout
        return words.split("(")[1].split(")")[0]

    def migrate(self):
        """As docs/OPERATIONS.md: roles, migrations, topics; with the new tree's tools."""
        os.environ["RUN_DIR"] = str(self.dir)
        import allotment
        import run_dir
        import secret_files
        import servers
        layout = run_dir.Layout(ROOT)
        ports = allotment.Ports(layout)
        ports.sure = set(ports.numbers)  # they are taken by what runs
        secret_files.prepare(layout, ports)
        owner = servers.psql_env(layout, ports, "sy_owner", "pg_owner") | {"PGDATABASE": "shengyuan"}
        tool = ROOT / "deploy/db/migrate.sh"
        pending = subprocess.run([tool, "--check"], env=owner, capture_output=True, text=True, check=False)
        begun = time.monotonic()
        servers.database_prepare(layout, ports)
        what = "of this tree"
        if pending.returncode == 0:  # nothing was pending
            what, folder = "stand-in", self.scratch / "migrations"
            shutil.copytree(ROOT / "deploy/db/migrations", folder)
            number = len(list(folder.glob("*.sql"))) + 1
            (folder / f"{number:04d}_stand_in.sql").write_text(STAND_IN)
            run_dir.run([tool, "--dir", folder], env=owner)
        run_dir.run([self.new_bin / "syctl", f"--run-dir={self.dir}", "topics", "apply", "--replication=1"])
        return what, time.monotonic() - begun

    def exchange(self, load, service, build):
        """The program of a service, then copy after copy."""
        target = self.tree / "build/bin" / f"sy-{service}"
        program = self.builds[build] / f"sy-{service}"
        if build == "new" and self.options.get(service):
            target.with_suffix(".new").write_text(f'#!/bin/sh\nexec {program} "$@" {self.options[service]}\n')
            target.with_suffix(".new").chmod(0o755)
        else:
            shutil.copy2(program, target.with_suffix(".new"))
        target.with_suffix(".new").rename(target)
        for number in range(1, COPIES + 1):
            name = f"{service}-{number}"
            before = self.process(name)["pid"]
            os.kill(before, signal.SIGTERM)
            self.until(f"{name} of the {build} build", lambda name=name, before=before: self.serves(
                name, before, self.commit_of(service, build)), COPY_SECONDS)
            self.accepts(load, f"{build} {name}")

    def process(self, name):
        return next(p for p in self.system.demo["processes"] if p["name"] == name)

    def serves(self, name, before, commit):
        process = self.process(name)
        http = Http(process["admin"], 3)
        return process["pid"] != before and http.call("GET", "/readyz").status == 200 and \
            http.call("GET", "/status").json["commit"] == commit

    def accepts(self, load, stage):
        def accepted():
            return self.tell(load, "resume")["answered"].get("202", 0)
        wanted = accepted() + EACH_STAGE
        self.until(f"{EACH_STAGE} submissions beside {stage}", lambda: accepted() >= wanted, COPY_SECONDS)

    def judging_passes(self):
        """All that is in the topic now has been judged: before an older build judges again."""
        demo = self.system.demo
        consumer = reader.client(demo, "validation")
        try:
            places = reader.partitions(consumer, "submission.received")
            ends = {place.partition: consumer.get_watermark_offsets(place, timeout=10)[1] for place in places}
            self.until("judging to pass what the newer build wrote", lambda: all(
                place.offset >= ends[place.partition] or ends[place.partition] == 0
                for place in consumer.committed(places, timeout=10)), run.DRAIN_SECONDS)
        finally:
            consumer.close()

    # --- the run ---

    def checked(self, load, stage):
        clean = self.check(load, Still())
        history = [json.loads(line) for line in open(self.dir / "load.jsonl", encoding="utf-8") if line.endswith("\n")]
        errors, twice = repeated_errors(history)
        for text in twice[:5]:
            run.say(f"    {text}")
        self.seen[stage] = {**self.bad_numbers, "judgements": self.counts["judgements"], "errors": errors, "twice": len(twice)}
        run.say(f"  {stage:<10} {json.dumps(self.seen[stage])}")
        return clean and not twice

    def go_forward(self, load):
        what, seconds = self.migrate()
        run.say(f"  migrated ({what}) in {seconds:.1f} s")
        self.accepts(load, "the migrated database")
        for service in self.order:
            self.exchange(load, service, "new")
        return self.checked(load, "forward"), what

    def go_back(self, load):
        self.tell(load, "resume")
        for service in reversed(self.order):
            if service == "validation":
                self.judging_passes()
            self.exchange(load, service, "old")
        return self.checked(load, "back")

    def run(self):
        run.say(f"upgrade: {self.old_commit} to {self.commit_of('intake', 'new')}, {','.join(self.order)}, in {self.dir}")
        begun = time.monotonic()
        self.build_old()
        try:
            with self.running(), self.load() as load:
                self.until("a first crowd of students", lambda: self.tell(load, "resume")["bound"] >= 12, 90)
                self.accepts(load, "the old build")
                clean, what = self.go_forward(load)
                if self.back and clean:
                    clean = self.go_back(load)
            return self.told(clean, what, time.monotonic() - begun)
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def told(self, clean, migration, seconds):
        run.say(json.dumps({"case": "upgrade", "clean": clean, "old": self.old_commit, "new": self.commit_of("intake", "new"),
                            "order": self.order, "migration": migration, "seed": self.seed, "seconds": round(seconds),
                            **self.seen}))
        if clean:
            with contextlib.suppress(OSError):
                self.stack("clean-data", stderr=subprocess.DEVNULL)
                shutil.rmtree(self.dir)
        else:
            run.say(f"RED: {'; '.join(self.troubles[:3]) or 'see above'}. Kept: {self.dir}")
        return 0 if clean else 1


class Still:
    """Hands that have nothing to heal."""

    def heal(self, step=None):
        pass


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(Upgrade(os.environ).run())
