"""Models train over planned collectives as they do over gloo."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from runtime.launch.process import run_limited

LIMIT = 300  # seconds; on two cores whose load is 12 it took 110, and MPI spins
SCRIPT = Path(__file__).with_name("run_training.py")


@pytest.mark.mpi
@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed (extra: torch)")
def test_all_ways_to_train_come_to_the_parameters_of_gloo(mpi):
    command = [*mpi.command_line(4), sys.executable, "-m", "mpi4py", str(SCRIPT)]
    ended = run_limited(command, mpi.environment(LIMIT), LIMIT)
    assert not ended.timed_out, f"{LIMIT} s were not enough: {ended.output}"
    assert (ended.code, ended.output[-1:]) == (0, ["right"]), ended.errors
