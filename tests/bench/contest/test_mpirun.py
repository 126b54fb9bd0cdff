"""The benchmarks as one calls them, under mpirun."""

import json
import sys

import pytest

from runtime.launch.process import run_limited
from solvers.schedules.files import save
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.solve import solve
from topologies.presets.shapes import star

pytestmark = pytest.mark.mpi


# All collectives in one launch.
ALL = """
import sys
from mpi4py import MPI
from bench.contest.arguments import arguments
from bench.ranks.contest import measure
names, words = sys.argv[1].split(","), sys.argv[2:]
sys.exit(max(measure(MPI.COMM_WORLD, arguments(name, 3, words)) for name in names))
"""


def launched(mpi, processes, *words):
    program = [sys.executable, "-m", "mpi4py", *words]
    return run_limited([*mpi.command_line(processes), *program], mpi.environment(60), 60)


def told(mpi, processes, name, *words):
    return launched(mpi, processes, "-m", f"bench.{name}", *words)


def test_both_sides_are_right_and_timed(mpi):
    names = sorted(COLLECTIVES)
    words = ["-b", "8", "-e", "4K", "-f", "512", "-n", "2", "-w", "1", "-r", "2"]
    words += ["--map", "3,0,1", "--topology", "ring:4", "--format", "json"]
    ended = launched(mpi, 3, "-c", ALL, ",".join(names), *words)
    assert ended.code == 0, ended.errors
    tables = [json.loads(line) for line in ended.output]
    assert [table["collective"] for table in tables] == names
    for row in (row for table in tables for row in table["rows"]):
        assert [row[key] for key in ("wrong", "in_place_wrong", "mpi_wrong")] == [0] * 3
        assert min(row[key] for key in ("seconds", "mpi_seconds", "predicted_seconds")) > 0


def test_compiled_files_are_taken_and_others_refused(mpi, tmp_path):
    path = str(tmp_path / "gather.json")
    save(solve(star(2), collective("all_gather", range(2))), path)
    assert told(mpi, 2, "all_gather", "-e", "8", "--schedule", path, "-n", "1").code == 0
    ended = told(mpi, 2, "all_reduce", "-e", "8", "--schedule", path)
    assert ended.code == 2
    why = "not for all_reduce on these ranks, with this root"
    assert f"commplan: {path}: {why}" in ended.errors


def test_a_mistake_ends_all_processes_with_one_line(mpi):
    ended = told(mpi, 2, "reduce", "-r", "5")
    assert ended.code == 2
    said = [line for line in ended.errors if line.startswith("commplan: ")]
    assert said == ["commplan: argument -r: 5 is no process, expected 0 to 1"]
