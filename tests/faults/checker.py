"""What became of a fault run: five numbers. Written apart from the product, and from the load.

Knows the contract and the formats of files, topics and tables, nothing of how they came about. `History` is all that is
known, as plain lists; `judge(history)` is set algebra over it:

lost        acknowledged and not there: no judgement, other content, not told, no pointer, a dead letter missing
ghost       there and never asked for: unknown keys, other content or outcome, a dead token that opens
doubled     more than once: ids or rows of one key, messages than were sent, contradicting judgements
reordered   revisions with gaps, against the topic's order or the order in which a student was answered
sent-twice  more messages to a phone than were asked for, or two within the cool-down
"""
import collections
import dataclasses
import json

NUMBERS = ("lost", "ghost", "doubled", "reordered", "sent-twice")
NO_ANSWER = (0, 429, 500, 502, 503, 504)


@dataclasses.dataclass
class Row:
    """Of record.judgement; mark is rxqdaszdw, place is (partition, offset) of the message it came from."""
    submission_id: str
    student_id: str
    key: str
    revision: int
    outcome: str
    mark: str
    place: tuple


@dataclasses.dataclass
class Message:
    place: tuple
    key: str
    value: dict


@dataclasses.dataclass
class History:
    log: list = dataclasses.field(default_factory=list)       # the load's lines
    sent: list = dataclasses.field(default_factory=list)      # the sandbox's lines: phone, time
    roster: dict = dataclasses.field(default_factory=dict)    # student number -> student_id
    rows: list = dataclasses.field(default_factory=list)
    latest: dict = dataclasses.field(default_factory=dict)    # student_id -> (revision, accepted id, accepted revision)
    bindings: set = dataclasses.field(default_factory=set)    # student_ids
    identities: set = dataclasses.field(default_factory=set)  # student_ids that log-ins know
    unpublished: int = 0                                      # rows of the outbox
    received: list = dataclasses.field(default_factory=list)
    judged: list = dataclasses.field(default_factory=list)
    changed: list = dataclasses.field(default_factory=list)
    dead: list = dataclasses.field(default_factory=list)      # (topic, partition, offset) each dead letter names
    poison: list = dataclasses.field(default_factory=list)    # (topic, partition, offset) of bad messages put there
    forgotten: list = dataclasses.field(default_factory=list)  # times at which Redis lost something, as `sent` has them


@dataclasses.dataclass
class Try:
    """A request to submit and what came back."""
    begun: float
    mark: str
    fit: bool
    answered: float = None
    status: int = None
    submission_id: str = None


class Verdict:
    def __init__(self):
        self.found = {name: [] for name in NUMBERS}

    def add(self, number, text):
        self.found[number].append(text)

    @property
    def numbers(self):
        return {name: len(found) for name, found in self.found.items()}

    @property
    def clean(self):
        return not any(self.found.values())


def read_log(log):
    """Requests by kind: [(begin line, answer line or None)]."""
    begun, answers = {}, {}
    for line in log:
        if "do" in line:
            begun[line["n"]] = line
        elif "n" in line:
            answers[line["n"]] = line
    kinds = collections.defaultdict(list)
    for number, line in begun.items():
        kinds[line["do"]].append((line, answers.get(number)))
    return kinds


def tries_of(submits):
    tries = collections.defaultdict(list)
    for begin, answer in submits:
        one = Try(begin["t"], begin["mark"], begin["fit"])
        if answer:
            one.answered, one.status, one.submission_id = answer["t"], answer["status"], answer.get("id")
        tries[begin["who"], begin["key"]].append(one)
    return tries


def judge(history):
    verdict = Verdict()
    kinds = read_log(history.log)
    tries = tries_of(kinds["submit"])
    owners = {student_id: who for who, student_id in history.roster.items()}
    check_rows(verdict, history, tries, owners)
    check_acknowledged(verdict, history, tries)
    check_received(verdict, history, tries, owners)
    check_told(verdict, history)
    check_order(verdict, history, tries)
    check_pointers(verdict, history)
    check_reads(verdict, history, kinds["read"], tries)
    check_bindings(verdict, history, kinds, owners)
    check_codes(verdict, history, kinds["code"])
    check_dead_letters(verdict, history)
    return verdict


def check_rows(verdict, history, tries, owners):
    """Every judgement stems from a request, has its content, and the outcome that content deserves; once."""
    ids = collections.Counter(row.submission_id for row in history.rows)
    keys = collections.Counter((row.student_id, row.key) for row in history.rows)
    for what, counter in (("submission", ids), ("key", keys)):
        for name, count in counter.items():
            if count > 1:
                verdict.add("doubled", f"{what} {name} has {count} judgements")
    for row in history.rows:
        asked = {one.mark: one.fit for one in tries.get((owners.get(row.student_id), row.key), ())}
        if row.mark not in asked:
            verdict.add("ghost", f"judgement {row.submission_id} of {row.key} with '{row.mark}' was never sent")
        elif row.outcome != ("accepted" if asked[row.mark] else "rejected"):
            verdict.add("ghost", f"{row.submission_id} of {row.key} was {row.outcome} against the rules")


