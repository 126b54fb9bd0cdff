"""The cheapest tree of a height, by trying every choice of parents."""

from itertools import product

import numpy as np

from topologies.model.topology import BoolArray, FloatArray, IntArray


def best_low(cost: FloatArray | IntArray, root: int, needed: BoolArray, height: int) -> float:
    """Give the least total of all trees out of the root that are so high at most.

    cost: between vertices, no more than six. Those that are not needed may be left out.
    """
    n = len(cost)
    others = [v for v in range(n) if v != root]
    choices = [[u for u in range(n) if u != v] + ([] if needed[v] else [-1]) for v in others]
    best = np.inf
    for above in product(*choices):
        parent = np.full(n, -1)
        parent[others] = above
        inner = np.flatnonzero(parent >= 0)
        if (parent[parent[inner]] < 0)[parent[inner] != root].any():
            continue
        at = parent.copy()
        for _ in range(height):
            at = np.where(at >= 0, parent[at], -1)
        if (at < 0).all():
            best = min(best, float(cost[parent[inner], inner].sum()))
    return best
