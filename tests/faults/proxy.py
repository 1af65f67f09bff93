#!/usr/bin/python3
"""A TCP proxy on each link between two parts, told by tests how badly to behave.

proxy.py LINKS.json     {"intake-1:kafka": {"listen": 20001, "target": 20002}, …}, all on 127.0.0.1

Serves until SIGTERM and takes orders as JSON lines on LINKS.sock beside the file; `Links` below sends
them. A rule holds for one direction of a link: `up` is from the one who connected, `down` is to it.

delay, jitter   milliseconds that bytes are held back, in order; a link's end of stream too
rate            bytes a second
stall           bytes stay where they are until the rule ends; nothing is lost
drop            bytes and ends of stream vanish: a half-open connection, a partition
cut             after so many more bytes the connection is reset; once, for the first that gets there
flaky           the chance of each piece of a stream to be lost with its connection: 0.01
"""
import asyncio
import collections
import fnmatch
import json
import pathlib
import random
import signal
import socket
import struct
import sys

HELD_BYTES_MAX = 256 * 1024  # a pipe that holds more stops reading


class Rule:
    """What happens to one direction of a link."""

    def __init__(self, delay=0, jitter=0, rate=0, stall=False, drop=False, cut=None, flaky=0):
        self.delay, self.jitter, self.rate = delay / 1000, jitter / 1000, rate
        self.stall, self.drop, self.cut, self.flaky = stall, drop, cut, flaky


class Pipe:
    """One direction of one connection: what was read here, and when it goes out there."""

    def __init__(self, connection, direction):
        self.connection, self.direction = connection, direction
        self.source = self.target = None  # transports
        self.held = collections.deque()  # (due, bytes; None is the end of the stream)
        self.held_bytes = 0
        self.due = 0.0
        self.passed = 0
        self.timer = None
        self.reading = True
        self.choked = False
        self.lossy = False  # bytes vanished: none of this stream may come after them
        self.ended = False

    @property
    def rule(self):
        return self.connection.link.rules[self.direction]

    def feed(self, data):
        if self.rule.drop or self.lossy:
            self.lossy = True
            return
        if data and self.rule.flaky and random.random() < self.rule.flaky:
            self.connection.link.count["flaky"] += 1
            self.connection.reset()
            return
        now = asyncio.get_running_loop().time()
        due = now + self.rule.delay + random.uniform(0, self.rule.jitter)
        self.due = max(self.due, due)
        if self.rule.rate and data:
            self.due += len(data) / self.rule.rate
        self.held.append((self.due, data))
        self.held_bytes += len(data or b"")
        self.move()

    def move(self):
        """Sends what is due, asks to be woken for the rest."""
        loop = asyncio.get_running_loop()
        if self.timer:
            self.timer.cancel()
            self.timer = None
        while self.held and self.target and not self.rule.stall:
            due, data = self.held[0]
            if due > loop.time():
                self.timer = loop.call_at(due, self.move)
                break
            self.held.popleft()
            if not self.send(data):
                return
        self.throttle()

    def send(self, data):
        """False when that was the end of the connection."""
        if self.target.is_closing():
            return False
        if data is None:
            try:
                self.target.write_eof()
            except OSError:  # that end is gone already, and its loss has not been told yet
                self.connection.reset()
                return False
            self.ended = True
            if self.connection.up.ended and self.connection.down.ended:
                self.connection.close()
            return True
        self.held_bytes -= len(data)
        rule = self.rule
        if rule.cut is not None and len(data) >= rule.cut:
            self.target.write(data[:rule.cut])
            self.connection.link.count["bytes_" + self.direction] += rule.cut
            rule.cut = None
            self.connection.reset()
            return False
        if rule.cut is not None:
            rule.cut -= len(data)
        self.connection.link.count["bytes_" + self.direction] += len(data)
        self.target.write(data)
        return True

    def throttle(self):
        wanted = self.held_bytes < HELD_BYTES_MAX and not self.choked
        if self.source is None or self.source.is_closing() or wanted == self.reading:
            return
        self.reading = wanted
        (self.source.resume_reading if wanted else self.source.pause_reading)()

    def rule_changed(self):
        """What waited under the old rule is due now."""
        if not (self.rule.delay or self.rule.jitter or self.rule.rate):
            self.held = collections.deque((0.0, data) for _, data in self.held)
            self.due = 0.0
        self.move()


class Side(asyncio.Protocol):
    """One of a connection's two sockets: reads for one pipe, writes for the other."""

    def __init__(self, reads, writes):
        self.reads, self.writes = reads, writes

    def connection_made(self, transport):
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reads.source = self.writes.target = transport
        self.writes.move()

    def data_received(self, data):
        self.reads.feed(data)

    def eof_received(self):
        self.reads.feed(None)
        return True  # the other direction goes on

    def connection_lost(self, error):
        self.reads.connection.lost(self, error)

    def pause_writing(self):
        self.writes.choked = True
        self.writes.throttle()

    def resume_writing(self):
        self.writes.choked = False
        self.writes.throttle()


