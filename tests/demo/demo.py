#!/usr/bin/python3
"""make demo: three students against the running system, every step shown.

1. from 授权 to an accepted record; 2. one with a wrong 生源地, rejected with field, rule and cure;
3. one whose submission is acknowledged while validation is killed. Exit 0 when all went as it should.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from shengyuan import Http, Student, System, wait_for  # noqa: E402

COLOUR = sys.stdout.isatty()
HIDDEN = ("token", "phone_code")


def heading(text):
    print(f"\n\033[1m{text}\033[0m" if COLOUR else f"\n{text}", flush=True)


def shorten(value):
    """As it went over the wire, but tokens and long lists cut short."""
    if isinstance(value, dict):
        return {k: (v[:6] + "…" if k in HIDDEN and v else shorten(v)) for k, v in value.items()}
    if isinstance(value, list) and len(value) > 6:
        return [shorten(v) for v in value[:2]] + [f"… {len(value)} in all"]
    return [shorten(v) for v in value] if isinstance(value, list) else value


def show(value, arrow):
    text = json.dumps(shorten(value), ensure_ascii=False)
    for start in range(0, len(text), 110):
        print(f"    {arrow if start == 0 else ' '} {text[start:start + 110]}")


class Shown(Student):
    """A student whose every call is printed."""

    def call(self, method, path, body=None, headers=None, raw=None):
        started = time.monotonic()
        answer = super().call(method, path, body, headers, raw)
        self.print_exchange(method, path, body, headers, answer, started)
        return answer

    def log_in(self, channel="mini_program", code=None):
        kept = self.http

        class Printer(Http):
            def call(inner, method, path, body=None, headers=None, raw=None):  # noqa: N805
                started = time.monotonic()
                answer = kept.call(method, path, body, headers, raw)
                self.print_exchange(method, path, body, headers, answer, started)
                return answer
        self.http = Printer("http://" + kept.address)
        try:
            return super().log_in(channel, code)
        finally:
            self.http = kept

    @staticmethod
    def print_exchange(method, path, body, headers, answer, started):
        key = (headers or {}).get("Idempotency-Key")
        print(f"  {method} {path}{'   Idempotency-Key: ' + key if key else ''}")
        if body is not None:
            show(body, "→")
        print(f"    ← {answer.status}  {1000 * (time.monotonic() - started):.1f} ms")
        if answer.body:
            show(answer.json, "←")


def messages(demo, topic, submission_id):
    """Where a message with this event id lies in a topic."""
    done = subprocess.run(["kcat", "-C", "-b", demo["kafka"], "-t", topic, "-o", "-500", "-e", "-q", "-J"],
                          capture_output=True, text=True, timeout=30, check=True)
    found = []
    for line in done.stdout.splitlines():
        record = json.loads(line)
        headers = dict(zip(record["headers"][::2], record["headers"][1::2]))
        value = json.loads(record["payload"])
        if submission_id in (headers.get("ce_id"), value.get("submission_id")):
            found.append((record["partition"], record["offset"], headers, value))
    return found


def show_kafka(demo, submission_id):
    for topic in ("submission.received", "submission.judged"):
        for partition, offset, headers, value in messages(demo, topic, submission_id):
            print(f"  Kafka  {topic}  partition {partition}  offset {offset}  traceparent {headers.get('traceparent')}")
            fields = value.pop("fields", None)
            show(value, "·")
            if fields:
                show({k: (v[:14] + "…" if len(v) > 40 else v) for k, v in fields.items()}, "·")


def show_record(system, submission_id):
    print("  PostgreSQL  (syctl record show)")
    for line in system.syctl("record", "show", submission_id).stdout.splitlines():
        print("    " + line)


def first_student(system, row):
    heading(f"1. {row['XM']} ({row['ZYMC']}): from 授权 to an accepted record")
    student = Shown(system, row)
    student.ready()
    student.call("GET", "/api/v1/form")
    draft = student.call("GET", "/api/v1/draft")
    student.call("PUT", "/api/v1/draft", {"fields": {"SYSZDDM": "440106"}}, {"If-Match": draft.headers["ETag"]})
    answer = student.submit()
    submission_id = answer.json["submission_id"]
    judgement = student.judged(submission_id)
    show_kafka(system.demo, submission_id)
    show_record(system, submission_id)
    return judgement["state"] == "accepted"


def second_student(system, row):
    heading(f"2. {row['XM']}: 生源地 chosen only down to 广州市 (440100)")
    student = Student(system, row).ready()
    student.__class__ = Shown
    submission_id = student.send(SYSZDDM="440100")
    judgement = student.judged(submission_id)
    for finding in judgement["findings"]:
        print(f"  refused  field {finding['field']}  rule {finding['rule']}  {finding['message']}")
    return judgement["state"] == "rejected" and [f["field"] for f in judgement["findings"]] == ["SYSZDDM"]


def third_student(system, row):
    heading(f"3. {row['XM']}: validation is killed (SIGKILL), the submission is acknowledged all the same")
    student = Student(system, row).ready()
    before = system.pids("validation")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    student.__class__ = Shown
    submission_id = student.send()
    print("  syctl why: " + system.syctl("why", submission_id, check=False).stdout.splitlines()[0])
    student.__class__ = Student
    judgement = student.judged(submission_id, 60)
    after = wait_for("validation to be started again", lambda: not set(before) & set(system.pids("validation"))
                     and system.pids("validation"))
    print(f"  validation: pid {before} killed, {after} started by the supervisor; "
          f"judgement: {judgement['state']}, revision {judgement['revision']}")
    show_kafka(system.demo, submission_id)
    return judgement["state"] == "accepted" and judgement["revision"] == 1


def main():
    system = System()
    if not (system.run_dir / "demo.json").exists():
        sys.stderr.write(f"nothing runs in {system.run_dir}; HINT: make up\n")
        return 1
    rows = system.people(3)
    good = [first_student(system, rows[0]), second_student(system, rows[1]), third_student(system, rows[2])]
    heading("done: " + ", ".join(f"{number} {'as it should' if fine else 'WRONG'}"
                                 for number, fine in enumerate(good, 1)))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
