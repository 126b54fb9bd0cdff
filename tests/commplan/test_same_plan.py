"""The same command gives the same bytes, however slow the computer and whatever else differs."""

import os
import subprocess
import sys
from time import monotonic

import pytest

import commplan
from commplan.anytime import standby
from solvers.schedules import files
from solvers.schedules.files import to_bytes
from solvers.settings import deadline

FASTER = 20  # times as fast as time passes on a slow computer, for the work that it does


@pytest.fixture
def slow_computer(monkeypatch):
    """Let the clock run so much faster that a computer looks slow."""
    for module in (deadline, standby):
        monkeypatch.setattr(module, "monotonic", lambda: monotonic() * FASTER)


def planned(machine, name, **known):
    topology = commplan.topology(machine)
    made = commplan.plan(topology, commplan.collective(name, range(topology.ranks)), **known)
    return to_bytes(made.schedule), made.not_tried


CASES = [
    ("torus:3x3", "all_gather", 2**16),
    ("dgx-1", "all_reduce", 2**14),
    ("star:6", "all_to_all", None),
]


@pytest.fixture(scope="module")
def usual():
    """Plan each case on the computer as it is."""
    return {case: planned(case[0], case[1], size=case[2]) for case in CASES}


@pytest.mark.parametrize("case", CASES)
def test_a_slow_computer_finds_the_same_plan_later(case, usual, slow_computer):
    found = planned(case[0], case[1], size=case[2])
    assert found == usual[case]
    assert found[1] == ()


def written(file, *words, **environment):
    command = [sys.executable, "-m", "commplan", "compile", *words, "-o", str(file)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)
    return file.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("full-mesh:4", "all_reduce", "--size", "64KiB"),
        ("ring:3", "all_gather", "--sizes", "1KiB:1MiB"),
    ],
)
def test_two_runs_write_the_same_bytes(words, tmp_path):
    first = written(tmp_path / "a.json.gz", *words, PYTHONHASHSEED="1", OPENBLAS_NUM_THREADS="1")
    jobs = ("--jobs", "2") if "--sizes" in words else ()
    other = {"PYTHONHASHSEED": "2", "OPENBLAS_NUM_THREADS": "2"}
    assert written(tmp_path / "b.json.gz", *words, *jobs, **other) == first


def test_a_file_does_not_say_how_long_it_took(tmp_path):
    written(tmp_path / "a.json", "ring:4", "all_gather")
    assert "seconds" not in files.load(tmp_path / "a.json").provenance


def test_what_a_time_limit_leaves_out_is_told(slow_computer, thorough):
    topology = commplan.topology("mi250")
    what = commplan.collective("all_reduce", range(topology.ranks))
    made = commplan.plan(topology, what, size=2**16, seconds=20.0)
    assert made.report.correct
    assert made.not_tried
