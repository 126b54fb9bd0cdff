"""Functions of jax over planned collectives: right inside jit, and right when differentiated."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from runtime.launch.process import run_limited

SCRIPT = Path(__file__).with_name("run_training.py")


@pytest.mark.mpi
@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed (extra: jax)")
def test_collectives_inside_jit_are_right_and_so_are_their_gradients(mpi):
    command = [*mpi.command_line(4), sys.executable, "-m", "mpi4py", str(SCRIPT)]
    ended = run_limited(command, mpi.environment(120), 120)
    assert (ended.code, ended.output) == (0, ["right"]), ended.errors
