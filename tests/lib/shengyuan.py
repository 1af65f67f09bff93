"""What tests, demo and bench share: finding the running system, and being a student of it.

Only the standard library. Nothing here knows how the product works inside: it speaks HTTP to the
edge, reads the sandbox's inbox, and asks syctl.
"""
import base64
import csv
import hashlib
import hmac
import http.client
import io
import json
import os
import pathlib
import random
import struct
import subprocess
import time
import urllib.parse
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A form that is right for a student who is neither 定向 nor 委培; SJHM is added.
FORM = {
    "ZZMMDM": "03", "SYSZDDM": "440106", "CXSY": "城镇", "SFSLBDM": "2", "KNSLBDM": "0",
    "RXQDASZDW": "广州市第一中学", "DASFZRXX": "1", "RXQHKSZDPCS": "广州市公安局天河分局石牌派出所",
    "HKSFZRXX": "0", "DZYX": "student@example.com", "QQHM": "12345678", "JTDZ": "广东省广州市天河区示范路1号",
    "JTDH": "020-12345678", "JTYB": "510630", "JTLXR": "家长", "YHKSZDDM": "440106",
}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        """The stable word of a problem+json answer."""
        return self.json["type"].rsplit("/", 1)[1]

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Http:
    """One kept connection to one address. Servers end idle ones after a while (75 s): we do before them."""

    IDLE_S = 20

    def __init__(self, base, timeout=40):
        parts = urllib.parse.urlsplit(base)
        self.address, self.timeout, self.connection, self.used = parts.netloc, timeout, None, 0.0

    def call(self, method, path, body=None, headers=None, raw=None):
        payload = raw if raw is not None else \
            json.dumps(body, ensure_ascii=False).encode() if body is not None else None
        fields = dict(headers or {})
        if payload is not None:
            fields.setdefault("Content-Type", "application/json")
        if time.monotonic() - self.used > self.IDLE_S:
            self.close()
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.address, timeout=self.timeout)
        try:
            self.connection.request(method, path, payload, fields)
            answer = self.connection.getresponse()
            data = answer.read()
            self.used = time.monotonic()
        except BaseException:
            self.close()
            raise
        return Answer(answer.status, answer.headers, data)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class System:
    """A running system, found by its RUN_DIR."""

    def __init__(self, run_dir=None):
        self.run_dir = pathlib.Path(ROOT, run_dir or os.environ.get("RUN_DIR") or ".run").resolve()
        self.bin = ROOT / os.environ.get("BUILD", "build") / "bin"

    @property
    def demo(self):
        return json.loads((self.run_dir / "demo.json").read_text())

    def pids(self, service):
        return [p["pid"] for p in self.demo["processes"] if p["service"] == service]

    def admins(self, service):
        return [p["admin"] for p in self.demo["processes"] if p["service"] == service]

    def syctl(self, *arguments, check=True, stdin=None):
        done = subprocess.run([str(self.bin / "syctl"), f"--run-dir={self.run_dir}", *map(str, arguments)],
                              capture_output=True, text=True, check=False, input=stdin)
        if check and done.returncode != 0:
            raise AssertionError(f"syctl {arguments}: {done.returncode} {done.stderr}")
        return done

    def people(self, count, seed=None, change=None):
        """New people of the demo school in the roster; `change(row)` may alter one before."""
        seed = random.randrange(1 << 31) if seed is None else seed
        rows = list(csv.DictReader(io.StringIO(self.syctl("people", f"--count={count}", f"--seed={seed}").stdout)))
        for row in rows:
            if change:
                change(row)
        done = self.syctl("--json", "roster", "import", "-", stdin=roster_csv(rows))
        counts = json.loads(done.stdout)
        assert counts["added"] == count, counts
        return rows


