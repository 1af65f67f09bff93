"""What the operator asks at night: why is this one stuck, what is to be replayed; and every answer as JSON."""
import json
import os
import re

import pytest

from servers import held_down, publish, topic_messages
from shengyuan import ROOT, wait_for

RECEIVED, DEAD = "submission.received", "submission.received.dlq"


def ask(system, *arguments):
    """The JSON answer, whatever the exit status."""
    return json.loads(system.syctl("--json", *arguments, check=False).stdout)


def why(system, submission, *options):
    """Its answer; a part that is on its way back may cost one that is told as such (class retry)."""
    def answered():
        told = ask(system, "why", submission, *options)
        failed = isinstance(told.get("error"), dict)
        assert not failed or told["error"]["class"] == "retry", told
        return None if failed else told
    return wait_for("an answer", answered, 30, 0.2)


# --- help, doctor ---

def test_every_command_tells_its_options_and_how_it_ends(system):
    text = system.syctl("--help").stdout
    commands = re.findall(r"^  ((?:roster|record|dlq|topics|seal|staff|audit|notices) [a-z]+|[a-z]+) ", text, re.M)
    assert len(commands) >= 13
    for command in commands:
        told = system.syctl(*command.split(), "--help").stdout
        assert told.startswith(f"syctl {command}") and "Exit status: 0 done, 1 " in told and " 2 usage" in told, told
        options = re.findall(r"^  --(\S+) +(.*)$", told, re.M)
        assert all(len(meaning) > 10 for _, meaning in options), (command, options)
    assert "--reason=R" in system.syctl("dlq", "replay", "--help").stdout


def test_doctor_makes_every_check_that_services_make_before_they_start(system, monkeypatch):
    """With what is in the services' environment; and says where it did not look."""
    table = re.findall(r"^\| `?([a-z-]+)`? \|", (ROOT / "docs/reference/preflight.md").read_text(), re.M)
    table = [name for name in table if name not in ("check", "name")]
    parts = {c["part"]: c for c in ask(system, "doctor", "--profile=production")["checks"]}
    assert len(table) >= 6 and set(table) <= set(parts), (table, sorted(parts))
    assert parts["platforms"]["ok"] and parts["platforms"]["text"].startswith("not looked at")
    monkeypatch.setenv("SY_WECHAT_APPID", "wx0000000000000001")
    platforms = {c["part"]: c for c in ask(system, "doctor", "--profile=production")["checks"]}["platforms"]
    assert not platforms["ok"] and "demonstration" in platforms["text"] and platforms["hint"]
    monkeypatch.setenv("SY_WECHAT_BASE_URL", "http://wechat.example")
    platforms = {c["part"]: c for c in ask(system, "doctor", "--profile=production")["checks"]}["platforms"]
    assert not platforms["ok"] and "https" in platforms["text"]
    monkeypatch.setenv("SY_SMS_SECRET_KEY_FILE", "/nowhere")
    files = {c["part"]: c for c in ask(system, "doctor", "--profile=production")["checks"]}["secret-files"]
    assert not files["ok"] and "sms-secret-key-file" in files["text"]


# --- why ---

def test_why_one_waits_that_nobody_judges(system, student):
    student.judged(student.send(), 90)  # the group has shared out its partitions
    with held_down(system, "validation-1", "validation-2"):
        first, second = student.send(), student.send()
        told = why(system, second)
        assert (told["stage"], told["attempts"]) == ("waiting", 0) and told["ahead"] >= 1
        assert told["processes_silent"] == 2 and "doctor" in told["who_can_act"] and "排队" in told["student"]
        assert why(system, first)["ahead"] == told["ahead"] - 1, "the one before it"
        text = system.syctl("why", second).stdout
        assert "waiting:" in text and "who can act" in text and "2 of" in text
        parts = {c["part"]: c for c in ask(system, "doctor")["checks"] if not c["ok"]}
        assert {"validation-1", "validation-2"} <= set(parts)
    student.judged(second, 90)
    told = why(system, second)
    assert told["stage"] == "judged" and told["judgement"]["outcome"] == "accepted" and told["student"] == "审核已通过"


