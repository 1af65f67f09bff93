"""The parts of the local system: what each needs on disk, how it is started, when it is ready.

Knows paths, ports, secrets and command lines; knows nothing of supervision (stack.py).
"""
import csv
import dataclasses
import fcntl
import glob
import hashlib
import json
import os
import pathlib
import pwd
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import urllib.request

SERVICES = ("authorization", "binding", "intake", "validation")
HTTP_SERVICES = ("authorization", "binding", "intake")
COPIES_MAX = 12  # partitions of a topic: more copies would have nothing to do
STOP_ORDER = (("edge",), HTTP_SERVICES, ("validation", "sandbox"), ("kafka",), ("redis", "postgres"))
DEMO_PEOPLE = 200
DEMO_SEED = 2027
DEMO_LISTED = 20
CONSENT_VERSION = "1"
PORT_FIRST, PORT_LAST = 20000, 30000  # below the ports that systems give to outgoing connections
WECHAT_APPID, WECHAT_H5_APPID = "wx0000000000000001", "wx0000000000000002"
SMS = {"secret-id": "AKIDdemo", "sdk-app-id": "1400000001", "template-id": "1000001",
       "sign-name": "生源上报", "region": "ap-guangzhou"}
PG_ROLES = ("owner", "authorization", "binding", "intake", "validation", "office", "reader", "monitor")
PASSWORDS = tuple(f"pg_{role}" for role in ("superuser",) + PG_ROLES) + ("redis_sy", "redis_tests")
PLATFORM_SECRETS = ("wechat", "wechat_h5", "sms")


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


# --- ports ---


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

    def fix(self, name, number):
        self.numbers[name] = number
        self.sure.add(name)


def ports_choose(layout):
    ports = Ports(layout)
    ports.fix("edge", port_given("PORT", 8080))
    ports.fix("sandbox", port_given("SANDBOX_PORT", 8099))
    return ports


# --- copies ---


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


# --- secrets and files ---


def prepare(layout, ports):
    layout.run_dir.mkdir(parents=True, exist_ok=True)
    for path in (layout.logs, layout.edge, layout.edge / "tmp", layout.run_dir / "redis"):
        path.mkdir(exist_ok=True)
    layout.secrets.mkdir(mode=0o700, exist_ok=True)
    layout.marker.write_text("made by make run; make clean-data removes this folder\n")
    for name in PASSWORDS + PLATFORM_SECRETS:
        path = layout.secrets / f"{name}.secret"
        if not path.exists():
            write_private(path, secrets.token_hex(16) + "\n", 0o400)
    keys = layout.secrets / "keys"
    if not keys.exists():
        write_private(keys, "".join(f"{purpose} {key_id} {secrets.token_hex(32)}\n" for purpose, key_id in
                                    (("seal", "k1"), ("index", "i1"), ("submission", "s1"))), 0o400)
    write_private(layout.secrets / "pgpass", "".join(
        f"127.0.0.1:{ports['postgres']}:*:sy_{role}:{layout.secret('pg_' + role)}\n" for role in PG_ROLES))
    write_private(layout.run_dir / "operator.json", json.dumps({
        "kafka": f"127.0.0.1:{ports['kafka']}", "office_dsn": dsn(layout, ports, "office"),
        "monitor_dsn": dsn(layout, ports, "monitor"), "keys_file": str(keys)}, indent=1) + "\n")


def dsn(layout, ports, role):
    return (f"host=127.0.0.1 port={ports['postgres']} dbname=shengyuan user=sy_{role} "
            f"passfile={layout.secrets}/pgpass connect_timeout=3")


def fill(template, out, values):
    text = re.sub(r"@([A-Z_]+)@", lambda m: str(values[m[1]]), template.read_text())
    write_private(out, text)


def base_env():
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
    return {name: os.environ[name] for name in keep if name in os.environ}


# --- PostgreSQL ---


def pg_bin(name):
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
    path = os.path.join(folders[-1], name) if folders else shutil.which(name)
    if not path or not os.path.exists(path):
        raise Failure(f"{name} is missing; HINT: deploy/install-deps.sh --group run")
    return path


