"""The product's own processes, and the demo school."""
import concurrent.futures
import json
import os

from run_dir import base_env, Failure, HTTP_SERVICES, Part, run, write_private
from secret_files import dsn

DEMO_PEOPLE = 200
DEMO_SEED = 2027
CONSENT_VERSION = "1"
WECHAT_APPID, WECHAT_H5_APPID = "wx0000000000000001", "wx0000000000000002"
SMS = {"secret-id": "AKIDdemo", "sdk-app-id": "1400000001", "template-id": "1000001",
       "sign-name": "生源上报", "region": "ap-guangzhou"}

# What a demonstration is told at any hour, and tried again at once.
NOTICES = {**{f"SY_WECHAT_TEMPLATE_{name.upper()}": f"demo-{name}" for name in ("result", "application", "closing")},
           **{f"SY_SMS_NOTICE_{name.upper()}": str(1000002 + at) for at, name in enumerate(("result", "application", "closing"))},
           "SY_QUIET_FROM_H": "0", "SY_QUIET_TO_H": "0", "SY_RETRY_MIN_S": "1", "SY_SCAN_PERIOD_S": "2"}


def roster_prepare(layout):
    """The demo school, once."""
    roster = layout.run_dir / "roster.csv"
    if roster.exists():
        return
    fresh = roster.with_suffix(".new")
    fresh.write_text(run([layout.bin / "syctl", "people", f"--count={DEMO_PEOPLE}", f"--seed={DEMO_SEED}"]))
    run([layout.bin / "syctl", f"--run-dir={layout.run_dir}", "--json", "roster", "import", fresh])
    fresh.replace(roster)


# Of each role one; another college and another school, to see what is not seen. (account, role, school, college, name)
DEMO_STAFF = (
    ("counsellor", "counsellor", "99901", "信息工程学院", "演示辅导员"),
    ("college", "college", "99901", "信息工程学院", "演示院系管理员"),
    ("college2", "college", "99901", "经济管理学院", "演示院系管理员二"),
    ("school", "school", "99901", "", "演示学校管理员"),
    ("school2", "school", "99902", "", "演示他校管理员"),
    ("province", "province", "", "", "演示省级管理员"),
)


def staff_prepare(layout):
    """Accounts of staff, once. What syctl tells but once is kept beside the other secrets of a demonstration."""
    kept = layout.secrets / "staff.json"
    if kept.exists():
        return

    def add(row):
        account, role, school, college, name = row
        told = json.loads(run([layout.bin / "syctl", f"--run-dir={layout.run_dir}", "--json", "staff", "add" if account not in there
                               else "reset", account] + ([] if account in there else [f"--role={role}", f"--school={school}",
                                                                                     f"--college={college}", f"--name={name}"])))
        return {**told, "name": name, "role": role, "school_code": school, "college": college}

    there = {row["account"] for row in json.loads(run(
        [layout.bin / "syctl", f"--run-dir={layout.run_dir}", "--json", "staff", "list"]))["staff"]}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:  # each takes a quarter of a second on purpose
        write_private(kept, json.dumps(list(pool.map(add, DEMO_STAFF)), ensure_ascii=False, indent=1) + "\n")


def platform_env(layout, port):
    base = f"http://127.0.0.1:{port}"
    env = {"SY_WECHAT_BASE_URL": base, "SY_WECHAT_APPID": WECHAT_APPID, "SY_WECHAT_H5_APPID": WECHAT_H5_APPID,
           "SY_WECHAT_SECRET_FILE": str(layout.secrets / "wechat.secret"),
           "SY_WECHAT_H5_SECRET_FILE": str(layout.secrets / "wechat_h5.secret"),
           "SY_SMS_BASE_URL": base, "SY_SMS_SECRET_KEY_FILE": str(layout.secrets / "sms.secret")}
    env.update({"SY_SMS_" + name.replace("-", "_").upper(): value for name, value in SMS.items()})
    return env


# As in the units (Nice=): what was acknowledged can wait; those who submit cannot.
NICE = {"validation": 5, "notification": 5}


def program(layout, ports, name, number, listen, admin, env):
    binary = layout.bin / f"sy-{name}"
    if not binary.exists():
        raise Failure(f"{binary} is missing; HINT: make all")
    copy = f"{name}-{number}" if number else name
    full = {**base_env(), "SY_INSTANCE": copy, "SY_PROFILE": "demo",
            "SY_ADMIN_LISTEN": f"127.0.0.1:{admin}", "SY_LISTEN": f"127.0.0.1:{listen}", **env}
    extra = os.environ.get(f"EXTRA_{name.upper()}", "").split()
    before = os.environ.get(f"WRAP_{name.upper()}", "").split()  # for tests: "env LD_PRELOAD=…"
    if name in NICE:
        before = ["nice", "-n", str(NICE[name]), *before]
    return Part(copy, name, [*before, str(binary), *extra], full, str(layout.run_dir), f"http://127.0.0.1:{admin}")


def sandbox(layout, ports):
    return program(layout, ports, "sandbox", 0, ports["sandbox"], ports["sandbox_admin"],
                   platform_env(layout, ports["sandbox"]))


def service(layout, ports, name, number):
    copy = f"{name}-{number}"
    env = {"SY_KAFKA_BOOTSTRAP": ports.bootstrap(copy),
           "SY_PG_DSN": dsn(layout, ports.between(copy, "postgres"), name),
           "SY_REDIS_URL": f"redis://sy@127.0.0.1:{ports.between(copy, 'redis')}/0",
           "SY_REDIS_PASSWORD_FILE": str(layout.secrets / "redis_sy.secret"),
           "SY_KEYS_FILE": str(layout.secrets / "keys"), "SY_CONSENT_VERSION": CONSENT_VERSION,
           # Load tests send far more than one person does; production keeps the default.
           "SY_SESSION_RATE": os.environ.get("SESSION_RATE", "2000"),
           "SY_SESSION_AHEAD": os.environ.get("SESSION_AHEAD", "4000")}
    if name == "authorization":
        env["SY_STAFF_COOKIE_SECURE"] = "no"  # http on this machine
    if name == "intake":
        env["SY_NEW_A_DAY"] = os.environ.get("NEW_A_DAY", "1000000")
    if name == "notification":
        env.update(NOTICES)
    env.update(platform_env(layout, ports.between(copy, "sandbox")))
    listen = ports[copy] if name in HTTP_SERVICES else 0
    return program(layout, ports, name, number, listen, ports[f"{copy}_admin"], env)
