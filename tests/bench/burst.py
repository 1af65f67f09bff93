#!/usr/bin/python3
"""make burst: BASE submissions a second, then ten times as many, then BASE again, through the edge.

Judges what was seen: everything is answered, 503 and 429 say when to come back and not all at the same
time, p99 of what was admitted stays within FACTOR times that of the first phase of the same run, and
all that was admitted is judged. Prints the phases as JSON lines and the verdict; exit 1 when it is red.
BASE, BURST, SECONDS, BURST_SECONDS, STUDENTS, CONNECTIONS, FACTOR, DOOR (edge or intake) from the environment.
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests/integration")]
from conftest import STACK, stack_env  # noqa: E402
from servers import reader  # noqa: E402
from shengyuan import Student, System, wait_for  # noqa: E402


def setting(name, default):
    return float(os.environ.get(name) or default)


def tokens(system, path, count):
    """Bound students, one line `token phone` each."""
    rows = [r for r in system.people(count * 5 // 4 + 20) if r["PYFSDM"] == "1"][:count]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        students = list(pool.map(lambda row: Student(system, row).ready(), rows))
    path.write_text("".join(f"{s.token} {s.phone}\n" for s in students))
    for student in students:
        student.http.close()


def program():
    build = ROOT / os.environ.get("BUILD", "build")
    return str((build.parent if build.name == "asan" else build) / "bench/burst")  # the load is not what is tested


def port(system, door):
    if door == "edge":
        return urllib.parse.urlsplit(system.demo["edge"]).port
    return json.loads((system.run_dir / "ports.json").read_text())["intake-1"]


def run(system, phases, folder, students=200, connections=2048, door="edge"):
    """[(rate, seconds)…] against a running system; the phases as burst tells them, and the ids admitted."""
    folder = pathlib.Path(folder)
    tokens(system, folder / "tokens", students)
    prefix = f"burst-{time.monotonic_ns()}"
    done = subprocess.run([program(), str(port(system, door)), str(folder / "tokens"), str(connections), prefix,
                           str(folder / "ids"), ",".join(f"{rate}x{seconds}" for rate, seconds in phases)],
                          capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    sys.stderr.write(done.stderr)  # the first of each kind that was not admitted
    ids = (folder / "ids").read_text().split()
    return [json.loads(line) for line in done.stdout.splitlines()], ids


def not_judged(system, ids, seconds=120):
    """Ids without a judgement after at most `seconds`."""
    def missing():
        with reader(system) as cursor:
            cursor.execute("SELECT i FROM unnest(%s::uuid[]) i WHERE NOT EXISTS"
                           " (SELECT FROM record.submission WHERE submission_id = i)", (ids,))
            return [row[0] for row in cursor.fetchall()]
    try:
        wait_for("all judged", lambda: not missing(), seconds, 0.5)
    except AssertionError:
        pass
    return missing()


def verdict(phases, ids, left, factor):
    """What is wrong, in words; the phases are base, burst, base."""
    base, burst, after = phases
    wrong = []
    for phase in phases:
        if phase["other"] or phase["without_retry_after"]:
            wrong.append(f"neither admitted nor told when to come back: {phase}")
    for phase in (base, after):
        if phase["admitted"] < 0.999 * phase["sent"]:
            wrong.append(f"refused although it can be carried: {phase}")
    if burst["p99_ms"] > factor * base["p99_ms"]:
        wrong.append(f"p99 of what was admitted is {burst['p99_ms']} ms in the burst, {base['p99_ms']} ms before")
    if burst["refused"] > 500 and len(burst["retry_after"]) < 3:
        wrong.append(f"those turned away come back together: {burst['retry_after']}")
    if len(set(ids)) != len(ids) or len(ids) != sum(phase["admitted"] for phase in phases):
        wrong.append("an id twice, or an answer without one")
    if left:
        wrong.append(f"{len(left)} admitted and not judged, such as {left[0]}")
    return wrong


def main():
    base, burst = setting("BASE", 600), setting("BURST", 6000)
    phases = [(base, setting("SECONDS", 10)), (burst, setting("BURST_SECONDS", 10)), (base, setting("SECONDS", 10))]
    with tempfile.TemporaryDirectory(prefix="sy-burst-") as folder:
        os.chmod(folder, 0o755)
        run_dir = pathlib.Path(folder, "run")
        env = stack_env(run_dir, EXTRA_INTAKE="--new-a-day=0")
        try:
            subprocess.run([*STACK, "up"], env=env, check=True, stdout=subprocess.DEVNULL, timeout=300)
            system = System(run_dir)
            # Warm, with as many as make bench: a broker that runs since a minute compiles itself during its first burst.
            run(system, [(base, 3), (burst, 10), (base, 2)], folder)
            told, ids = run(system, phases, folder, int(setting("STUDENTS", 500)), int(setting("CONNECTIONS", 2048)),
                            os.environ.get("DOOR", "edge"))
            began = time.monotonic()
            left = not_judged(system, ids)
            for phase in told:
                print(json.dumps(phase))
            print(json.dumps({"admitted": len(ids), "judged_after_s": round(time.monotonic() - began, 1)}))
            wrong = verdict(told, ids, left, setting("FACTOR", 3))
        finally:
            subprocess.run([*STACK, "down"], env=env, check=False, timeout=120)
            subprocess.run([*STACK, "clean-data"], env=env, check=False, timeout=60)
    print("\n".join(wrong) or f"p99 {told[1]['p99_ms']} ms in the burst, {told[0]['p99_ms']} ms before; nothing lost")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
