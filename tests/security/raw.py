"""Raw bytes to a door, and a strict second opinion on what HTTP/1.1 allows.

ROWS is the list of what is refused: (name, bytes, statuses). Each is sent to the edge and to every
service's own port; a status of 0 is a connection that was closed without a word.

The edge is nginx. It takes some forms that RFC 9112 lets a recipient take (LENIENT) and writes the
request anew, so that a service never sees them; what a service does not take comes back as its 400.
"""
import contextlib
import socket

HOST = b"Host: x\r\n"
GET = b"GET /api/v1/form HTTP/1.1\r\n"
POST = b"POST /api/v1/session HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
BAD = (400,)
CLOSED = (400, 0)

# name, bytes, statuses it may be refused with
ROWS = [
    # RFC 9112 2.2, 3: the request line
    ("bare LF ends the lines", b"GET /api/v1/form HTTP/1.1\nHost: x\n\n", BAD),
    ("bare LF ends one header", GET + b"Host: x\nA: b\r\n\r\n", BAD),
    ("bare LF ends the head", GET + b"Host: x\r\n\n", BAD),
    ("bare CR in a value", GET + HOST + b"A: b\rc\r\n\r\n", BAD),
    ("bare CR ends a line", GET + HOST + b"A: b\rB: c\r\n\r\n", BAD),
    ("two blanks in the line", b"GET  /api/v1/form HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    ("blank behind the version", b"GET /api/v1/form HTTP/1.1 \r\n" + HOST + b"\r\n", BAD),
    ("tab for a blank", b"GET\t/api/v1/form\tHTTP/1.1\r\n" + HOST + b"\r\n", (400, 405)),
    ("blank in the target", b"GET /api/v1/fo rm HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    ("blank line of blanks before", b"  \r\n" + GET + HOST + b"\r\n", CLOSED),
    ("no version", b"GET /api/v1/form\r\n\r\n", CLOSED),
    ("version 1.0", b"GET /api/v1/form HTTP/1.0\r\n\r\n", (400, 505)),
    ("version 2.0", b"GET /api/v1/form HTTP/2.0\r\n" + HOST + b"\r\n", (400, 505)),
    ("version 1.11", b"GET /api/v1/form HTTP/1.11\r\n" + HOST + b"\r\n", (400, 505)),
    ("version in small letters", b"GET /api/v1/form http/1.1\r\n" + HOST + b"\r\n", BAD),
    ("another protocol", b"GET /api/v1/form SIP/1.1\r\n" + HOST + b"\r\n", BAD),
    ("method with a colon", b"GE:T /api/v1/form HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    ("method with a NUL", b"GE\0T /api/v1/form HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    ("absolute target elsewhere", b"GET http://evil.example/api/v1/form HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    ("authority target", b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"\r\n", (400, 405)),
    ("asterisk target", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", (400, 405)),
    ("fragment in the target", b"GET /api/v1/form#x HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    ("backslash in the target", b"GET /api\\v1/form HTTP/1.1\r\n" + HOST + b"\r\n", (400, 404)),
    ("NUL in the target", b"GET /api/v1/form\0x HTTP/1.1\r\n" + HOST + b"\r\n", CLOSED),
    ("raw byte over 7F in the target", b"GET /api/v1/form?\xff HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    ("DEL in the target", b"GET /api/v1/form?\x7f HTTP/1.1\r\n" + HOST + b"\r\n", BAD),
    ("TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40 + b"\r\n\r\n", CLOSED),
    # RFC 9112 5: header fields
    ("no Host", GET + b"\r\n", BAD),
    ("two Hosts", GET + b"Host: a\r\nHost: b\r\n\r\n", BAD),
    ("two equal Hosts", GET + HOST + HOST + b"\r\n", BAD),
    ("blank before the colon", GET + HOST + b"A : b\r\n\r\n", BAD),
    ("tab before the colon", GET + HOST + b"A\t: b\r\n\r\n", BAD),
    ("blank before Content-Length's colon", POST + b"Content-Length : 2\r\n\r\n{}", BAD),
    ("folded line", GET + HOST + b"A: b\r\n c\r\n\r\n", BAD),
    ("folded line with a tab", GET + HOST + b"A: b\r\n\tc\r\n\r\n", BAD),
    ("first header folded", GET + b" " + HOST + b"\r\n", BAD),
    ("no name", GET + HOST + b": b\r\n\r\n", BAD),
    ("no colon", GET + HOST + b"A b\r\n\r\n", BAD),
    ("NUL in a name", GET + HOST + b"A\0: b\r\n\r\n", BAD),
    ("NUL in a value", GET + HOST + b"A: b\0c\r\n\r\n", BAD),
    ("control in a value", GET + HOST + b"A: b\x01c\r\n\r\n", BAD),
    ("ESC in a value", GET + HOST + b"A: \x1b[31m\r\n\r\n", BAD),
    ("DEL in a value", GET + HOST + b"A: b\x7fc\r\n\r\n", BAD),
    ("slash in a name", GET + HOST + b"A/B: c\r\n\r\n", BAD),
    ("Host with a blank", GET + b"Host: a b\r\n\r\n", BAD),
    ("Host with a slash", GET + b"Host: a/b\r\n\r\n", BAD),
    ("Host with an at sign", GET + b"Host: a@b\r\n\r\n", BAD),
    ("Host empty", GET + b"Host:\r\n\r\n", BAD),
    ("unknown expectation", POST + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", (400, 417)),
    ("high byte in a name", GET + HOST + b"A\xc3\xa4: c\r\n\r\n", BAD),
    # RFC 9112 6, 7: how long the body is
    ("length and coding", POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    ("coding and length", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", BAD),
    ("two lengths", POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", BAD),
    ("two equal lengths", POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", BAD),
    ("list of lengths", POST + b"Content-Length: 2, 2\r\n\r\n{}", BAD),
    ("length +2", POST + b"Content-Length: +2\r\n\r\n{}", BAD),
    ("length -1", POST + b"Content-Length: -1\r\n\r\n", BAD),
    ("length 0x2", POST + b"Content-Length: 0x2\r\n\r\n{}", BAD),
    ("length 2 x", POST + b"Content-Length: 2 x\r\n\r\n{}", BAD),
    ("length empty", POST + b"Content-Length:\r\n\r\n{}", BAD),
    ("length of 2^64", POST + b"Content-Length: 18446744073709551616\r\n\r\n{}", (400, 413)),
    ("length of 2^64 + 2", POST + b"Content-Length: 18446744073709551618\r\n\r\n{}", (400, 413)),
    ("unknown coding", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", (400, 501)),
    ("gzip coding", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", (400, 501)),
    ("chunked twice", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", (400, 501)),
    ("two codings", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400, 501)),
    ("identity coding", POST + b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}", (400, 501)),
    ("coding with VT", POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", (400, 501)),
    ("coding in quotes", POST + b"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", (400, 501)),
    ("empty coding", POST + b"Transfer-Encoding:\r\nContent-Length: 2\r\n\r\n{}", (400, 501)),
    ("chunk size no number", POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", BAD),
    ("chunk size 0x2", POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", BAD),
    ("chunk size -2", POST + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n", BAD),
    ("chunk size with blank before", POST + b"Transfer-Encoding: chunked\r\n\r\n 2\r\n{}\r\n0\r\n\r\n", BAD),
    ("chunk size of 2^64 + 2", POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n", (400, 413)),
    ("chunk ended by bare LF", POST + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n", BAD),
    ("chunk longer than said", POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n", BAD),
    ("trailer", POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nHost: y\r\n\r\n", BAD),
    ("chunk size of nine digits", POST + b"Transfer-Encoding: chunked\r\n\r\n000000002\r\n{}\r\n0\r\n\r\n", BAD),
    ("chunk extension", POST + b"Transfer-Encoding: chunked\r\n\r\n2;a=\"\n\"\r\n{}\r\n0\r\n\r\n", BAD),
]

LENIENT = {
    "bare LF ends the lines": 401, "bare LF ends one header": 401, "bare LF ends the head": 401,
    "two blanks in the line": 401, "version 1.0": 401,
    "absolute target elsewhere": 401,
}


def whole(data):
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(lengths) and len(body) >= int(lengths[0])


def exchange(port, request, seconds=5, more=0.2):
    """Status (0: closed without a word; None: no answer in time), everything received, whether it was closed."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.settimeout(seconds)
        data, closed = b"", False
        try:
            connection.sendall(request)
            while True:
                chunk = connection.recv(65536)
                if not chunk:
                    closed = True
                    break
                data += chunk
                if whole(data):  # nothing more is to come: it would be there at once
                    connection.settimeout(min(seconds, more))
        except TimeoutError:
            pass
        except (ConnectionResetError, BrokenPipeError):
            closed = True
    status = int(data[9:12]) if data[:9] == b"HTTP/1.1 " else 0 if closed else None
    return status, data, closed