class Connection:
    def __init__(self, link):
        self.link = link
        self.up, self.down = Pipe(self, "up"), Pipe(self, "down")
        self.client, self.server = Side(self.up, self.down), Side(self.down, self.up)
        link.connections.add(self)

    def accepted(self, transport):
        Side.connection_made(self.client, transport)
        if self.link.refuse:
            self.reset()
            return
        asyncio.get_running_loop().create_task(self.connect())

    async def connect(self):
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self.server, "127.0.0.1", self.link.target)
        except OSError:
            self.reset()
            return
        if self not in self.link.connections:  # the client left meanwhile
            self.reset()

    def lost(self, side, error):
        """An end of one socket is passed on behind what is still held, unless the link drops it."""
        if side.reads.rule.drop:
            side.reads.lossy = True
        if side.reads.lossy or (error is None and side.reads.held):
            return  # the other end learns of it when the rule ends, or never
        (self.reset if error else self.close)()

    def close(self):
        self.link.connections.discard(self)
        for transport in (self.up.source, self.down.source):
            if transport is not None:
                transport.close()

    def reset(self):
        self.link.connections.discard(self)
        for transport in (self.up.source, self.down.source):
            if transport is not None and not transport.is_closing():
                transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                transport.abort()


class Accepting(asyncio.Protocol):
    """Hands an accepted socket to its connection; all calls go to that connection's client side."""

    def __init__(self, link):
        self.side, self.link = None, link

    def connection_made(self, transport):
        connection = Connection(self.link)
        self.link.count["connections"] += 1
        transport.set_protocol(connection.client)
        connection.accepted(transport)


class Link:
    def __init__(self, name, listen, target):
        self.name, self.listen, self.target = name, listen, target
        self.connections = set()
        self.count = {"connections": 0, "bytes_up": 0, "bytes_down": 0, "flaky": 0}
        self.clear()

    def clear(self):
        self.rules, self.refuse = {"up": Rule(), "down": Rule()}, False

    def changed(self):
        """A stream that lost bytes cannot be mended: its connection is reset when the loss ends."""
        for connection in list(self.connections):
            if any(pipe.lossy and not pipe.rule.drop for pipe in (connection.up, connection.down)):
                connection.reset()
                continue
            connection.up.rule_changed()
            connection.down.rule_changed()

    async def serve(self):
        return await asyncio.get_running_loop().create_server(
            lambda: Accepting(self), "127.0.0.1", self.listen, backlog=1024)


class Control:
    """Orders from tests: one JSON object a line, one answer a line."""

    def __init__(self, links):
        self.links = links

    def chosen(self, pattern):
        return [link for name, link in self.links.items() if fnmatch.fnmatchcase(name, pattern)]

    def order(self, what):
        links = self.chosen(what.get("link", "*"))
        if what["op"] == "set":
            for link in links:
                link.clear()
                for direction in ("up", "down"):
                    link.rules[direction] = Rule(**what.get(direction, {}))
                link.refuse = what.get("refuse", False)
                link.changed()
        elif what["op"] == "reset":
            for link in links:
                for connection in list(link.connections):
                    connection.reset()
        elif what["op"] != "stats":
            raise ValueError(f"no order {what['op']}")
        return {link.name: {**link.count, "open": len(link.connections),
                            "cut_left": {d: link.rules[d].cut for d in ("up", "down")}} for link in links}

    async def on_client(self, reader, writer):
        try:
            while line := await reader.readline():
                try:
                    answer = self.order(json.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    answer = {"error": str(error)}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


async def serve(path):
    links = {name: Link(name, ends["listen"], ends["target"])
             for name, ends in json.loads(path.read_text()).items()}
    control = path.with_suffix(".sock")
    control.unlink(missing_ok=True)
    for link in links.values():
        await link.serve()
    fresh = path.with_suffix(".new")  # who sees the name can connect: it is given once we listen
    fresh.unlink(missing_ok=True)
    await asyncio.start_unix_server(Control(links).on_client, fresh)
    fresh.rename(control)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


class Links:
    """The tests' end. `link` is a pattern of names: "intake-1:kafka", "*:postgres", "validation-*:*"."""

    def __init__(self, run_dir):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(pathlib.Path(run_dir) / "links.sock"))
        self.file = self.socket.makefile("rw", encoding="utf-8")

    def order(self, op, link, **more):
        self.file.write(json.dumps({"op": op, "link": link, **more}) + "\n")
        self.file.flush()
        answer = json.loads(self.file.readline())
        if "error" in answer:
            raise ValueError(answer["error"])
        if not answer:
            raise ValueError(f"no link {link}")
        return answer

    def set(self, link, up=None, down=None, refuse=False):
        """The rules of these links from now on; what is not given is undisturbed."""
        return self.order("set", link, up=up or {}, down=down or {}, refuse=refuse)

    def both(self, link, **rule):
        return self.set(link, up=rule, down=rule)

    def heal(self, link="*"):
        return self.set(link)

    def reset(self, link="*"):
        return self.order("reset", link)

    def stats(self, link="*"):
        return self.order("stats", link)

    def close(self):
        self.file.close()
        self.socket.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(serve(pathlib.Path(sys.argv[1])))
