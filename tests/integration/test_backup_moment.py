"""A base backup and the write-ahead log since: the database as it was at a moment, and as it is at the end."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import free_port
from servers import superuser
from shengyuan import Student, wait_for
from test_backup import RESTORE, clean, first_cluster, local, pg_tool, record_hash, run

BASE, WAL = RESTORE.with_name("base.sh"), RESTORE.with_name("wal.sh")


@pytest.fixture(name="folder")
def folder_of_the_account():
    """Where the account of PostgreSQL may work: whoever restores owns what the server is started on."""
    account = local.unprivileged()
    path = pathlib.Path(tempfile.mkdtemp(prefix="sy-moment-", dir="/var/tmp"))
    if account:
        os.chown(path, account["user"], account["group"])
    yield path, account
    shutil.rmtree(path)


@contextlib.contextmanager
def collecting(system, folder, account):
    """wal.sh, with a slot of its own."""
    env, slot = first_cluster(system, "sy_archive"), f"test_{os.urandom(3).hex()}"
    process = subprocess.Popen([WAL, "--to", folder / "wal", "--slot", slot], env=env, cwd="/", stderr=subprocess.DEVNULL, **account)
    admin = superuser(system)
    try:
        with admin.cursor() as cursor:
            def has_all():
                cursor.execute("SELECT count(*) FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid "
                               "WHERE s.slot_name = %s AND r.flush_lsn >= pg_current_wal_flush_lsn()", (slot,))
                return cursor.fetchone()[0] == 1
            yield has_all
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        with admin.cursor() as cursor:
            cursor.execute("SELECT pg_drop_replication_slot(%s)", (slot,))
        admin.close()


def put_back(folder, account, base, name, *until):
    """A data folder, and the hash of what a server on it has."""
    env = clean()
    run("setpriv", f"--reuid={account['user']}", f"--regid={account['group']}", "--clear-groups", RESTORE, "--base", base, "--wal", folder / "wal",
        "--data", folder / name, *until, env=env) if account else \
        run(RESTORE, "--base", base, "--wal", folder / "wal", "--data", folder / name, *until, env=env)
    port = free_port()
    server = subprocess.Popen([pg_tool("postgres"), "-D", folder / name, "-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c",
                               "unix_socket_directories="], cwd="/", stdout=subprocess.DEVNULL, stderr=open(folder / f"{name}.log", "wb"), **account)
    return server, port


def counts(cluster):
    """Of what no topic has."""
    return run("psql", "-XAtqc", "SELECT (SELECT count(*) FROM identity.binding), (SELECT count(*) FROM roster.student)", env=cluster).stdout


def test_the_database_of_a_moment_and_of_the_end(system, people, folder):
    path, account = folder
    now = first_cluster(system)
    with collecting(system, path, account) as has_all:
        wait_for("the log to be collected", has_all)
        made = subprocess.run([BASE, "--to", path, "--wal", path / "wal"], env=first_cluster(system, "sy_archive"), cwd="/", capture_output=True,
                              text=True, check=False, **account)
        assert made.returncode == 0, made.stderr
        base = pathlib.Path(made.stdout.strip())
        first = Student(system, people()).ready()
        first.judged(first.send())
        moment = run("psql", "-XAtqc", "SELECT clock_timestamp()", env=now).stdout.strip()
        wanted, counted = record_hash(now), counts(now)
        second = Student(system, people()).ready()
        second.judged(second.send())
        later = record_hash(now), counts(now)
        assert (wanted, counted) != later
        wait_for("all of the log", has_all)
    for name, until, expected in (("moment", ("--until", moment), (wanted, counted)), ("end", (), later)):
        server, port = put_back(path, account, base, name, *until)
        cluster = {**now, "PGPORT": str(port)}
        try:
            wait_for(f"the server of the {name}", lambda: server.poll() is not None or run(  # pylint: disable=cell-var-from-loop
                "psql", "-XAtqc", "SELECT NOT pg_is_in_recovery()", env=cluster, check=False).stdout.strip() == "t", 60)
            assert server.poll() is None, (path / f"{name}.log").read_text()[-2000:]
            assert (record_hash(cluster), counts(cluster)) == expected, name
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


def test_a_base_backup_that_is_damaged_or_in_the_way_is_refused_and_old_ones_go(system, folder):
    path, account = folder
    env = first_cluster(system, "sy_archive")
    for name in ("base-20200101T000000Z", "base-20210101T000000Z", "other"):
        (path / name).mkdir()
    (path / "wal").mkdir()
    old, partial = path / "wal" / f"{1:024X}", path / "wal" / f"{1:024X}.partial"
    old.write_bytes(b"x")
    partial.write_bytes(b"x")
    made = subprocess.run([BASE, "--to", path, "--wal", path / "wal", "--keep", "1"], env=env, cwd="/", capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    base = pathlib.Path(made.stdout.strip())
    assert {p.name for p in path.iterdir()} == {base.name, "other", "wal"} and not base.stat().st_mode & 0o077
    assert not old.exists() and partial.exists()
    words = [RESTORE, "--base", base, "--wal", path / "wal", "--data", path / "new"]
    data = bytearray((base / "base.tar.gz").read_bytes())
    data[len(data) // 2] ^= 1
    (base / "base.tar.gz").write_bytes(data)
    damaged = run(*words, env=clean(), check=False)
    assert damaged.returncode == 3 and "damaged" in damaged.stderr
    assert run(*words, env=clean(), check=False).returncode == 3, "never over something"
    assert run(*words, "--until", "'; DROP", env=clean(), check=False).returncode in (2, 3)
    for script in (BASE, WAL):
        assert run(script, env=clean(), check=False).returncode == 2
    away = run(BASE, "--to", path / "x", env={**env, "PGPORT": "1"}, check=False)
    assert away.returncode == 1 and not list((path / "x").iterdir()), "complete or not at all"
