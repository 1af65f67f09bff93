"""Corpora as text: one input a line, printable ASCII as it is, the rest as \\n \\r \\t \\0 \\\\ \\xHH.

Lines that begin with '#' are comments. tests/fuzz/replay.c reads the same form.
"""
import re

SHORT = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x00: "\\0", 0x5C: "\\\\"}
LONG = {text[1]: bytes([byte]) for byte, text in SHORT.items()}


def escape(data):
    text = "".join(SHORT.get(b) or (chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}") for b in data)
    return "\\x23" + text[1:] if text.startswith("#") else text


def unescape(line):
    def one(found):
        word = found.group(1)
        return LONG[word] if word in LONG else bytes([int(word[1:], 16)])
    raw = line.encode("latin-1")
    return re.sub(rb"\\(x[0-9a-f]{2}|[nrt0\\])", lambda m: one(re.match(r"(.+)", m.group(1).decode(), re.S)), raw)


def read(path):
    """The inputs of one file, in order."""
    with open(path, encoding="latin-1", newline="\n") as lines:
        return [unescape(line.rstrip("\n")) for line in lines if not line.startswith("#")]


def write(path, inputs, comment):
    with open(path, "w", encoding="latin-1", newline="\n") as out:
        out.write(f"# {comment}\n")
        out.writelines(escape(data) + "\n" for data in inputs)
