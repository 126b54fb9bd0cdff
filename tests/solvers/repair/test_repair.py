"""Old trees on what is left: as good as trees from nothing, and few of them changed."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from commplan.changes.difference import compare_traffic
from commplan.changes.shrink import on_what_is_left
from runtime.verify.verify import verify
from solvers.kept_symmetry import find_symmetry
from solvers.lp.linear_program import NotFound
from solvers.repair.expand import roots_of
from solvers.repair.reattach import reattach
from solvers.repair.repair import repair
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.solve import solve
from topologies.derive.damage import Damage, damaged
from topologies.derive.failures import read_damage
from topologies.presets.nvidia import dgx_a100
from topologies.presets.shapes import full_mesh, hypercube, ring, torus
from topologies.symmetry.group import trivial

MACHINES = (ring(6), torus((3, 4)), hypercube(3), dgx_a100(2))


def put_right(schedule, damage, *, folded=False):
    left = damaged(schedule.topology, damage)
    what = on_what_is_left(schedule.collective, left, shrink=True)
    group = find_symmetry(left.topology, what) if folded else trivial(left.topology)
    return left, repair(schedule, left, what, group, Watch(60))


def solved(machine, name):
    return solve(machine, collective(name, range(machine.ranks)))


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("name", ["all_gather", "reduce_scatter", "all_reduce", "broadcast"])
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_a_lost_cable_costs_what_it_costs_from_nothing(machine, name, folded):
    link = Random(name + machine.name).randrange(machine.links)
    both = {link, int(machine.mate[link])}
    damage = Damage(tuple((each, Fraction(0)) for each in sorted(both)))
    left, found = put_right(solved(machine, name), damage, folded=folded)
    report = verify(found)
    assert report.correct, report.faults
    assert report.optimal
    assert report.algbw == verify(solve(left.topology, found.collective)).algbw


@pytest.mark.parametrize("name", ["all_gather", "all_reduce"])
def test_a_slower_cable_and_a_dead_rank_are_put_right_too(name):
    machine = torus((3, 3))
    schedule = solved(machine, name)
    for words in ({"slow": ["r0.0:r0.1=0.5"]}, {"without_ranks": ["r1.1"]}):
        left, found = put_right(schedule, read_damage(machine, **words))
        report = verify(found)
        assert report.optimal
        assert report.algbw == verify(solve(left.topology, found.collective)).algbw


@pytest.mark.parametrize("words", [{"without": ["b0.g0:ib"]}, {"slow": ["b0.g0:ib=0.5"]}])
def test_what_lost_nothing_stays_as_it_is(words):
    machine = dgx_a100(4)
    schedule = solved(machine, "all_gather")
    damage = read_damage(machine, **words)
    left, found = put_right(schedule, damage)
    anew = solve(left.topology, found.collective)
    ours, theirs = (compare_traffic(schedule, each, left) for each in (found, anew))
    assert ours.dropped + ours.added + ours.changed < 60
    assert theirs.dropped + theirs.added + theirs.changed > 4 * 60


def test_a_repaired_schedule_is_repaired_again():
    machine = full_mesh(5)
    schedule = solved(machine, "all_gather")
    for gone in ("r0:r1", "r2:r3"):
        schedule = put_right(schedule, read_damage(schedule.topology, without=[gone]))[1]
    assert verify(schedule).optimal


def test_paths_between_pairs_are_no_trees():
    with pytest.raises(NotFound, match="no schedule of trees"):
        roots_of(solved(full_mesh(4), "all_to_all"))


def test_a_part_that_fell_off_hangs_on_by_another_rank_where_its_own_has_no_way():
    # 0 -> 1 -> {2, 3}; what led to 1 is gone, only 3 is still reached from outside.
    reach = np.full((4, 4), np.inf)
    reach[0, 3] = reach[3, 1] = reach[1, 2] = reach[2, 1] = reach[1, 3] = 1.0
    assert reattach(0, np.array([-1, -1, 1, 1]), reach, 1e-3).tolist() == [-1, 3, 1, 0]
