#!/usr/bin/python3
"""Runs torture scenarios: the n-th call of each kind fails, for every n.

run.py --programs DIR [--step N] [--long] [SCENARIO:KIND…]     (make torture: --long)

Without names: those that take not long, with --long also the others. redis and pg have servers of their own, made here.
Exit 1 when a process crashed, leaked, hung for 10 s or promised what was not so, or when a library is asked for what cannot
be made to fail (fail.c).
"""
import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy/local"), str(ROOT / "tests/lib")]
from run_dir import unprivileged  # noqa: E402
from servers import pg_bin  # noqa: E402
from shengyuan import wait_for  # noqa: E402

SECONDS = 900
START_SECONDS = 60
# libcurl 7.88 leaks when it has no memory, hiredis 0.14 falls: those scenarios go with what the program itself asks for.
# librdkafka 2.0.2 leaks when its threads do not begin.
LEAKY = {"kafka:memory"}
SHORT = ["message:memory", "seal:memory", "server:memory", "server:input", "server:output", "server:connect",
         "platform:own", "platform:input", "platform:output", "platform:connect",
         "redis:own", "redis:input", "redis:output", "redis:connect", "redis:part",
         "pg:memory", "pg:input", "pg:output", "pg:connect", "pg:part", "kafka:part", "kafka:memory"]
LONG = ["kafka:connect", "kafka:output", "kafka:input"]
# What the product asks of libpq and hiredis that fails in no way a caller must mind: it reads, or gives back.
CANNOT_FAIL = set("""PQclear PQcmdStatus PQcmdTuples PQconninfoFree PQconninfoParse PQerrorMessage PQfinish PQgetisnull PQgetlength
    PQgetvalue PQisBusy PQntuples PQresultErrorField PQresultStatus PQsetNoticeReceiver PQsocket PQstatus PQtransactionStatus
    redisFree""".split())


def covered():
    """Every other call of libpq and hiredis can be made to fail: or what fails here is what nobody asks for any more."""
    asked = set()
    for path in [*(ROOT / "common").rglob("*.c"), *(ROOT / "services").rglob("*.c")]:
        asked |= set(re.findall(r"\b(PQ[a-z]\w+|redis[A-Z]\w+)\(", path.read_text()))
    fails = set(re.findall(r"KIND_PART,[^,]*, ((?:PQ|redis)\w+),", (ROOT / "tests/torture/fail.c").read_text()))
    wrong = sorted((asked - CANNOT_FAIL) ^ fails)
    print(f"calls of libpq and hiredis: {len(fails)} fail" + "".join(f", {name} does not fit" for name in wrong), flush=True)
    return not wrong


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_answer(argv, environment, server):
    wait_for(f"an answer to {argv[0]}", lambda: server.poll() is not None or
             subprocess.run(argv, env=environment, capture_output=True, check=False).returncode == 0, START_SECONDS)
    assert server.poll() is None, f"{server.args[0]} ended: {server.returncode}"


@contextlib.contextmanager
def process(argv, **options):
    running = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
                               **options)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextlib.contextmanager
def redis_server(folder):
    port, password = free_port(), folder / "redis.secret"
    password.write_text(secrets.token_hex(8))
    password.chmod(0o400)
    with process(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder),
                  "--requirepass", password.read_text()]) as server:
        wait_for_answer(["redis-cli", "-p", str(port), "-e", "ping"], {**os.environ, "REDISCLI_AUTH": password.read_text()}, server)
        yield {"TORTURE_REDIS": f"redis://127.0.0.1:{port}/0", "TORTURE_REDIS_PASSWORD": str(password)}


@contextlib.contextmanager
def pg_server(folder):
    account, port, data = unprivileged(), free_port(), folder / "pg"
    data.mkdir()
    if account:
        folder.chmod(0o711)
        os.chown(data, account["user"], account["group"])
    subprocess.run([pg_bin("initdb"), "-D", data, "-U", "torture", "--auth=trust", "-N", "--locale=C.UTF-8", "-E", "UTF8"], check=True,
                   capture_output=True, cwd="/", **account)
    dsn = f"host=127.0.0.1 port={port} user=torture dbname=postgres sslmode=disable"
    with process([pg_bin("postgres"), "-D", str(data), "-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c",
                  "unix_socket_directories=", "-c", "fsync=off"], **account) as server:
        wait_for_answer([pg_bin("pg_isready"), "-q", "-d", dsn], os.environ, server)
        subprocess.run([pg_bin("psql"), "-Xqd", dsn, "-c", "CREATE TABLE torture (run text, number int, value text)"], check=True,
                       capture_output=True, cwd="/")
        yield {"TORTURE_PG": dsn}


def run(programs, name, step, servers):
    """One test: its last line is printed, and all of it when it is bad."""
    scenario, kind = name.split(":")
    env = {**os.environ, **servers, "LD_PRELOAD": str(programs / "fail.so"),
           "ASAN_OPTIONS": f"verify_asan_link_order=0:detect_leaks={int(name not in LEAKY)}"}
    since = time.monotonic()
    done = subprocess.run([str(programs / "torture"), scenario, kind, str(step)], env=env, capture_output=True, text=True,
                          errors="replace", timeout=SECONDS, check=False)
    lines = done.stdout.splitlines()
    print(f"{lines[-1]}, {time.monotonic() - since:.1f} s" if lines and done.returncode == 0 else
          f"{name}: {done.returncode}\n{done.stdout}{done.stderr}", flush=True)
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    names = args.name or SHORT + (LONG if args.long else [])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="shengyuan-torture-"))
    servers = {}
    results = [covered()]
    try:
        with contextlib.ExitStack() as stack:
            for scenario, server in (("redis", redis_server), ("pg", pg_server)):
                if any(name.startswith(scenario + ":") for name in names):
                    servers |= stack.enter_context(server(folder))
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                results += pool.map(lambda name: run(args.programs.resolve(), name, args.step, servers), names)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
