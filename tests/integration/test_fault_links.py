"""Rows of the fault matrix (docs/fault-rows.md) about links, Redis, stopping, descriptors, deleted messages and the SMS platform."""
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import time
import uuid

import pytest

from linked import holding, key, patiently, together, validation_waits
from servers import all_ready, held_down, judgements, publish, redis_of, running, topic_messages
from shengyuan import ROOT, Student, wait_for

SEED = int(os.environ.get("SEED") or 2026)


def test_f9_an_answer_that_does_not_come_is_no_acknowledgement(healed):
    """The broker has it, its answer is held back: 503, and the same key makes no second record."""
    student, keys = healed.student(), [key() for _ in range(5)]
    healed.judged([student.send(key())])
    healed.links.set("intake-1:kafka", down={"stall": True})
    for name in keys:
        started = time.monotonic()
        answer = student.submit(name)
        assert answer.status == 503 and time.monotonic() - started < 5.5
    healed.links.heal()
    ids = [patiently(lambda name=name: student.submit(name)).json["submission_id"] for name in keys]
    healed.judged(ids)


# --- F14: Redis ---

def redis_full(stack, _):
    store = redis_of(stack.system)
    store.config_set("maxmemory", "1mb")
    return lambda: store.config_set("maxmemory", "0")


def redis_slow(stack, _):
    stack.links.both("*:redis", delay=1000)
    return stack.links.heal


def redis_silent(stack, _):
    stack.links.both("*:redis", stall=True)
    return stack.links.heal


def redis_gone(stack, _):
    stack.links.set("*:redis", refuse=True)
    stack.links.reset("*:redis")
    return stack.links.heal


@pytest.mark.parametrize("trouble", [redis_full, redis_slow, redis_silent, redis_gone])
def test_f14_without_redis_nobody_is_let_in(healed, trouble):
    """Nothing is answered 2xx to a token nobody gave out; what is refused says 503 within the deadline."""
    student, forger = healed.student(), healed.newcomer()
    forger.token = os.urandom(32).hex()
    mend = trouble(healed, student)
    try:
        for _ in range(3):
            started = time.monotonic()
            assert forger.call("GET", "/api/v1/form").status in (401, 503)
            answer = student.submit(key())
            assert answer.status == 503 and "Retry-After" in answer.headers, answer
            assert time.monotonic() - started < 5.5
        assert student.log_in().status == 503
    finally:
        mend()
    all_ready(healed.system)
    student.log_in()
    healed.judged([patiently(lambda: student.submit(key())).json["submission_id"]])


# --- F15: every link slow, cut, or gone one way ---

@pytest.mark.parametrize("rule", [{"delay": 50, "jitter": 25}, {"delay": 300, "jitter": 100}], ids=["50ms", "300ms"])
def test_f15_a_slow_network_is_only_slow(healed, rule):
    student = healed.student()
    healed.links.both("*:kafka", **rule)
    healed.links.both("*:postgres", **rule)
    student.log_in()
    ids = [patiently(lambda: student.submit(key())).json["submission_id"] for _ in range(3)]
    healed.judged(ids)
    healed.links.heal()
    started = time.monotonic()
    healed.judged([student.send(key())])
    assert time.monotonic() - started < 10


def test_f15_a_silent_database_holds_no_worker(healed):
    """Half-open: the connection stands and nothing comes. Each call ends by its deadline, submissions go on."""
    student = healed.student()
    healed.links.both("intake-1:postgres", drop=True)
    started = time.monotonic()
    answers = together(12, lambda _: student_again(healed, student).call("GET", "/api/v1/draft").status)
    assert set(answers) <= {503, 504}, answers
    assert student.submit(key()).status == 202
    print(f"F15: 12 calls to a silent database ended after {time.monotonic() - started:.1f} s")
    healed.links.heal()
    assert patiently(lambda: student.call("GET", "/api/v1/draft")).status in (200, 204, 404)


def student_again(stack, student):
    same = Student(stack.system, student.row)
    same.token, same.phone = student.token, student.phone
    return same


# --- F16: the links stop one by one and come back in another order ---

def test_f16_swizzle(healed):
    student, chance = healed.student(), random.Random(SEED)
    names = [name for name in healed.links.stats() if not name.startswith(("client:", "edge:"))]
    sent = []
    for _ in range(2):
        for name in chance.sample(names, len(names)):
            healed.links.both(name, stall=True)
            with contextlib.suppress(OSError):
                answer = student.submit(key())
                sent += [answer.json["submission_id"]] if answer.status == 202 else []
        for name in chance.sample(names, len(names)):
            healed.links.heal(name)
        all_ready(healed.system)
    student.log_in()
    sent.append(patiently(lambda: student.submit(key())).json["submission_id"])
    healed.judged(sent)


# --- F21, F22 ---

def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_f21_without_descriptors_intake_waits_and_does_not_spin(healed):
    student, process = healed.student(), healed.process("intake-1")
    pid = process["pid"]
    assert student.submit(key()).status == 202
    ports = json.loads((healed.system.run_dir / "ports.json").read_text())
    open_now = len(os.listdir(f"/proc/{pid}/fd"))
    subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={open_now + 2}:"], check=True)
    try:
        waiting = [socket.create_connection(("127.0.0.1", ports["intake-1"]), 5) for _ in range(12)]
        wait_for("the last descriptor", lambda: len(os.listdir(f"/proc/{pid}/fd")) >= open_now + 2, 5)
        before, begun = cpu_seconds(pid), time.monotonic()
        wait_for("two seconds", lambda: time.monotonic() > begun + 2, 5)
        spent = (cpu_seconds(pid) - before) / (time.monotonic() - begun)
    finally:
        subprocess.run(["prlimit", f"--pid={pid}", "--nofile=4096:"], check=True)
    for client in waiting:
        client.close()
    begun = time.monotonic()
    patiently(lambda: student.submit(key()))
    print(f"F21: {spent:.0%} of a core while out of descriptors, answered {time.monotonic() - begun:.1f} s after")
    assert spent < 0.4 and time.monotonic() - begun < 5


