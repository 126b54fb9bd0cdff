"""Of parallel arcs the lightest counts."""

import numpy as np
import pytest
from scipy.sparse.csgraph import dijkstra

from solvers.certify.multigraph import simplify


def test_parallel_arcs_are_not_added_up():
    tail, head = np.array([0, 0, 1, 0]), np.array([1, 1, 2, 2])
    graph, kept = simplify(tail, head, np.array([3.0, 1.0, 2.0, 9.0]), 3)
    assert kept.tolist() == [1, 3, 2]
    assert dijkstra(graph, indices=0).tolist() == [0.0, 1.0, 3.0]


@pytest.mark.parametrize("seed", range(5))
def test_each_pair_has_its_least_weight(seed):
    draw = np.random.default_rng(seed)
    tail, head = draw.integers(0, 6, 40), draw.integers(0, 6, 40)
    weight = draw.uniform(1, 2, 40)
    graph, kept = simplify(tail, head, weight, 6)
    for u, v in {*zip(tail.tolist(), head.tolist(), strict=True)}:
        assert graph.todense()[u, v] == weight[(tail == u) & (head == v)].min()
    assert len(kept) == graph.nnz


def test_no_arcs_make_an_empty_graph():
    none = np.zeros(0, dtype=np.int64)
    graph, kept = simplify(none, none, np.zeros(0), 3)
    assert (graph.nnz, len(kept)) == (0, 0)
