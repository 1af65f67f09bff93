"""What a client sees twice in a row is told from what it sees once."""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib"), str(HERE.parents[1] / "deploy/local")]
import upgrade  # noqa: E402


def history(*answers):
    lines = []
    for number, (what, key, status) in enumerate(answers, 1):
        lines.append({"n": number, "do": what, "who": "x", "key": key})
        lines += [] if status is None else [{"n": number, "status": status}]
    return lines


def test_errors_are_counted_and_those_in_a_row_told():
    assert upgrade.repeated_errors(history(("submit", "a", 202), ("submit", "b", 503), ("submit", "b", 202))) == (1, [])
    errors, twice = upgrade.repeated_errors(history(("submit", "a", 503), ("submit", "b", 202), ("submit", "a", 0)))
    assert errors == 2 and len(twice) == 1
    assert upgrade.repeated_errors(history(("submit", "a", 503), ("submit", "b", 503), ("submit", "a", 409))) == (2, [])


def test_a_second_code_that_is_refused_is_no_error():
    assert upgrade.repeated_errors(history(("code", None, 202), ("code", None, 429), ("code", None, 429))) == (0, [])


def test_what_was_never_answered_yet_is_no_error():
    assert upgrade.repeated_errors(history(("submit", "a", None))) == (0, [])
