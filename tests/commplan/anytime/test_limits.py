"""Limits of height and of trees, counted in schedules that are known."""

import pytest

from commplan.anytime.limits import count_trees, keeps_limits
from commplan.planning.planner import plan
from commplan.planning.size_set import size_set
from runtime.verify.determinism import is_deterministic
from solvers.lp.linear_program import Infeasible
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.settings.options import LimitError, SolverOptions
from solvers.solve import bound, solve
from topologies.formats import spec
from topologies.presets.shapes import full_mesh, ring, star

ALL = range(8)


@pytest.mark.parametrize("symmetry", ["found", "none"])
def test_a_ring_needs_two_trees_for_each_rank(symmetry):
    # The way round is cut on either side of the root in turn, or opposite to it.
    made = solve(ring(8), collective("all_gather", ALL), options=SolverOptions(symmetry))
    assert count_trees(made) in (1, 2)
    assert keeps_limits(made, SolverOptions(trees=2))
    assert not keeps_limits(made, SolverOptions(max_height=3))


def test_a_broadcast_over_a_mesh_has_a_tree_for_each_link_of_the_root():
    made = solve(full_mesh(4), collective("broadcast", range(4), 0), options=SolverOptions("none"))
    assert count_trees(made) == 3
    assert not keeps_limits(made, SolverOptions(trees=2))


def test_sums_count_where_they_are_complete():
    made = solve(full_mesh(4), collective("all_reduce", range(4)))
    assert count_trees(made) == 1


def test_a_plan_keeps_to_the_limits():
    machine = spec.topology("dgx-a100:boxes=2")
    what = collective("all_to_all", range(machine.ranks))
    made = plan(machine, what, options=SolverOptions(max_height=1))
    assert made.report.height == 1
    what = collective("all_gather", range(machine.ranks))
    made = plan(machine, what, size=2**20, options=SolverOptions(max_height=1))
    assert made.report.height == 1


@pytest.mark.parametrize("size", [None, 2**12])
@pytest.mark.parametrize("machine", [full_mesh(3), star(4)])
def test_all_ranks_add_up_what_all_send_in_one_message_and_get_the_same_bits(machine, size):
    what = collective("all_reduce", range(machine.ranks))
    made = plan(machine, what, size=size, options=SolverOptions(max_height=1))
    assert made.report.height == 1
    assert made.report.same_bits


@pytest.mark.parametrize(
    ("machine", "height"), [("ring:4", 2), ("torus:2x4", 3), ("torus:4x4", 4), ("hypercube:3", 3)]
)
def test_patterns_are_lower_than_trees_into_a_root_and_out_of_it(machine, height):
    machine = spec.topology(machine)
    what = collective("all_reduce", range(machine.ranks))
    made = plan(machine, what, options=SolverOptions(max_height=height))
    assert made.report.height == height
    assert made.report.same_bits
    with pytest.raises(Infeasible, match=f"{height} messages one after the other lead from"):
        plan(machine, what, options=SolverOptions(max_height=height - 1))


def test_what_is_neither_found_nor_impossible_is_said_so():
    what = collective("all_reduce", range(5))
    with pytest.raises(LimitError, match="the lowest one has height 4; nothing is proved"):
        plan(ring(5), what, options=SolverOptions(max_height=2))
    known = bound(ring(5), what, options=SolverOptions(max_height=2))
    assert (known.scope, known.algbw) == ("cut", 50 * 10**9)


def test_a_set_takes_no_schedule_that_gives_ranks_different_bits(in_two_orders):
    assert not is_deterministic(in_two_orders)
    parts = size_set(in_two_orders, 2**8, 2**20, Watch(60))
    assert all(is_deterministic(part.best.schedule) for part in parts)


def test_two_ranks_add_in_one_message():
    made = plan(
        full_mesh(2), collective("all_reduce", range(2)), options=SolverOptions(max_height=1)
    )
    assert made.report.height == 1
    assert made.report.same_bits
