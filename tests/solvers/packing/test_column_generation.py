"""Packings of trees: weights, loads and times, exactly."""

from fractions import Fraction

import numpy as np
import pytest

from solvers.bounds.cuts import cut_bound
from solvers.lp.linear_program import Infeasible, NotFound
from solvers.packing.column_generation import ColumnGeneration, Goal
from solvers.packing.families import Family
from solvers.packing.order_lp import path_loads
from solvers.routing.quotient import Quotient
from solvers.schedules.kinds import collective
from solvers.settings.deadline import NO_DEADLINE, Watch
from topologies.model.topology import Link, build, integers
from topologies.presets.random_machines import AWKWARD, EVEN, random_machine
from topologies.presets.shapes import full_mesh, hypercube, torus
from topologies.symmetry.group import declared_group, trivial


def both(root):
    return [Family(root, inward) for inward in (False, True)]


def packer(topology, free, group=None, watch=NO_DEADLINE):
    view = Quotient(topology, integers(range(topology.ranks)), group or trivial(topology))
    roots = view.roots.tolist()
    families = [f for r in roots for f in both(r)] if free else [Family(r, False) for r in roots]
    return ColumnGeneration(view, families, free=free, watch=watch)


def packed(topology, free, group=None):
    return packer(topology, free, group).solve(None, lambda _prices, _time: None)


def weights(packing):
    """Add up for each order and member the shares of its parents; they must agree."""
    found = {}
    for order, child, share in zip(
        packing.columns.order, packing.columns.child, packing.share, strict=True
    ):
        found.setdefault(int(order), {}).setdefault(int(child), Fraction(0))
        found[int(order)][int(child)] += share
    assert all(len(set(of.values())) == 1 for of in found.values())
    return {order: next(iter(of.values())) for order, of in found.items()}


def totals(packing):
    found = {}
    for order, weight in weights(packing).items():
        key = packing.orders[order].root, packing.orders[order].inward
        found[key] = found.get(key, 0) + weight
    return found


CASES = [*range(12), "torus", "hypercube"]


@pytest.fixture(params=CASES, ids=str)
def case(request):
    named = {"torus": torus([3, 3]), "hypercube": hypercube(3)}
    if request.param in named:
        return named[request.param], declared_group(named[request.param])
    seed = request.param
    made = random_machine(seed, 3 + seed % 3, seed % 4, AWKWARD if seed % 3 == 0 else EVEN)
    return made, trivial(made)


def test_every_member_of_an_order_takes_as_much_and_each_root_gets_its_share(case):
    topology, group = case
    found = totals(packed(topology, False, group))
    roots = Quotient(topology, integers(range(topology.ranks)), group).roots
    images = group.order * len(roots) / topology.ranks
    assert found == {(int(r), False): Fraction(1) / Fraction(images) for r in roots}


def test_with_free_shares_as_much_is_added_as_spread_at_each_root(case):
    topology, group = case
    found = totals(packed(topology, True, group))
    assert sum(found.values()) == Fraction(2, group.order)
    for root, inward in found:
        assert found[root, inward] == found[root, not inward]


def busiest(packing):
    """Give the largest load per capacity."""
    view = packing.paths.quotient
    loads = path_loads(view, packing.paths).toarray().astype(object)
    total = np.zeros(len(view.orbit_size), dtype=object)
    for share, path in zip(packing.share, packing.columns.path, strict=True):
        total += share * loads[path]
    return max(a / int(c) for a, c in zip(total, view.orbit_capacity, strict=True))


@pytest.mark.parametrize("free", [False, True])
def test_exact_shares_load_the_links_as_the_optimum_in_floats_does(case, free):
    topology, group = case
    times = []
    packing = packer(topology, free, group).solve(None, lambda _, time: times.append(time))
    assert float(busiest(packing)) == pytest.approx(times[-1], rel=1e-9)


def test_parents_come_earlier_in_the_order(case):
    packing = packed(case[0], False, case[1])
    columns = packing.columns
    for k, order in enumerate(packing.orders):
        mine = columns.order == k
        assert order.place[order.root] == 0
        assert (order.place[columns.parent[mine]] < order.place[columns.child[mine]]).all()


def test_a_goal_that_is_reached_is_the_time_and_its_bound_is_handed_on():
    topology = full_mesh(5)
    bound = cut_bound(topology, collective("all_gather", range(5)))
    goal = Goal(5 * topology.unit / bound.algbw, bound)
    packing = packer(topology, False).solve(goal, lambda *_: pytest.fail("no proof needed"))
    assert (busiest(packing), packing.bound) == (goal.time, bound)


def prove_nothing(*_):
    return None


def test_ranks_out_of_reach_are_infeasible():
    links = [Link("a", "b", Fraction(1), duplex=True), Link("c", "a", Fraction(1))]
    with pytest.raises(Infeasible, match="cannot be reached"):
        packer(build("dead end", ["a", "b", "c"], [], links), False).solve(None, prove_nothing, 9.0)


def test_when_the_time_is_over_the_best_trees_so_far_are_given():
    for seed in range(20):
        topology = random_machine(seed, 5, 2)
        watch = Watch()
        made = packer(topology, False, watch=watch)
        packing = made.solve(None, lambda *_: None, lambda _, watch=watch: watch.stop())
        assert watch.over
        assert totals(packing) == {(r, False): 1 for r in range(5)}


def test_where_no_exact_optimum_is_in_reach_the_shares_still_add_up(monkeypatch):
    def refuse(*_):
        raise NotFound("in floats only")

    monkeypatch.setattr("solvers.lp.min_max_load.LoadLP.exact", refuse)
    for seed in range(5):
        topology, times = random_machine(seed, 4, 2), []
        packing = packer(topology, True).solve(None, lambda _, time: times.append(time))  # noqa: B023
        found = totals(packing)
        assert sum(weight for (_, inward), weight in found.items() if inward) == 1
        assert sum(weight for (_, inward), weight in found.items() if not inward) == 1
        assert float(busiest(packing)) == pytest.approx(times[-1], rel=1e-4)
