"""Of parallel arcs the lightest counts."""

import numpy as np
import pytest
from scipy.sparse.csgraph import dijkstra

from solvers.certify.multigraph import lengths, shortest, simplify


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


@pytest.mark.parametrize("seed", range(5))
def test_small_graphs_are_searched_as_scipy_does(seed):
    draw = np.random.default_rng(seed)
    tail, head = draw.integers(0, 9, 30), draw.integers(0, 9, 30)
    weight = draw.integers(0, 4, 30) / 8.0
    graph = simplify(tail, head, weight, 9)[0]
    starts = np.array([0, 3, 8])
    expected = dijkstra(graph, indices=starts)
    assert (lengths(graph, starts) == expected).all()
    length, before = shortest(graph, starts)
    assert (length == expected).all()
    for row, start in enumerate(starts.tolist()):
        for vertex in np.flatnonzero(np.isfinite(length[row])).tolist():
            for _ in range(9):  # the way back comes to the start: no circle
                if vertex == start:
                    break
                tail_of = int(before[row, vertex])
                assert length[row, tail_of] + graph[tail_of, vertex] == length[row, vertex]
                vertex = tail_of
            assert vertex == start


def test_long_ways_are_found_too():
    line = np.arange(200)
    graph = simplify(line, line + 1, np.ones(200), 201)[0]
    assert lengths(graph, np.array([0]))[0, 200] == 200.0
