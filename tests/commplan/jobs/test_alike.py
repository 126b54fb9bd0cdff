"""Groups that are images of each other: the schedule of one is right on each."""

import numpy as np
import pytest

from commplan.jobs.alike import find_alike, meet_kinds
from runtime.verify.verify import verify
from solvers.schedules.ensembles.moved import moved
from solvers.schedules.kinds import collective
from solvers.settings.options import SolverOptions
from solvers.solve import solve
from topologies.formats import spec


@pytest.mark.parametrize(
    ("name", "groups", "orbits"),
    [
        ("torus:4x4", [(0, 1), (5, 9), (2, 10), (6, 11), (3, 5), (0, 5)], 3),  # 1, 2, 3 apart
        ("mesh:2x4", [(0, 1), (6, 7), (1, 2), (4, 0)], 3),
        ("dgx-a100:boxes=2", [(0, 1, 2), (8, 9, 10), (0, 1, 8)], 2),
    ],
)
def test_a_schedule_of_one_is_right_on_all_that_are_alike(name, groups, orbits):
    machine = spec.topology(name)
    found = find_alike(machine, machine.symmetry, groups)
    assert len({each.like for each in found}) == orbits
    for own, group in zip(found, groups, strict=True):
        assert own.ranks == group
        assert sorted(own.plays) == sorted(groups[own.like])
        assert (own.element[list(own.plays)] == group).all()
        what = collective("all_gather", groups[own.like])
        made = solve(machine, what, options=SolverOptions(relays="forward"))
        image = moved(made, own.element)
        assert image.collective.ranks == tuple(sorted(group))
        assert verify(image).correct


def test_what_is_not_alike_stays_apart():
    machine = spec.topology("irregular:seed=3")
    pairs = [(0, rank) for rank in range(1, machine.ranks)]
    for number, own in enumerate(find_alike(machine, machine.symmetry, pairs)):
        image = np.array(own.element)[list(pairs[own.like])]
        assert sorted(image.tolist()) == sorted(pairs[number])


def test_kinds_of_alike_groups_are_planned_on_the_same_ranks():
    machine = spec.topology("torus:4x4")
    kinds = {"tp": [(0, 1), (4, 5)], "dp": [(2, 6), (2, 10)], "edp": [(1, 0), (9, 8)]}
    found = {kind: find_alike(machine, machine.symmetry, groups) for kind, groups in kinds.items()}
    met = meet_kinds(machine, machine.symmetry, found)
    assert list(met) == list(kinds)
    planned = {
        kind: {tuple(sorted(row.plays)) for row in rows if sorted(row.ranks) != [2, 10]}
        for kind, rows in met.items()
    }
    assert planned["tp"] == planned["dp"] == planned["edp"] == {(0, 1)}
    for kind, rows in met.items():
        for row, group in zip(rows, kinds[kind], strict=True):
            assert row.ranks == group
            assert (row.element[list(row.plays)] == group).all()
            assert sorted(row.plays) == sorted(rows[row.like].plays)
            made = solve(machine, collective("all_gather", sorted(row.plays)))
            assert verify(moved(made, row.element)).correct
