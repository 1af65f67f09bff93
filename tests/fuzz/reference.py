"""Second readings of what the product reads, written apart from it, from the standards and the contract."""
import csv
import datetime
import io
import json
import pathlib
import re
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
TODAY = 20261124
ID_OK, ID_LENGTH, ID_CHARACTERS, ID_AREA, ID_DATE, ID_DATE_FUTURE, ID_CHECK_DIGIT, ID_FORMAT, ID_OBSOLETE = range(9)
INTEGER_MAX = 2 ** 53 - 1


# --- T1: JSON ---

class Refused(ValueError):
    pass


def _integer(text):
    if text == "-0" or abs(int(text)) > INTEGER_MAX:
        raise Refused(text)
    return int(text)


def _no(text):
    raise Refused(text)


def _object(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise Refused("name twice")
    return dict(pairs)


def _plain(text):
    return not any(ord(c) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(c) <= 0xFDEF or 0xD800 <= ord(c) <= 0xDFFF or c == "\0"
                   for c in text)


def _within(value, depth, names):
    if depth == 0:
        return False
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, list):
        return all(_within(v, depth - 1, names) for v in value)
    if isinstance(value, dict):
        return all(names + place <= 512 and _plain(k) and not re.search("[\x7f\u2028\u2029]", k) and 
                   _within(v, depth - 1, names + place) for place, (k, v) in enumerate(value.items(), 1))
    return True


def json_strict(data):
    """(True, value) or (False, None), by Python's own parser and the contract."""
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_int=_integer, parse_float=_no, parse_constant=_no, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return False, None
    # A name, a string with a colon behind it, has no escapes.
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"([ \t\r\n]*:)?', text)
    if any(colon and "\\" in name for name, colon in strings):
        return False, None
    return (True, value) if _within(value, 16, 0) else (False, None)


# --- T6: persons ---

def _areas():
    with open(ROOT / "common/schema/data/areacodes.csv", encoding="utf-8-sig", newline="") as rows:
        return {next(iter(row.values())) for row in csv.DictReader(rows)}


AREAS = {code for code in _areas() if not code.endswith("0000")}


def date(data):
    if not re.fullmatch(rb"[0-9]{8}", data) or not b"19000101" <= data <= b"20991231":
        return 0
    try:
        datetime.datetime.strptime(data.decode(), "%Y%m%d")
    except ValueError:
        return 0
    return int(data)


def check_digit(first17):
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(first17))
    return "10X98765432"[total % 11]


def _eighteen(data):
    if any(byte >= 0x80 for byte in data):
        return ID_CHARACTERS
    if len(data) != 18:
        return ID_LENGTH
    return ID_OK if re.fullmatch(rb"[0-9]{17}[0-9X]", data) else ID_CHARACTERS


def _card(data, hmt):
    if re.fullmatch(rb"[0-9]{15}", data):
        return ID_OBSOLETE
    fault = _eighteen(data)
    if fault:
        return fault
    text = data.decode()
    if text[:6] not in (("810000", "820000", "830000") if hmt else AREAS):
        return ID_AREA
    birth = date(data[6:14])
    if birth == 0:
        return ID_DATE
    if birth > TODAY:
        return ID_DATE_FUTURE
    return ID_OK if check_digit(text[:17]) == text[17] else ID_CHECK_DIGIT


def _foreign(data):
    if len(data) == 15:
        return ID_OK if re.fullmatch(rb"[A-Z]{3}[0-9]{12}", data) else ID_FORMAT
    fault = _eighteen(data)
    if fault:
        return fault
    if data[:1] != b"9":
        return ID_FORMAT
    return ID_OK if check_digit(data.decode()[:17]) == data.decode()[17] else ID_CHECK_DIGIT


def id_number(kind, data):
    if kind in "01":
        return _card(data, kind == "1")
    if kind == "2":
        if len(data) != 9:
            return ID_LENGTH
        return ID_OK if re.fullmatch(rb"[HM](A[0-9]{7}|[0-9]{8})", data) else ID_FORMAT
    if kind == "3":
        if len(data) != 8:
            return ID_LENGTH
        return ID_OK if re.fullmatch(rb"[0-9]{8}", data) else ID_FORMAT
    if kind == "4":
        return _foreign(data)
    if not 5 <= len(data) <= 18:
        return ID_LENGTH
    return ID_OK if re.fullmatch(rb"[A-Z0-9]+", data) else ID_CHARACTERS


def _number_verdict(kind, data):
    verdict = str(id_number(kind, data))
    if len(data) >= 32:
        return verdict
    normal = data[:-1] + b"X" if data.endswith(b"x") else data
    return f"{verdict} {id_number(kind, normal)}"