def roster_csv(rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def wait_for(what, condition, seconds=30, every=0.05):
    """Until `condition()` is true; its value is returned. AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(every)


def png_image(width, height, comment=None, noise=False):
    """A whole PNG; `comment` is in it as text, `noise` makes it as large as it is."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    line = os.urandom(3 * width) if noise else bytes(3 * width)
    rows = b"".join(b"\0" + (os.urandom(3 * width) if noise else line) for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + (
        chunk(b"tEXt", b"Comment\0" + comment) if comment else b"") + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def random_phone():
    return random.choice("13 15 17 18 19".split()) + f"{random.randrange(10**9):09d}"


class Student:
    """A person with a phone, on the way from 授权 to a judged submission."""

    def __init__(self, system, row, name=None):
        self.system, self.row = system, row
        demo = system.demo
        self.http, self.inbox = Http(demo["edge"]), Http(demo["sandbox"])
        self.consent = demo["consent_version"]
        self.name = name or f"t{random.randrange(10**12)}"
        self.logins = 0
        self.token = None
        self.phone = random_phone()

    def call(self, method, path, body=None, headers=None, raw=None):
        fields = dict(headers or {})
        if self.token:
            fields.setdefault("Authorization", f"Bearer {self.token}")
        return self.http.call(method, path, body, fields, raw)

    def log_in(self, channel="mini_program", code=None):
        self.logins += 1
        answer = self.http.call("POST", "/api/v1/session", {
            "channel": channel, "code": code or f"demo-{self.name}.{self.logins}",
            "consent_version": self.consent})
        if answer.status == 201:
            self.token = answer.json["token"]
        return answer

    def verify(self, **change):
        answer = self.call("POST", "/api/v1/identity/verifications", {
            "category": "mainland", "name": self.row["XM"], "id_type": self.row["ZJLX"],
            "id_number": self.row["SFZH"], "consent_version": self.consent, **change})
        if answer.status != 201:
            return answer
        return self.call("POST", f"/api/v1/identity/verifications/{answer.json['verification_id']}/completion")

    def ask_code(self):
        return self.call("POST", "/api/v1/identity/phone-codes", {"phone": self.phone})

    def read_code(self):
        messages = self.inbox.call("GET", f"/inbox?phone={urllib.parse.quote(self.phone)}").json["messages"]
        codes = [message["code"] for message in messages if message["code"]]
        return codes[0] if codes else None

    def bind_body(self, **change):
        return {"by": "name", "category": "mainland", "name": self.row["XM"], "id_type": self.row["ZJLX"],
                "id_number": self.row["SFZH"], "phone": self.phone, "phone_code": self.read_code() or "000000",
                **change}

    def bind(self, **change):
        answer = self.call("POST", "/api/v1/identity/binding", self.bind_body(**change))
        if answer.status == 201:
            self.token = answer.json["token"]
        return answer

    def ready(self):
        """Logged in, verified and bound."""
        for step, want in ((self.log_in, 201), (self.verify, 200), (self.ask_code, 202), (self.bind, 201)):
            answer = step()
            assert answer.status == want, (step.__name__, answer)
        return self

    def form(self, **change):
        fields = {**FORM, "SJHM": self.phone, **change}
        if self.row["PYFSDM"] in ("2", "4"):
            fields.setdefault("DXHWPDW", "示范县人民政府")
        return {name: value for name, value in fields.items() if value is not None}

    def submit(self, key=None, fields=None, **change):
        body = {"fields": fields if fields is not None else self.form(**change)}
        return self.call("POST", "/api/v1/submissions", body,
                         {"Idempotency-Key": key or f"key-{random.randrange(10**15)}"})

    def send(self, key=None, fields=None, **change):
        """submit(), for those who count on it: the id of what was acknowledged. A 503 asks to come again
        with the same key, as on a machine that is busy or a broker that has only just come."""
        key = key or f"key-{random.randrange(10**15)}"
        fields = fields if fields is not None else self.form(**change)

        def ask():
            answer = self.submit(key, fields)
            assert answer.status in (202, 503), answer
            return answer.status == 202 and answer
        return wait_for("the submission to be acknowledged", ask, 30, 0.2).json["submission_id"]

    def status(self, submission_id):
        return self.call("GET", f"/api/v1/submissions/{submission_id}")

    def judged(self, submission_id, seconds=30):
        """The judgement, when it is there."""
        def ask():
            answer = self.status(submission_id)
            return answer.json if answer.status == 200 and answer.json["state"] != "received" else None
        return wait_for(f"judgement of {submission_id}", ask, seconds)


def one_time_code(secret, seconds=None):
    """RFC 6238, as an authenticator app shows it now."""
    step = int(time.time() if seconds is None else seconds) // 30
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


class Staff:
    """Somebody of demo.json's staff, in a browser: cookies come back, calls other than GET carry the CSRF token.

    A one-time code is good once, and only two are good at a time: tests share who is logged in already (`Staff.of`), or
    make an account of their own (`Staff.new`)."""
    shared = {}

    def __init__(self, system, account, base=None):
        self.system = system
        self.row = next(row for row in system.demo["staff"] if row["account"] == account) if isinstance(account, str) else account
        self.http = Http(base or system.demo["edge"])
        self.cookies, self.csrf = {}, None

    @classmethod
    def of(cls, system, account):
        """Logged in; one session for all tests that only need somebody."""
        key = (str(system.run_dir), account)
        staff = cls.shared.get(key)
        if staff is None or staff.call("GET", "/api/v1/staff/session").status != 200:
            staff = cls.shared[key] = cls(system, account).ready()
        return staff

    @classmethod
    def new(cls, system, role="college", school="99901", college="信息工程学院", name="新老师"):
        """An account that nobody has used yet."""
        place = {"counsellor": (school, college), "college": (school, college), "school": (school, ""), "province": ("", "")}[role]
        told = system.syctl("--json", "staff", "add", f"t{random.randrange(10**12)}", f"--role={role}", f"--school={place[0]}",
                            f"--college={place[1]}", f"--name={name}")
        return cls(system, {**json.loads(told.stdout), "name": name, "role": role, "school_code": place[0], "college": place[1]})

    def credentials(self, method):
        """The header fields that say who this is."""
        fields = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        if self.csrf and method not in ("GET", "HEAD"):
            fields["X-CSRF-Token"] = self.csrf
        return fields

    def call(self, method, path, body=None, headers=None, raw=None):
        answer = self.http.call(method, path, body, {**self.credentials(method), **(headers or {})}, raw)
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, rest = line.partition("=")
            value = rest.split(";")[0]
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
        if path == "/api/v1/staff/session" or path == "/api/v1/staff/password":
            if answer.status in (200, 201):
                self.csrf = answer.json["csrf_token"]
        return answer

    def log_in(self, **change):
        """Comes again while others are looked at (503)."""
        body = {"account": self.row["account"], "password": self.row["password"],
                "one_time_code": one_time_code(self.row["one_time_code_secret"]), **change}

        def ask():
            answer = self.call("POST", "/api/v1/staff/session", body)
            return answer.status != 503 and answer
        return wait_for("a place to be looked at", ask, 60, 0.1)

    def ready(self):
        """Logged in, whoever used this half-minute's code before (the one of the next is good already)."""
        def try_in():
            for ahead in (0, 30):
                answer = self.log_in(one_time_code=one_time_code(self.row["one_time_code_secret"], time.time() + ahead))
                assert answer.status in (201, 401), answer
                if answer.status == 201:
                    return True
            return False
        wait_for("a one-time code that is not used yet", try_in, 70, 16)
        return self
