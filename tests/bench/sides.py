"""The two sides of a comparison, with one face: how each is run, asked and watched."""
import contextlib
import json
import os
import pathlib
import subprocess
import time
import urllib.parse

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from conftest import free_port
from servers import held_down, superuser
from shengyuan import ROOT, wait_for

PARTITIONS = 12
PROGRAMS = ROOT / os.environ.get("BUILD", "build") / "bench"
TICKS = os.sysconf("SC_CLK_TCK")


def children(pid):
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += children(int(child))
    return found


def processor_seconds(pids):
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()
            total += sum(int(ticks) for ticks in stat[11:15])  # utime stime cutime cstime
    return total / TICKS


class Side:
    """`name`, `received`, `judged` (topics), `group`; what is common to both."""

    load_program = PROGRAMS / "load"

    def __init__(self, system):
        self.system = system
        self.bootstrap = system.demo["kafka"]
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap})

    @contextlib.contextmanager
    def watching(self):
        """Asks for the group's offsets without being of the group."""
        self.watcher = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.group})
        try:
            yield
        finally:
            self.watcher.close()

    def partitions(self):
        return [TopicPartition(self.received, number) for number in range(PARTITIONS)]

    def ends(self):
        return sum(self.watcher.get_watermark_offsets(p, timeout=10)[1] for p in self.partitions())

    def committed(self):
        return sum(max(0, p.offset) for p in self.watcher.committed(self.partitions(), timeout=10))

    def all_judged(self):
        ends = self.ends()
        wait_for("the last offset commit", lambda: self.committed() >= ends, 600, 0.005)

    def drain_rate(self):
        """Submissions a second between the first and the last offset commit of what is waiting."""
        ends, before = self.ends(), self.committed()
        if before >= ends:
            raise SystemExit("judged before anybody looked: a larger drain is needed")

        def progress():
            count = self.committed()
            return count > before and (time.monotonic(), count)
        begun, first = wait_for("the first offset commit", progress, 60, 0.005)
        self.all_judged()
        return (ends - first) / (time.monotonic() - begun)

    def parts(self):
        """Processes that both sides need."""
        pids = {p["name"]: p["pid"] for p in self.system.demo["processes"]}
        return {"kafka": [pids["kafka"]], "postgres": children(pids["postgres"]), "redis": [pids["redis"]]}

    def processor_seconds(self):
        return {name: processor_seconds(pids) for name, pids in {**self.own(), **self.parts()}.items()}


class Product(Side):
    name, received, judged, group = "product", "submission.received", "submission.judged", "validation"

    def running(self):
        """As the floor, with empty tables."""
        superuser(self.system).cursor().execute("TRUNCATE record.judgement, record.latest")
        return self.watching()

    def port(self):
        return json.loads((self.system.run_dir / "ports.json").read_text())["intake-1"]

    def worker_down(self):
        return held_down(self.system, "validation-1")

    def own(self):
        return {name: self.system.pids(name) for name in ("intake", "validation", "notification")}


class Floor(Side):
    name = "floor"

    def __init__(self, system):
        super().__init__(system)
        redis = urllib.parse.urlsplit(system.demo["redis"])
        self.redis = [redis.port, redis.username, redis.password]
        port = urllib.parse.urlsplit(system.demo["postgres"]).port
        secret = (system.run_dir / "secrets/pg_superuser.secret").read_text().strip()
        self.dsn = f"host=127.0.0.1 port={port} dbname=shengyuan user=superuser password={secret}"
        self.database = superuser(system).cursor()
        self.database.execute("CREATE SCHEMA bench")
        columns = ", ".join(f"c{n} text" + (" PRIMARY KEY" if n == 1 else "") for n in range(1, 26))
        self.database.execute(f"CREATE TABLE bench.judgement ({columns}, UNIQUE (c2, c1))")
        self.database.execute("CREATE TABLE bench.latest (student text PRIMARY KEY, newest text)")
        self.runs = 0
        self.intake = self.worker = None

    def _topics(self):
        self.runs += 1
        self.received, self.judged = f"bench.{self.runs}.received", f"bench.{self.runs}.judged"
        self.group = f"bench-{self.runs}"
        topics = [NewTopic(name, PARTITIONS, 1) for name in (self.received, self.judged)]
        for future in self.admin.create_topics(topics).values():
            future.result(20)

    @contextlib.contextmanager
    def running(self):
        self._topics()
        self.database.execute("TRUNCATE bench.judgement, bench.latest")
        self._port = free_port()
        self.intake = self._start("floor_intake", self._port, self.bootstrap, *self.redis, self.received)
        try:
            wait_for("the floor's port", lambda: subprocess.run(
                ["ss", "-Hltn", f"sport = :{self._port}"], capture_output=True, check=True).stdout, 10)
            self._start_worker()
            with self.watching():
                yield
        finally:
            for process in (self.intake, self.worker):
                process.kill()
                process.wait()

    def _start(self, program, *arguments):
        return subprocess.Popen([str(word) for word in (PROGRAMS / program, *arguments)])

    def _start_worker(self):
        self.worker = self._start("floor_worker", self.bootstrap, self.dsn, self.received, self.judged, self.group)

    def port(self):
        return self._port

    @contextlib.contextmanager
    def worker_down(self):
        self.worker.kill()
        self.worker.wait()
        yield
        self._start_worker()

    def own(self):
        return {"intake": [self.intake.pid], "worker": [self.worker.pid]}
