"""What the order LP grows by: orders, candidate parents and their ways."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

from solvers.lp.linear_program import Infeasible
from solvers.packing.column_pool import ColumnPool
from solvers.packing.families import Family
from solvers.packing.order_lp import places
from solvers.packing.tuning import EVERY, NEARBY
from solvers.routing.quotient import Quotient
from topologies.model.topology import Link, build, integers
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import full_mesh, line, star
from topologies.symmetry.group import trivial


def grown(topology, *families, members=None):
    chosen = integers(range(topology.ranks) if members is None else members)
    made = ColumnPool(Quotient(topology, chosen, trivial(topology)), families)
    for family in families:
        made.nearest_first(family, made.near)
    return made


def rows(columns):
    fields = columns.order, columns.parent, columns.child, columns.path
    return set(zip(*(field.tolist() for field in fields), strict=True))


@pytest.mark.parametrize("inward", [False, True])
def test_first_orders_go_by_distance_from_the_root(inward):
    made = grown(line(5), Family(2, inward))
    (order,) = made.orders
    assert order.place.tolist() == [3, 1, 0, 2, 4]
    assert order.depth.tolist() == [2, 1, 0, 1, 2]


def test_a_member_comes_after_the_one_over_which_it_is_reached():
    for seed in range(20):
        made = grown(random_machine(seed, 5, 2), Family(3, False), Family(1, True))
        for order in made.orders:
            _, before = made.reach(order.root, order.inward, order.present)
            others = np.arange(5) != order.root
            assert (order.place[before[others]] < order.place[others]).all()


def test_columns_are_earlier_parents_over_ways_between_the_two():
    for seed in range(20):
        made = grown(
            random_machine(seed, 5, 2), Family(4, False), Family(0, True), members=(0, 2, 3, 4)
        )
        topology, members = made.quotient.topology, made.quotient.members
        for k, parent, child, path in rows(made.columns):
            order, links = made.orders[k], list(made.paths.links[path])
            assert order.place[parent] < order.place[child]
            ends = topology.src[links[0]], topology.dst[links[-1]]
            hop = (child, parent) if order.inward else (parent, child)
            assert ends == tuple(members[list(hop)])


def test_every_member_has_a_parent_in_every_order():
    for seed in range(20):
        made = grown(
            random_machine(seed, 5, 2), *(Family(r, i) for r in range(5) for i in (False, True))
        )
        for k, order in enumerate(made.orders):
            children = {child for of, _, child, _ in rows(made.columns) if of == k}
            assert children == set(range(5)) - {order.root}


def test_among_many_members_only_near_parents_are_candidates():
    few, many = (grown(star(n), Family(0, False)) for n in (EVERY, EVERY + 1))
    assert len(few.columns) == EVERY * (EVERY - 1) // 2
    parents = np.bincount(many.columns.child)
    assert parents.max() <= 2 * NEARBY + 1
    assert parents[1:].min() >= 1


def test_an_order_is_taken_in_once():
    made = grown(full_mesh(4), Family(0, False))
    tree, before = np.array([-1, 0, 1, 2]), rows(made.columns)
    made.grow(Family(0, False), tree, np.argsort(made.orders[0].place))
    assert len(made.orders) == 1
    made.grow(Family(0, False), tree, np.array([0, 3, 2, 1]))
    assert len(made.orders) == 2
    assert before < rows(made.columns)


def test_of_thousands_of_orders_each_is_taken_in_once_and_again_where_it_was_dropped():
    families = [Family(0, False), Family(0, True), Family(1, False)]
    made = ColumnPool(Quotient(full_mesh(7), integers(range(7)), trivial(full_mesh(7))), families)
    wanted = []
    for family in families:
        for others in permutations(v for v in range(7) if v != family.root):
            place = places(np.array([family.root, *others]), 7)
            wanted.append((family, np.full(7, family.root), place))
    for _ in range(2):
        orders = [made.grow(*each) for each in wanted]
        assert len(made.orders) == len(wanted) == 2160
    told = [(made.family_of(order), order.place.tolist()) for order in made.orders]
    assert told == [(family, place.tolist()) for family, _, place in wanted]
    made.keep(np.arange(len(orders)) % 3 > 0)
    for each in wanted:
        made.grow(*each)
    again = [(made.family_of(order), order.place.tolist()) for order in made.orders]
    assert again == [each for i, each in enumerate(told) if i % 3] + told[::3]


def test_a_way_that_comes_later_is_spread_to_all_its_pairs():
    links = [Link("a", "b", Fraction(1), alpha, duplex=True) for alpha in (1e-6, 9e-6)]
    made = grown(build("pair", ["a", "b"], [], links), Family(0, False))
    assert [made.paths.links[path] for path in made.columns.path] == [(0,)]
    made.paths.add(0, (2,))
    made.spread()
    assert [made.paths.links[path] for path in made.columns.path] == [(0,), (2,)]


def test_orders_that_are_dropped_take_their_columns_along():
    families = [Family(root, False) for root in range(4)]
    made = grown(full_mesh(4), *families)
    kept = [made.orders[1], made.orders[3]]
    wanted = {((k - 1) // 2, *rest) for k, *rest in rows(made.columns) if k in (1, 3)}
    made.keep(np.array([False, True, False, True]))
    assert made.orders == kept
    assert rows(made.columns) == wanted
    assert [made.family_of(order) for order in made.orders] == [families[1], families[3]]


def test_a_member_out_of_reach_is_infeasible():
    links = [Link("a", "b", Fraction(1), duplex=True), Link("c", "a", Fraction(1))]
    topology = build("dead end", ["a", "b", "c"], [], links)
    with pytest.raises(Infeasible, match="cannot be reached"):
        grown(topology, Family(0, False))
    assert grown(topology, Family(0, True)).orders


def test_places_are_where_the_members_stand():
    assert places(np.array([2, 0, 3, 1]), 4).tolist() == [1, 3, 0, 2]
