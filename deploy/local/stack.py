#!/usr/bin/python3
"""Runs the whole system on this machine: make run, up, down, status, clean-data.

stack.py run|up|down|status|clean-data      RUN_DIR, PORT, SANDBOX_PORT, COPIES, BROKERS from the environment
                                            (allotment.py), ARCHIVE=DIR (the write-ahead log and a
                                            base backup go there: docs/OPERATIONS.md), for fault
                                            tests also LINKS (links.py) and BACKOFF_MAX (seconds)

One supervisor process per RUN_DIR owns every other process: it starts them in order, restarts what
dies, and stops all of them when it is told to (SIGINT, SIGTERM) or dies itself. Everything is private
to RUN_DIR: ports of 127.0.0.1, data, secrets made on the first run. Nothing of the machine's own
servers is touched. Exit status: 0 done, 1 failed or not ready, 2 usage.
"""
import ctypes
import fcntl
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import allotment  # noqa: E402
import links  # noqa: E402
import programs  # noqa: E402
import run_dir  # noqa: E402
import screen  # noqa: E402
import secret_files  # noqa: E402
import servers  # noqa: E402
from run_dir import Failure, say  # noqa: E402

READY_SECONDS = 120
STOP_SECONDS = 15
BACKOFF_MAX = float(os.environ.get("BACKOFF_MAX") or 5)
STEADY_SECONDS = 30
LOG_BYTES_MAX = 64 * 1024 * 1024
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """In the child: be told when the supervisor dies, whatever killed it. No core files: memory holds people's data."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Child:
    """A part of the system and the process that is it now."""

    def __init__(self, part):
        self.part = part
        self.process = None
        self.started = 0.0
        self.backoff = 0.0
        self.due = 0.0

    def start(self, layout):
        log_path = layout.logs / f"{self.part.name}.log"
        if log_path.exists() and log_path.stat().st_size > LOG_BYTES_MAX:
            log_path.replace(log_path.with_suffix(".log.1"))
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.part.argv, env=self.part.env, cwd=self.part.cwd, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent,
                **self.part.credentials)
        self.started = time.monotonic()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds=STOP_SECONDS):
        if not self.alive():
            return
        self.process.send_signal(self.part.stop_signal)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            say(f"{self.part.name} did not stop in {seconds} s and is killed")
            self.process.kill()
            self.process.wait()


class Supervisor:
    def __init__(self, layout, ports, copies):
        self.layout = layout
        self.ports = ports
        self.copies = copies
        self.children = {}
        self.stopping = False
        self.rescale = False
        self.wake_read, self.wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    # --- signals ---

    def install_signals(self):
        signal.set_wakeup_fd(self.wake_write)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.on_stop)
        signal.signal(signal.SIGHUP, self.on_rescale)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def on_stop(self, *_):
        if not self.stopping and self.children:
            say("stopping …")
        self.stopping = True

    def on_rescale(self, *_):
        self.rescale = True

    def pause(self, seconds):
        """Until a signal comes or the time is over."""
        select.select([self.wake_read], [], [], seconds)
        try:
            while os.read(self.wake_read, 4096):
                pass
        except BlockingIOError:
            pass

    # --- children ---

    def launch(self, part):
        child = Child(part)
        self.children[part.name] = child
        child.start(self.layout)
        return child

    def wait_until(self, what, ready, names):
        """`ready` is asked until it says yes; a part that dies meanwhile ends the wait."""
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if self.stopping:
                raise Failure("stopped while starting")
            for name in names:
                if not self.children[name].alive():
                    raise Failure(f"{name} ended while starting; see {self.layout.logs}/{name}.log\n"
                                  + run_dir.tail(self.layout.logs / f"{name}.log"))
            if time.monotonic() > deadline:
                raise Failure(f"{what} was not ready within {READY_SECONDS} s; see {self.layout.logs}")
            self.pause(0.05)

    def start_all(self):
        layout, ports = self.layout, self.ports
        secret_files.prepare(layout, ports)
        if ports.linked:
            self.launch(links.program(layout, ports, self.copies))
            self.wait_until("the links", lambda: links.ready(layout), ["links"])
        for part in (servers.postgres(layout, ports), servers.redis(layout, ports),
                     *servers.kafkas(layout, ports, self.copies)):
            self.launch(part)
        self.wait_until("PostgreSQL", lambda: servers.postgres_ready(layout, ports), ["postgres"])
        servers.database_prepare(layout, ports)
        archive = servers.archive(layout, ports)
        if archive:
            self.launch(archive)
            servers.archive_begin(layout, ports)
        self.wait_until("Redis", lambda: allotment.port_open(ports["redis"]), ["redis"])
        self.launch(programs.sandbox(layout, ports))
        self.wait_until("Kafka", lambda: servers.kafka_ready(layout, ports), ports.brokers)
        self.wait_until("a topic", lambda: servers.topics_ready(layout, ports), ports.brokers)
        programs.roster_prepare(layout)
        programs.staff_prepare(layout)
        for part in self.wanted_services():
            self.launch(part)
        servers.edge_configure(layout, ports, self.copies)
        self.launch(servers.edge(layout))
        names = [name for name, child in self.children.items() if child.part.admin]
        self.wait_until("a service", lambda: all(
            run_dir.ready(self.children[name].part.admin) for name in names), names + ["edge"])
        self.wait_until("the edge", lambda: allotment.port_open(ports["edge"]), ["edge"])
        self.describe()

    def wanted_services(self):
        return [programs.service(self.layout, self.ports, name, number)
                for name in run_dir.SERVICES for number in range(1, self.copies[name] + 1)]

    def apply_copies(self):
        """COPIES changed: start what is missing, stop what is too much, tell the edge."""
        self.rescale = False
        self.copies = allotment.copies_read(self.layout)
        wanted = {part.name: part for part in self.wanted_services()}
        for name, part in wanted.items():
            if name not in self.children:
                self.launch(part)
        servers.edge_configure(self.layout, self.ports, self.copies)
        self.children["edge"].process.send_signal(signal.SIGHUP)
        for name, child in list(self.children.items()):
            if child.part.service in run_dir.SERVICES and name not in wanted:
                child.stop()
                del self.children[name]
        self.describe()

    def describe(self):
        processes = [{"name": name, "service": child.part.service, "pid": child.process.pid,
                      "admin": child.part.admin}
                     for name, child in self.children.items() if child.process is not None]
        screen.describe(self.layout, self.ports, processes)

    def keep(self):
        """Until told to stop: what died is started again, later each time if it keeps dying."""
        while not self.stopping:
            if self.rescale:
                self.apply_copies()
            now = time.monotonic()
            changed = False
            for child in self.children.values():
                if child.alive() or self.held(child):
                    continue
                if child.due == 0.0:
                    steady = now - child.started > STEADY_SECONDS
                    child.backoff = 0.1 if steady else min(BACKOFF_MAX, child.backoff * 2 or 0.1)
                    child.due = now + child.backoff
                    say(f"{child.part.name} ended ({child.process.returncode}), starting it again")
                if now >= child.due:
                    child.due = 0.0
                    servers.before_restart(self.layout, child.part)
                    child.start(self.layout)
                    changed = True
            if changed:
                self.describe()
            waits = [0.2 if self.held(child) else child.due - now
                     for child in self.children.values() if child.due or self.held(child)]
            self.pause(max(0.02, min(waits, default=1.0)))

    def held(self, child):
        """RUN_DIR/hold/<name> keeps a part down that was stopped: for drills and maintenance."""
        return (self.layout.run_dir / "hold" / child.part.name).exists()

    def stop_all(self):
        self.layout.demo.unlink(missing_ok=True)
        for group in run_dir.STOP_ORDER:
            batch = [c for c in self.children.values() if c.part.service in group]
            for child in batch:
                if child.alive():
                    child.process.send_signal(child.part.stop_signal)
            for child in batch:
                child.stop()


# --- commands ---


def locked(layout):
    """The lock of this RUN_DIR, or None when another supervisor holds it."""
    layout.run_dir.mkdir(parents=True, exist_ok=True)
    handle = open(layout.run_dir / "supervisor.lock", "a+b")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


def supervisor_pid(layout):
    """Of the supervisor that holds the lock, or None."""
    lock = locked(layout) if layout.run_dir.exists() else None
    if lock is not None or not layout.run_dir.exists():
        if lock is not None:
            lock.close()
        return None
    try:
        return int((layout.run_dir / "supervisor.pid").read_text())
    except (FileNotFoundError, ValueError):
        return None


def command_run(layout):
    patience = time.monotonic() + 1  # `make status` holds the lock for an instant
    lock = locked(layout)
    while lock is None and time.monotonic() < patience:
        time.sleep(0.05)
        lock = locked(layout)
    if lock is None:
        raise Failure(f"{layout.run_dir} is running already; HINT: make status, make down")
    started = time.monotonic()
    (layout.run_dir / "supervisor.pid").write_text(f"{os.getpid()}\n")
    layout.demo.unlink(missing_ok=True)
    (layout.run_dir / "urls.txt").unlink(missing_ok=True)
    shutil.rmtree(layout.run_dir / "hold", ignore_errors=True)
    ports = allotment.ports_choose(layout)
    supervisor = Supervisor(layout, ports, allotment.copies_wanted(layout))
    supervisor.install_signals()
    status = 0
    try:
        supervisor.start_all()
        block = screen.block(layout, ports, supervisor.copies, time.monotonic() - started)
        (layout.run_dir / "urls.txt").write_text(block)
        print(block, end="", flush=True)
        supervisor.keep()
    except Failure as failure:
        if not supervisor.stopping:
            say(str(failure))
            status = 1
    finally:
        supervisor.stop_all()
        (layout.run_dir / "supervisor.pid").unlink(missing_ok=True)
    say("stopped")
    return status


def command_up(layout):
    pid = supervisor_pid(layout)
    if pid is not None:
        if os.environ.get("COPIES"):
            allotment.copies_wanted(layout)
            os.kill(pid, signal.SIGHUP)
            return wait_for_copies(layout)
        print((layout.run_dir / "urls.txt").read_text(), end="")
        return 0
    layout.logs.mkdir(parents=True, exist_ok=True)
    layout.demo.unlink(missing_ok=True)
    (layout.run_dir / "urls.txt").unlink(missing_ok=True)
    with open(layout.logs / "supervisor.log", "wb") as log:
        process = subprocess.Popen([sys.executable, __file__, "run"], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, start_new_session=True, cwd=ROOT)
    deadline = time.monotonic() + READY_SECONDS * 2
    while not layout.demo.exists() or not (layout.run_dir / "urls.txt").exists():
        if process.poll() is not None:
            sys.stderr.write((layout.logs / "supervisor.log").read_text())
            return 1
        if time.monotonic() > deadline:
            process.terminate()
            raise Failure("not ready in time")
        time.sleep(0.05)
    print((layout.run_dir / "urls.txt").read_text(), end="")
    return 0


def wait_for_copies(layout):
    wanted = {f"{name}-{number}" for name, count in allotment.copies_read(layout).items()
              for number in range(1, count + 1)}
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        processes = json.loads(layout.demo.read_text())["processes"]
        running = {p["name"] for p in processes if p["service"] in run_dir.SERVICES}
        text, all_ready = status_of(processes)
        if running == wanted and all_ready:
            print(text)
            return 0
        time.sleep(0.1)
    raise Failure("the copies were not ready in time; HINT: make status")


def command_down(layout):
    pid = supervisor_pid(layout)
    if pid is None:
        say(f"nothing runs in {layout.run_dir}")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 90
    while supervisor_pid(layout) is not None:
        if time.monotonic() > deadline:
            raise Failure(f"the supervisor ({pid}) did not stop; see {layout.logs}/supervisor.log")
        time.sleep(0.05)
    return 0


def command_status(layout):
    if supervisor_pid(layout) is None or not layout.demo.exists():
        print(f"nothing runs in {layout.run_dir}")
        return 1
    text, all_ready = status_of(json.loads(layout.demo.read_text())["processes"])
    print(text)
    return 0 if all_ready else 1


def status_of(processes):
    """A line for each process, and whether all are ready."""
    fit = [run_dir.ready(p["admin"]) if p["admin"] else run_dir.pid_alive(p["pid"]) for p in processes]
    return "\n".join(f"  {'✓' if well else '✗'} {p['name']:<18} pid {p['pid']:<8} {p['admin'] or ''}"
                     for p, well in zip(processes, fit)), all(fit)


def command_clean_data(layout):
    if supervisor_pid(layout) is not None:
        raise Failure(f"{layout.run_dir} is running; HINT: make down")
    run_dir.clean(layout)
    return 0


COMMANDS = {"run": command_run, "up": command_up, "down": command_down, "status": command_status,
            "clean-data": command_clean_data}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.stderr.write(__doc__)
        return 2
    try:
        return COMMANDS[sys.argv[1]](run_dir.Layout(ROOT))
    except Failure as failure:
        say(str(failure))
        return 1


if __name__ == "__main__":
    sys.exit(main())
