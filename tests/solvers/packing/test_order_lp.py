"""The order LP: any order gives trees, all orders give all trees."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

from bench.optimum import optimum, simple_ways
from solvers.lp.linear_program import solve
from solvers.packing.order_lp import (
    Budget,
    Columns,
    Order,
    all_paths,
    assemble,
    path_loads,
    start_at_roots,
    union,
)
from solvers.routing.path_pool import PathPool
from solvers.routing.quotient import Quotient
from solvers.schedules.collective import all_gather
from topologies.model.topology import integers
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import full_mesh, ring, torus
from topologies.symmetry.group import declared_group, link_images, trivial


def shortest(view):
    """Collect the shortest ways of all pairs."""
    paths = PathPool(view)
    pairs = [(i, v) for i, root in enumerate(view.roots) for v in view.members if v != root]
    paths.ask(*(integers(column) for column in zip(*pairs, strict=True)))
    return paths


def pairs_of(orders):
    """Let every member take every earlier one as its parent."""
    found = [
        (k, parent, child)
        for k, order in enumerate(orders)
        for child, place in enumerate(order.place)
        for parent in np.flatnonzero(order.place < place)
    ]
    order, parent, child = (integers(column) for column in zip(*found, strict=True))
    return Columns(order, parent, child, np.zeros_like(order))


def least_time(view, orders, budgets):
    paths = shortest(view)
    for (src, _), known in simple_ways(view.topology, view.members.tolist()).items():
        for links in known if src in view.roots else []:
            paths.add(int(np.searchsorted(view.roots, src)), links)
    columns = all_paths(view, paths, orders, pairs_of(orders))
    lp = assemble(view, paths, orders, columns, budgets)
    scale = 1.0 / float(view.orbit_capacity.max())
    return solve(lp.program(scale)).cost * scale


def orders_from(root, members):
    """List every order that starts with the root."""
    found = []
    for rest in permutations([m for m in range(members) if m != root]):
        place = np.empty(members, dtype=np.int64)
        place[[root, *rest]] = np.arange(members)
        found.append(Order(root, place, place))
    return found


def whole(topology, group=None):
    members = integers(range(topology.ranks))
    return Quotient(topology, members, group or trivial(topology))


@pytest.mark.parametrize("seed", range(6))
def test_with_all_orders_it_is_the_lp_over_all_trees(seed):
    made = random_machine(seed, 4, 0, density=0.1)
    orders = [order for root in range(4) for order in orders_from(root, 4)]
    budgets = [Budget(tuple(range(6 * r, 6 * r + 6)), (), Fraction(1)) for r in range(4)]
    time = least_time(whole(made), orders, budgets)
    expected = optimum(made, all_gather((0, 1, 2, 3)))
    assert 4 / time * float(made.unit) == pytest.approx(expected, rel=1e-9)


def test_one_root_for_each_orbit_is_enough():
    made = torus([2, 2])
    folded, flat = whole(made, declared_group(made)), whole(made)
    one = [Budget(tuple(range(6)), (), Fraction(folded.orbit_of(0), folded.group.order))]
    every = [Budget(tuple(range(6 * r, 6 * r + 6)), (), Fraction(1)) for r in range(4)]
    orders = [order for root in range(4) for order in orders_from(root, 4)]
    assert least_time(folded, orders[:6], one) == pytest.approx(least_time(flat, orders, every))


def test_a_budget_with_minus_balances_two_sets_of_orders():
    made = full_mesh(3, bandwidth=Fraction(1))
    outward = orders_from(0, 3)
    inward = [Order(0, order.place, order.depth, inward=True) for order in outward]
    budgets = [Budget((0, 1), (2, 3), Fraction(0)), Budget((0, 1), (), Fraction(1))]
    # A tree out and a tree in have four arcs, which spread evenly over the six links.
    time = least_time(whole(made), [*outward, *inward], budgets)
    assert time == pytest.approx(2 / 3)


def test_loads_add_up_over_all_images():
    made = torus([3, 3])
    view = whole(made, declared_group(made))
    paths = shortest(view)
    images = link_images(made, view.group.elements)
    for row, links in zip(path_loads(view, paths).toarray(), paths.links, strict=True):
        load = np.bincount(images[:, list(links)].reshape(-1), minlength=made.links)
        assert row[view.link_orbit].tolist() == load.tolist()


def test_pairs_are_moved_so_that_they_start_at_a_root():
    made = ring(6)
    view = whole(made, declared_group(made))
    src, dst = (np.array(column) for column in zip(*permutations(range(6), 2), strict=True))
    place, target = start_at_roots(view, src, dst)
    for s, d, p, t in zip(src, dst, place, target, strict=True):
        starts = view.group.elements[:, view.roots[p]] == s
        assert d in view.group.elements[starts, t]


def test_an_inward_pair_is_crossed_from_the_child_to_the_parent():
    made = random_machine(3, 4, 1)
    view, place = whole(made), np.arange(4)
    paths = shortest(view)
    orders = [Order(0, place, place), Order(0, place, place, inward=True)]
    found = all_paths(view, paths, orders, pairs_of(orders))
    assert set(found.order) == {0, 1}
    for order, parent, child, path in zip(
        found.order, found.parent, found.child, found.path, strict=True
    ):
        links = paths.links[path]
        ends = int(made.src[links[0]]), int(made.dst[links[-1]])
        assert ends == ((child, parent) if order == 1 else (parent, child))


def test_columns_that_meet_again_appear_once():
    a = Columns(*(integers(column) for column in ([0, 0], [1, 2], [2, 1], [5, 6])))
    b = Columns(*(integers(column) for column in ([0, 1], [1, 2], [2, 1], [5, 6])))
    joined = union([a, b, a], 3)
    rows = set(zip(joined.order, joined.parent, joined.child, joined.path, strict=True))
    assert len(joined) == len(rows) == 3
