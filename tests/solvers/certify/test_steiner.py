from itertools import chain, combinations

import numpy as np
import pytest

from solvers.certify import steiner
from solvers.certify.arborescence import cheapest_arborescence
from solvers.certify.steiner import (
    spanning_tree,
    steiner_bound,
    steiner_tree,
    steiner_tree_from_one,
)


def drawn(seed, n, needed):
    """Draw whole costs that obey the triangle inequality, as distances do."""
    draw = np.random.default_rng(seed)
    cost = draw.integers(1, 30, (n, n))
    for k in range(n):
        cost = np.minimum(cost, cost[:, [k]] + cost[[k], :])
    return cost, np.arange(n) < needed


def brute_force(cost, root, needed):
    others = np.flatnonzero(~needed).tolist()
    sets = chain.from_iterable(combinations(others, k) for k in range(len(others) + 1))
    return min(
        spanning_tree(cost, root, needed | np.isin(np.arange(len(cost)), s))[0] for s in sets
    )


def priced(cost, parent):
    children = np.flatnonzero(parent >= 0)
    return int(cost[parent[children], children].sum())


def leads_to(parent, root, vertex):
    for _ in range(len(parent)):
        vertex = vertex if vertex == root else int(parent[vertex])
    return vertex == root


@pytest.mark.parametrize("seed", range(8))
def test_few_choices_are_all_tried(seed):
    cost, needed = drawn(seed, 7, 4)
    expected = brute_force(cost, 0, needed)
    total, parent = steiner_tree(cost, 0, needed)
    assert total == expected == steiner_bound(cost, 0, needed) == priced(cost, parent)
    assert all(leads_to(parent, 0, v) for v in np.flatnonzero(needed))


@pytest.mark.parametrize("seed", range(12))
def test_where_not_all_are_tried_bound_and_tree_enclose_the_cheapest(seed, monkeypatch):
    monkeypatch.setattr(steiner, "TRIED", 0)
    monkeypatch.setattr(steiner, "TRIED_TO_PROVE", 0)
    cost, needed = drawn(seed, 9, 4)
    expected = brute_force(cost, 0, needed)
    total, parent = steiner_tree(cost, 0, needed)
    assert 0.8 * expected <= steiner_bound(cost, 0, needed) <= expected <= total <= 1.2 * expected
    assert total == priced(cost, parent)
    assert all(leads_to(parent, 0, v) for v in np.flatnonzero(needed))


@pytest.mark.parametrize("seed", range(12))
def test_where_everything_is_needed_the_ascent_is_exact(seed):
    cost, needed = drawn(seed, 9, 9)
    assert steiner._ascent(cost, 0, needed)[0] == cheapest_arborescence(cost, 0)[0]


@pytest.mark.parametrize("seed", range(6))
def test_the_payments_are_exact_in_numbers_beyond_machine_words(seed):
    cost, needed = drawn(seed, 9, 4)
    large = cost.astype(object) * 10**30
    assert steiner._ascent(large, 0, needed)[0] == 10**30 * int(steiner._ascent(cost, 0, needed)[0])


def test_a_tree_gains_by_branching_where_nothing_is_needed():
    # Rank 3 stands next to all; from 0 directly everyone is far.
    cost = np.full((4, 4), 10)
    cost[0, 3] = cost[3, 1] = cost[3, 2] = 4
    cost[0, 1] = cost[0, 2] = 8
    total, parent = steiner_tree(cost, 0, np.array([True, True, True, False]))
    assert (total, parent.tolist()) == (12, [-1, 3, 3, 0])
    alone = steiner_tree(cost, 0, np.array([True, True, False, False]))
    assert (alone[0], alone[1].tolist()) == (8, [-1, 0, -1, -1])


@pytest.mark.parametrize("seed", range(8))
def test_a_root_of_one_child_pays_the_least_over_all_first_children(seed):
    cost, needed = drawn(seed, 6, 4)
    total, parent = steiner_tree_from_one(cost, 0, needed)
    assert (parent == 0).sum() == 1
    assert total == priced(cost, parent)
    walled = []
    for first in range(1, 6):
        only = np.where((np.arange(6)[:, None] == 0) & (np.arange(6) != first), 1000, cost)
        walled.append(brute_force(only, 0, needed))
    assert total == min(walled)


@pytest.mark.parametrize("kind", [np.int64, object])
def test_where_the_cheapest_arcs_reach_everything_they_are_the_tree(kind):
    draw, met = np.random.default_rng(1), 0
    for size in (1, 2, 5, 9):
        for _ in range(12):
            cost = draw.integers(1, 4, (size, size)).astype(kind)
            np.fill_diagonal(cost, draw.integers(1, 9))
            root = int(draw.integers(size))
            right = cheapest_arborescence(cost, root)[0]
            found = steiner._by_cheapest_arcs(cost, root)
            assert found in (None, right)
            met += found is None
            assert steiner_bound(cost, root, np.ones(size, dtype=np.bool_)) == right
    assert 0 < met < 48
