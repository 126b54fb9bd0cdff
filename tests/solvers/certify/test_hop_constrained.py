"""The least cost of trees of bounded height: never above the best tree, and often that."""

import numpy as np
import pytest

from solvers.arborescences.bounded_depth import bounded_depth_tree
from solvers.certify import hop_constrained
from solvers.certify.hop_constrained import hop_constrained_bound
from solvers.certify.steiner import steiner_bound
from tests.support.every_tree import best_low


@pytest.mark.parametrize("height", [1, 2, 3])
@pytest.mark.parametrize("kind", [np.int64, object])
def test_tiny_ones_are_exact(height, kind):
    for seed in range(15):
        draw = np.random.default_rng(seed)
        cost = draw.integers(0, 20, (5, 5))
        needed = np.ones(5, dtype=bool)
        needed[4] = seed % 2 == 0
        expected = best_low(cost, 0, needed, height)
        assert hop_constrained_bound(cost.astype(kind), 0, needed, height) == expected


@pytest.mark.parametrize("height", [2, 3])
def test_the_ascent_is_a_lower_bound_and_near(height, monkeypatch):
    monkeypatch.setattr(hop_constrained, "TRIED", 0)
    met = 0
    for seed in range(30):
        draw = np.random.default_rng(seed)
        cost = draw.integers(1, 50, (5, 5))
        needed = np.ones(5, dtype=bool)
        needed[4] = seed % 2 == 0
        bound, best = (
            hop_constrained_bound(cost, 0, needed, height),
            best_low(cost, 0, needed, height),
        )
        assert steiner_bound(cost, 0, needed) <= bound <= best
        met += bound == best
    assert met >= 20


def test_the_bound_rises_as_the_height_falls():
    draw = np.random.default_rng(3)
    place = draw.uniform(0, 100, (20, 2))
    cost = np.linalg.norm(place[:, None] - place[None, :], axis=2).astype(np.int64)
    needed = np.ones(20, dtype=bool)
    bounds = [hop_constrained_bound(cost, 0, needed, height) for height in (1, 2, 3, 5, 8, 19)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] == cost[0].sum()
    for height, bound in zip((1, 2, 3, 5, 8), bounds, strict=False):
        found = bounded_depth_tree(cost.astype(float), 0, needed, height).total
        assert bound <= found <= 1.2 * bound
