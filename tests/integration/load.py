"""A bounded load of bound students who repeat until they are acknowledged, as the contract tells."""
import http.client
import threading
import time


class Load:
    """Students submitting one after the other; `acknowledged` is what they were told."""

    def __init__(self, students, prefix):
        self.students = students
        self.prefix = prefix  # keys are the student's for the whole campaign
        self.acknowledged = []
        self.answers = []
        self.wrong = []
        self.lock = threading.Lock()
        self.enough = threading.Event()

    def one(self, student):
        number = 0
        while not self.enough.is_set():
            key = f"{self.prefix}-{number}"
            fields = student.form(JTYB=f"{510000 + number % 1000}")
            while True:
                started = time.monotonic()
                try:
                    answer = student.submit(key, fields=fields)
                except (OSError, http.client.HTTPException):
                    answer = None  # no answer: nothing is known, the same key again
                taken = time.monotonic() - started
                status = answer.status if answer else 0
                with self.lock:
                    self.answers.append((time.monotonic(), status, taken))
                    if status == 202:
                        self.acknowledged.append((student.name, key, answer.json["submission_id"]))
                    elif status == 503 and "Retry-After" not in answer.headers:
                        self.wrong.append("503 without Retry-After")
                    elif status not in (0, 503):
                        self.wrong.append(f"{status} {answer.body[:200]!r}")
                if status == 202 or status not in (0, 503):
                    break
                if self.enough.wait(0.05):
                    return
            number += 1

    def __enter__(self):
        self.threads = [threading.Thread(target=self.one, args=(s,), daemon=True) for s in self.students]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        for thread in self.threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self.threads)

    def wait_for_more(self, count, seconds=60):
        """Until `count` more were acknowledged."""
        have = len(self.acknowledged)
        deadline = time.monotonic() + seconds
        while len(self.acknowledged) < have + count:
            assert time.monotonic() < deadline, f"no {count} acknowledgements within {seconds} s: {self.answers[-5:]}"
            time.sleep(0.01)