def test_why_one_is_tried_again_and_again(system, student):
    """PostgreSQL is away: attempts, last error, next try; and that it needs nobody once it is back."""
    before = student.send()
    student.judged(before, 90)
    with held_down(system, "postgres"):
        assert ask(system, "why", before)["error"]["class"] == "retry", "who cannot ask must not say: not judged"
        submission = student.send()

        def retrying():
            told = why(system, submission)
            return told if told.get("stage") == "retrying" and told["attempts"] > 2 else None
        told = wait_for("attempts", retrying, 60, 0.2)
        assert told["last_error"]["class"] == "retry" and told["last_error"]["code"] == "ERR_UNAVAILABLE"
        assert told["last_error"]["stage"] in ("store", "campaigns") and told["last_error"]["text"]
        assert 0 <= told["next_try_ms"] <= 1000 and told["process"].startswith("validation-")
        assert "again by itself" in told["who_can_act"] and "无需重复提交" in told["student"]
        assert student.row["SFZH"] not in json.dumps(told) and student.phone not in json.dumps(told)
        assert wait_for("one more attempt", lambda: why(system, submission).get("attempts", 0) > told["attempts"])
        wrong = [c for c in ask(system, "doctor")["checks"] if not c["ok"] and c["part"] == told["process"]]
        assert any("a batch failed" in c["text"] and c["hint"] for c in wrong), wrong
        assert "last error   ERR_UNAVAILABLE (retry)" in system.syctl("why", submission).stdout
    student.judged(submission, 90)
    assert why(system, submission)["stage"] == "judged"


# --- dead letters ---

def dead_letters(system):
    return ask(system, "dlq", "list", "--limit=100000")["dead_letters"]


def messages(system, topic):
    return len(topic_messages(system, topic))


def bury(system, student, *values, **headers):
    """Messages that validation puts aside; their places in the dead-letter topic."""
    sent = student.send()
    student.judged(sent)
    _, _, key, value, own = next(m for m in topic_messages(system, RECEIVED) if m[3] and sent.encode() in m[3])
    places = {publish(system, RECEIVED, key, v if v is not None else value,
                      {**{k: h.decode() for k, h in own.items()}, **headers}) for v in values}

    def found():
        letters = [x for x in dead_letters(system) if (int(x["dlq_partition"]), int(x["dlq_offset"])) in places]
        return letters if len(letters) == len(places) else None
    return sent, wait_for("the dead letters", found)


def test_replay_tells_what_it_would_do_and_leaves_out_what_is_judged(system, student):
    sent, letters = bury(system, student, None, None, ce_type="mistyped")
    assert {x["ce_id"] for x in letters} == {sent} and {x["dlq_reason"] for x in letters} == {"bad-header"}
    before = messages(system, RECEIVED)
    told = ask(system, "dlq", "replay", "--reason=bad-header", "--since=1h", "--dry-run")
    others = told["matched"] - 2
    assert told["dry_run"] and told["matched"] >= 2 and told["reasons"] == {"bad-header": told["matched"]}
    assert told["judged"] >= 2, "both are of a submission that is judged"
    assert told["to_send"] == told["matched"] - told["judged"] - told["repeated"] <= others
    assert told["replayed"] == 0 and messages(system, RECEIVED) == before, "a dry run sends nothing"
    one = ask(system, "dlq", "replay", DEAD, f"--offset={letters[1]['offset']}")
    assert (one["matched"], one["judged"], one["replayed"]) == (1, 1, 0), "it is judged: nothing to do"
    assert messages(system, RECEIVED) == before
    text = system.syctl("dlq", "replay", "--reason=bad-header", "--since=1h", "--dry-run").stdout
    assert f"{told['matched']} match: {told['to_send']} would be sent" in text


