"""What is done to which part when: a list made from a seed alone, and the hands that do it.

A step is a dict: {"round": 3, "fault": "kill", "part": "validation-1", "after": 0.2, "for": 0.7, …}; `after` the step before,
healed after `for` seconds. FAULTS has a row for each fault: its weight, who can have it, and its particulars.
"""
import contextlib
import os
import pathlib
import random
import resource
import signal
import time

COPIES = {"authorization": 2, "binding": 2, "intake": 2, "validation": 2, "notification": 2}
SERVICES = [f"{name}-{number}" for name, count in COPIES.items() for number in range(1, count + 1)]


def brokers(count):
    return ["kafka"] if count == 1 else [f"kafka-{number}" for number in range(1, count + 1)]


def links_of(count):
    """Patterns of links worth disturbing."""
    return [f"{copy}:{server}" for copy in SERVICES for server in ("postgres", "redis", "kafka*")
            if (copy[:-2], server) != ("validation", "redis")] + \
        ["*:postgres", "*:redis", "*:kafka*", "edge:*", "edge:intake-*", "client:edge", "*:sandbox"] + \
        ([f"*:kafka-{number}" for number in range(1, count + 1)] + ["replicas:*", "*:controller-*"] +
         [f"replicas:kafka-{number}" for number in range(1, count + 1)] if count > 1 else [])


def rule(dice):
    """A way for a link to be bad, in one or both directions."""
    kind = dice.choice(("delay", "delay", "rate", "stall", "drop", "cut", "cut", "cut"))
    value = {"delay": {"delay": dice.choice((20, 50, 150, 300)), "jitter": dice.choice((0, 30, 150))},
             "rate": {"rate": dice.choice((2000, 20000, 200000))}, "stall": {"stall": True}, "drop": {"drop": True},
             "cut": {"cut": int(dice.paretovariate(0.4)) % 6000}}[kind]
    directions = dice.choice((("up",), ("down",), ("up", "down")))
    return {direction: value for direction in directions}


def one_part(parts, seconds=(0.0, 0.0)):
    return lambda dice, count: {"parts": [dice.choice(parts(count))], "for": dice.uniform(*seconds)}


def services(_):
    return SERVICES


def several(dice, count):
    """Two to four parts in the same moment."""
    pool = SERVICES + ["edge", "sandbox", "redis"] + brokers(count)
    return {"parts": dice.sample(pool, dice.randint(2, 4)), "for": 0.0}


def pair(dice, count):
    name = dice.choice(list(COPIES))
    return {"parts": [f"{name}-1", f"{name}-2"], "for": 0.0}


def bad_link(dice, count):
    return {"link": dice.choice(links_of(count)), "rules": rule(dice), "for": dice.uniform(0.3, 2.5)}


def swizzle(dice, count):
    chosen = dice.sample(links_of(count), dice.randint(2, 5))
    return {"links": chosen, "back": dice.sample(chosen, len(chosen)), "for": dice.uniform(0.5, 2.0)}


def reset_link(dice, count):
    return {"link": dice.choice(links_of(count)), "for": 0.0}


def long_pause(dice, count):
    """Longer than the group's patience (6 s): others take over, and then it wakes up."""
    return {"parts": [dice.choice(("validation-1", "validation-2"))], "for": dice.uniform(6.5, 8.0)}


def join_leave(dice, count):
    """Members of validation's group leave and come back, one every two seconds, for ten seconds: told to go, or killed."""
    return {"moves": [[dice.choice(("validation-1", "validation-2")), dice.random() < 0.3] for _ in range(5)], "for": 0.0}


def kill_amid(dice, count):
    """A copy whose link to a server has stood still for a moment, in both directions or in its own: then it still hears
    what comes. It dies with work half done, and what it said last gets there late or not at all."""
    copy = dice.choice(SERVICES + ["validation-1", "validation-2"] * 2)
    servers = ["postgres", "kafka*"] + (["redis"] if not copy.startswith("validation") else [])
    return {"parts": [copy], "link": f"{copy}:{dice.choice(servers)}", "stalled": round(dice.uniform(0.1, 0.7), 3),
            "held": dice.choice((["up"], ["up", "down"])), "unsaid": dice.random() < 0.6, "for": 0.0}


def no_memory(dice, count):
    """A copy's n-th allocation fails: of the whole process, or of what our own code asks for; from now on, or from its birth
    on; or the kernel gives it no more than a little (RLIMIT_AS)."""
    way = dice.choice(("now", "now", "birth", "limit"))
    kind = dice.choice(("memory", "own"))
    return {"parts": [dice.choice(SERVICES)], "way": way, "kind": kind, "for": dice.uniform(0.6, 1.5),
            "nth": int(10 ** dice.uniform(0, 4 if kind == "memory" else 3)), "room": dice.choice((0, 64, 1024, 8192)) * 1024}


