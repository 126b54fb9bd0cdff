"""What goes wrong on one process ends all of them, with a line that says what."""

import os
import sys

import pytest

from bench import faults


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("way", "fault", "code", "said"),
    [
        ("core", "stops", 124, "blocked in step 0 waiting for rank 1 (piece "),
        ("mpi4py", "count", 124, "calls all_reduce of 1001 float32 (sum)"),
        ("mpi4py", "raises", 1, "RuntimeError: boom"),
        ("core", "dies", None, "ignal 9"),
        ("run-c", "disk", 2, "/dev/full: no space left on device"),
    ],
)
def test_a_fault_ends_in_time_with_a_line_and_leaves_nothing(
    mpi, monkeypatch, way, fault, code, said
):
    monkeypatch.setattr(faults, "LIMIT", 2.0)
    end = faults.inject(way, fault)
    assert end is not None
    assert end.left == 0
    assert said in end.said
    assert end.code == code if code else end.code
    assert end.seconds < faults.PATIENCE


@pytest.mark.mpi
def test_different_first_calls_are_told_at_once(mpi, tmp_path):
    script = tmp_path / "calls.py"
    script.write_text(
        "import numpy as np, commplan\n"
        "from mpi4py import MPI\n"
        "world = commplan.Communicator(MPI.COMM_WORLD, commplan.topology('ring:3'))\n"
        "values = np.zeros(9 + (world.rank == 1))\n"
        "world.Allreduce(MPI.IN_PLACE, values)\n"
    )
    command = [*mpi.command_line(3), sys.executable, "-m", "mpi4py", str(script)]
    end = faults.end_of(command, {**os.environ, **mpi.environment(60)}, "", str(tmp_path))
    assert (end.code, end.left) == (124, 0)
    assert "calls all_reduce of 9 float64 (sum)" in end.said
    assert "calls all_reduce of 10 float64 (sum)" in end.said
