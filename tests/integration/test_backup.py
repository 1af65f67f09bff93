"""F27: a backup put into a second cluster while the topics hold more; replayed, the record is the same."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

import pytest

from conftest import free_port
from servers import topic_messages
from shengyuan import ROOT, Http, Student, wait_for

sys.path.append(str(ROOT / "deploy/local"))
import run_dir as local  # noqa: E402

BACKUP, RESTORE = ROOT / "deploy/backup/backup.sh", ROOT / "deploy/backup/restore.sh"


def pg_tool(name):
    folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    return str(folders[-1] / name)


def run(*argv, env, check=True):
    done = subprocess.run([str(a) for a in argv], env=env, capture_output=True, text=True, check=False, timeout=120)
    assert not check or done.returncode == 0, (argv, done.returncode, done.stdout, done.stderr)
    return done


def clean(**change):
    return {**{k: v for k, v in os.environ.items() if not k.startswith(("PG", "SY_"))}, **change}


def first_cluster(system, role="superuser"):
    parts = urllib.parse.urlsplit(system.demo["postgres"])
    secret = "pg_superuser" if role == "superuser" else f"pg_{role.removeprefix('sy_')}"
    return clean(PGHOST=parts.hostname, PGPORT=str(parts.port), PGUSER=role, PGDATABASE="shengyuan",
                 PGPASSWORD=(system.run_dir / f"secrets/{secret}.secret").read_text().strip(),
                 RUN_DIR=str(system.run_dir), SYCTL=str(system.bin / "syctl"))


@pytest.fixture
def second_cluster(system):
    """Its own server with our roles and an empty database; the environment of its superuser."""
    account = local.unprivileged()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sy-second-", dir="/var/tmp"))
    if account:
        os.chown(folder, account["user"], account["group"])
    port = free_port()
    env = clean(PGHOST="127.0.0.1", PGPORT=str(port), PGUSER="superuser", PGDATABASE="postgres")
    subprocess.run([pg_tool("initdb"), "-D", folder / "data", "-U", "superuser", "--auth=trust", "-E", "UTF8",
                    "--locale=C.UTF-8"], check=True, capture_output=True, cwd="/", **account)
    server = subprocess.Popen([pg_tool("postgres"), "-D", folder / "data", "-p", str(port), "-c", "listen_addresses=127.0.0.1",
                               "-c", "unix_socket_directories="], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              cwd="/", **account)
    try:
        wait_for("the second cluster", lambda: run(pg_tool("pg_isready"), "-q", env=env, check=False).returncode == 0)
        run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", ROOT / "deploy/db/roles.sql", env=env)
        yield {**env, "PGDATABASE": "shengyuan"}
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(folder)


@contextlib.contextmanager
def judging_into(system, cluster, group):
    """A copy of validation that stores into another cluster, as a group of its own; its admin port."""
    pid = system.pids("validation")[0]
    env = dict(item.split("=", 1) for item in
               pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0") if "=" in item)
    port = free_port()
    env |= {"SY_ADMIN_LISTEN": f"127.0.0.1:{port}", "SY_INSTANCE": "validation-x", "SY_GROUP": group,
            "SY_PG_DSN": f"host=127.0.0.1 port={cluster['PGPORT']} dbname=shengyuan user=sy_validation"}
    with open(system.run_dir / "logs/validation-x.log", "ab") as log:
        process = subprocess.Popen([system.bin / "sy-validation"], env=env, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def record_hash(cluster):
    return run(RESTORE, "--hash", env=cluster).stdout


def test_a_backup_and_what_came_later_make_the_same_record(system, people, second_cluster, tmp_path):
    students = [Student(system, people()).ready() for _ in range(3)]
    old = [s.send(f"old-{n}") for n in range(4) for s in students]
    for s, submission in zip(students * 4, old):
        s.judged(submission)
    owner = first_cluster(system, "sy_owner")
    folder = pathlib.Path(run(BACKUP, "--to", tmp_path, "--keys-file", system.run_dir / "secrets/keys",
                              "--prom", tmp_path / "backup.prom", env=owner).stdout.strip())
    # Nothing secret in the notes, and only the owner may look.
    assert not folder.stat().st_mode & 0o077 and "sy_backup_success_timestamp_seconds " in (tmp_path / "backup.prom").read_text()
    key_ids = (folder / "key_ids").read_text()
    assert "seal " in key_ids and not any(len(word) == 64 for word in key_ids.split())

    new = [s.send(f"new-{n}", SYSZDDM="440106" if n else "999999") for n in range(4) for s in students]
    for s, submission in zip(students * 4, new):
        s.judged(submission)
    wanted = record_hash(first_cluster(system))

    run(RESTORE, "--from", folder, env=second_cluster)
    assert record_hash(second_cluster) != wanted, "the backup alone is older"
    assert run(RESTORE, "--from", folder, env=second_cluster, check=False).returncode == 3, "never over something"
    group = f"restored-{os.urandom(3).hex()}"
    (tmp_path / "client").write_text("client.id=restore\nsecurity.protocol=PLAINTEXT\n")
    run(RESTORE, "--from", folder, "--positions", system.demo["kafka"], "--group", group, "--kafka-config", tmp_path / "client", env=owner)
    with judging_into(system, second_cluster, group) as admin:
        wait_for("the same record", lambda: record_hash(second_cluster) == wanted, 90, 0.3)
        # All of the topic was gone over, and nothing more came of it.
        def lag():
            text = Http(admin, 5).call("GET", "/metrics").body.decode()
            rows = [line for line in text.splitlines() if line.startswith("kafka_consumergroup_lag{")]
            return len(rows) == 12 and sum(float(row.rsplit(" ", 1)[1]) for row in rows)
        wait_for("no lag", lambda: lag() == 0, 60, 0.3)
        assert record_hash(second_cluster) == wanted
    assert {json.loads(m[3])["submission_id"] for m in topic_messages(system, "submission.judged") if m[3]} >= set(old + new)


def test_a_damaged_backup_is_refused_and_old_ones_go(system, second_cluster, tmp_path):
    owner = first_cluster(system, "sy_owner")
    for name in ("20200101T000000Z", "20210101T000000Z", "other"):
        (tmp_path / name).mkdir()
    # Left by one that was killed outright two days ago, and the work of one that is under way.
    left, under_way = tmp_path / ".20200102T000000Z.17", tmp_path / ".20200103T000000Z.18"
    for work in (left, under_way):
        work.mkdir()
        (work / "shengyuan.dump").write_text("half")
    os.utime(left, (time.time() - 2 * 86400,) * 2)
    folder = pathlib.Path(run(BACKUP, "--to", tmp_path, "--keep", "2", env=owner).stdout.strip())
    assert {p.name for p in tmp_path.iterdir()} == {folder.name, "20210101T000000Z", "other", under_way.name}
    dump = folder / "shengyuan.dump"
    data = bytearray(dump.read_bytes())
    data[len(data) // 2] ^= 1
    dump.write_bytes(data)
    refused = run(RESTORE, "--from", folder, env=second_cluster, check=False)
    assert refused.returncode == 3 and "damaged" in refused.stderr
    wrong = run(BACKUP, "--to", tmp_path / "x", env={**owner, "PGPORT": "1"}, check=False)
    assert wrong.returncode != 0 and list((tmp_path / "x").iterdir()) == [], "complete or not at all"
    assert run(BACKUP, env=owner, check=False).returncode == 2 and run(RESTORE, env=owner, check=False).returncode == 2
