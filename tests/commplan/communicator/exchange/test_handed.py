"""What is handed to MPI gives what MPI gives, and is compared afterwards."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from commplan.communicator.exchange.exchange import UNKNOWN, _find_unlike
from commplan.communicator.exchange.habit import NEW, ExchangeHabit
from commplan.communicator.exchange.handing import HandedCalls
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


def test_calls_are_noted_once_and_looked_at_only_while_they_last():
    noted, looks = [], []
    calls = HandedCalls(noted.append, looks.append)
    calls.begun, calls.inside = 3, True
    calls.look(10.0)
    assert (noted, looks) == ([], [])
    calls.look(10.5)
    assert (noted, looks) == ([3], [0.5])
    calls.begun += 1
    calls.look(11.0)  # another one
    calls.inside = False
    calls.look(12.0)
    assert (noted, looks) == ([3], [0.5])
    calls.catch_up()
    calls.catch_up()
    assert noted == [3, 1]
    calls.begun += 1
    calls.withdraw()
    calls.catch_up()
    assert (noted, calls.begun) == ([3, 1], 4)


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
