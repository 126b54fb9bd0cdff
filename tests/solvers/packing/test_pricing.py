"""What prices ask for, and when they ask for nothing more."""

from fractions import Fraction

import numpy as np
import pytest

from solvers.packing.column_pool import ColumnPool
from solvers.packing.families import Family
from solvers.packing.pricing import Pricing
from solvers.routing.quotient import Quotient
from topologies.model.topology import Link, build, integers
from topologies.presets.shapes import full_mesh, line, ring
from topologies.symmetry.group import trivial


def priced(topology, *families, free=False):
    view = Quotient(topology, integers(range(topology.ranks)), trivial(topology))
    made = ColumnPool(view, families)
    pricing = Pricing(made, free=free)
    pricing.begin(1.0)
    return made, pricing


def rows(columns):
    fields = columns.order, columns.parent, columns.child, columns.path
    return set(zip(*(field.tolist() for field in fields), strict=True))


def direct(topology, prices):
    """Lay the prices of direct links out as a matrix."""
    cost = np.full((topology.ranks, topology.ranks), np.inf)
    cost[topology.src, topology.dst] = prices
    return cost


def test_prices_whose_cheapest_trees_cost_the_time_ask_for_nothing():
    made, pricing = priced(ring(4), Family(0, False))
    before = rows(made.columns)
    # Any tree of four ranks has three arcs.
    assert not pricing.price_out(np.full(8, 1.0), 3.0)
    assert rows(made.columns) == before
    assert pricing.price_out(np.full(8, 1.0), 3.1)
    assert before < rows(made.columns)


@pytest.mark.parametrize("size", [1, 5])
def test_a_family_counts_by_what_its_trees_carry(size):
    _, pricing = priced(ring(4), Family(0, False, size), Family(1, False, 1))
    assert pricing.price_out(np.ones(8), 3.0 * (size + 1) + 0.1)
    assert not pricing.price_out(np.ones(8), 3.0 * (size + 1))


def test_with_free_shares_the_cheapest_pair_of_trees_counts():
    families = [Family(root, inward) for root in range(4) for inward in (False, True)]
    topology = line(4)
    # Towards rank 3 a hop costs 2, back 1: the three hops of either tree are 9 for any root.
    prices = np.where(topology.src < topology.dst, 2.0, 1.0)
    _, pricing = priced(topology, *families, free=True)
    assert not pricing.price_out(prices, 9.0)
    found = pricing.pool.cheapest_trees(direct(topology, prices))
    assert pricing.time_of({family: total for family, (total, _) in found.items()}) == 9


@pytest.mark.parametrize("inward", [False, True])
def test_the_cheapest_tree_is_among_the_columns_afterwards(inward):
    topology = full_mesh(5)
    for seed in range(10):
        prices = np.random.default_rng(seed).random(topology.links)
        made, pricing = priced(topology, Family(2, inward))
        assert pricing.price_out(prices, 1e9)
        hop = {
            (int(s), int(d)): p for s, d, p in zip(topology.src, topology.dst, prices, strict=True)
        }
        cost = np.full((5, 5), np.inf)
        for (src, dst), price in hop.items():
            cost[src, dst] = price
        (total, parent) = pricing.pool.cheapest_trees(cost)[Family(2, inward)]
        tree = {(int(p), c) for c, p in enumerate(parent) if c != 2}
        assert total == pytest.approx(sum(cost[c, p] if inward else cost[p, c] for p, c in tree))
        assert any(
            tree <= {(p, c) for of, p, c, _ in rows(made.columns) if of == k}
            for k in range(len(made.orders))
        )


def test_a_cheaper_way_is_taken_in_for_every_choice_of_its_pair():
    links = [Link("a", "b", Fraction(1), alpha, duplex=True) for alpha in (1e-6, 9e-6)]
    made, pricing = priced(build("pair", ["a", "b"], [], links), Family(0, False))
    made.settle()
    assert made.paths.links == [(0,)]
    assert pricing.price_out(np.array([1.0, 1.0, 0.5, 1.0]), 1.0)
    assert made.paths.links == [(0,), (2,)]
    assert {path for *_, path in rows(made.columns)} == {0, 1}


def test_of_two_ways_of_equal_price_the_shorter_one_is_taken():
    links = [Link("a", "b", Fraction(1), alpha, duplex=True) for alpha in (9e-6, 1e-6, 5e-6)]
    _, pricing = priced(build("pair", ["a", "b"], [], links), Family(0, False))
    _, entry = pricing._distances(np.ones(6))
    assert entry[0, 1] == 2
