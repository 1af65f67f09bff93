#!/usr/bin/python3
"""The load of the fault runs: students who behave sensibly whatever happens, and a log of all they did.

load.py RUN_DIR PEOPLE.csv LOG SENT SEED STUDENTS RATE    words on standard input: pause, resume, stop

LOG has JSON lines, on disk before a request leaves and before anything is done with its answer:
  {"n": 7, "t": …, "do": "submit", "who": XH, "key": …, "mark": …, "fit": true}     about to be sent
  {"n": 7, "t": …, "status": 202, "id": …}                                         what came back; status 0: no answer
do: submit (mark is the RXQDASZDW of the form; fit: whether the form is right), code (phone), bind, read (id; the answer
has state and revision), stale (the token that a binding replaced, used again). t is CLOCK_MONOTONIC.
SENT is the sandbox's file of messages, from which the codes are read.
"""
import asyncio
import collections
import csv
import json
import os
import pathlib
import random
import sys
import time
import urllib.parse

TIMEOUT = 12
BUSY = (0, 429, 500, 502, 503, 504)  # nothing is known, or try again
FORM = {
    "ZZMMDM": "03", "SYSZDDM": "440106", "CXSY": "城镇", "SFSLBDM": "2", "KNSLBDM": "0", "DASFZRXX": "1",
    "RXQHKSZDPCS": "广州市公安局天河分局石牌派出所", "HKSFZRXX": "0", "DZYX": "student@example.com", "QQHM": "12345678",
    "JTDZ": "广东省广州市天河区示范路1号", "JTDH": "020-12345678", "JTYB": "510630", "JTLXR": "家长", "YHKSZDDM": "440106"}


