"""Runs a copy of a service that kills itself at a named point (common/runtime/crash.h), in place of the first copy."""
import contextlib
import os
import pathlib
import re
import subprocess

from servers import held_down
from shengyuan import ROOT, wait_for


def crash_points(service):
    """The names of a service's points, from the table they come from."""
    table = (ROOT / "common/runtime/crash.h").read_text(encoding="utf-8")
    return [name for name in re.findall(r'X\(CRASH_\w+, +"([a-z]+/[a-z-]+)"', table)
            if name.startswith(service + "/")]


class Crashing:
    """Copies of a service started one after the other; each ends where it was told to."""

    def __init__(self, system, service, environment):
        self.system, self.service, self.environment = system, service, environment
        self.process = None

    def start(self, point, *options):
        log = pathlib.Path(self.system.run_dir, "logs", f"{self.service}-crashing.log")
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                [str(self.system.bin / f"sy-{self.service}"), f"--instance={self.service}-crashing",
                 f"--crash-point={point}", "--admin-listen=127.0.0.1:0", *options],
                env=self.environment, stdout=out, stderr=out)

    def dead(self):
        return self.process.poll() is not None

    def crashed(self, seconds=60):
        wait_for(f"the crash of {self.service}", self.dead, seconds)
        assert self.process.returncode == -9, self.process.returncode

    def end(self):
        if self.process and not self.dead():
            self.process.kill()
        if self.process:
            self.process.wait()


@contextlib.contextmanager
def crashing(system, service, *held):
    """The first copy's place is free; `held` copies are down as well."""
    first = next(p for p in system.demo["processes"] if p["name"] == f"{service}-1")
    with open(f"/proc/{first['pid']}/environ", "rb") as file:
        environment = dict(item.split("=", 1) for item in file.read().decode().split("\0") if "=" in item)
    with held_down(system, f"{service}-1", *held):
        copies = Crashing(system, service, {**os.environ, **environment})
        try:
            yield copies
        finally:
            copies.end()
