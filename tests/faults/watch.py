"""What a run of availability looks at while it lasts: memory and descriptors of every process, and calls that were turned away.

How they are judged is here too, apart from the running, so that it can be tested (test_watch.py).
"""
import collections
import contextlib
import os
import pathlib
import re
import statistics
import threading
import time
from http.client import HTTPException

import schedule
from shengyuan import Http

EVERY = 2.0
CONNECTION_KIB = 8  # common/io/http_connection.c: 4 KiB of input, 64 header fields, itself; nginx has about as much
OURS = ("authorization", "binding", "intake", "validation", "notification", "sandbox", "edge")
ADMITS = ("authorization", "binding", "intake")
WARM = 60.0  # a life's first seconds
SPARE = 4  # descriptors
LISTENS = "0A"
REFUSED = re.compile(r'^http_queue_rejected_total\{.*?reason="(\w+)".*?\} (\d+)', re.MULTILINE)

Sample = collections.namedtuple("Sample", "at name pid kib descriptors accepted")


def memory_of(pid):
    """KiB of its own; a process that has ended and was not collected yet has none."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1])
    return 0


def sockets():
    """{inode: (local port, state)} of TCP."""
    found = {}
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        found[words[9]] = words[1].rsplit(":", 1)[1], words[3]
    return found


def accepted(inodes, of):
    """How many of a process' sockets are connections that somebody opened to it."""
    mine = [of[inode] for inode in inodes if inode in of]
    ports = {port for port, state in mine if state == LISTENS}
    return sum(state != LISTENS and port in ports for port, state in mine)


def inodes_of(pid):
    found = []
    for entry in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            target = os.readlink(entry.path)
            found.append(target[8:-1] if target.startswith("socket:[") else "")
    return found


def rises(points):
    """(hours, KiB of growth, the least of each third) of one life: (seconds, KiB) of each look. A process may need more after a
    backlog if it gives that back: the least of the last third is compared with the least of the first."""
    third = len(points) // 3
    least = [min(kib for _, kib in points[n * third:(n + 1) * third]) for n in range(3)]
    return (points[-1][0] - points[0][0]) / 3600, least[2] - least[0], least


def rises_too_much(hours, growth):
    """More than 1 MiB an hour, between the thirds' middles, and 1 MiB that cannot be told apart."""
    return growth > 1024 * (hours * 2 / 3 + 1)


class Watch(threading.Thread):
    def __init__(self, system):
        super().__init__(daemon=True)
        self.system, self.enough, self.samples, self.refusals = system, threading.Event(), [], []

    def run(self):
        while not self.enough.wait(EVERY):
            self.look()

    def look(self):
        with contextlib.suppress(OSError, ValueError):
            of = sockets()
            for process in self.system.demo["processes"]:
                if process["name"].startswith(OURS):
                    self.sample(process, of)
                if process["name"].startswith(ADMITS):
                    self.ask(process)

    def sample(self, process, of):
        with contextlib.suppress(OSError, ValueError):
            family = schedule.family(process["pid"])
            kib = sum(memory_of(pid) for pid in family)
            inodes = [inode for pid in family for inode in inodes_of(pid)]
            self.samples.append(Sample(time.monotonic(), process["name"], process["pid"], kib, len(inodes), accepted(set(inodes), of)))

    def ask(self, process):
        with contextlib.suppress(OSError, ValueError, HTTPException):
            with contextlib.closing(Http(process["admin"], 1)) as http:
                text = http.call("GET", "/metrics").body.decode()
            self.refusals.append((time.monotonic(), process["name"], {reason: int(count) for reason, count in REFUSED.findall(text)}))

    def memory(self, end):
        """(name, hours, KiB of growth, the least of each third) of each life before `end` that was long enough to tell."""
        lives = collections.defaultdict(list)
        for sample in (sample for sample in self.samples if sample.at <= end):
            lives[sample.name, sample.pid].append((sample.at, sample.kib - CONNECTION_KIB * sample.descriptors))
        for (name, _), points in lives.items():
            points = [point for point in points if point[0] > points[0][0] + WARM]
            if len(points) >= 30:
                yield (name, *rises(points))

    def own(self, begin, end):
        """Descriptors of each process in that time without connections that others opened to it."""
        found = collections.defaultdict(list)
        for sample in self.samples:
            if begin <= sample.at <= end:
                found[sample.name].append(sample.descriptors - sample.accepted)
        return {name: statistics.median(counts) for name, counts in found.items()}

    def last(self):
        return {sample.name: sample.descriptors for sample in self.samples}

    def turned_away(self, begin, end):
        """Calls that services turned away before they looked at them, from the last look before `begin` to the first behind `end`."""
        counts = {}
        for name in {name for _, name, _ in self.refusals}:
            looks = [(at, told) for at, one, told in self.refusals if one == name]
            before = next((told for at, told in reversed(looks) if at <= begin), {})
            after = next((told for at, told in looks if at >= end), looks[-1][1])
            for reason, count in after.items():
                if count > before.get(reason, 0):
                    counts[f"{name} {reason}"] = count - before.get(reason, 0)
        return counts


def left_over(own, last):
    """Descriptors that are still there when nobody calls any more: {name: (before, now)}."""
    return {name: (count, last[name]) for name, count in own.items() if last.get(name, 0) > count + SPARE}