class Journal:
    """Lines that are on disk when write() returns; those of one moment share an fsync."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.waiting, self.kick, self.count = [], asyncio.Event(), 0

    async def write(self, record):
        done = asyncio.get_running_loop().create_future()
        self.waiting.append((json.dumps({**record, "t": round(time.monotonic(), 6)}, ensure_ascii=False), done))
        self.kick.set()
        await done

    async def begin(self, **record):
        self.count += 1
        number = self.count
        await self.write({"n": number, **record})
        return number

    async def run(self):
        loop = asyncio.get_running_loop()
        while True:
            await self.kick.wait()
            self.kick.clear()
            batch, self.waiting = self.waiting, []
            os.write(self.file, "".join(line + "\n" for line, _ in batch).encode())
            await loop.run_in_executor(None, os.fdatasync, self.file)
            for _, done in batch:
                if not done.done():
                    done.set_result(None)


class Http:
    """One kept connection to the edge; a new one after any trouble."""

    def __init__(self, base):
        parts = urllib.parse.urlsplit(base)
        self.host, self.port, self.reader, self.writer = parts.hostname, parts.port, None, None
        self.lock = asyncio.Lock()  # one request at a time

    under_way = 0  # requests of all connections

    async def call(self, method, path, body=None, headers=None):
        """(status, headers, object or None); status 0 when there was no answer."""
        Http.under_way += 1
        try:
            async with self.lock:
                return await asyncio.wait_for(self.exchange(method, path, body, headers or {}), TIMEOUT)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError, IndexError) as error:
            self.close()
            return 0, {}, {"why": type(error).__name__}
        finally:
            Http.under_way -= 1

    async def exchange(self, method, path, body, headers):
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        head = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", f"Content-Length: {len(data)}"]
        if body is not None:
            head.append("Content-Type: application/json")
        head += [f"{name}: {value}" for name, value in headers.items()]
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        self.writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + data)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        answer = await self.reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection", "").lower() == "close":
            self.close()
        return status, fields, json.loads(answer) if answer else None

    def close(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None


class Sent:
    """What the sandbox sent, by phone."""

    def __init__(self, path):
        self.path, self.at, self.codes = path, 0, collections.defaultdict(list)

    def read(self, phone):
        if self.path.exists():
            with open(self.path, "rb") as file:
                file.seek(self.at)
                for line in file:
                    if line.endswith(b"\n"):
                        self.at += len(line)
                        message = json.loads(line)
                        self.codes[message["phone"]].append(message["code"])
        return self.codes[phone][-1] if self.codes[phone] else None


class Person:
    def __init__(self, load, row, name):
        self.load, self.row, self.name, self.who = load, row, name, row["XH"]
        self.http = Http(load.edge)
        self.token, self.phone, self.logins, self.bound = None, None, 0, False
        self.submissions, self.acked = 0, []  # acked: (key, mark, fit, id)
        self.lock = asyncio.Lock()
        self.random = random.Random(f"{load.seed}/{name}")

    async def call(self, method, path, body=None, headers=None, http=None):
        fields = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return await (http or self.http).call(method, path, body, {**fields, **(headers or {})})

    async def log_in(self, instead_of=None):
        """A new session in the place of one that was refused, unless somebody was faster."""
        async with self.lock:
            while self.token == instead_of:
                await self.load.running.wait()
                self.logins += 1
                status, fields, answer = await self.http.call("POST", "/api/v1/session", {
                    "channel": "mini_program", "code": f"demo-{self.name}.{self.logins}",
                    "consent_version": self.load.consent})
                if status == 201:
                    self.token, self.bound = answer["token"], answer["bound"]
                    return
                if status not in BUSY and status != 401:
                    await self.load.odd("log_in", status, answer)
                await self.wait(fields)

    async def wait(self, fields):
        """As long as the answer asks, but this is a test: a second at most."""
        asked = float(fields.get("retry-after", 0.2) or 0.2)
        await asyncio.sleep(min(asked, 0.8) * self.random.uniform(0.25, 1))

    def form(self, mark, fit):
        fields = {**FORM, "SJHM": self.phone, "RXQDASZDW": mark}
        if self.row["PYFSDM"] in ("2", "4"):
            fields["DXHWPDW"] = "示范县人民政府"
        return fields if fit else {**fields, "JTYB": "1"}

    async def submit_once(self, key, mark, fit, http=None):
        number = await self.load.journal.begin(do="submit", who=self.who, key=key, mark=mark, fit=fit)
        status, fields, answer = await self.call("POST", "/api/v1/submissions", {"fields": self.form(mark, fit)},
                                                 {"Idempotency-Key": key}, http)
        told = {"id": answer["submission_id"]} if status == 202 else {"why": (answer or {}).get("why") or
                                                                     (answer or {}).get("type", "")[-24:]}
        await self.load.journal.write({"n": number, "status": status, **told})
        self.load.answered[status] += 1
        return status, fields, answer

    async def submit(self, key, mark, fit, http=None):
        """Until it is acknowledged or refused; the same key each time. The id, or None."""
        while True:
            await self.load.running.wait()
            token = self.token
            status, fields, answer = await self.submit_once(key, mark, fit, http)
            if status == 202:
                return answer["submission_id"]
            if status in (401, 403):  # gone; or new, and it does not know of the binding yet
                await self.log_in(token)
            elif status == 422:
                return None
            elif status not in BUSY:
                await self.load.odd("submit", status, answer)
                return None
            await self.wait(fields)

    # --- what a submitter does ---

    def next_submission(self):
        self.submissions += 1
        return (f"{self.load.prefix}-{self.who}-{self.submissions}", f"档案{self.who}-{self.submissions}",
                self.random.random() > 0.15)

    async def turn(self):
        dice = self.random.random()
        if dice < 0.12:
            await self.double_click()
        elif dice < 0.18 and self.acked:
            key, mark, fit, _ = self.random.choice(self.acked)
            await self.submit(key, mark, fit)  # once more what was acknowledged
        elif dice < 0.24 and self.acked:
            key, mark, fit, _ = self.random.choice(self.acked[-8:])
            await self.submit(key, mark + "改", fit)  # other content under a used key: to be refused
        elif dice < 0.34 and self.acked:
            await self.read(self.random.choice(self.acked[-8:])[3])
        else:
            key, mark, fit = self.next_submission()
            self.remember(key, mark, fit, await self.submit(key, mark, fit))

    async def double_click(self):
        key, mark, fit = self.next_submission()
        others = [Http(self.load.edge) for _ in range(self.random.randint(1, 3))]
        ids = await asyncio.gather(*(self.submit(key, mark, fit, http) for http in (None, *others)))
        for http in others:
            http.close()
        self.remember(key, mark, fit, ids[0])

    def remember(self, key, mark, fit, submission_id):
        if submission_id:
            self.acked.append((key, mark, fit, submission_id))
            del self.acked[:-64]

    async def read(self, submission_id):
        token = self.token
        number = await self.load.journal.begin(do="read", who=self.who, id=submission_id)
        status, fields, answer = await self.call("GET", f"/api/v1/submissions/{submission_id}")
        told = {"state": answer["state"], "revision": answer.get("revision")} if status == 200 else {}
        await self.load.journal.write({"n": number, "status": status, **told})
        if status == 401:
            await self.log_in(token)
        if status in BUSY:
            await self.wait(fields)

    # --- from 授权 to 绑定 ---

    async def become_bound(self):
        """True when bound; a few starts over are what a patient person does."""
        for _ in range(12):
            await self.load.running.wait()
            if self.token is None:
                await self.log_in()
            if self.bound:
                return True
            if await self.verified() and await self.code_asked():
                await self.bind()
        return self.bound

    async def verified(self):
        status, fields, answer = await self.call("POST", "/api/v1/identity/verifications", {
            "category": "mainland", "name": self.row["XM"], "id_type": self.row["ZJLX"], "id_number": self.row["SFZH"],
            "consent_version": self.load.consent})
        if status == 201:
            status, fields, answer = await self.call(
                "POST", f"/api/v1/identity/verifications/{answer['verification_id']}/completion")
            if status == 200 and answer["state"] == "passed":
                return True
        return await self.unlucky(status, fields)

    async def unlucky(self, status, fields):
        if status == 401:
            self.token = None
        await self.wait(fields)
        return False

    async def code_asked(self):
        """One request a phone, or two at the same moment: never more than one message."""
        self.phone = self.random.choice("13 15 17 18 19".split()) + f"{self.random.randrange(10**9):09d}"
        others = [Http(self.load.edge)] if self.random.random() < 0.3 else []

        async def ask(http):
            number = await self.load.journal.begin(do="code", who=self.who, phone=self.phone)
            status, fields, _ = await self.call("POST", "/api/v1/identity/phone-codes", {"phone": self.phone}, None, http)
            await self.load.journal.write({"n": number, "status": status})
            return status, fields
        answers = await asyncio.gather(*(ask(http) for http in (None, *others)))
        for http in others:
            http.close()
        if self.load.sent.read(self.phone):
            return True
        return await self.unlucky(*answers[0])

    async def bind(self):
        old = self.token
        for _ in range(6):
            await self.load.running.wait()
            number = await self.load.journal.begin(do="bind", who=self.who)
            status, fields, answer = await self.call("POST", "/api/v1/identity/binding", {
                "by": "name", "category": "mainland", "name": self.row["XM"], "id_type": self.row["ZJLX"],
                "id_number": self.row["SFZH"], "phone": self.phone, "phone_code": self.load.sent.read(self.phone)})
            await self.load.journal.write({"n": number, "status": status})
            if status == 201:
                self.token, self.bound = answer["token"], True
                await self.try_stale(old)
                return
            if status in (401, 403, 409, 422):  # log in again and see
                self.token = None
                return
            if status not in BUSY:
                await self.load.odd("bind", status, answer)
                return
            await self.wait(fields)

    async def try_stale(self, token):
        number = await self.load.journal.begin(do="stale", who=self.who)
        status, _, _ = await self.http.call("GET", "/api/v1/session", None, {"Authorization": f"Bearer {token}"})
        await self.load.journal.write({"n": number, "status": status})


class Load:
    def __init__(self, run_dir, people, log, sent, seed, students, rate):
        demo = json.loads((run_dir / "demo.json").read_text())
        self.edge, self.consent = demo["edge"], demo["consent_version"]
        self.people = list(csv.DictReader(open(people, newline="", encoding="utf-8")))
        self.journal, self.sent, self.seed = Journal(log), Sent(sent), seed
        self.students, self.rate, self.prefix = students, rate, f"k{seed}"
        self.running = asyncio.Event()
        self.answered, self.bound = collections.Counter(), 0

    async def odd(self, what, status, answer):
        await self.journal.write({"odd": what, "status": status, "answer": answer})

    def next_person(self):
        row = self.people.pop()
        return Person(self, row, f"f{self.seed}x{row['XH']}")

    async def submitter(self):
        person = self.next_person()
        while not await person.become_bound():
            person = self.next_person()
        self.bound += 1
        pace = random.Random(f"{self.seed}/pace/{person.who}")
        while True:
            await asyncio.sleep(pace.expovariate(self.rate / self.students))
            await self.running.wait()
            await person.turn()

    async def newcomers(self):
        pace = random.Random(f"{self.seed}/newcomers")
        while self.people:
            await asyncio.sleep(pace.uniform(0.5, 2.5))
            person = self.next_person()
            if await person.become_bound():
                self.bound += 1
                await person.turn()
            person.http.close()
        await asyncio.Event().wait()  # nobody is left; the others go on

    async def commands(self):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while word := (await reader.readline()).decode().strip():
            if word == "stop":
                return
            (self.running.clear if word == "pause" else self.running.set)()
            print(json.dumps({"answered": dict(self.answered), "bound": self.bound, "under_way": Http.under_way}),
                  flush=True)

    async def run(self):
        tasks = [asyncio.create_task(task) for task in (
            self.journal.run(), *(self.submitter() for _ in range(self.students)), self.newcomers(), self.newcomers())]
        control = asyncio.create_task(self.commands())
        await asyncio.wait([control, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done() and task.exception():
                raise task.exception()


if __name__ == "__main__":
    if len(sys.argv) != 8:
        sys.exit(__doc__)
    args = sys.argv[1:]

    async def main():
        await Load(pathlib.Path(args[0]), args[1], args[2], pathlib.Path(args[3]), int(args[4]), int(args[5]),
                   float(args[6])).run()
    asyncio.run(main())