def redis_only(low, high):
    return lambda dice, count: {"for": dice.uniform(low, high)}


def edge_and_platform(_):
    return ["edge", "sandbox"]


# fault: (weight, particulars). Kills weigh most: a thousand of them have to come out clean. Weight 0: only when it is named.
FAULTS = {
    "kill": (34, one_part(services)),
    "kill-pair": (6, pair),
    "kill-amid": (8, kill_amid),
    "kill-several": (5, several),
    "kill-edge": (3, one_part(edge_and_platform)),
    "kill-broker": (5, one_part(brokers)),
    "kill-postgres": (4, one_part(lambda _: ["postgres"])),
    "kill-redis": (3, one_part(lambda _: ["redis"])),
    "stop": (7, one_part(lambda count: SERVICES + ["edge", "sandbox"])),
    "stop-server": (3, one_part(lambda count: ["postgres", "redis"] + brokers(count))),
    "postgres-immediate": (3, one_part(lambda _: ["postgres"])),
    "pause": (6, one_part(lambda count: SERVICES + ["edge", "sandbox"], (0.2, 2.5))),
    "pause-server": (4, one_part(lambda count: ["postgres", "redis"] + brokers(count), (0.2, 3.0))),
    "pause-long": (1, long_pause),
    "link": (14, bad_link),
    "reset": (4, reset_link),
    "refuse": (2, lambda dice, count: {**reset_link(dice, count), "for": dice.uniform(0.2, 1.5)}),
    "swizzle": (3, swizzle),
    "flush-redis": (1.5, redis_only(0, 0)),
    "fill-redis": (2, redis_only(0.5, 1.5)),
    "stall-redis": (2, redis_only(0.3, 1.5)),
    "poison": (2, lambda dice, count: {"kind": dice.randrange(4), "for": 0.0}),
    "join-leave": (0, join_leave),
    "no-memory": (0, no_memory),
}
JOIN_LEAVE_SECONDS = 2.0
# Numbers of a service's file (tests/torture/fail.c), and its kinds.
KIND, FAILING, COUNT, FAILED, BIRTH_KIND, BIRTH_FAILING, STATE_NUMBERS = range(7)
KINDS = {"memory": 1, "own": 6}


def torture_files(folder):
    folder.mkdir(exist_ok=True)
    for name in SERVICES:
        (folder / name).write_bytes(bytes(8 * STATE_NUMBERS))


def make(seed, rounds, broker_count, only=None):
    dice = random.Random(seed)
    faults = {name: row for name, row in FAULTS.items() if not only or name in only}
    names, weights = list(faults), [row[0] or bool(only) for row in faults.values()]
    steps = []
    for number in range(1, rounds + 1):
        name = dice.choices(names, weights)[0]
        steps.append({"round": number, "fault": name, "after": round(dice.uniform(0.05, 0.9), 3),
                      **faults[name][1](dice, broker_count)})
        steps[-1]["for"] = round(steps[-1]["for"], 3)
    return steps


def is_kill(step):
    return step["fault"].startswith("kill") or step["fault"] == "postgres-immediate"


