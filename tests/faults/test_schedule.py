"""The schedule is the seed's, and there is something at each of its ends."""
import fnmatch
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "deploy/local")]
import links  # noqa: E402
import schedule  # noqa: E402


class Ports(dict):
    def __init__(self, brokers):
        super().__init__()
        self.brokers = schedule.brokers(brokers)

    def __missing__(self, name):
        return len(name)


def test_the_same_seed_gives_the_same_steps():
    assert schedule.make(7, 200, 3) == schedule.make(7, 200, 3) != schedule.make(8, 200, 3)


@pytest.mark.parametrize("brokers", [1, 3])
def test_every_link_and_part_of_a_schedule_exists(brokers):
    names = links.all_links(Ports(brokers), schedule.COPIES)
    parts = {*schedule.SERVICES, *schedule.brokers(brokers), "edge", "sandbox", "redis", "postgres"}
    for pattern in schedule.links_of(brokers):
        assert fnmatch.filter(names, pattern), pattern
    steps = schedule.make(1, 3000, brokers)
    assert {step["fault"] for step in steps} == {name for name, (weight, _) in schedule.FAULTS.items() if weight}
    assert all(set(step.get("parts", ())) <= parts for step in steps)
    disturbed = {link for step in steps for link in step.get("links", [step.get("link")]) if link}
    assert disturbed == set(schedule.links_of(brokers)), "each link has its turn"
    assert sum(step["for"] + step["after"] for step in steps) / len(steps) < 1.5


def test_what_comes_only_when_it_is_named_comes_then():
    steps = schedule.make(1, 200, 1, ["join-leave", "kill"])
    assert {step["fault"] for step in steps} == {"join-leave", "kill"}
    moves = [name for step in steps for name, _ in step.get("moves", [])]
    assert set(moves) == {"validation-1", "validation-2"} and len(moves) % 5 == 0
