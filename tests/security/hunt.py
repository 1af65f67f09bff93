"""Looks for values that were handed in, in every form they may have been left in, everywhere a system keeps things.

A canary is a value that occurs nowhere else. Its forms: the encodings in use, percent and \\u escapes, hex, base64
at each of the three alignments, and hashes without a key (as bad as the value: twelve thousand million phone numbers
are hashed in seconds). Everything that is looked through is a file or becomes one; grep looks for all forms at once.
"""
import base64
import hashlib
import itertools
import json
import os
import pathlib
import re
import subprocess
import urllib.parse

HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sm3", "sha3_256")


def alignments(data):
    """What base64 of anything that contains `data` contains, whatever stands before it."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data)
        first = 0 if before == 0 else before + 1  # characters that depend on what is before
        whole = (before + len(data)) * 8 // 6     # and those that depend on what is behind
        yield text[first:whole]


def forms(text, hashes=HASHES):
    """{bytes: how it is written}"""
    found = {}

    def add(data, how):
        if len(data) >= 6 and b"\n" not in data:
            found.setdefault(data, how)
    plain = text.encode()
    add(plain, "as it is")
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "gb18030"):
        add(text.encode(encoding), encoding)
    escaped = json.dumps(text)[1:-1]
    for change in (str, str.upper):
        add(change(urllib.parse.quote(text, safe="")).encode(), "percent")
        add(change(plain.hex()).encode(), "hex")
    for variant in (escaped, re.sub(r"\\u....", lambda m: "\\u" + m[0][2:].upper(), escaped)):
        add(variant.encode(), "escapes")
    for data in alignments(plain):
        add(data, "base64")
        add(data.replace(b"+", b"-").replace(b"/", b"_"), "base64url")
    for name in hashes:
        digest = hashlib.new(name, plain).digest()
        add(digest.hex().encode(), name)
        add(digest.hex().upper().encode(), name)
        add(digest, f"{name}, raw")
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            add(encode(digest).rstrip(b"="), f"{name}, base64")
    return found


class Hunt:
    """`canaries`: {kind: values}. Codes of six digits occur by chance; they are looked for apart (codes_in)."""

    def __init__(self, canaries, folder):
        self.folder = pathlib.Path(folder)
        self.known = {}
        for kind, values in canaries.items():
            for value in values:
                # A token of 256 random bits may be kept as a plain hash.
                for data, how in forms(value, () if kind == "token" else HASHES).items():
                    self.known[data] = (kind, how)
        self.patterns = self.folder / "patterns"
        self.patterns.write_bytes(b"\n".join(self.known))

    def keep(self, name, data):
        """One more thing to be looked through, made a file."""
        path = self.folder / "collected" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab") as file:
            file.write(data + b"\n")

    def found(self, *places):
        """{(kind, how, path)} in these files and folders and in everything kept."""
        collected = self.folder / "collected"
        collected.mkdir(exist_ok=True)
        # Kafka's indexes hold offsets and positions only, in files of 10 MB that are empty for the most part.
        done = subprocess.run(["grep", "-raoF", "--exclude=*.index", "--exclude=*.timeindex", "--null", "-H", "--no-messages", "-f", str(self.patterns),
                               "--", str(collected), *map(str, places)],
                              env={**os.environ, "LC_ALL": "C"}, capture_output=True, check=False)
        assert done.returncode in (0, 1, 2), done.stderr  # 2: a file went away meanwhile
        hits = set()
        for line in done.stdout.split(b"\n"):
            path, _, data = line.partition(b"\0")
            if data in self.known:
                hits.add((*self.known[data], self.short(path.decode(errors="replace"))))
        return hits

    def short(self, path):
        return path.removeprefix(str(self.folder / "collected") + "/")


def codes_in(codes, files):
    """Files that hold at least two of the codes as numbers of their own: one may be there by chance."""
    word = {code: re.compile(rb"(?<![0-9A-Za-z.])" + code.encode() + rb"(?![0-9A-Za-z])") for code in codes}
    found = []
    for path in itertools.chain.from_iterable(p.rglob("*") if p.is_dir() else [p] for p in map(pathlib.Path, files)):
        if path.is_file():
            data = path.read_bytes()
            if sum(bool(pattern.search(data)) for pattern in word.values()) >= 2:
                found.append(str(path))
    return found
