"""What `make availability` calls growth, a leak and a moment of failures."""
import pathlib
import random
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
import moments  # noqa: E402
import watch  # noqa: E402

MINUTES = 17
BACKLOGS = (100, 400, 700)  # seconds


def life(kib):
    """A look each other second, with noise; `kib` of the second."""
    dice = random.Random(1)
    return [(second, 3200 + dice.randrange(100) + kib(second)) for second in range(0, MINUTES * 60, 2)]


@pytest.mark.parametrize(("kib", "too_much"), [
    pytest.param(lambda second: 0, False, id="level"),
    pytest.param(lambda second: second * 3 * 1024 / 3600, False, id="3-MiB-an-hour-cannot-be-told-in-17-minutes"),
    pytest.param(lambda second: second * 8 * 1024 / 3600, True, id="8-MiB-an-hour"),
    pytest.param(lambda second: 2700 if second > 500 else 0, True, id="a-step-that-stays"),
    pytest.param(lambda second: 6000 if any(at < second < at + 120 for at in BACKLOGS) else 0, False, id="backlogs-that-go"),
    pytest.param(lambda second: 1500 * sum(second > at for at in BACKLOGS), True, id="a-step-for-each-backlog"),
])
def test_growth_is_what_does_not_go_again(kib, too_much):
    hours, growth, _ = watch.rises(life(kib))
    assert watch.rises_too_much(hours, growth) == too_much


def test_connections_that_others_opened_are_told_from_ones_own():
    of = {"1": ("1F90", "0A"), "2": ("1F90", "01"), "3": ("1F90", "08"), "4": ("C350", "01"), "5": ("0050", "01")}
    assert watch.accepted({"1", "2", "3", "4", ""}, of) == 2  # 4 goes out from here; 5 is somebody else's


def test_descriptors_that_stay_are_left_over():
    assert watch.left_over({"intake-1": 38, "edge": 30}, {"intake-1": 38 + watch.SPARE, "edge": 31}) == {}
    assert watch.left_over({"intake-1": 38}, {"intake-1": 39 + watch.SPARE}) == {"intake-1": (38, 39 + watch.SPARE)}


def test_a_watch_sees_its_own_sockets():
    import socket
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        taken = server.accept()[0]
        assert watch.accepted(set(watch.inodes_of("self")), watch.sockets()) == 1
        taken.close()
        client.close()
    assert watch.accepted(set(watch.inodes_of("self")), watch.sockets()) == 0


def test_failures_close_together_are_one_moment(tmp_path):
    lines = ["100000000 r 200 900", "101000000 r 503 2000 form unavailable -", "101100000 s 503 2000 submit unavailable abc",
             "101200000 r 0 10000 session closed -", "190000000 r 503 2000 draft unavailable -"]
    groups = moments.moments([one for one in map(moments.failure, lines) if one])
    assert [len(group) for group in groups] == [3, 1]
    clock = moments.time_of('{"time":"2026-11-25T10:50:21.208Z"') - 101
    (tmp_path / "intake-1.log").write_text(
        '{"time":"2026-11-25T10:50:21.300Z","level":"warn","message":"session look-up","error":"redis: no answer"}\n'
        '{"time":"2026-11-25T10:50:21.300Z","level":"info","message":"started"}\n'
        '{"time":"2026-11-25T10:52:21.300Z","level":"warn","message":"later"}\n')
    steps = [(1.0, {"fault": "kill", "parts": ["redis"]}), (58.0, {"fault": "pause", "parts": ["postgres"]}),
             (160.0, {"fault": "stop", "parts": ["edge"]})]
    text = "\n".join(moments.tell(groups[0], steps, clock, tmp_path, lambda begin, end: {"intake-1 busy": 7}))
    assert "3 failed within 0.21 s from 10:50:21 UTC, 43.0 s after pause of postgres" in text
    assert "1 × submit: 503 unavailable (a service)" in text
    assert "1 × form: 503 unavailable (edge, or not looked at)" in text
    assert "7 × turned away by intake-1 busy" in text
    assert "1 × intake-1: warn session look-up: redis: no answer" in text
    assert "started" not in text and "later" not in text


@pytest.mark.parametrize("line", [
    '{"time":"2026-11-25T10:50:21.208Z","level":"info"', "2026-11-25T10:50:21,208+00:00 WARN  [Broker",
    "2026-11-25 10:50:21.208 UTC [8673] LOG:  checkpoint"])
def test_times_of_all_logs_are_read(line):
    assert moments.time_of(line) == pytest.approx(1795603821.208)


def test_times_of_logs_in_local_time_are_read():
    import time
    local = time.localtime(1795603821)
    assert moments.time_of(time.strftime("8651:M %d Nov %Y %H:%M:%S.208 * Ready", local)) == pytest.approx(1795603821.208)
    assert moments.time_of(time.strftime("%Y/%m/%d %H:%M:%S [warn] 1#1", local)) == 1795603821
    assert moments.time_of("nothing") is None