def test_f22_stopping_does_not_wait_for_a_dead_broker(healed):
    names = ["authorization-1", "binding-1", "intake-1", "validation-1"]
    student = healed.student()
    sent = [student.send(key()) for _ in range(5)]
    with held_down(healed.system, "kafka"):
        student.submit(key())
        hold, taken = healed.system.run_dir / "hold", {}
        pids = {name: healed.process(name)["pid"] for name in names}
        try:
            for name in names:
                (hold / name).touch()
                os.kill(pids[name], signal.SIGTERM)
            begun = time.monotonic()
            while len(taken) < len(names):
                ended = wait_for("a service to end",
                                 lambda: [n for n in names if n not in taken and not running(pids[n])], 25)
                taken.update({name: time.monotonic() - begun for name in ended})
        finally:
            for name in names:
                (hold / name).unlink(missing_ok=True)
    print("F22: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in taken.items()))
    assert max(taken.values()) < 10.5
    for name in names:
        log = (healed.system.run_dir / "logs" / f"{name}.log").read_text()
        last = [json.loads(line) for line in log.splitlines() if '"message":"stopped"' in line][-1]
        assert last["exit_status"] == 0, last
    healed.judged(sent)


# --- F23: a message of a newer copy ---

def test_f23_a_message_with_members_of_tomorrow_is_judged(healed):
    student = healed.student()
    first = student.send(key())
    healed.judged([first])
    _, _, who, value, headers = next(m for m in topic_messages(healed.system, "submission.received")
                                     if m[3] and first.encode() in m[3])
    message = json.loads(value)
    del message["fields_sealed"]  # made for the other submission
    message |= {"submission_id": str(uuid.uuid4()), "idempotency_key": key(), "tomorrow": {"new": [1]}, "later": None}
    publish(healed.system, "submission.received", who, json.dumps(message).encode(),
            {name: text.decode() for name, text in headers.items()})
    healed.judged([message["submission_id"]])


# --- F26: the platform that sends messages ---

def test_f26_a_message_that_was_maybe_sent_is_sent_once(healed):
    newcomer = healed.newcomer()
    newcomer.log_in()
    newcomer.verify()
    healed.links.set("binding-1:sandbox", down={"stall": True})
    answer = newcomer.ask_code()
    assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 30, answer
    assert healed.metric("binding-1", "sy_phone_codes_sent_total", outcome="maybe-sent") >= 1
    healed.links.heal()
    assert newcomer.ask_code().status == 429, "another one costs the cool-down"
    inbox = newcomer.inbox.call("GET", f"/inbox?phone={newcomer.phone}").json["messages"]
    assert len(inbox) == 1
    assert newcomer.bind().status == 201, "and what did arrive is good"


# --- F7: slower than the group allows; F25: what was deleted. Last: they lose time, and messages on purpose ---

def test_f7_a_batch_that_takes_too_long_is_done_by_the_next_owner(healed):
    """Stored late, after the group has taken the work away: nothing is skipped, and the lag told is the real one."""
    student = healed.student()
    first = student.send(key())
    healed.judged([first])
    student_id = next(row[1] for row in judgements(healed.system) if row[0] == first)
    with holding(healed, student_id):
        waiting = [student.send(key()) for _ in range(6)]
        wait_for("validation to wait for the lock", lambda: validation_waits(healed), 20)

        def left_the_group():
            log = (healed.system.run_dir / "logs/validation-1.log").read_text()
            return "max.poll.interval" in log
        wait_for("the group to take the work away", left_the_group, 40, 0.3)
        listed = json.loads(healed.system.syctl("--json", "lag").stdout)["groups"]
        real = next(group["lag"] for group in listed if group["group"] == "validation")
        assert real >= len(waiting)
    healed.judged(waiting)
    wait_for("no lag", lambda: healed.metric("validation-1", "kafka_consumergroup_lag") == 0, 30, 0.2)


def test_f25_deleted_messages_are_missed_loudly_and_nothing_else_is(healed):
    student = healed.student()
    healed.judged([student.send(key())])
    with held_down(healed.system, "validation-1"):
        gone = [student.send(key()) for _ in range(4)]
        places = {}
        for partition, offset, _, value, _ in topic_messages(healed.system, "submission.received"):
            if value and any(submission_id.encode() in value for submission_id in gone):
                places[partition] = max(places.get(partition, 0), offset + 1)
        assert len(places) == 1, "one student's are in one partition"
        partition, offset = places.popitem()
        kept = [student.send(key()) for _ in range(2)]
        request = healed.system.run_dir / "delete.json"
        request.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": "submission.received", "partition": partition, "offset": offset}]}))
        subprocess.run([str(ROOT / "deploy/kafka/tool.sh"), "delete-records", f"--offset-json-file={request}",
                        f"--bootstrap-server={healed.system.demo['kafka']}"], check=True, timeout=60,
                       env={**os.environ, "RUN_DIR": str(healed.system.run_dir)})
    healed.judged(kept)
    assert not set(gone) & {row[0] for row in judgements(healed.system)}
    assert healed.metric("validation-1", "sy_offset_jumps_total", direction="forward") == len(gone)
    healed.judged([student.send(key())])
