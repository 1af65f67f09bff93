"""Where things are (RUN_DIR), what a part is, and the small tools that all parts use."""
import dataclasses
import hashlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import urllib.request

SERVICES = ("authorization", "binding", "intake", "validation", "notification", "office")
HTTP_SERVICES = ("authorization", "binding", "intake", "notification", "office")
STOP_ORDER = (("edge",), HTTP_SERVICES, ("validation", "sandbox"), ("kafka",), ("redis", "postgres"), ("archive", "links"))


class Failure(Exception):
    """Something the caller can do something about; its text says what."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def tail(path, lines=8):
    try:
        return "\n".join("  | " + line for line in path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


@dataclasses.dataclass
class Part:
    """One process: how it is started and stopped."""
    name: str
    service: str
    argv: list
    env: dict
    cwd: str
    admin: str = None
    stop_signal: int = signal.SIGTERM
    credentials: dict = dataclasses.field(default_factory=dict)


class Layout:
    """Where things are: RUN_DIR and what is in it."""

    def __init__(self, root):
        self.root = root
        self.bin = root / os.environ.get("BUILD", "build") / "bin"
        self.run_dir = pathlib.Path(root, os.environ.get("RUN_DIR") or ".run").resolve()
        self.demo = self.run_dir / "demo.json"
        self.logs = self.run_dir / "logs"
        self.secrets = self.run_dir / "secrets"
        self.edge = self.run_dir / "edge"
        self.marker = self.run_dir / "shengyuan-run"

    def secret(self, name):
        return (self.secrets / f"{name}.secret").read_text().strip()

    def postgres_data(self):
        """PostgreSQL refuses to run as root; another account may not be able to enter RUN_DIR."""
        if os.getuid() != 0 or traversable(self.run_dir):
            return self.run_dir / "postgres"
        name = hashlib.sha256(str(self.run_dir).encode()).hexdigest()[:16]
        return pathlib.Path("/var/tmp") / f"shengyuan-{name}"


def traversable(path):
    return all(p.stat().st_mode & stat.S_IXOTH for p in [path, *path.parents] if p.exists())


def unprivileged():
    """Popen arguments of the account for PostgreSQL: our own unless that is root."""
    if os.getuid() != 0:
        return {}
    account = next((pwd.getpwnam(name) for name in ("postgres", "nobody") if has_account(name)), None)
    if account is None:
        raise Failure("PostgreSQL cannot run as root and there is no account 'postgres' or 'nobody'")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def has_account(name):
    try:
        pwd.getpwnam(name)
        return True
    except KeyError:
        return False


def run(argv, **options):
    """Runs a tool to its end; its words are in the failure."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise Failure(f"{pathlib.Path(str(argv[0])).name} failed ({done.returncode}): {words}")
    return done.stdout


def write_private(path, text, mode=0o600):
    handle = os.open(path.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    path.with_suffix(".new").replace(path)


def fill(template, out, values):
    text = re.sub(r"@([A-Z_]+)@", lambda m: str(values[m[1]]), template.read_text())
    write_private(out, text)


def base_env():
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
    return {name: os.environ[name] for name in keep if name in os.environ}


def ready(admin):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{admin}/readyz", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def pid_alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False
    except PermissionError:
        return True


def clean(layout):
    if not layout.marker.exists():
        say(f"nothing of ours in {layout.run_dir}")
        return
    data = layout.postgres_data()
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(layout.run_dir)
    say(f"{layout.run_dir} forgotten")
