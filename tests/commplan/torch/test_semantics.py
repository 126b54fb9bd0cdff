"""Calls of torch.distributed give what they give over gloo, and what is right beyond that."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from runtime.launch.process import run_limited

FOLDER = Path(__file__).parent
MORE_THAN_MPI_HAS = 2100  # of MPICH's 2,048 communicators


@pytest.mark.mpi
@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed (extra: torch)")
@pytest.mark.parametrize(
    ("script", "words"),
    [("run_semantics.py", []), ("run_beyond.py", [str(MORE_THAN_MPI_HAS)])],
)
def test_calls_are_those_of_gloo_and_what_it_refuses_is_right(mpi, script, words):
    command = [*mpi.command_line(3), sys.executable, "-m", "mpi4py", str(FOLDER / script), *words]
    ended = run_limited(command, mpi.environment(120), 120)
    assert (ended.code, ended.output[-1:]) == (0, ["right"]), ended.errors