def check_acknowledged(verdict, history, tries):
    rows = {row.submission_id: row for row in history.rows}
    for (who, key), several in tries.items():
        acked = [one for one in several if one.status == 202]
        if len({one.submission_id for one in acked}) > 1:
            verdict.add("doubled", f"{who} {key} was acknowledged as {sorted({one.submission_id for one in acked})}")
        for one in acked:
            row = rows.get(one.submission_id)
            if row is None:
                verdict.add("lost", f"{who} {key} was acknowledged as {one.submission_id} and has no judgement")
            elif (row.student_id, row.key) != (history.roster.get(who), key):
                verdict.add("ghost", f"{who} {key} was acknowledged as {one.submission_id}, which is {row.key}")
            elif row.mark != one.mark:
                verdict.add("lost", f"{who} {key} was acknowledged with '{one.mark}' and is '{row.mark}'")


def check_received(verdict, history, tries, owners):
    """The topic holds nothing but what was asked for, and all of it is judged by its first message."""
    rows = {row.submission_id: row for row in history.rows}
    ids, first, count = collections.defaultdict(set), {}, collections.Counter()
    poison = set(history.poison)
    for message in history.received:
        if ("submission.received", *message.place) in poison:
            continue
        value = message.value or {}
        submission_id, student_id = value.get("submission_id"), value.get("student_id")
        key, mark = value.get("idempotency_key"), value.get("fields", {}).get("RXQDASZDW")
        asked = tries.get((owners.get(student_id), key), ())
        if mark not in {one.mark for one in asked}:
            verdict.add("ghost", f"message {message.place} ({key}) was never sent")
            continue
        if message.key != student_id:
            verdict.add("reordered", f"message {message.place} of {student_id} has the key {message.key}")
        ids[student_id, key].add(submission_id)
        count[submission_id] += 1
        if count[submission_id] > 2 * len(asked):  # the edge may ask a second copy
            verdict.add("doubled", f"{len(asked)} requests of {key} became {count[submission_id]} messages")
        if submission_id in first:
            continue
        first[submission_id] = message
        row = rows.get(submission_id)
        if row is None:
            verdict.add("lost", f"message {message.place} ({key}) was not judged")
        elif row.place != message.place or row.mark != mark:
            verdict.add("reordered", f"{submission_id} was judged by {row.place}, its first message is {message.place}")
    for pair, several in ids.items():
        if len(several) > 1:
            verdict.add("doubled", f"{pair} has the ids {sorted(several)}")
    for submission_id in rows:
        if submission_id not in first:
            verdict.add("ghost", f"{submission_id} was judged and is in no message")


def check_told(verdict, history):
    """Each judgement is told, always alike; a student hears of them in order."""
    rows = {row.submission_id: row for row in history.rows}
    told, last = collections.defaultdict(set), collections.Counter()
    for message in history.judged:
        value = message.value or {}
        submission_id, revision = value.get("submission_id"), value.get("revision")
        if submission_id not in rows:
            verdict.add("ghost", f"{submission_id} was told as {value.get('outcome')} and is not judged")
            continue
        if submission_id not in told:
            if revision < last[value.get("student_id")]:
                verdict.add("reordered", f"{submission_id} (revision {revision}) was told after a later one")
            last[value.get("student_id")] = revision
        told[submission_id].add((revision, value.get("outcome")))
    for submission_id, row in rows.items():
        right = (row.revision, row.outcome)
        if right not in told[submission_id]:
            verdict.add("lost", f"{submission_id} {right} was told as {sorted(told[submission_id])}")
        elif len(told[submission_id]) > 1:
            verdict.add("doubled", f"{submission_id} {right} was told as {sorted(told[submission_id])}")


