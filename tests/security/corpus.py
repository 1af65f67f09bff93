"""JSON, UTF-8 and number traps: (name, bytes of a JSON string or value). Every door refuses all of them: HTTP, topics.

STRINGS stand for a field's value, quotes included; VALUES for any member's; WHOLE is done to a whole document.
"""
STRINGS = [(f"byte {n:02x}", b'"a%cb"' % n) for n in range(0x80, 0x100)]
STRINGS += [(f"control {n:02x}", b'"a%cb"' % n) for n in range(0x20)]
STRINGS += [(name, b'"%s"' % text) for name, text in (
    ("overlong slash", b"\xc0\xaf"), ("overlong NUL", b"\xc0\x80"), ("overlong three", b"\xe0\x80\xaf"),
    ("overlong four", b"\xf0\x80\x80\xaf"), ("surrogate D800", b"\xed\xa0\x80"), ("surrogate DFFF", b"\xed\xbf\xbf"),
    ("surrogate pair in UTF-8", b"\xed\xa0\x80\xed\xb0\x80"), ("over 10FFFF", b"\xf4\x90\x80\x80"),
    ("five bytes", b"\xf8\x88\x80\x80\x80"), ("cut sequence", b"\xe4\xb8"), ("lone continuation", b"\x80"),
    ("FFFE", b"\xef\xbf\xbe"), ("FFFF", b"\xef\xbf\xbf"), ("FDD0", b"\xef\xb7\x90"), ("FDEF", b"\xef\xb7\xaf"),
    ("1FFFE", b"\xf0\x9f\xbf\xbe"), ("10FFFF", b"\xf4\x8f\xbf\xbf"),
    ("escape u0000", b"\\u0000"), ("escape uD800", b"\\uD800"), ("escape uDC00", b"\\uDC00"),
    ("escape uD800 uD800", b"\\uD800\\uD800"), ("escape uDC00 uD800", b"\\uDC00\\uD800"), ("escape uFFFF", b"\\uFFFF"),
    ("escape uFDD0", b"\\uFDD0"), ("escape x41", b"\\x41"), ("escape 0", b"\\0"), ("escape a", b"\\a"), ("escape u 3", b"\\u12"),
    ("escape U", b"\\U0041"), ("escape at the end", b"\\"), ("escape quote", b"\\'"))]
STRINGS += [("single quotes", b"'a'"), ("no quotes", b"a"), ("open", b'"a'), ("two strings", b'"a" "b"')]
VALUES = [(text.decode(), text) for text in (
    b"0123", b"-", b"-0", b"+1", b"1.", b".5", b"1.0", b"1e5", b"1E5", b"1e999", b"-1e999", b"0x10", b"1_000", b"1 000",
    b"9007199254740992", b"9007199254740993", b"-9007199254740993", b"9223372036854775808", b"18446744073709551616",
    b"NaN", b"Infinity", b"-Infinity", b"nan", b"True", b"None", b"undefined", b"nul", b"nulll", b"tru", b"TRUE", b"[", b"]", b"{",
    b"}", b"[1,]", b"[,1]", b"{,}", b'{"a"}', b'{"a":}', b'{"a":1,}', b'{a:1}', b"{'a':1}", b'{"a" 1}', b'{"a":1 "b":2}',
    b'{"a":1,"a":2}', b'{"a":1,"a":1}', b'{"\\u0061":1}', b'{"a":1,"\\u0061":2}', b"/* */1", b"1//", b"#1", b"(1)", b"`1`")]
DEEP = [("arrays 17 deep", b"[" * 17 + b"]" * 17), ("arrays 5000 deep", b"[" * 5000 + b"]" * 5000),
        ("open arrays", b"[" * 20000), ("objects 17 deep", b'{"a":' * 17 + b"1" + b"}" * 17), ("open objects", b'{"a":' * 9000)]
WHOLE = [("text behind", lambda d: d + b"x"), ("NUL behind", lambda d: d + b"\0"), ("NUL and text behind", lambda d: d + b"\0x"),
         ("another value behind", lambda d: d + b" {}"), ("BOM", lambda d: b"\xef\xbb\xbf" + d), ("comma behind", lambda d: d + b","),
         ("UTF-16", lambda d: d.decode().encode("utf-16")), ("UTF-16 without BOM", lambda d: d.decode().encode("utf-16-be")),
         ("UTF-32", lambda d: d.decode().encode("utf-32-le")), ("form feed before", lambda d: b"\x0c" + d),
         ("no-break space before", lambda d: b"\xc2\xa0" + d), ("cut", lambda d: d[:-1]), ("half", lambda d: d[:len(d) // 2]),
         ("empty", lambda d: b""), ("blank", lambda d: b"  "), ("array around", lambda d: b"[" + d + b"]"),
         ("as a string", lambda d: b'"' + d.replace(b'"', b'\\"') + b'"'), ("in single quotes", lambda d: d.replace(b'"', b"'")),
         ("comment before", lambda d: b"/**/" + d), ("brace behind", lambda d: d + b"}")]


def documents(valid, place):
    """(name, bytes): `valid` is a document with the string "@" at `place`; it is replaced by each trap."""
    assert valid.count(place) == 1
    for name, value in STRINGS + VALUES + DEEP:
        yield name, valid.replace(place, value)
    for name, change in WHOLE:
        yield name, change(valid.replace(place, b'"a"'))
    first = valid.index(b'"')
    key = valid[first:valid.index(b":", first)]
    yield "a member twice", valid.replace(place, b'"a"').replace(b"{", b"{" + key + b':"x",', 1)
    yield "a member's name in capitals beside it", valid.replace(place, b'"a"').replace(b"{", b"{" + key.upper() + b':"x",', 1)
