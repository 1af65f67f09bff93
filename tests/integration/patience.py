"""A student on the way in who repeats what was not answered, as the pages do."""
import http.client
import threading

from shengyuan import Student, wait_for

PASSING = (0, 502, 503, 504)  # nobody there, or asked to come back


class Newcomer(Student):
    """`step` is how far it came: "bound", or what stopped it."""

    def __init__(self, system, row):
        super().__init__(system, row)
        self.step, self.asked_again = "begun", 0

    def patiently(self, step, seconds=60):
        """The answer that is one."""
        def ask():
            try:
                answer = step()
            except (OSError, http.client.HTTPException):
                return None  # nothing is known
            return answer if answer.status not in PASSING else None
        return wait_for(step.__name__, ask, seconds, 0.05)

    def go(self):
        self.step = self.way_in()
        return self

    def way_in(self):
        assert self.patiently(self.log_in).status == 201
        answer = self.patiently(self.verify)
        assert answer.status == 200, answer
        answer = self.patiently(self.ask_code)
        if answer.status == 429:  # asked before, and the answer was lost
            self.asked_again += 1
        else:
            assert answer.status == 202, answer
        if self.read_code() is None:
            return "no code"
        answer = self.patiently(self.bind)
        # 201; it stood already; the token was changed and the new one was lost
        assert answer.status in (201, 401, 409), answer
        return "bound"

    def messages(self):
        return len(self.inbox.call("GET", f"/inbox?phone={self.phone}").json["messages"])

    def knows_its_binding(self):
        answer = self.patiently(self.log_in)
        return answer.status == 201 and answer.json["bound"]


class Stream:
    """Newcomers without end, a few at a time, until the block is left; then those on the way arrive."""

    def __init__(self, system, rows, width=2):
        self.system, self.rows, self.width = system, list(rows), width
        self.arrived, self.failures = [], []
        self.enough = threading.Event()

    def arrive(self):
        while self.rows:
            if self.enough.wait(0.2):  # ten a second: enough for every point, and people last
                return
            newcomer = Newcomer(self.system, self.rows.pop())
            try:
                self.arrived.append(newcomer.go())
            except Exception as failure:  # pylint: disable=broad-except; shown where the test waits
                self.failures.append(failure)
                return
            finally:
                newcomer.http.close()
                newcomer.inbox.close()

    def wait_for_more(self, count, seconds=60):
        have = len(self.arrived)
        wait_for(f"{count} newcomers", lambda: self.failures or len(self.arrived) >= have + count, seconds)
        assert self.failures == []

    def __enter__(self):
        self.threads = [threading.Thread(target=self.arrive, daemon=True) for _ in range(self.width)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        for thread in self.threads:
            thread.join(90)
        assert not any(thread.is_alive() for thread in self.threads) and self.failures == [], self.failures
