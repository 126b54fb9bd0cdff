"""The communicator's calls do what MPI's do."""

import sys
from pathlib import Path

import pytest

from runtime.execute import core
from runtime.launch.process import run_limited

FOLDER = Path(__file__).parent
PYTHON = (sys.executable, "-m", "mpi4py")


@pytest.mark.mpi
@pytest.mark.parametrize(("processes", "way"), [(1, "mpi4py"), (3, "core"), (4, "mpi4py")])
def test_every_call_gives_what_mpi_gives(mpi, processes, way):
    if way == "core" and not core.status().built:
        pytest.skip(core.status().reason)
    command = [*mpi.command_line(processes), *PYTHON, str(FOLDER / "run_calls.py"), way]
    ended = run_limited(command, mpi.environment(60), 60)
    assert (ended.code, ended.output) == (0, ["right"]), ended.errors


@pytest.mark.mpi
@pytest.mark.parametrize(
    "script", ["run_memory.py", "run_progress.py", "run_numbers.py", "run_completeness.py"]
)
def test_memory_is_read_as_mpi_reads_it_and_legal_programs_go_on(mpi, script, tmp_path):
    command = [*mpi.command_line(3), *PYTHON, str(FOLDER / script), str(tmp_path)]
    ended = run_limited(command, mpi.environment(60), 60)
    assert (ended.code, ended.output) == (0, ["right"]), ended.errors


@pytest.mark.mpi
@pytest.mark.parametrize("way", ["core", "mpi4py"])
def test_unlike_calls_are_told_at_every_process(mpi, way):
    if way == "core" and not core.status().built:
        pytest.skip(core.status().reason)
    command = [*mpi.command_line(3), *PYTHON, str(FOLDER / "run_disagreement.py"), way]
    ended = run_limited(command, mpi.environment(60), 60)
    assert (ended.code, ended.output) == (0, ["right"]), ended.errors
