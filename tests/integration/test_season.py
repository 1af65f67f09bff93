"""A small season on a system of its own (tests/season/season.py; make season is a large one)."""
import pathlib
import sys

from conftest import running_stack

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "season"))
from season import run  # noqa: E402


def test_a_season_ends_as_its_own_account_says():
    with running_stack("season", COPIES="intake=2,validation=2,binding=2,office=2") as system:
        told = run(system, 24, 4027)
    assert told["events"]["judgements"] > 24 and told["states"]["reported"] > 0
