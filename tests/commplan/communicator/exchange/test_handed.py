"""What is handed to MPI gives what MPI gives, and is compared afterwards."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from commplan.communicator.exchange.exchange import check_handed
from commplan.communicator.exchange.habit import LOOK_EVERY, NEW, ExchangeHabit
from runtime.execute.faults import ExecutionError
from runtime.launch.process import run_limited

SCRIPT = Path(__file__).parent / "run_handed.py"


def learn(habit, first, count):
    for value in range(first, first + count):
        habit.take(np.full((2, 2), value))


def test_new_matrices_are_handed_over_but_for_one_in_some():
    habit = ExchangeHabit(32, may_hand=True)
    learn(habit, 0, NEW - 1)
    assert not habit.hands_over()
    learn(habit, 100, 1)
    for _ in range(LOOK_EVERY - 1):
        assert habit.hands_over()
        habit.handed.append(((1, 2), (3, 4)))
    assert not habit.hands_over()
    assert habit.sum_handed([1, 0]).tolist() == [[30, 15], [60, 45]]
    assert not habit.handed


def test_a_matrix_that_comes_again_is_learnt_and_searched_for():
    habit = ExchangeHabit(4, may_hand=True)
    learn(habit, 0, NEW)
    assert habit.hands_over()
    taken = [habit.take(np.full((2, 2), 7)) for _ in range(3)]
    assert taken == [True, True, False]
    assert not habit.hands_over()
    assert not ExchangeHabit(1, may_hand=True).expects_new()


def test_what_was_sent_and_what_was_expected_are_compared():
    sums = np.array([[0, 5, 0, 7], [7, 0, 5, 0]])
    check_handed(sums, [0, 1])
    sums[1, 2] = 4
    with pytest.raises(ExecutionError, match=r"process 1 sent 5 bytes to process 0 .* expected 4"):
        check_handed(sums, [1, 0])


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("right", ""),
        ("unlike", "process 0 sent .* bytes to process 1 in the last calls"),
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
