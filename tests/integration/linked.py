"""One copy of each service, a proxy on each link, PostgreSQL on a small disk of its own where the kernel allows it."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading

from conftest import running_stack
from servers import judgements, superuser
from shengyuan import ROOT, Http, Student, wait_for

sys.path.append(str(ROOT / "tests/faults"))
from proxy import Links  # noqa: E402  pylint: disable=wrong-import-position

DISK_MB = 600
# A mount namespace of its own: nobody else sees the disk, and it is gone with its last process.
SMALL_DISK = ("unshare", "--mount", "--propagation=private", "sh", "-ec",
              f"mkdir RUN_DIR/postgres; mount -t tmpfs -o size={DISK_MB}m,mode=700 none RUN_DIR/postgres; exec \"$@\"", "-")


def namespaces():
    """Whether this machine lets us mount something of our own."""
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


class Linked:
    def __init__(self, system):
        self.system, self.links = system, Links(system.run_dir)
        self.rows, self.crowd = [], []

    def newcomer(self):
        if not self.rows:
            self.rows = [row for row in self.system.people(60) if row["PYFSDM"] == "1"]
        return Student(self.system, self.rows.pop())

    def student(self):
        return self.newcomer().ready()

    def process(self, name):
        return next(p for p in self.system.demo["processes"] if p["name"] == name)

    def metric(self, name, metric, **labels):
        """The sum over the lines of this metric that have these labels; 0 when there are none."""
        text = Http(self.process(name)["admin"], 5).call("GET", "/metrics").body.decode()
        total = 0.0
        for line in text.splitlines():
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if found and found[1] == metric and all(f'{k}="{v}"' in (found[2] or "") for k, v in labels.items()):
                total += float(found[3])
        return total

    def judged(self, ids, seconds=60):
        wait_for(f"{len(ids)} judgements", lambda: set(ids) <= {row[0] for row in judgements(self.system)}, seconds, 0.1)
        rows = [row[0] for row in judgements(self.system) if row[0] in set(ids)]
        assert len(rows) == len(set(ids)), "judged more than once"

    def data_disk(self):
        """Where PostgreSQL's disk is, seen through one of its processes."""
        return pathlib.Path(f"/proc/{self.process('postgres')['pid']}/root{self.system.run_dir}/postgres")


def together(count, call):
    """What `count` threads got from call(number), in order."""
    answers = [None] * count

    def one(number):
        answers[number] = call(number)
    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def linked_stack():
    return running_stack("linked", SMALL_DISK if namespaces() else (), COPIES="",
                         LINKS=f"{sys.executable} {ROOT / 'tests/faults/proxy.py'}",
                         EXTRA_INTAKE="--producer-queue=10", EXTRA_VALIDATION="--max-poll-interval-ms=10000",
                         TMPDIR=os.environ.get("TMPDIR", "/tmp"))


def key():
    return os.urandom(8).hex()


def patiently(call, seconds=60):
    """The first answer that is neither 503 nor none."""
    def ask():
        try:
            answer = call()
        except OSError:
            return None
        return answer if answer.status != 503 else None
    return wait_for("an answer", ask, seconds, 0.05)


@contextlib.contextmanager
def holding(stack, student_id):
    """A transaction that holds the student's newest revision, and a cursor of it."""
    connection = superuser(stack.system)
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("SELECT revision FROM record.latest WHERE student_id = %s FOR UPDATE", (student_id,))
        yield cursor
    connection.rollback()
    connection.close()


def validation_waits(stack):
    connection = superuser(stack.system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'sy_validation'")
        row = cursor.fetchone()
    connection.close()
    return row and row[0]


@contextlib.contextmanager
def paused(stack, name):
    pid = stack.process(name)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
