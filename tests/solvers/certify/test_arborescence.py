from fractions import Fraction
from itertools import product

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.certify.arborescence import cheapest_arborescence


@st.composite
def matrices(draw, most=6, highest=6):
    n = draw(st.integers(1, most))
    cells = draw(st.lists(st.integers(0, highest), min_size=n * n, max_size=n * n))
    return np.array(cells, dtype=np.int64).reshape(n, n), draw(st.integers(0, n - 1))


def is_tree(parent, root):
    n = len(parent)
    for v in range(n):
        for _ in range(n):
            v = v if v == root else int(parent[v])
        if v != root:
            return False
    return parent[root] == -1


def brute_force(cost, root):
    n = len(cost)
    others = [v for v in range(n) if v != root]
    best = None
    for choice in product(range(n), repeat=len(others)):
        parent = np.full(n, -1)
        parent[others] = choice
        if is_tree(parent, root):
            total = sum(cost[p, v] for p, v in zip(choice, others, strict=True))
            best = total if best is None else min(best, total)
    return best


@settings(max_examples=150, deadline=None, derandomize=True)
@given(matrices(most=5, highest=4))
def test_no_choice_of_parents_is_cheaper(case):
    cost, root = case
    total, parent = cheapest_arborescence(cost, root)
    assert is_tree(parent, root)
    assert total == brute_force(cost, root)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 5, 9, 14]), st.sampled_from([1, 3, 1000]))
def test_agrees_with_networkx(seed, n, highest):
    draw = np.random.default_rng(seed)
    cost = draw.integers(0, highest + 1, (n, n))
    graph = nx.DiGraph()
    graph.add_weighted_edges_from(
        (u, v, int(cost[u, v])) for u in range(n) for v in range(1, n) if u != v
    )
    expected = nx.minimum_spanning_arborescence(graph).size(weight="weight")
    total, parent = cheapest_arborescence(cost, 0)
    assert is_tree(parent, 0)
    assert total == expected


@settings(max_examples=60, deadline=None, derandomize=True)
@given(matrices(most=8))
def test_all_kinds_of_numbers_agree(case):
    cost, root = case
    total, _ = cheapest_arborescence(cost, root)
    assert cheapest_arborescence(cost.astype(np.float64), root)[0] == total
    large = cost.astype(object) * 10**40
    assert cheapest_arborescence(large, root)[0] == total * 10**40
    thirds = np.array([[Fraction(int(c), 3) for c in row] for row in cost], dtype=object)
    assert cheapest_arborescence(thirds, root)[0] == Fraction(total, 3)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(matrices(most=5), st.integers(0, 2**25 - 1))
def test_missing_arcs_are_never_used(case, mask):
    cost, root = case
    n = len(cost)
    missing = np.array([mask >> i & 1 for i in range(n * n)], dtype=bool).reshape(n, n)
    partial = np.where(missing, np.inf, cost.astype(np.float64))
    expected = brute_force(partial, root)
    if expected == np.inf:
        with pytest.raises(ValueError, match="no arborescence"):
            cheapest_arborescence(partial, root)
    else:
        assert cheapest_arborescence(partial, root)[0] == expected


def test_integers_too_large_for_int64_are_refused():
    with pytest.raises(ValueError, match="exact"):
        cheapest_arborescence(np.full((3, 3), 2**61), 0)


def test_negative_costs_are_costs_too():
    cost = np.array([[0, -5, -1], [0, 0, -7], [0, -9, 0]])
    assert cheapest_arborescence(cost, 0)[0] == brute_force(cost, 0)


def test_packages_with_free_links_inside_cost_only_what_joins_them():
    package = np.arange(64) // 4
    cost = np.where(package[:, None] == package, 0, 3)
    total, parent = cheapest_arborescence(cost, 5)
    assert total == 3 * 15
    assert is_tree(parent, 5)
