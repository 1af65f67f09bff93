"""Which port each process has, how many copies of each service and how many brokers there are: kept in RUN_DIR."""
import fcntl
import json
import os
import pathlib
import re
import secrets
import socket
import subprocess
import tempfile

from run_dir import Failure, SERVICES, write_private

COPIES_MAX = 12  # partitions of a topic: more copies would have nothing to do
PORT_FIRST, PORT_LAST = 20000, 30000  # below the ports that systems give to outgoing connections


def port_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def port_open(port):
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def port_holder(port):
    done = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=False)
    found = re.search(r'\("([^"]+)",pid=(\d+)', done.stdout)
    return f"{found[1]} (pid {found[2]})" if found else "another program"


def port_given(variable, fallback):
    text = os.environ.get(variable) or str(fallback)
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise Failure(f"{variable}='{text}' is no port number")
    if not port_free(int(text)):
        raise Failure(f"port {text} is held by {port_holder(int(text))}; HINT: {variable}=<another> make …")
    return int(text)


class Ports:
    """Port numbers by name: those of the last run where they are still free."""

    def __init__(self, layout):
        self.path = layout.run_dir / "ports.json"
        self.numbers = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.sure = set()
        self.brokers = broker_names(brokers_wanted(layout))
        self.linked = bool(os.environ.get("LINKS"))

    def __getitem__(self, name):
        if name not in self.sure:
            self.choose(name)
        return self.numbers[name]

    def choose(self, name):
        # Two run directories may choose at the same moment: one after the other.
        with open(pathlib.Path(tempfile.gettempdir()) / f"shengyuan-ports-{os.getuid()}", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            taken = {number for key, number in self.numbers.items() if key != name}
            while self.numbers.get(name) in taken | {None} or not port_free(self.numbers[name]):
                self.numbers[name] = secrets.randbelow(PORT_LAST - PORT_FIRST) + PORT_FIRST
            self.sure.add(name)
            write_private(self.path, json.dumps(self.numbers, indent=1) + "\n")

    def bootstrap(self, who=None):
        """The brokers' addresses for `who`: a copy behind its links, or anybody who goes straight there."""
        return ",".join(f"127.0.0.1:{self.between(who, name) if who else self[name]}" for name in self.brokers)

    def between(self, who, server):
        """Where `who` finds `server`: the server itself, or the link that leads to it (links.py)."""
        return self[f"{who}:{server}"] if self.linked else self[server]

    def fix(self, name, number):
        self.numbers[name] = number
        self.sure.add(name)


def ports_choose(layout):
    ports = Ports(layout)
    ports.fix("edge", port_given("PORT", 8080))
    ports.fix("sandbox", port_given("SANDBOX_PORT", 8099))
    return ports


def brokers_wanted(layout):
    """BROKERS=3 for a new RUN_DIR: three with everything in three replicas, two of which must have it. Kept."""
    path = layout.run_dir / "brokers.json"
    kept = json.loads(path.read_text()) if path.exists() else \
        1 if (layout.run_dir / "kafka").exists() else None
    asked = os.environ.get("BROKERS") or str(kept or 1)
    if asked not in ("1", "3"):
        raise Failure(f"BROKERS='{asked}' is neither 1 nor 3")
    if kept not in (None, int(asked)):
        raise Failure(f"{layout.run_dir} has {kept} broker{'s' * (kept > 1)}; HINT: make clean-data, or another RUN_DIR")
    write_private(path, asked + "\n")
    return int(asked)


def broker_names(count):
    return ["kafka"] if count == 1 else [f"kafka-{number}" for number in range(1, count + 1)]


def copies_read(layout):
    path = layout.run_dir / "copies.json"
    copies = json.loads(path.read_text()) if path.exists() else {}
    return {name: copies.get(name, 1) for name in SERVICES}


def copies_wanted(layout):
    """COPIES=validation=2,intake=2 on top of what was asked for before; kept for the next run."""
    copies = copies_read(layout)
    for item in filter(None, (os.environ.get("COPIES") or "").split(",")):
        name, _, count = item.partition("=")
        if name not in SERVICES or not count.isdigit() or not 0 <= int(count) <= COPIES_MAX:
            raise Failure(f"COPIES: '{item}' is not <service>=<0 to {COPIES_MAX}>; services: "
                          + ", ".join(SERVICES))
        copies[name] = int(count)
    write_private(layout.run_dir / "copies.json", json.dumps(copies) + "\n")
    return copies
