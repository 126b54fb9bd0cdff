"""Races of schedules: the same figures whoever measures them."""

import subprocess
import sys

import pytest

from commplan.candidates.crew import HostsError
from commplan.candidates.generate import all_candidates
from commplan.candidates.races import Races, cores, hosts, no_help
from commplan.candidates.tuning import FAR
from commplan.planning.planner import plan
from runtime.launch.mpi import find
from runtime.metrics.pacing import Pacing
from solvers.schedules.files import load_all
from solvers.schedules.kinds import collective
from topologies.formats.spec import topology


@pytest.fixture(scope="module")
def entrants():
    machine = topology("leaf-spine:2x2x2:overhead=0.5")
    return dict(
        all_candidates(plan(machine, collective("all_reduce", range(machine.ranks))).schedule)
    )


def figures(found):
    return {
        size: [(c.key, c.seconds, c.height, c.scratch, c.chunks, c.bottleneck) for c in row]
        for size, row in found.items()
    }


def test_two_processes_measure_what_one_does(entrants):
    keys = [*entrants, *(key.at(Pacing(2.0, 3)) for key in entrants)]
    sizes = [2**12, 2**22]
    here = {size: Races(entrants).at(size, keys) for size in sizes}
    with cores(2)(entrants) as executor:
        assert executor is not None
        helped = Races(entrants, executor=executor)
        there = {size: helped.at(size, keys) for size in sizes}
    assert figures(here) == figures(there)
    assert all(row == sorted(row, key=lambda c: c.seconds) for row in here.values())


@pytest.mark.parametrize("size", [2**10, 2**16, 2**24])
def test_the_first_is_the_same_where_slow_ones_are_given_up(entrants, size):
    keys = [*entrants, *(key.at(Pacing(2.0, 2)) for key in entrants)]
    every, near = Races(entrants).at(size, keys), Races(entrants).at(size, keys, FAR)
    assert Races(entrants).at(size, keys, 1)[0].key == every[0].key
    close = [c.key for c in every if c.seconds <= FAR * every[0].seconds]
    assert [c.key for c in near if c.seconds <= FAR * every[0].seconds] == close


def test_one_process_needs_no_help(entrants):
    assert cores(1) is no_help
    with no_help(entrants) as executor:
        assert executor is None


def test_hosts_that_are_not_there_are_told(entrants):
    with pytest.raises(HostsError, match="under mpiexec -n N python"), hosts(entrants):
        pass


@pytest.mark.timeout(120)
def test_an_mpi_job_makes_the_same_set(tmp_path):
    pytest.importorskip("mpi4py")
    words = ["compile", "star:6:overhead=1", "all_reduce", "--sizes", "64KiB:256KiB"]
    command = [sys.executable, "-m", "commplan", *words]
    alone, together = tmp_path / "alone.json", tmp_path / "together.json"
    subprocess.run([*command, "-o", str(alone)], check=True, capture_output=True, timeout=60)
    job = [*find().command_line(2), sys.executable, "-m", "mpi4py.futures"]
    job += ["-m", "commplan", *words, "--jobs", "mpi", "-o", str(together)]
    environment = find().environment(60)
    subprocess.run(job, check=True, capture_output=True, timeout=60, env=environment)
    pairs = zip(load_all(str(alone)), load_all(str(together)), strict=True)
    assert all((a.transfers.src == b.transfers.src).all() and a.share == b.share for a, b in pairs)
