"""Executors do what the interpreter says a program means, under a real MPI."""

import sys
from pathlib import Path

import pytest

from runtime.execute import core
from runtime.launch.process import run_limited

SCRIPT = Path(__file__).with_name("run_programs.py")


@pytest.mark.mpi
@pytest.mark.parametrize("processes", [1, 3, 4])
def test_every_way_gives_the_bits_of_the_interpreter(mpi, processes):
    command = [*mpi.command_line(processes), sys.executable, "-m", "mpi4py", str(SCRIPT)]
    ended = run_limited(command, mpi.environment(60), 60)
    ways = "core mpi4py" if core.status().built else "mpi4py"
    assert (ended.code, ended.output) == (0, [f"right: {ways}"]), ended.errors
