"""Sums over spanning trees of cables: right, and as fast as trees out of each root from nothing."""

import pytest

from commplan.changes.replan import replan
from runtime.verify.verify import verify
from solvers.kept_symmetry import find_symmetry
from solvers.repair.spanning import is_spanned, span
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.solve import solve
from topologies.derive.damage import damaged
from topologies.derive.failures import read_damage
from topologies.presets.nvidia import dgx_a100
from topologies.presets.shapes import mesh, ring, torus


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (torus((3, 3)), {"without": ["r0.0:r0.1"]}),
        (torus((3, 3)), {"slow": ["r0.0:r0.1=0.5"]}),
        (torus((3, 4)), {"without_ranks": ["r1.1"]}),
        (torus((3, 3, 3)), {"without": ["r0.0.0:r0.0.1"]}),
        (mesh((3, 3)), {"without": ["r0.0:r0.1"]}),
        (ring(5), {"without": ["r0:r1"]}),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_what_is_left_carries_as_much_as_from_nothing(machine, words):
    left = damaged(machine, read_damage(machine, **words)).topology
    what = collective("all_reduce", range(left.ranks))
    assert is_spanned(left, what)
    found = span(left, what, find_symmetry(left, what), Watch(20))
    report = verify(found)
    assert report.correct, report.faults
    assert report.optimal
    assert report.algbw == verify(solve(left, what)).algbw


def test_other_machines_and_collectives_are_no_such_packing():
    machine = torus((3, 3))
    assert not is_spanned(machine, collective("all_gather", range(9)))
    assert not is_spanned(machine, collective("all_reduce", range(8)))
    assert not is_spanned(dgx_a100(2), collective("all_reduce", range(16)))


def test_a_mesh_that_lost_a_cable_inside_is_repaired_by_roots_that_had_no_trees():
    machine = mesh((3, 3))
    schedule = solve(machine, collective("all_reduce", range(9)))
    made = replan(schedule, read_damage(machine, without=["r1.1:r1.2"])).plan
    assert made.report.optimal
    assert verify(made.schedule).correct
