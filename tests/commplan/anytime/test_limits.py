"""Limits of height and of trees, counted in schedules that are known."""

import pytest

from commplan.anytime.limits import LimitError, trees, within
from commplan.planning.planner import plan
from commplan.planning.size_set import size_set
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.settings.options import Terms
from solvers.solve import solve
from topologies.formats import spec
from topologies.presets.shapes import full_mesh, ring, star

ALL = range(8)


@pytest.mark.parametrize("symmetry", ["found", "none"])
def test_a_ring_needs_two_trees_for_each_rank(symmetry):
    # The way round is cut on either side of the root in turn, or opposite to it.
    made = solve(ring(8), collective("all_gather", ALL), terms=Terms(symmetry))
    assert trees(made) in (1, 2)
    assert within(made, Terms(trees=2))
    assert not within(made, Terms(max_height=3))


def test_a_broadcast_over_a_mesh_has_a_tree_for_each_link_of_the_root():
    made = solve(full_mesh(4), collective("broadcast", range(4), 0), terms=Terms("none"))
    assert trees(made) == 3
    assert not within(made, Terms(trees=2))


def test_sums_count_where_they_are_complete():
    made = solve(full_mesh(4), collective("all_reduce", range(4)))
    assert trees(made) == 1


def test_a_plan_keeps_to_the_limits():
    machine = spec.topology("dgx-a100:boxes=2")
    what = collective("all_to_all", range(machine.ranks))
    made = plan(machine, what, terms=Terms(max_height=1))
    assert made.report.height == 1
    what = collective("all_gather", range(machine.ranks))
    made = plan(machine, what, size=2**20, terms=Terms(max_height=1))
    assert made.report.height == 1


@pytest.mark.parametrize("size", [None, 2**12])
@pytest.mark.parametrize("machine", [full_mesh(3), star(4)])
def test_a_height_that_would_give_ranks_different_bits_is_not_kept_to(machine, size):
    what = collective("all_reduce", range(machine.ranks))
    with pytest.raises(LimitError, match=r"has height 2 .* one of height 1 .* different bits"):
        plan(machine, what, size=size, terms=Terms(max_height=1))


def test_a_set_takes_no_schedule_that_gives_ranks_different_bits():
    made = solve(full_mesh(3), collective("all_reduce", range(3)), terms=Terms(max_height=1))
    parts = size_set(made, 2**8, 2**20, Watch(60))
    assert all(part.best.height > 1 for part in parts)
    with pytest.raises(LimitError):
        size_set(made, 2**8, 2**20, Watch(60), Terms(max_height=1))


def test_two_ranks_add_in_one_message():
    made = plan(full_mesh(2), collective("all_reduce", range(2)), terms=Terms(max_height=1))
    assert made.report.height == 1
    assert made.report.same_bits
