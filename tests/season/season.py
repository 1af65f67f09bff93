#!/usr/bin/python3
"""make season: a whole season by a seed, on a system of its own, and an account of it kept apart.

STUDENTS people are loaded; most of them bind and hand in, well or with a mistake, some the same thing twice; a copy of
intake and one of validation are killed meanwhile; colleges approve and return; the school sends its roll again with rows
that changed; students change phones, withdraw, hand in again, try what is locked; schools approve and report; the window
closes, some come too late; at last every submission of the season is put on its topic once more, in another order.

What should have become of everybody is worked out here from the answers and the mistakes that were planted, by rules
of this file alone. It must equal what the product says: each judgement and its reason, revisions without a gap, the
record, the state under review, the statistics of each college.
STUDENTS (200), SEED (1), THREADS (16) from the environment; one line of JSON at the end, exit 1 when anything differs.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import confluent_kafka

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests/integration")]
from conftest import STACK, stack_env  # noqa: E402
from servers import superuser, topic_messages  # noqa: E402
from shengyuan import Staff, Student, System, random_phone, roster_csv, wait_for  # noqa: E402

# Mistake: the field as it is sent, and the rule that has to object.
MISTAKES = {
    "area": ({"SYSZDDM": "440100"}, "area-leaf"),
    "abolished": ({"SYSZDDM": "440681"}, "area-in-force"),
    "postcode": ({"JTYB": "51063"}, "postcode"),
    "mail": ({"DZYX": "nobody"}, "email"),
    "empty": ({"JTDZ": None}, "required"),
    "other phone": ({"SJHM": "13900000000"}, "phone-verified"),
}
LOCKED = ("college_approved", "school_approved", "reported")
COUNTED = ("students", "bound", "filled", "submitted", "returned", "withdrawn", "college_approved", "school_approved",
           "reported", "missing")


class Person(Student):
    """A student, the account that is kept of it, and dice of its own: the order of threads changes nothing."""

    def __init__(self, system, row, seed):
        super().__init__(system, row, name=f"s{row['XH']}")
        self.dice = random.Random(f"{seed}/{row['XH']}")
        self.bound = self.drafted = False
        self.sent = []       # (submission id, rule that must object or None), in the order of the answers
        self.accepted = None  # id of the newest that must have been accepted
        self.state = "none"
        self.record = None   # the revision that was decided on

    def chance(self, share):
        return self.dice.random() < share

    def objection(self, mistake, unit):
        """The rule that must refuse what is handed in now."""
        if self.state in LOCKED:
            return "locked"
        if mistake:
            return MISTAKES[mistake][1]
        if self.row["PYFSDM"] in ("2", "4") and not unit:
            return "dxhwpdw-required"
        return "graduation-month" if self.row["BYSJ"] == "202612" else None

    def hand_in(self, mistake=None, unit=None):
        """Sent until it is acknowledged; now and then the same again under the same key."""
        fields = self.form(**(MISTAKES[mistake][0] if mistake else {}))
        if unit is None:
            unit = "DXHWPDW" in fields
        elif unit:
            fields["DXHWPDW"] = "示范县人民政府"
        else:
            fields.pop("DXHWPDW", None)
        key = f"{self.row['XH']}-{len(self.sent)}"
        objection = self.objection(mistake, unit)
        submission_id = self.send(key, fields)
        for _ in range(self.dice.choice((0, 0, 0, 1, 2))):
            assert self.send(key, fields) == submission_id, "the same key is the same submission"
        self.acknowledged(submission_id, objection)

    def acknowledged(self, submission_id, objection):
        self.sent.append((submission_id, objection))
        if objection is None:
            self.accepted, self.state = submission_id, "submitted"


def in_parallel(work, people):
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("THREADS") or 16)) as pool:
        return list(pool.map(work, people))


class Season:
    def __init__(self, system, count, seed):
        self.system, self.seed = system, seed
        self.database = superuser(system).cursor()
        self.dice = random.Random(seed)
        self.before = self.told_counts()
        rows = system.people(count, seed)
        self.people = [Person(system, row, seed) for row in rows]
        self.colleges = sorted({row["SZYX"] for row in rows})
        self.events = collections.Counter()

    # --- the parts of a season ---

    def bind(self):
        def one(person):
            if person.chance(0.04):
                return  # never heard of it
            person.ready()
            person.bound = True
        in_parallel(one, self.people)

    def first_round(self):
        def one(person):
            if not person.bound:
                return
            if person.chance(0.05):
                tag = person.call("GET", "/api/v1/draft").headers["ETag"]
                assert person.call("PUT", "/api/v1/draft", {"fields": {"JTDZ": "还没有填完"}}, {"If-Match": tag}).status == 200
                person.drafted = True
                return
            if person.chance(0.25):
                person.hand_in(person.dice.choice(list(MISTAKES)))
                if person.chance(0.2):
                    return
            person.hand_in()
        in_parallel(one, self.people)

    def killing(self, work, *services):
        """Does it while a copy of each service dies of SIGKILL."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            doing = pool.submit(work)
            for service in services:
                acknowledged = self.handed_in()
                wait_for("somebody to hand in", lambda seen=acknowledged: doing.done() or self.handed_in() > seen, 120, 0.01)
                os.kill(self.system.pids(service)[0], signal.SIGKILL)
                self.events[f"killed {service}"] += 1
            doing.result()

    def handed_in(self):
        return sum(len(person.sent) for person in self.people)

    def settled(self):
        """Everything handed in so far is judged, as it must be."""
        wanted = {submission_id: objection for person in self.people for submission_id, objection in person.sent}

        def judged():
            self.database.execute("SELECT submission_id::text, outcome, findings FROM record.judgement"
                                  " WHERE submission_id = ANY (%s::uuid[])", (list(wanted),))
            rows = self.database.fetchall()
            return len(rows) == len(wanted) and rows
        for submission_id, outcome, findings in wait_for("all judgements", judged, 120, 0.2):
            rules = {f["rule"] for f in findings or [] if f["severity"] == "reject"}
            objection = wanted[submission_id]
            assert outcome == ("rejected" if objection else "accepted"), (submission_id, outcome, objection, findings)
            assert objection is None or objection in rules, (submission_id, objection, findings)
        self.events["judgements"] = len(wanted)

    def staff(self, role, college=""):
        return Staff.new(self.system, role=role, college=college).ready()

    def listed(self, staff, state):
        """All rows of a state that this person sees, by student number."""
        rows, after = {}, ""
        while True:
            answer = staff.call("GET", f"/api/v1/office/reviews?state={state}&limit=100{after}")
            assert answer.status == 200, answer
            rows.update({row["student_number"]: row for row in answer.json["rows"]})
            if not answer.json.get("next"):
                return rows
            after = f"&after={answer.json['next']}"

    def decide(self, staff, state, of, choose):
        """`choose(person)` gives (action, state afterwards, reason code) or None, for each in `state` among `of`."""
        here = {person.row["XH"]: person for person in of}
        listed = {number: row for number, row in self.listed(staff, state).items() if number in here}
        assert set(listed) == {number for number, person in here.items() if person.state == state}, "the list of " + state
        decisions = []
        for number, row in sorted(listed.items()):
            person, choice = here[number], choose(here[number])
            assert row["submission_id"] == person.accepted, "the newest accepted revision is what is looked at"
            if choice:
                action, person.state, reason = choice
                person.record = person.accepted
                decisions.append({"student_id": row["student_id"], "submission_id": row["submission_id"], "action": action,
                                  **({"reason_code": reason, "reason": "请核对后再交"} if reason else {})})
                self.events[action] += 1
        for at in range(0, len(decisions), 200):
            answer = staff.call("POST", "/api/v1/office/reviews", {"decisions": decisions[at:at + 200]})
            assert answer.status == 200 and answer.json["refused"] == 0, answer

    def colleges_decide(self, approve, send_back):
        reason = self.reasons(self.staff("school"))[0]

        def choose(person):
            share = person.dice.random()
            return ("approve", "college_approved", None) if share < approve else \
                ("return", "returned", reason) if share < approve + send_back else None
        for college in self.colleges:
            self.decide(self.staff("college", college), "submitted", [p for p in self.people if p.row["SZYX"] == college], choose)

    def reasons(self, staff):
        answer = staff.call("GET", "/api/v1/office/review-reasons")
        assert answer.status == 200, answer
        return [row["code"] for row in answer.json["rows"] if not row.get("needs_text")]

    def roll_again(self):
        """The school sends its roll once more: a few rows are other than before."""
        changed = 0
        for person in self.people:
            share = person.dice.random()
            if share < 0.05:
                person.row["ZYMC"] += "（改）"
            elif share < 0.08 and person.row["PYFSDM"] == "1":
                person.row["PYFSDM"] = "2"
            elif share < 0.10:
                person.row["BYSJ"] = "202612"
            else:
                continue
            changed += 1
        done = self.system.syctl("--json", "roster", "import", "-", stdin=roster_csv([p.row for p in self.people]))
        assert json.loads(done.stdout)["changed"] == changed, done.stdout
        self.events["rows changed"] = changed

    def second_round(self):
        def one(person):
            if not person.bound:
                return
            if person.chance(0.05):
                person.phone = random_phone()
                wait_for("the code", lambda: person.ask_code().status == 202, 30)
                answer = person.call("PUT", "/api/v1/identity/phone", {"phone": person.phone, "phone_code": person.read_code()})
                assert answer.status == 200, answer
            if person.state == "submitted" and person.chance(0.2):
                answer = person.call("POST", "/api/v1/report/withdrawal")
                assert answer.status == 200 and answer.json["state"] == "withdrawn", answer
                person.state = "withdrawn"
            if person.state in LOCKED and person.chance(0.1):
                person.hand_in()  # is acknowledged, and then refused
            if person.state in ("returned", "withdrawn") and person.chance(0.7):
                person.hand_in(unit=False)  # what the form was before the roll changed
                if person.sent[-1][1] == "dxhwpdw-required":
                    person.hand_in(unit=True)
        in_parallel(one, self.people)

    def school_decides(self):
        school = self.staff("school")
        reason = self.reasons(school)[0]
        self.decide(school, "college_approved", self.people,
                    lambda p: ("approve", "school_approved", None) if p.chance(0.9) else ("return", "returned", reason))
        while True:
            answer = school.call("POST", "/api/v1/office/reports")
            assert answer.status == 200 and answer.json["refused"] == 0, answer
            if not answer.json["more"]:
                break
        for person in self.people:
            if person.state == "school_approved":
                person.state = "reported"
                self.events["report"] += 1

    def window_closes(self):
        self.database.execute("UPDATE campaign.campaign SET closes_at = now(), version = version + 1")
        late = [person for person in self.people if person.bound][:20]

        def refused():
            fields = late[0].form()
            answer = late[0].submit(f"late-{time.monotonic_ns()}", fields)
            if answer.status == 202:  # until the news has arrived: judged like everything else
                late[0].acknowledged(answer.json["submission_id"], late[0].objection(None, "DXHWPDW" in fields))
            return answer.status != 202 and answer.problem == "window-closed"
        if late:
            wait_for("the window to be closed everywhere", lambda: all(refused() for _ in range(8)), 30)
        for person in late:
            assert person.submit(f"late-{person.row['XH']}").problem == "window-closed"

    def topic_again(self):
        """Every submission once more, in another order: the record has seen them all."""
        def content():
            self.database.execute("SELECT submission_id, revision, outcome, origin_partition, origin_offset FROM record.judgement ORDER BY 1")
            judged = self.database.fetchall()
            self.database.execute("SELECT * FROM record.latest ORDER BY 1, 2")
            latest = self.database.fetchall()
            self.database.execute("SELECT * FROM review.progress ORDER BY 1, 2")
            return judged, latest, self.database.fetchall()
        before = content()
        messages = topic_messages(self.system, "submission.received")
        self.dice.shuffle(messages)
        producer = confluent_kafka.Producer({"bootstrap.servers": self.system.demo["kafka"]})
        for _, _, key, value, headers in messages:
            producer.produce("submission.received", value, key, headers=list(headers.items()))
            producer.poll(0)
        assert producer.flush(60) == 0
        wait_for("validation to have seen them", lambda: all(
            row["lag"] == 0 for row in json.loads(self.system.syctl("--json", "lag").stdout)["groups"]
            if row["group"] == "validation"), 120, 0.5)
        assert content() == before, "a replay of the topic changes nothing"
        self.events["replayed"] = len(messages)

    # --- the account ---

    def told_counts(self):
        """What office says of each college."""
        answer = Staff.of(self.system, next(row["account"] for row in self.system.demo["staff"] if row["role"] == "school")) \
            .call("GET", "/api/v1/office/progress")
        assert answer.status == 200, answer
        return {row["college"]: {name: row[name] for name in COUNTED} for row in answer.json["colleges"]}

    def own_counts(self):
        counts = {college: collections.Counter() for college in self.colleges}
        for person in self.people:
            here = counts[person.row["SZYX"]]
            here["students"] += 1
            here["bound"] += person.bound
            here["filled"] += bool(person.sent) or person.drafted
            here["missing" if person.state == "none" else person.state] += 1
        return counts

    def check(self):
        self.settled()
        self.database.execute(
            "SELECT s.xh, array_agg(j.submission_id::text ORDER BY j.revision), array_agg(j.revision ORDER BY j.revision)"
            "  FROM record.judgement j JOIN roster.student s USING (student_id) GROUP BY 1")
        told = {number: (ids, revisions) for number, ids, revisions in self.database.fetchall()}
        for person in self.people:
            ids, revisions = told.get(person.row["XH"], ([], []))
            assert ids == [submission_id for submission_id, _ in person.sent], "judged in the order of the answers"
            assert revisions == list(range(1, len(ids) + 1)), "revisions without a gap"
        self.database.execute("SELECT s.xh, l.accepted_submission_id::text FROM record.latest l JOIN roster.student s USING (student_id)"
                              " WHERE l.accepted_submission_id IS NOT NULL")
        records = dict(self.database.fetchall())
        assert {p.row["XH"]: p.accepted for p in self.people if p.accepted} == \
            {number: records[number] for number in records if number in {p.row["XH"] for p in self.people}}
        for person in self.dice.sample([p for p in self.people if p.bound], min(50, len(self.people) // 2)):
            answer = person.call("GET", "/api/v1/report")
            assert answer.status == 200 and answer.json["state"] == person.state, (person.row["XH"], person.state, answer)
        own, says = self.own_counts(), self.told_counts()
        for college in self.colleges:
            before = self.before.get(college, dict.fromkeys(COUNTED, 0))
            assert {name: says[college][name] - before[name] for name in COUNTED} == \
                {name: own[college][name] for name in COUNTED}, college
        return {name: sum(c[name] for c in own.values()) for name in COUNTED}


def run(system, count, seed):
    """The season; what became of everybody, and what happened."""
    began = time.monotonic()
    season = Season(system, count, seed)
    season.bind()
    season.killing(season.first_round, "intake", "validation")
    season.settled()
    season.colleges_decide(approve=0.6, send_back=0.2)
    season.roll_again()
    season.killing(season.second_round, "validation")
    season.settled()
    season.colleges_decide(approve=0.8, send_back=0.1)
    season.school_decides()
    season.window_closes()
    season.settled()  # also what came just before it closed
    season.topic_again()
    states = season.check()
    return {"students": count, "seed": seed, "seconds": round(time.monotonic() - began, 1), "states": states,
            "events": dict(season.events)}


def main():
    count, seed = int(os.environ.get("STUDENTS") or 200), int(os.environ.get("SEED") or 1)
    with tempfile.TemporaryDirectory(prefix="sy-season-") as folder:
        os.chmod(folder, 0o755)
        env = stack_env(pathlib.Path(folder, "run"), COPIES="intake=2,validation=2,binding=2,office=2")
        try:
            subprocess.run([*STACK, "up"], env=env, check=True, stdout=subprocess.DEVNULL, timeout=300)
            print(json.dumps(run(System(pathlib.Path(folder, "run")), count, seed), ensure_ascii=False))
        finally:
            subprocess.run([*STACK, "down"], env=env, check=False, timeout=120)
            subprocess.run([*STACK, "clean-data"], env=env, check=False, timeout=60)


if __name__ == "__main__":
    main()
