"""What goes wrong on one process ends all of them, with a line that says what."""

import os
import sys

import pytest

from bench import faults
from commplan.changes.contingency import plan_contingency
from commplan.changes.contingency_folder import save
from commplan.planning.planner import plan
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from topologies.presets.shapes import ring


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
    monkeypatch.setattr(faults, "LIMIT", 1.0 if code == 124 else 30.0)
    end = faults.inject(way, fault)
    assert end is not None
    assert end.left == 0
    assert said in end.said
    # Where all processes end at once, mpiexec now and then tells the signal that it sent: 9.
    assert end.code in (code, 9) if code == 124 else end.code == code if code else end.code
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


SURVIVING = """
import sys, time
import numpy as np, commplan
from mpi4py import MPI

ways = {"limit": 1.0, "survive": True, "way": sys.argv[1], "contingency": sys.argv[2]}
world = commplan.Communicator(MPI.COMM_WORLD, commplan.topology("ring:3"), **ways)
own, first = np.full(200_000, 1.0 + world.rank), np.full(600_000, -1.0)
world.Allgather(own, first)
assert first.sum() == 200_000 * 6
if world.rank == 1:
    time.sleep(2.5)  # the others fail meanwhile, and what it sends then is late
out = np.full(600_000, -1.0)
try:
    world.Allgather(own, out)
    failed = False
except commplan.CommplanError as error:
    failed = "blocked in step" in str(error)
kept = out.copy()
assert world.replan(without=["r0:r1"]) == 1
again = np.full(600_000, -1.0)
world.Allgather(own, again)
assert (again == first).all()
time.sleep(0.5)
world.Allreduce(MPI.IN_PLACE, again)
assert (again == 3 * first).all()
assert (out == kept).all()
assert failed or world.rank == 1
world.replan()
world.Allgather(own, again)
assert (again == first).all()
world.Free()
"""


@pytest.mark.mpi
@pytest.mark.parametrize("way", ["core"])
def test_a_job_goes_on_after_a_failure_and_late_messages_reach_no_buffer_of_its_own(
    mpi, tmp_path, way
):
    script = tmp_path / "calls.py"
    script.write_text(SURVIVING)
    schedule = plan(ring(3), collective("all_gather", range(3))).schedule
    save(list(plan_contingency(schedule, Watch(60.0), ("link",))), str(tmp_path / "failures"))
    words = [str(script), way, str(tmp_path / "failures")]
    command = [*mpi.command_line(3), sys.executable, "-m", "mpi4py", *words]
    end = faults.end_of(command, {**os.environ, **mpi.environment(60)}, "", str(tmp_path))
    assert (end.code, end.left) == (0, 0), end.said
