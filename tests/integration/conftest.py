"""One private system for the whole run: its own folder, ports, data; gone afterwards."""
import contextlib
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from shengyuan import ROOT, Student, System  # noqa: E402

STACK = [sys.executable, str(ROOT / "deploy/local/stack.py")]
COPIES = "authorization=2,binding=2,intake=2,validation=2,notification=2,office=2"


def free_port():
    """Below the ephemeral ports, free now."""
    while True:
        port = 30000 + secrets.randbelow(2700)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def stack_env(run_dir, **change):
    env = {name: value for name, value in os.environ.items() if name not in ("COPIES", "PORT", "SANDBOX_PORT")}
    return {**env, "RUN_DIR": str(run_dir), "PORT": str(free_port()), "SANDBOX_PORT": str(free_port()), **change}


@contextlib.contextmanager
def running_stack(logs, before=(), **change):
    """A private system; `before` is what its supervisor is started by."""
    run_dir = pathlib.Path(tempfile.mkdtemp(prefix="shengyuan-test-"))
    run_dir.chmod(0o755)
    env = stack_env(run_dir, **change)
    up = subprocess.run([*(word.replace("RUN_DIR", str(run_dir)) for word in before), *STACK, "up"], env=env,
                        capture_output=True, text=True, timeout=300, check=False)
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        running = System(run_dir)
        running.env = env
        yield running
    finally:
        subprocess.run([*STACK, "down"], env=env, timeout=120, check=False)
        reports = sanitizer_reports(run_dir)
        if os.environ.get("KEEP_LOGS"):
            shutil.copytree(run_dir / "logs", pathlib.Path(os.environ["KEEP_LOGS"], logs), dirs_exist_ok=True)
        subprocess.run([*STACK, "clean-data"], env=env, timeout=60, check=False)
    assert reports == []


@pytest.fixture(scope="session")
def system():
    """Two copies of every service: whatever holds must hold with more than one."""
    if os.environ.get("TEST_RUN_DIR"):  # while writing tests: a system that is up already
        yield System(os.environ["TEST_RUN_DIR"])
        return
    with running_stack(".", COPIES=COPIES, EXTRA_INTAKE="--new-a-day=0") as running:
        yield running


@pytest.fixture(scope="session")
def stack():
    """One copy of each service and a proxy on each link, for the tests that ask for it."""
    from linked import Linked, linked_stack
    with linked_stack() as running:
        linked = Linked(running)
        yield linked
        linked.links.close()


@pytest.fixture
def healed(stack):
    """That, and everything well again behind the test."""
    from servers import all_ready
    yield stack
    stack.links.heal()
    all_ready(stack.system)


def sanitizer_reports(run_dir):
    """What an instrumented build had to say, by process."""
    marks = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "ThreadSanitizer")
    return [(path.name, line) for path in sorted((run_dir / "logs").glob("*.log"))
            for line in path.read_text(errors="replace").splitlines() if any(mark in line for mark in marks)]


@pytest.fixture(scope="session")
def people(system):
    """Hands out people of the roster nobody has used yet."""
    stock = []

    def take(**want):
        while True:
            if not stock:
                stock.extend(reversed(system.people(100)))
            row = stock.pop()
            way = want.get("way", "1")
            if row["PYFSDM"] == way:
                return row
    return take


@pytest.fixture
def newcomer(system, people):
    """A student who has done nothing yet."""
    return lambda **want: Student(system, people(**want))


@pytest.fixture
def student(newcomer):
    """Logged in, verified and bound."""
    return newcomer().ready()
