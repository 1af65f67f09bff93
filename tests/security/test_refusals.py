"""What a service refuses to start with in the profile production: exit 78, what is wrong, and what to do.

Everything is right but one thing: the row's. The local cluster of one broker is the last of them (topics are looked
at last), so that a start without any other fault ends there; tests/unit/schema/test_topic_csv.c has the other topics.
"""
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import urllib.parse

import pytest

from servers import superuser
from shengyuan import Http, wait_for

SERVICES = ("authorization", "binding", "intake", "validation", "notification")
CHMOD = "can be read by others; HINT: chmod 400 it"
REPLICATION = "topics: topic 'submission.received' has replication 1: one broker's disk is all there is; HINT: kafka-reassign"


@pytest.fixture
def right(system, tmp_path):
    """The environment of a service without a fault: files of its own, to be spoilt."""
    held, own = system.run_dir / "secrets", tmp_path / "secrets"
    own.mkdir()
    for name in ("redis_sy", "wechat", "wechat_h5", "sms"):
        shutil.copy(held / f"{name}.secret", own / name)
    shutil.copy(held / "pgpass", own / "pgpass")
    (own / "keys").write_text("".join(f"{purpose} x1 {secrets.token_hex(32)}\n" for purpose in ("seal", "index", "submission")))
    for path in own.iterdir():
        path.chmod(0o400)
    pg, redis = (urllib.parse.urlsplit(system.demo[name]) for name in ("postgres", "redis"))

    def environment(service):
        return {"PATH": os.environ["PATH"], "SY_PROFILE": "production", "SY_KAFKA_BOOTSTRAP": system.demo["kafka"],
                "SY_PG_DSN": f"host=127.0.0.1 port={pg.port} dbname=shengyuan user=sy_{service} passfile={own}/pgpass",
                "SY_REDIS_URL": f"redis://sy@127.0.0.1:{redis.port}/0", "SY_REDIS_PASSWORD_FILE": f"{own}/redis_sy",
                "SY_KEYS_FILE": f"{own}/keys", "SY_CONSENT_VERSION": "1", "SY_WECHAT_APPID": "wx5", "SY_WECHAT_H5_APPID": "wx6",
                "SY_WECHAT_SECRET_FILE": f"{own}/wechat", "SY_WECHAT_H5_SECRET_FILE": f"{own}/wechat_h5",
                "SY_SMS_SECRET_ID": "x", "SY_SMS_SECRET_KEY_FILE": f"{own}/sms", "SY_SMS_SDK_APP_ID": "2",
                "SY_SMS_TEMPLATE_ID": "3", "SY_SMS_SIGN_NAME": "x", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
    environment.own = own
    return environment


def refusal(system, service, env):
    """The text a start ends with."""
    done = subprocess.run([str(system.bin / f"sy-{service}")], env=env, capture_output=True, text=True, timeout=60, check=False)
    words = done.stdout + done.stderr
    assert done.returncode == 78, words
    return words


def spoil(path, text=None, mode=0o400):
    path.chmod(0o600)
    if text is not None:
        path.write_text(text)
    path.chmod(mode)


@pytest.mark.parametrize("service", SERVICES)
def test_without_another_fault_replication_1_is_one(system, right, service):
    assert REPLICATION in refusal(system, service, right(service))


@pytest.mark.parametrize("service,name,option", [
    ("authorization", "wechat", "wechat-secret-file"), ("authorization", "wechat_h5", "wechat-h5-secret-file"),
    ("binding", "sms", "sms-secret-key-file"), ("intake", "redis_sy", "redis-password-file"),
    ("validation", "keys", "keys-file"), ("validation", "pgpass", "passfile of pg-dsn")])
def test_a_secret_that_others_can_read(system, right, service, name, option):
    for mode in (0o440, 0o404):
        spoil(right.own / name, mode=mode)
        words = refusal(system, service, right(service))
        assert f"secret-files: {option} '" in words and CHMOD in words
    (right.own / name).unlink()
    assert f"secret-files: cannot read {option} '" in refusal(system, service, right(service))


KEYS = {
    "demonstration": ("# demonstration keys: …\nseal a {r0}\nindex b {r1}\nsubmission c {r2}\n",
                      "the key file was made for a demonstration; HINT: write one of your own"),
    "pattern": ("seal a {r0}\nindex b " + "0123456789abcdef" * 4 + "\nsubmission c {r2}\n",
                "key 'index b' is a pattern, not a random key; HINT: openssl rand -hex 32"),
    "one byte": ("seal a {r0}\nindex b " + "5a" * 32 + "\nsubmission c {r2}\n", "key 'index b' is a pattern"),
    "twice": ("seal a {r0}\nindex b {r0}\nsubmission c {r2}\n", "the same key as 'seal a' and 'index b'; HINT: openssl rand"),
    "id twice": ("seal a {r0}\nseal a {r1}\nindex b {r2}\n", "two 'seal' keys 'a'; HINT: a new key takes a new id"),
    "zero": ("seal a " + "00" * 32 + "\n", "line 1 is not '<purpose> <id> <64 hex>'"),
    "a purpose missing": ("seal a {r0}\nindex b {r1}\n", "has no 'submission' key"),
    "unknown suite": ("seal a {r0} rot13\n", "for seal keys also a suite"),
}


@pytest.mark.parametrize("case", KEYS)
def test_keys_that_are_not_fit(system, right, case):
    text, wanted = KEYS[case]
    spoil(right.own / "keys", text.format(r0=secrets.token_hex(32), r1=secrets.token_hex(32), r2=secrets.token_hex(32)))
    words = refusal(system, "intake", right("intake"))
    assert "keys: " in words and wanted in words


OPTIONS = [
    ("intake", "SY_PG_DSN", lambda v: v.replace("passfile=", "password=x passfile="),
     "secrets-in-options: pg-dsn has a password in it; HINT: passfile=FILE"),
    ("intake", "PGPASSWORD", lambda v: "word",
     "secrets-in-options: PGPASSWORD is in the environment; HINT: passfile=FILE"),
    ("intake", "SY_REDIS_URL", lambda v: v.replace("sy@", "sy:word@"),
     "secrets-in-options: redis-url has a password in it; HINT: --redis-password-file"),
    ("intake", "SY_REDIS_PASSWORD_FILE", lambda v: "", "there is no redis-password-file; HINT: give the Redis user a password"),
    ("authorization", "SY_WECHAT_BASE_URL", lambda v: "http://127.0.0.1:1",
     "platforms: wechat-base-url is not https: secrets and people's data would go in clear; HINT: leave it out"),
    ("binding", "SY_SMS_BASE_URL", lambda v: "http://127.0.0.1:1", "platforms: sms-base-url is not https"),
    ("authorization", "SY_WECHAT_APPID", lambda v: "wx0000000000000001",
     "wechat-appid is the one of the demonstration; HINT: take your own from the platform"),
    ("authorization", "SY_WECHAT_H5_APPID", lambda v: "wx0000000000000002", "wechat-h5-appid is the one of the demonstration"),
    ("binding", "SY_SMS_SECRET_ID", lambda v: "AKIDdemo", "sms-secret-id is the one of the demonstration"),
]


@pytest.mark.parametrize("service,name,change,wanted", OPTIONS)
def test_options_that_are_not_fit(system, right, service, name, change, wanted):
    env = right(service)
    env[name] = change(env.get(name, ""))
    assert wanted in refusal(system, service, env)


def test_a_notice_without_a_version(system, right):
    for service in ("authorization", "binding"):
        env = right(service)
        del env["SY_CONSENT_VERSION"]
        done = subprocess.run([str(system.bin / f"sy-{service}")], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "consent-version" in done.stderr and "HINT: " in done.stderr


@pytest.fixture
def database(system):
    """An empty database beside the real one; gone afterwards."""
    name = f"refusal_{secrets.token_hex(4)}"
    with contextlib.closing(superuser(system)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_migrations_that_are_not_those_of_the_build(system, right, database):
    env = right("validation")
    env["SY_PG_DSN"] = env["SY_PG_DSN"].replace("dbname=shengyuan", f"dbname={database}")
    assert "migrations: the database is empty; HINT: deploy/db/migrate.sh" in refusal(system, "validation", env)
    with contextlib.closing(superuser(system)) as real, real.cursor() as cursor:
        cursor.execute("SELECT name, sha256 FROM migration.applied ORDER BY name")
        applied = cursor.fetchall()
    with contextlib.closing(superuser(system, database)) as empty, empty.cursor() as cursor:
        cursor.execute("CREATE SCHEMA migration; CREATE TABLE migration.applied (name text, sha256 text);"
                       "GRANT USAGE ON SCHEMA migration TO PUBLIC; GRANT SELECT ON migration.applied TO PUBLIC")
        for row in applied[:-1]:
            cursor.execute("INSERT INTO migration.applied VALUES (%s, %s)", row)
        words = refusal(system, "validation", env)
        assert f"migrations: migration '{applied[-1][0]}' is not applied; HINT: deploy/db/migrate.sh" in words
        cursor.execute("INSERT INTO migration.applied VALUES (%s, %s), ('9999_newer.sql', 'x')", applied[-1])
        assert REPLICATION in refusal(system, "validation", env)  # a newer one is no fault: releases overlap
        cursor.execute("UPDATE migration.applied SET sha256 = 'x' WHERE name = %s", (applied[0][0],))
        words = refusal(system, "validation", env)
        assert f"migrations: migration '{applied[0][0]}' is not the one that was applied; HINT: is this the release" in words


class Door(threading.Thread):
    """A port that leads to the broker once it is opened."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target, self.server = target, socket.socket()
        self.server.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.server.getsockname()[1]

    def run(self):
        self.server.listen()
        while True:
            inside, outside = self.server.accept()[0], socket.create_connection(self.target)
            for a, b in ((inside, outside), (outside, inside)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)


def test_what_is_away_is_asked_later(system, right, tmp_path):
    """A broker that is away refuses nobody; once it is there and unfit, the process ends."""
    host, port = system.demo["kafka"].split(",")[0].split(":")
    door, env = Door((host, int(port))), right("authorization")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        admin = "127.0.0.1:%d" % probe.getsockname()[1]
    env |= {"SY_KAFKA_BOOTSTRAP": door.address, "SY_ADMIN_LISTEN": admin}
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([str(system.bin / "sy-authorization")], env=env, stdout=log, stderr=log)
    try:
        def unready():
            with contextlib.suppress(OSError):
                return b"[-]preflight" in Http(f"http://{admin}", 3).call("GET", "/readyz").body
        wait_for("it to run, unready", unready, 60)
        door.start()
        assert process.wait(60) == 78
        words = (tmp_path / "log").read_text()
        assert "starting unready" in words and "not fit to go on" in words and REPLICATION in words
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        door.server.close()


def test_the_doctor_makes_the_same_checks(system):
    def findings(*options):
        done = system.syctl("--json", "doctor", *options, check=False)
        return done.returncode, {c["part"]: c for c in json.loads(done.stdout)["checks"] if c["part"] in (
            "secret-files", "secrets-in-options", "keys", "migrations", "topics")}
    _, local = findings()
    assert local["secret-files"]["ok"] and "topics" not in local
    status, checks = findings("--profile=production")
    assert status == 1 and checks["migrations"]["ok"] and checks["secrets-in-options"]["ok"]
    assert checks["keys"]["hint"].startswith("write one of your own, each key from openssl rand -hex 32")
    assert "has replication 1" in checks["topics"]["text"] and "kafka-reassign-partitions" in checks["topics"]["hint"]