def postgres_init(layout, data):
    account = unprivileged()
    data.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(data, account["user"], account["group"])
    with tempfile.NamedTemporaryFile("w") as password:
        password.write(layout.secret("pg_superuser") + "\n")
        password.flush()
        if account:
            os.chown(password.name, account["user"], account["group"])
        run([pg_bin("initdb"), "-D", data, "-U", "superuser", "--auth=scram-sha-256", "-E", "UTF8",
             "--locale=C.UTF-8", "--data-checksums", f"--pwfile={password.name}"], cwd="/", **account)


def postgres(layout, ports):
    data = layout.postgres_data()
    if not (data / "PG_VERSION").exists():
        shutil.rmtree(data, ignore_errors=True)  # left by a run that was cut off
        postgres_init(layout, data)
    settings = {"port": ports["postgres"], "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
                "max_connections": 200, "shared_buffers": "128MB", "max_wal_size": "2GB",
                "wal_compression": "on", "log_min_messages": "warning", "log_statement": "none",
                "password_encryption": "scram-sha-256"}
    argv = [pg_bin("postgres"), "-D", str(data)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    return Part("postgres", "postgres", argv, base_env(), "/", stop_signal=signal.SIGINT,
                credentials=unprivileged())


def before_restart(layout, part):
    """A killed postmaster leaves its lock file; the server checks it, so only a foreign one stays."""
    if part.service == "postgres":
        return
    if part.service == "edge":
        (layout.edge / "nginx.pid").unlink(missing_ok=True)


def psql_env(layout, ports, user="superuser", password="pg_superuser"):
    return {**base_env(), "PGHOST": "127.0.0.1", "PGPORT": str(ports["postgres"]), "PGUSER": user,
            "PGPASSWORD": layout.secret(password), "PGDATABASE": "postgres", "PGCONNECT_TIMEOUT": "5"}


def postgres_ready(layout, ports):
    return subprocess.run([pg_bin("pg_isready"), "-q"], env=psql_env(layout, ports),
                          check=False).returncode == 0


def database_prepare(layout, ports):
    """Roles with their passwords, then what is pending of the migrations."""
    env = psql_env(layout, ports)
    env.update({f"SY_{role.upper()}_PASSWORD": layout.secret(f"pg_{role}") for role in PG_ROLES})
    run([pg_bin("psql"), "-Xq", "-v", "ON_ERROR_STOP=1", "-f", layout.root / "deploy/db/roles.sql"], env=env)
    owner = psql_env(layout, ports, "sy_owner", "pg_owner") | {"PGDATABASE": "shengyuan"}
    run([layout.root / "deploy/db/migrate.sh"], env=owner)


# --- Redis ---


def redis(layout, ports):
    values = {"REDIS_PORT": ports["redis"], "DATA_DIR": layout.run_dir / "redis",
              "ACL_FILE": layout.secrets / "redis.acl", "SY_PASSWORD": layout.secret("redis_sy"),
              "TESTS_PASSWORD": layout.secret("redis_tests")}
    fill(layout.root / "deploy/redis/redis.conf.in", layout.run_dir / "redis/redis.conf", values)
    fill(layout.root / "deploy/redis/users.acl.in", layout.secrets / "redis.acl", values)
    return Part("redis", "redis", ["redis-server", str(layout.run_dir / "redis/redis.conf")], base_env(), "/")


# --- Kafka ---


def kafka(layout, ports):
    libs = run([layout.root / "deploy/kafka/fetch.sh"]).strip()
    folder = layout.run_dir / "kafka"
    folder.mkdir(exist_ok=True)
    data = folder / "data"
    config = folder / "server.properties"
    fill(layout.root / "deploy/kafka/server.properties.in", config,
         {"KAFKA_PORT": ports["kafka"], "CONTROLLER_PORT": ports["kafka_controller"], "DATA_DIR": data})
    java = ["java", "-XX:+UseG1GC", "-XX:TieredStopAtLevel=4", "-Xshare:auto", f"-Dsy.log.dir={layout.logs}",
            f"-Dlog4j2.configurationFile={layout.root}/deploy/kafka/log4j2.xml", "-cp", f"{libs}/*"]
    if not (data / "meta.properties").exists():
        shutil.rmtree(data, ignore_errors=True)
        cluster = run([*java, "kafka.tools.StorageTool", "random-uuid"]).split()[-1]
        run([*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", config])
    return Part("kafka", "kafka", [java[0], "-Xms256m", "-Xmx512m", *java[1:], "kafka.Kafka", str(config)],
                base_env(), str(folder))


def kafka_ready(layout, ports):
    if not port_open(ports["kafka"]):
        return False
    done = subprocess.run([layout.bin / "syctl", f"--run-dir={layout.run_dir}", "lag"],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0 or "does not exist" in done.stderr  # no topics yet: it answers


def topics_prepare(layout):
    run([layout.bin / "syctl", f"--run-dir={layout.run_dir}", "topics", "apply"])


# --- the product's own processes ---


def roster_prepare(layout):
    """The demo school, once."""
    roster = layout.run_dir / "roster.csv"
    if roster.exists():
        return
    fresh = roster.with_suffix(".new")
    fresh.write_text(run([layout.bin / "syctl", "people", f"--count={DEMO_PEOPLE}", f"--seed={DEMO_SEED}"]))
    run([layout.bin / "syctl", f"--run-dir={layout.run_dir}", "--json", "roster", "import", fresh])
    fresh.replace(roster)


def platform_env(layout, ports):
    base = f"http://127.0.0.1:{ports['sandbox']}"
    env = {"SY_WECHAT_BASE_URL": base, "SY_WECHAT_APPID": WECHAT_APPID, "SY_WECHAT_H5_APPID": WECHAT_H5_APPID,
           "SY_WECHAT_SECRET_FILE": str(layout.secrets / "wechat.secret"),
           "SY_WECHAT_H5_SECRET_FILE": str(layout.secrets / "wechat_h5.secret"),
           "SY_SMS_BASE_URL": base, "SY_SMS_SECRET_KEY_FILE": str(layout.secrets / "sms.secret")}
    env.update({"SY_SMS_" + name.replace("-", "_").upper(): value for name, value in SMS.items()})
    return env


def program(layout, ports, name, number, listen, admin, env):
    binary = layout.bin / f"sy-{name}"
    if not binary.exists():
        raise Failure(f"{binary} is missing; HINT: make all")
    copy = f"{name}-{number}" if number else name
    full = {**base_env(), "SY_INSTANCE": copy, "SY_PROFILE": "demo",
            "SY_ADMIN_LISTEN": f"127.0.0.1:{admin}", "SY_LISTEN": f"127.0.0.1:{listen}", **env}
    extra = os.environ.get(f"EXTRA_{name.upper()}", "").split()
    return Part(copy, name, [str(binary), *extra], full, str(layout.run_dir), f"http://127.0.0.1:{admin}")


def sandbox(layout, ports):
    return program(layout, ports, "sandbox", 0, ports["sandbox"], ports["sandbox_admin"],
                   platform_env(layout, ports))


def service(layout, ports, name, number):
    env = {"SY_KAFKA_BOOTSTRAP": f"127.0.0.1:{ports['kafka']}", "SY_PG_DSN": dsn(layout, ports, name),
           "SY_REDIS_URL": f"redis://sy@127.0.0.1:{ports['redis']}/0",
           "SY_REDIS_PASSWORD_FILE": str(layout.secrets / "redis_sy.secret"),
           "SY_KEYS_FILE": str(layout.secrets / "keys"), "SY_CONSENT_VERSION": CONSENT_VERSION}
    env.update(platform_env(layout, ports))
    copy = f"{name}-{number}"
    listen = ports[copy] if name in HTTP_SERVICES else 0
    return program(layout, ports, name, number, listen, ports[f"{copy}_admin"], env)


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


# --- edge ---


def edge_configure(layout, ports, copies):
    html = layout.edge / "html"
    shutil.rmtree(html, ignore_errors=True)
    shutil.copytree(layout.root / "deploy/edge/pages", html)
    for name in ("openapi.yaml", "asyncapi.yaml"):
        if (layout.root / "docs" / name).exists():
            shutil.copy(layout.root / "docs" / name, html / name)
    upstreams = ""
    for name in HTTP_SERVICES:
        servers = [ports[f"{name}-{number}"] for number in range(1, copies[name] + 1)]
        lines = "".join(f"        server 127.0.0.1:{port} max_fails=0;\n" for port in servers)
        upstreams += (f"    upstream {name} {{\n"
                      f"{lines or '        server 127.0.0.1:1 down;' + chr(10)}"
                      "        keepalive 128;\n        keepalive_requests 1000000;\n    }\n")
    user = ""
    if os.getuid() == 0:
        user = "user nobody nogroup;" if traversable(layout.edge) and has_account("nobody") else "user root;"
    fill(layout.root / "deploy/edge/nginx.conf.in", layout.edge / "nginx.conf", {
        "USER": user, "EDGE_DIR": layout.edge, "PORT": ports["edge"], "UPSTREAMS": upstreams,
        "LOGIN_RATE": os.environ.get("LOGIN_RATE", "500"), "LOGIN_BURST": os.environ.get("LOGIN_BURST", "2000"),
        "PROBLEM": "default_type application/problem+json; add_header Cache-Control no-store always;"})


def edge(layout):
    binary = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if binary is None:
        raise Failure("nginx is missing; HINT: deploy/install-deps.sh --group run")
    return Part("edge", "edge", [binary, "-p", str(layout.edge), "-e", "stderr", "-c",
                                 str(layout.edge / "nginx.conf")], base_env(), "/",
                stop_signal=signal.SIGQUIT)


# --- what is told about the system ---


def demo_students(layout):
    with open(layout.run_dir / "roster.csv", newline="", encoding="utf-8") as file:
        rows = [row for _, row in zip(range(DEMO_LISTED), csv.DictReader(file))]
    return [{"name": row["XM"], "id_type": row["ZJLX"], "id_number": row["SFZH"], "student_number": row["XH"],
             "school_code": row["YXDM"], "school": row["YXMC"], "PYFSDM": row["PYFSDM"]} for row in rows]


def describe(layout, ports, processes):
    redis_url = f"redis://tests:{layout.secret('redis_tests')}@127.0.0.1:{ports['redis']}/0"
    reader = (f"postgresql://sy_reader:{layout.secret('pg_reader')}@127.0.0.1:{ports['postgres']}"
              "/shengyuan")
    write_private(layout.demo, json.dumps({
        "edge": f"http://127.0.0.1:{ports['edge']}", "sandbox": f"http://127.0.0.1:{ports['sandbox']}",
        "postgres": reader, "kafka": f"127.0.0.1:{ports['kafka']}", "redis": redis_url,
        "consent_version": CONSENT_VERSION, "processes": processes, "students": demo_students(layout),
        "staff": []}, ensure_ascii=False, indent=1) + "\n")


BLOCK = {
    "zh": """生源信息上报 · demo  （演示用，不可用于生产：演示密钥、模拟的短信与人脸核验）
  入口            {edge}/            {name} · {number} · 学号 {xh}
  短信收件箱      {sandbox}/inbox?phone=…    每条模拟短信
  接口文档        {edge}/api/openapi.yaml
  指标            每个进程的 /metrics：make status 列出地址
  服务            {services}   （{seconds:.1f} 秒就绪）
下一步：make demo（一个学生从头到尾）   make status   make up COPIES=validation=3   {stop}
""",
    "en": """生源信息上报 · demo  (NOT FOR PRODUCTION: demo keys, simulated SMS and face check)
  entrance        {edge}/            try: {name} · {number} · student number {xh}
  SMS inbox       {sandbox}/inbox?phone=…    every simulated message
  API document    {edge}/api/openapi.yaml
  metrics         /metrics of every process: make status lists the addresses
  services        {services}   (ready in {seconds:.1f} s)
Next:  make demo (one student end to end)   make status   make up COPIES=validation=3   {stop}
""",
}


def block(layout, ports, copies, seconds):
    language = "zh" if "zh" in (os.environ.get("LC_ALL") or os.environ.get("LANG") or "") else "en"
    student = demo_students(layout)[0]
    services = " ".join(f"{name} ✓" + (f"×{copies[name]}" if copies[name] != 1 else "") for name in SERVICES)
    stop = {"zh": "Ctrl-C 停止全部", "en": "Ctrl-C stops all"} if sys.stdout.isatty() else \
        {"zh": "make down 停止全部", "en": "make down stops all"}
    return BLOCK[language].format(
        edge=f"http://127.0.0.1:{ports['edge']}", sandbox=f"http://127.0.0.1:{ports['sandbox']}",
        name=student["name"], number=student["id_number"][:4] + "…" + student["id_number"][-4:],
        xh=student["student_number"], services=services, seconds=seconds, stop=stop[language])


def clean(layout):
    if not layout.marker.exists():
        say(f"nothing of ours in {layout.run_dir}")
        return
    data = layout.postgres_data()
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(layout.run_dir)
    say(f"{layout.run_dir} forgotten")