def email(data):
    label = rb"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    local = rb"[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*"
    return bool(len(data) <= 60 and re.fullmatch(local + rb"@" + label + rb"(?:\." + label + rb")+", data)
                and not re.search(rb"[0-9]\Z", data))


def rfc3339(data):
    found = re.fullmatch(rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,3}))?Z", data)
    if not found or data < b"1970":
        return "no"
    try:
        moment = datetime.datetime.strptime(found.group(1).decode(), "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return "no"
    if moment.second != int(found.group(1)[17:19]):
        return "no"
    seconds = (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1)
    return str(seconds * 1000 + int((found.group(2) or b"0").ljust(3, b"0")))


def name(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "no"
    return f"{len(text)} {len(text[:5].encode('utf-8'))}"


PATTERNS = {
    "p": rb"1[3-9][0-9]{9}",
    "t": rb"1[3-9][0-9]{9}|0[0-9]{2,3}-[0-9]{7,8}",
    "z": rb"[0-9]{6}",
    "q": rb"[1-9][0-9]{4,10}",
}


def person(data):
    """What the target tells of this input."""
    kind, rest = chr(data[0]) if data else "", data[1:]
    if kind and kind in "012345":
        return _number_verdict(kind, rest)
    if kind in PATTERNS:
        return str(int(bool(re.fullmatch(PATTERNS[kind], rest))))
    if kind == "e":
        return str(int(email(rest)))
    if kind == "d":
        return str(date(rest))
    if kind == "c":
        return rfc3339(rest)
    return name(rest) if kind == "n" else ""


# --- T4: targets and header fields ---

def query(data):
    """The value of one parameter, after RFC 3986: no plus sign for a blank, names as they stand."""
    name, _, rest = data.partition(b"\n")
    name = name.split(b"\0")[0]
    found = []
    for part in rest.split(b"&") if rest else []:
        key, equals, value = part.partition(b"=")
        if key == name and name:
            found.append(value if equals else b"")
    if not found:
        return b"absent"
    for value in found:
        if re.search(rb"%(?![0-9a-fA-F]{2})", value):
            return b"malformed"
        plain = urllib.parse.unquote_to_bytes(value)
        try:
            plain.decode("utf-8")
        except UnicodeDecodeError:
            return b"malformed"
        if b"\0" in plain:
            return b"malformed"
    return b"malformed" if len(found) > 1 else b"value " + urllib.parse.unquote_to_bytes(found[0])


def etag_listed(data):
    tags = [tag.strip(b" \t") for tag in data.split(b",")]
    return int(any(tag in (b'"draft-7"', b'W/"draft-7"', b"*") for tag in tags))


def traceparent(data):
    found = re.fullmatch(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}", data)
    return int(bool(found) and any(c != ord("0") for c in found.group(1)) and any(c != ord("0") for c in found.group(2)))


def number(data):
    good = re.fullmatch(rb"[0-9]+", data) and int(data) < 2 ** 64
    return str(int(data)) if good else "no 0"


def head(data):
    """What the target tells of this input."""
    kind, rest = chr(data[0]) if data else "", data[1:]
    if kind == "q":
        return query(rest)
    verdicts = {
        "k": lambda: int(bool(re.fullmatch(rb"[!-~]{1,255}", rest))),
        "m": lambda: rest[7:-1].decode() if re.fullmatch(rb'"draft-(0|[1-9][0-9]{0,9})"', rest)
        and int(rest[7:-1]) < 2 ** 31 else "no",
        "n": lambda: etag_listed(rest),
        "t": lambda: traceparent(rest),
        "u": lambda: int(bool(re.fullmatch(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", rest))),
        "i": lambda: number(rest),
    }
    return str(verdicts[kind]()).encode() if kind in verdicts else b""


# --- T7: CSV ---

def csv_rows(data):
    """Rows of a file that RFC 4180 allows, by Python's reader; None for any other file."""
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None
    field = r'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
    row = rf"{field}(?:,{field}){{0,63}}"
    if "\0" in text or not re.fullmatch(rf"(?:{row}(?:\r\n|\n|\r))*(?:{row})?", text):
        return None
    ended = text if text.endswith(("\n", "\r")) or not text else text + "\n"
    return [row or [""] for row in csv.reader(io.StringIO(ended, newline=""), strict=True)]


# --- T10: platforms ---

REQUIRED = {"w": "openid", "t": "access_token", "v": "verify_id"}


def platform(data):
    """What the target tells of a JSON answer: success, a number, a value. None for other inputs."""
    call, form, body = chr(data[0]), chr(data[1]), data[2:]
    if form != "j" or call not in "wtvrs" or len(body) > 65536:
        return None
    good, value = json_strict(body)
    if call == "s":
        response = value.get("Response") if isinstance(value, dict) else None
        if not isinstance(response, dict) or "Error" in response:
            return b"0 0 "
        status = response.get("SendStatusSet")
        status = status[0] if isinstance(status, list) and status else None
        return b"1 0 " if isinstance(status, dict) and status.get("Code") == "Ok" else b"0 0 "
    if not isinstance(value, dict) or "errcode" in value and (type(value["errcode"]), value["errcode"]) != (int, 0):
        return b"0 0 "
    number = {"t": ("expires_in", 0), "v": ("expires_in", 3600), "r": ("verify_ret", 0), "w": ("", 0)}[call]
    told = value.get(number[0], number[1])
    told = told if type(told) is int else number[1]
    if call == "r":
        return b"1 %d " % told
    text = value.get(REQUIRED[call])
    return b"1 %d %s" % (told, text.encode()) if isinstance(text, str) and text else b"0 0 "
