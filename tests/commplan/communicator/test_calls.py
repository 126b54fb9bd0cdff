"""The communicator's calls do what MPI's do."""

import sys
from pathlib import Path

import pytest

from runtime.execute import core
from runtime.launch.process import run_limited

FOLDER = Path(__file__).parent
PYTHON = (sys.executable, "-m", "mpi4py")


@pytest.mark.mpi
@pytest.mark.parametrize(("processes", "way"), [(1, "core"), (2, "mpi4py"), (3, "core")])
def test_every_call_gives_what_mpi_gives(mpi, processes, way):
    if way == "core" and not core.status().built:
        pytest.skip(core.status().reason)
    command = [*mpi.command_line(processes), *PYTHON, str(FOLDER / "run_calls.py"), way]
    ended = run_limited(command, mpi.environment(60), 60)
    assert (ended.code, ended.output) == (0, ["right"]), ended.errors


@pytest.mark.mpi
def test_memory_is_read_as_mpi_reads_it_and_legal_programs_go_on(mpi, tmp_path):
    scripts = ["run_completeness.py", "run_numbers.py", "run_progress.py", "run_memory.py"]
    words = [str(FOLDER / "run_each.py"), str(tmp_path), *scripts]
    ended = run_limited([*mpi.command_line(3), *PYTHON, *words], mpi.environment(200), 200)
    told = [line for script in scripts for line in (script, "right")]
    assert (ended.code, ended.output) == (0, told), ended.errors


@pytest.mark.mpi
def test_unlike_calls_are_told_at_every_process(mpi):
    ways = ["core", "mpi4py"] if core.status().built else ["mpi4py"]
    command = [*mpi.command_line(3), *PYTHON, str(FOLDER / "run_disagreement.py"), *ways]
    ended = run_limited(command, mpi.environment(200), 200)
    assert (ended.code, ended.output) == (0, [f"{way} right" for way in ways]), ended.errors
