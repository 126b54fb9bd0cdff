"""The communicator's calls do what MPI's do."""

import sys
from pathlib import Path

import pytest

from runtime.execute import core
from runtime.launch.process import run_limited

SCRIPT = Path(__file__).with_name("run_calls.py")


@pytest.mark.mpi
@pytest.mark.parametrize(("processes", "way"), [(1, "mpi4py"), (3, "core"), (4, "mpi4py")])
def test_every_call_gives_what_mpi_gives(mpi, processes, way):
    if way == "core" and not core.status().built:
        pytest.skip(core.status().reason)
    command = [*mpi.command_line(processes), sys.executable, "-m", "mpi4py", str(SCRIPT), way]
    ended = run_limited(command, mpi.environment(60), 60)
    assert (ended.code, ended.output) == (0, ["right"]), ended.errors
