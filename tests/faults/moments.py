"""Why did requests fail when nothing should have been wrong? Failures close together are one moment; told with what was done to
the system before, what was answered by whom, and what the logs say about that time."""
import calendar
import collections
import json
import re
import time

APART = 1.0  # seconds without a failure end a moment
AROUND = 1.0  # seconds of logs before and behind it
LINES = 8
CHARACTERS = 200
MONTHS = {name: number for number, name in enumerate(calendar.month_abbr)}
ISO = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{3}))?(Z|\+00:00| UTC)?")
REDIS = re.compile(r"(\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d)\.(\d{3})")

Failure = collections.namedtuple("Failure", "due kind status taken asked word trace")


def failure(line):
    """Of a line of steady.c; None when it is no failure."""
    words = line.split()
    if len(words) != 7:
        return None
    due, kind, status, taken, asked, word, trace = words
    return Failure(int(due) / 1e6, kind, int(status), int(taken) / 1e6, asked, word, trace)


def moments(failures):
    found = []
    for one in sorted(failures):
        if not found or one.due > found[-1][-1].due + APART:
            found.append([])
        found[-1].append(one)
    return found


def time_of(line):
    """Seconds since 1970 of a line of any of the logs, or None."""
    head = line[:60]
    if match := ISO.search(head):
        *date, thousandths, zone = match.groups()
        parts = (*map(int, date), 0, 0, -1)
        return (calendar.timegm(parts) if zone else time.mktime(parts)) + int(thousandths or 0) / 1000
    if match := REDIS.search(head):
        day, month, year, hour, minute, second, thousandths = match.groups()
        return time.mktime((int(year), MONTHS[month], int(day), int(hour), int(minute), int(second), 0, 0, -1)) + int(thousandths) / 1000
    return None


def telling(name, line):
    """What of a line is worth to be read here, or None."""
    if line.startswith("{"):
        try:
            said = json.loads(line)
        except ValueError:
            return None
        if said.get("level") not in ("warn", "error"):
            return None
        return f"{said['level']} {said.get('message')}: {said.get('error') or said.get('text') or ''}"
    return None if name.startswith(("kafka", "supervisor")) and " INFO " in line else re.sub(r"^[\d\-/T:., ]+", "", line)


def said(logs, begin, end):
    """{(log, words): how often} between two times of the clock."""
    counts = collections.Counter()
    for path in sorted(logs.glob("*.log")):
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                at = time_of(line)
                if at is None or not begin <= at <= end:
                    continue
                if words := telling(path.stem, line.rstrip()):
                    counts[path.stem, words[:CHARACTERS]] += 1
    return counts


def tell(group, faults, clock, logs, turned_away):
    """Lines about one moment. `faults`: [(when, step)]; `clock`: what the monotonic clock lacks to the time of day."""
    begin, end = group[0].due, max(one.due + one.taken for one in group)
    at, step = max(((when, step) for when, step in faults if when <= begin), key=lambda fault: fault[0], default=(begin, None))
    before = f"{begin - at:.1f} s after {step['fault']} of {', '.join(step['parts'])}" if step else "before any fault"
    yield f"{len(group)} failed within {end - begin:.2f} s from {time.strftime('%H:%M:%S', time.gmtime(begin + clock))} UTC, {before}"
    answers = collections.Counter((one.status, one.word, one.asked, "a service" if one.trace != "-" else "edge, or not looked at")
                                  for one in group)
    for (status, word, asked, who), count in answers.most_common(LINES):
        yield f"  {count} × {asked}: {status} {word} ({who})"
    for who, count in sorted(turned_away(begin, end).items()):
        yield f"  {count} × turned away by {who}"
    for (log, words), count in said(logs, begin + clock - AROUND, end + clock + AROUND).most_common(LINES):
        yield f"  {count} × {log}: {words}"