class Hands:
    """Does the steps to a running system; `note` is told what the checker has to know."""

    def __init__(self, system, links, note):
        self.system, self.links, self.note = system, links, note
        self.frozen = []

    def process(self, name):
        return next((p["pid"] for p in self.system.demo["processes"] if p["name"] == name), None)

    def up(self, name, seconds=15):
        """The pid of a part, when it is there: it may be starting again after the step before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError):
                pid = self.process(name)
                if pid and alive(pid):
                    return pid
            time.sleep(0.02)
        raise RuntimeError(f"{name} did not come back within {seconds} s")

    def signal(self, name, number):
        pid = self.up(name)
        with contextlib.suppress(ProcessLookupError):
            if name == "edge" and number == signal.SIGKILL:
                os.killpg(pid, number)  # workers would keep the port
            else:
                os.kill(pid, number)

    def stop(self, name):
        self.signal(name, {"postgres": signal.SIGINT, "edge": signal.SIGQUIT}.get(name, signal.SIGTERM))

    def freeze(self, name):
        for pid in family(self.up(name)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self.frozen.append(pid)

    def thaw(self):
        for pid in reversed(self.frozen):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.frozen = []

    def redis(self, *words):
        import redis
        with contextlib.suppress(redis.RedisError):
            redis.Redis.from_url(self.system.demo["redis"], socket_timeout=3).execute_command(*words)

    def apply(self, step):
        fault = step["fault"]
        if fault == "kill-amid":
            self.links.set(step["link"], **{direction: {"stall": True} for direction in step["held"]})
            time.sleep(step["stalled"])
        if fault.startswith("kill") or fault in ("stop", "stop-server", "postgres-immediate"):
            for name in step["parts"]:
                if "redis" in name:
                    self.note(forgotten=time.time())
                if fault.startswith("kill"):
                    self.signal(name, signal.SIGKILL)
                elif fault == "postgres-immediate":
                    self.signal(name, signal.SIGQUIT)
                else:
                    self.stop(name)
            if step.get("unsaid"):
                self.links.reset(step["link"])
        elif fault.startswith("pause"):
            self.freeze(step["parts"][0])
        elif fault == "link":
            self.links.set(step["link"], **step["rules"])
        elif fault == "refuse":
            self.links.set(step["link"], refuse=True)
            self.links.reset(step["link"])
        elif fault == "reset":
            self.links.reset(step["link"])
        elif fault == "swizzle":
            for link in step["links"]:
                self.links.both(link, stall=True)
                time.sleep(0.05)
        elif fault == "no-memory":
            self.no_memory(step["parts"][0], step)
        elif fault == "join-leave":
            for name, killed in step["moves"]:
                self.signal(name, signal.SIGKILL if killed else signal.SIGTERM)
                time.sleep(JOIN_LEAVE_SECONDS)
        else:
            self.apply_redis(step)

    def torture(self, name, *numbers):
        """Reads the numbers of a service's file, and writes (place, number)s, in this order."""
        with open(self.system.run_dir / "torture" / name, "r+b", buffering=0) as file:  # in place: it is mapped
            found = file.read()
            for place, number in numbers:
                file.seek(8 * place)
                file.write(number.to_bytes(8, "little"))
        return [int.from_bytes(found[at:at + 8], "little") for at in range(0, len(found), 8)]

    def no_memory(self, name, step):
        pid, kind = self.up(name), KINDS[step["kind"]]
        self.starved = (name, pid, self.torture(name)[FAILED])
        if step["way"] == "now":
            self.torture(name, (KIND, 0), (COUNT, 0), (FAILING, step["nth"]), (KIND, kind))
        elif step["way"] == "birth":
            self.torture(name, (BIRTH_FAILING, step["nth"]), (BIRTH_KIND, kind))
            self.signal(name, signal.SIGKILL)
        else:
            pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[0])
            resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + step["room"], resource.RLIM_INFINITY))

    def fed(self, step):
        """What came of it: nothing failed, it lived on, or it ended (by a failure, or the kill before a birth)."""
        name, pid, failed = self.starved
        if step["way"] == "limit":
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        numbers = self.torture(name, (KIND, 0), (BIRTH_KIND, 0))
        self.note(starved=name, way=step["way"], kind=step["kind"], nth=step["nth"], calls=numbers[COUNT],
                  failed=numbers[FAILED] - failed, ended=not alive(pid))

    def apply_redis(self, step):
        fault = step["fault"]
        if fault == "flush-redis":
            self.note(forgotten=time.time())
            self.redis("FLUSHALL")
        elif fault == "fill-redis":
            self.redis("CONFIG", "SET", "maxmemory", "1mb")
        elif fault == "stall-redis":
            self.redis("CLIENT", "PAUSE", str(int(step["for"] * 1000)), "ALL")
        elif fault == "poison":
            self.poison(step["kind"])
        else:
            raise ValueError(f"no fault {fault}")

    def poison(self, kind):
        """A message that no one can read; where it went is told when it is there."""
        import confluent_kafka
        value = (b"", b"{not json", b'{"version": 99}', None)[kind]
        producer = confluent_kafka.Producer({"bootstrap.servers": self.system.demo["kafka"], "log_level": 0,
                                             "message.timeout.ms": 20000, "enable.idempotence": True})
        places = []
        topic = "submission.received"
        producer.produce(topic, key=b"poison", value=value, partition=kind * 3,
                         on_delivery=lambda error, message: places.append((error, message.partition(), message.offset())))
        producer.flush(22)
        for error, partition, offset in places:
            if error is None:  # otherwise nobody knows; its key tells
                self.note(poison=(topic, partition, offset))

    def heal(self, step=None):
        if step and step["fault"] == "swizzle":
            for link in step["back"]:
                self.links.heal(link)
                time.sleep(0.05)
        if step and step["fault"] == "no-memory":
            self.fed(step)
        self.thaw()
        if self.links:
            self.links.heal()
        if step is None or step["fault"] == "fill-redis":
            self.redis("CONFIG", "SET", "maxmemory", "512mb")


def alive(pid):
    """Not one that has ended and was not collected yet."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def family(pid):
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += family(int(child))
    return found