def test_replay_sends_once_what_is_there_twice_and_only_the_reason_asked_for(system, student):
    fresh = f"{os.urandom(4).hex()}-0000-8000-8000-{os.urandom(6).hex()}"
    _, letters = bury(system, student, b"{", b"{ ", ce_id=fresh)
    assert {x["dlq_reason"] for x in letters} == {"malformed"}
    known = {(x["partition"], x["offset"]) for x in dead_letters(system)}
    told = ask(system, "dlq", "replay", DEAD, "--reason=malformed", "--since=1h")
    assert not told["dry_run"] and set(told["reasons"]) == {"malformed"}
    assert told["replayed"] == told["to_send"] >= 1 and told["repeated"] >= 1

    def back():
        return [x for x in dead_letters(system) if (x["partition"], x["offset"]) not in known and x["ce_id"] == fresh]
    # Still broken, so it comes back; once, because the two were one event.
    wait_for("it to come back", lambda: len(back()) == 1)
    assert ask(system, "dlq", "replay", "--reason=no-such-reason")["matched"] == 0
    assert ask(system, "dlq", "replay", "--since=2001-01-01T00:00:00Z", "--dry-run")["matched"] == len(dead_letters(system))
    assert ask(system, "dlq", "replay", "--since=0s", "--dry-run")["matched"] == 0
    assert why(system, fresh)["attempts"] == 3 and why(system, fresh)["stage"] == "dead-letter"


# --- JSON, also when it goes wrong ---

NOWHERE = "00000000-0000-8000-8000-000000000000"


@pytest.mark.parametrize("arguments,status,code", [
    (["nope"], 2, "usage"), ([], 2, "usage"), (["why"], 2, "usage"), (["why", "a", "b"], 2, "usage"),
    (["--nope"], 2, "usage"), (["people", "--count=x"], 2, "usage"), (["dlq", "show", "a", "b"], 2, "usage"),
    (["dlq", "replay", RECEIVED], 2, "usage"), (["dlq", "replay", "--since=x"], 2, "usage"),
    (["dlq", "replay", "--offset=1"], 2, "usage"), (["dlq", "list", "--topic=x"], 2, "usage"),
    (["--run-dir=/nonexistent", "lag"], 2, "ERR_CONFIG"), (["why", "x"], 1, "ERR_INVALID"),
    (["record", "show", NOWHERE], 1, "ERR_NOT_FOUND"), (["roster", "import", "/nonexistent"], 1, "ERR_NOT_FOUND"),
    (["dlq", "replay", DEAD, "--offset=999999999"], 1, "ERR_NOT_FOUND"),
    (["staff", "disable", "nobody"], 1, "ERR_NOT_FOUND"), (["staff", "add", "nobody"], 1, "ERR_INVALID"),
    (["--kafka-bootstrap=127.0.0.1:1", "lag"], 1, "ERR_UNAVAILABLE"),
])
def test_what_goes_wrong_is_json_too(system, arguments, status, code):
    for order in (["--json", *arguments], [*arguments, "--json"]):
        done = system.syctl(*order, check=False)
        error = json.loads(done.stdout)["error"]
        assert (done.returncode, error["code"], done.stderr) == (status, code, ""), done
        assert set(error) == {"code", "class", "text", "hint"} and error["text"]
    plain = system.syctl(*arguments, check=False)
    assert plain.returncode == status and plain.stdout == "" and f"syctl: {error['text']}" in plain.stderr
    assert bool(error["hint"]) == ("HINT: " in plain.stderr)


def test_every_command_answers_in_json(system, student):
    submission = student.send()
    student.judged(submission)
    for arguments, member in ((["people", "--count=3"], "people"), (["record", "show", submission], "judgements"),
                              (["why", submission], "stage"), (["dlq", "list"], "dead_letters"), (["lag"], "groups"),
                              (["topics", "check"], "topics"), (["doctor"], "checks"), (["staff", "list"], "staff"), (["audit", "verify"], "chains"),
                              (["dlq", "replay", "--since=0s", "--dry-run"], "matched")):
        assert member in ask(system, *arguments), arguments
    people = ask(system, "people", "--count=3", "--seed=5")["people"]
    lines = system.syctl("people", "--count=3", "--seed=5").stdout.splitlines()
    assert [",".join(person.values()) for person in people] == lines[1:] and ",".join(people[0]) == lines[0]


def test_the_admin_ports_can_be_given(system, student):
    """Where there is no demo.json: a real installation."""
    with held_down(system, "validation-1", "validation-2"):
        submission = student.send()
        admins = ",".join(system.admins("intake"))
        told = why(system, submission, f"--admin={admins}")
        assert (told["processes_asked"], told["processes_silent"]) == (2, 0)
    student.judged(submission)
