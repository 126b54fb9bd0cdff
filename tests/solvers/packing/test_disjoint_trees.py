"""Spanning trees without a common edge, against what partitions allow; turns of equal length."""

from collections import Counter
from fractions import Fraction
from itertools import combinations
from random import Random

import networkx as nx
import pytest

from solvers.packing.disjoint_trees import OUTSIDE, pack, take_turns
from solvers.settings.deadline import NotFound, Watch

RING = [(v, (v + 1) % 5) for v in range(5)]


def partitions(items):
    if len(items) == 1:
        yield [items]
        return
    first, *others = items
    for smaller in partitions(others):
        for i, part in enumerate(smaller):
            yield [*smaller[:i], [first, *part], *smaller[i + 1 :]]
        yield [[first], *smaller]


def most_trees(vertices, ends):
    """Ask every partition, as Tutte and Nash-Williams do."""
    least = len(ends)
    for parts in partitions(list(range(vertices))):
        if len(parts) > 1:
            of = {v: i for i, part in enumerate(parts) for v in part}
            least = min(least, sum(of[u] != of[v] for u, v in ends) // (len(parts) - 1))
    return least


@pytest.mark.parametrize("seed", range(12))
def test_there_are_as_many_trees_as_partitions_allow(seed):
    draw = Random(seed)
    ends = [draw.choice(list(combinations(range(6), 2))) for _ in range(draw.randrange(8, 24))]
    most = most_trees(6, ends)
    if most:
        forests = pack(6, ends, most, Watch(10))
        for number in range(most):
            tree = [e for e, of in zip(ends, forests.forest, strict=True) if of == number]
            assert nx.is_tree(nx.Graph(tree))
            assert len(tree) == 5
            parent, via = forests.tree(number)
            for child in range(6):
                if parent[child] >= 0:
                    assert {child, parent[child]} == set(ends[via[child]])
    with pytest.raises(NotFound, match="hold no"):
        pack(6, ends, most + 1, Watch(10))


@pytest.mark.parametrize(
    ("vertices", "ends", "count"),
    [
        (5, RING, 1),
        (5, RING + RING[:4], 2),
        (6, [*combinations(range(6), 2)], 2),
        (5, RING + RING, 2),
    ],
)
def test_edges_that_take_turns_are_outside_alike(vertices, ends, count):
    names = {v: i for i, v in enumerate(sorted({v for edge in ends for v in edge}))}
    ends = [(names[u], names[v]) for u, v in ends]
    forests = pack(vertices, ends, count, Watch(10))
    used, total = Counter(), Counter()
    for parent, via, time in take_turns(forests, range(len(ends)), Watch(10)):
        tree = [edge for child, edge in enumerate(via.tolist()) if parent[child] >= 0]
        assert nx.is_tree(nx.Graph([ends[edge] for edge in tree]))
        assert len(tree) == vertices - 1
        used.update(dict.fromkeys(tree, time))
        total["time"] += time
    outside = Fraction(len(ends) - count * (vertices - 1), len(ends))
    assert total["time"] == count
    assert used == dict.fromkeys(range(len(ends)), 1 - outside)


def test_an_edge_that_nothing_replaces_gets_no_turn():
    forests = pack(3, [(0, 1), (1, 2), (1, 2)], 1, Watch(10))  # a bridge, and a pair
    assert forests.forest.count(OUTSIDE) == 1
    with pytest.raises(NotFound, match="turn"):
        list(take_turns(forests, range(3), Watch(10)))