def check_order(verdict, history, tries):
    """Revisions have no gaps, rise with the topic, and with what a student did one after the other."""
    by_student = collections.defaultdict(list)
    for row in history.rows:
        by_student[row.student_id].append(row)
    for student_id, rows in by_student.items():
        rows.sort(key=lambda row: row.revision)
        if [row.revision for row in rows] != list(range(1, len(rows) + 1)):
            verdict.add("reordered", f"student {student_id} has revisions {[row.revision for row in rows][-20:]}")
        if len({row.place[0] for row in rows}) > 1 or [row.place for row in rows] != sorted(row.place for row in rows):
            verdict.add("reordered", f"student {student_id} was not judged in the order of the topic")
    rows = {row.submission_id: row for row in history.rows}
    spans = collections.defaultdict(list)  # who -> (first sent, first acknowledged, revision, key)
    for (who, key), several in tries.items():
        acked = [one for one in several if one.status == 202 and one.submission_id in rows]
        if acked:
            spans[who].append((min(one.begun for one in several), min(one.answered for one in acked),
                               rows[acked[0].submission_id].revision, key))
    for who, several in spans.items():
        ends = sorted((span[1], span[2]) for span in several)
        newest = at = 0
        for begun, _, revision, key in sorted(several):
            while at < len(ends) and ends[at][0] < begun:
                newest, at = max(newest, ends[at][1]), at + 1
            if revision < newest:
                verdict.add("reordered", f"{who} {key} is revision {revision}, sent after {newest} was acknowledged")


def check_pointers(verdict, history):
    """record.latest: the newest judgement, and the newest accepted one."""
    wanted = {}
    for row in sorted(history.rows, key=lambda row: row.revision):
        _, accepted, accepted_revision = wanted.get(row.student_id, (0, None, None))
        if row.outcome == "accepted":
            accepted, accepted_revision = row.submission_id, row.revision
        wanted[row.student_id] = (row.revision, accepted, accepted_revision)
    for student_id, right in wanted.items():
        if history.latest.get(student_id) != right:
            verdict.add("lost", f"the record of {student_id} is {history.latest.get(student_id)}, should be {right}")
    for student_id in set(history.latest) - set(wanted):
        verdict.add("ghost", f"{student_id} has a record and no judgement")


def check_reads(verdict, history, reads, tries):
    rows = {row.submission_id: row for row in history.rows}
    seen_judged = {}
    for begin, answer in sorted(reads, key=lambda pair: pair[0]["t"]):
        if answer is None or answer["status"] in NO_ANSWER:
            continue
        row, submission_id = rows.get(begin["id"]), begin["id"]
        if answer["status"] == 404:
            verdict.add("lost", f"{submission_id} was acknowledged and then not found")
        elif answer["status"] == 200 and answer["state"] == "received":
            if submission_id in seen_judged and seen_judged[submission_id] < begin["t"]:
                verdict.add("reordered", f"{submission_id} was judged and then only received")
        elif answer["status"] == 200:
            seen_judged.setdefault(submission_id, answer["t"])
            if row is None or (row.outcome, row.revision) != (answer["state"], answer["revision"]):
                verdict.add("ghost", f"{submission_id} was shown as {answer['state']} {answer['revision']}")


def check_bindings(verdict, history, kinds, owners):
    asked = {begin["who"] for begin, _ in kinds["bind"]}
    told = {message.value.get("student_id") for message in history.changed if message.value}
    for student_id in history.bindings:
        if owners.get(student_id) not in asked:
            verdict.add("ghost", f"{owners.get(student_id, student_id)} is bound and never asked to be")
        if student_id not in told or student_id not in history.identities:
            verdict.add("lost", f"the news that {owners.get(student_id, student_id)} is bound")
    for begin, answer in kinds["bind"]:
        if answer and answer["status"] == 201 and history.roster.get(begin["who"]) not in history.bindings:
            verdict.add("lost", f"{begin['who']} was told to be bound and is not")
    for begin, answer in kinds["stale"]:
        if answer and answer["status"] == 200:
            verdict.add("ghost", f"the token that {begin['who']} had before the binding still opens")
    if history.unpublished:
        verdict.add("lost", f"{history.unpublished} rows of the outbox were not published")


def check_codes(verdict, history, codes):
    asked, acked = collections.Counter(), set()
    for begin, answer in codes:
        asked[begin["phone"]] += 1
        if answer and answer["status"] == 202:
            acked.add(begin["phone"])
    sent = collections.defaultdict(list)
    for line in history.sent:
        sent[line["phone"]].append(line["time"])
    for phone, times in sent.items():
        forgotten = any(min(times) <= at <= max(times) for at in history.forgotten)
        if not asked[phone]:
            verdict.add("ghost", f"{phone} got a code and never asked")
        elif len(times) > asked[phone] or (len(times) > 1 and not forgotten):
            verdict.add("sent-twice", f"{phone} asked {asked[phone]} times within a minute and got {len(times)} codes")
    for phone in acked - set(sent):
        verdict.add("lost", f"the code that {phone} was told of")


def check_dead_letters(verdict, history):
    poison, dead = set(history.poison), set(history.dead)
    for place in poison - dead:
        verdict.add("lost", f"the dead letter of {place}")
    for place in dead - poison:
        verdict.add("ghost", f"{place} is a dead letter and was good")


def parse(text):
    try:
        value = json.loads(text or b"")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
