"""What is handed to MPI gives what MPI gives, and is compared afterwards."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from commplan.communicator.exchange import handing
from commplan.communicator.exchange.exchange import UNKNOWN, _find_unlike
from commplan.communicator.exchange.habit import NEW, ExchangeHabit
from commplan.communicator.exchange.handing import LOOK_EVERY, HandedCalls
from runtime.launch.process import run_limited

SCRIPT = Path(__file__).parent / "run_handed.py"


def learn(habit, first, count):
    for value in range(first, first + count):
        habit.take(np.full((2, 2), value))


def test_new_matrices_are_handed_over():
    habit = ExchangeHabit(32, may_hand=True)
    learn(habit, 0, NEW - 1)
    assert not habit.hands_over()
    learn(habit, 100, 1)
    assert habit.hands_over()
    assert not ExchangeHabit(32, may_hand=False).hands_over()


@pytest.fixture
def unwatched(monkeypatch):
    monkeypatch.setattr(handing.WATCH, "follow", lambda _: None)


def test_calls_are_noted_once_and_looked_at_only_while_they_last(unwatched):
    noted, looks, times = [], [], iter([(), (), (10.0, 10.5), (11.0,)])
    calls = HandedCalls(noted.append, looks.append)
    calls.begin()
    short = calls.shorten(lambda *_: [calls.look(now) for now in next(times)], None, None)
    for _ in range(4):
        short(None, None)
    assert (noted, looks) == ([3], [0.5])
    calls.look(12.0)  # none
    assert (noted, looks) == ([3], [0.5])
    calls.catch_up()
    calls.catch_up()
    assert noted == [3, 1]
    with calls.under_way():
        assert noted == [3, 1, 1]
    assert (calls.begun, calls.left) == (5, LOOK_EVERY - 5)


def test_the_last_call_and_one_that_is_refused_are_not_done_the_short_way(unwatched):
    done, last, refused = [], [], []
    calls = HandedCalls(done.append, done.append)

    def exchange(given, _):
        done.append(1 // given)

    short = calls.shorten(exchange, lambda *_: last.append(1), lambda *_: refused.append(1))
    short(1, None)
    calls.begin()
    short(0, None)
    assert (done, last, refused, calls.begun) == ([], [1], [1], 0)
    calls.pause()  # something else is under way
    short(1, None)
    assert (last, calls.left) == ([1, 1], LOOK_EVERY)
    calls.resume()
    for _ in range(LOOK_EVERY):
        short(1, None)
    assert (len(done), len(last), calls.left) == (LOOK_EVERY - 1, 3, 1)
    with calls.under_way():
        pass
    calls.begin()
    assert calls.left == 2 * LOOK_EVERY  # ever more seldom
    calls.stop()
    assert (calls.begun, calls.left) == (LOOK_EVERY, 0)


def test_a_matrix_that_comes_again_is_learnt_and_searched_for():
    habit = ExchangeHabit(4, may_hand=True)
    learn(habit, 0, NEW)
    assert habit.hands_over()
    taken = [habit.take(np.full((2, 2), NEW - 1)) for _ in range(3)]
    assert taken == [True, True, False]
    assert not habit.hands_over()
    assert not ExchangeHabit(1, may_hand=True).expects_new()


def test_what_was_sent_and_what_was_expected_are_compared():
    rows = np.array([[0, 5, 0, 7], [7, 0, 5, 0]])
    assert _find_unlike(rows, [0, 1]) is None
    rows[1, 2] = 4
    assert _find_unlike(rows, [1, 0]) == (1, 0, 5, 4)
    rows[0] = UNKNOWN
    assert _find_unlike(rows, [1, 0]) is None


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("right", ""),
        ("unlike", "process 0 sent .* bytes to process 1 in the last call"),
        ("more", "process 1: Alltoallv of changing blocks: .* more than is expected"),
        ("other", "calls all_reduce of 3 float64 .* calls Alltoallv|Alltoallv.* calls all_reduce"),
        ("late", "process 0 blocked in Alltoallv of changing blocks"),
    ],
)
def test_unlike_calls_end_all(mpi, what, line):
    words = [sys.executable, "-m", "mpi4py", str(SCRIPT), what]
    command = [*mpi.command_line(2 if line else 3), *words]
    ended = run_limited(command, mpi.environment(60), 60)
    if not line:
        assert (ended.code, ended.output) == (0, ["right"]), ended.errors
        return
    assert ended.code, ended.output
    assert re.search(line, "\n".join(ended.errors)), ended.errors
