"""Trees of bounded height: never below the best of all, and mostly that."""

import numpy as np
import pytest

from solvers.arborescences.bounded_depth import Unreachable, bounded_depth_tree, depths, levels
from solvers.certify.distances import hops
from tests.support.every_tree import best_low


def check(tree, cost, root, needed, height):
    inner = np.flatnonzero(tree.parent >= 0)
    assert tree.parent[root] == -1
    assert set(np.flatnonzero(needed)) - {root} <= set(inner)
    assert tree.total == pytest.approx(cost[tree.parent[inner], inner].sum())
    depth = depths(tree.parent)
    assert depth.max() <= height
    assert (depth[inner] == depth[tree.parent[inner]] + 1).all()


@pytest.mark.parametrize("height", [1, 2, 3])
def test_trees_are_within_the_height_and_near_the_cheapest(height):
    met = 0
    for seed in range(40):
        draw = np.random.default_rng(seed)
        cost = draw.uniform(1, 10, (5, 5))
        needed = np.ones(5, dtype=bool)
        needed[4] = seed % 2 == 0
        tree = bounded_depth_tree(cost, 0, needed, height)
        check(tree, cost, 0, needed, height)
        best = best_low(cost, 0, needed, height)
        assert tree.total >= best * (1 - 1e-12)
        met += tree.total <= best * (1 + 1e-12)
    assert met >= 32


def test_two_levels_are_the_cheapest_hubs():
    # Two clusters far from the root: one vertex of each is served by the root, and serves others.
    place = np.array([0.0, 100.0, 101.0, 102.0, -100.0, -101.0, -102.0])
    cost = np.abs(place[:, None] - place[None, :])
    tree = bounded_depth_tree(cost, 0, np.ones(7, dtype=bool), 2)
    check(tree, cost, 0, np.ones(7, dtype=bool), 2)
    assert tree.total == pytest.approx(2 * (100 + 1 + 2))


def test_what_is_too_far_away_is_refused():
    cost = np.full((4, 4), np.inf)
    cost[[0, 1, 2], [1, 2, 3]] = 1.0
    assert hops(cost, 0).tolist() == [0, 1, 2, 3]
    assert bounded_depth_tree(cost, 0, np.ones(4, dtype=bool), 3).total == 3.0
    with pytest.raises(Unreachable, match="cannot be reached in 2 messages"):
        bounded_depth_tree(cost, 0, np.ones(4, dtype=bool), 2)


def test_what_only_a_chain_reaches_is_found_with_a_helper_that_does_not_help():
    """Two stars of ten, joined by one arc: no single move of a level reaches the second star."""
    cost = np.full((21, 21), np.inf)
    cost[:10, :10] = cost[10:20, 10:20] = 1.0
    cost[3, 13] = 5.0
    cost[0, 20] = 1.0
    needed = np.arange(21) < 20
    tree = bounded_depth_tree(cost, 0, needed, 3)
    check(tree, cost, 0, needed, 3)
    assert tree.total == 9 + 5 + 9


def test_leaves_are_on_the_last_level():
    parent = np.array([-1, 0, 1, 0, -1])
    assert levels(parent, 0, 3).tolist() == [0, 1, 3, 3, 4]


def test_a_helper_is_used_where_it_saves():
    cost = np.full((5, 5), 10.0)
    cost[0, 4] = 1.0
    cost[4, 1:4] = 1.0
    needed = np.array([True, True, True, True, False])
    assert bounded_depth_tree(cost, 0, needed, 2).total == 4.0
    assert bounded_depth_tree(cost, 0, needed, 1).parent.tolist() == [-1, 0, 0, 0, -1]
