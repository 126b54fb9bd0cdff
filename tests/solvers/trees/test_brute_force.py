"""Schedules of trees against an LP over all trees there are, on every small machine.

The machines are dealt out to the collectives; `python -m bench.brute_force` plays all against all.
"""

from functools import cache
from itertools import islice

import pytest

from bench.brute_force import TREES, disagreement, switched
from bench.small_digraphs import digraphs, sample
from solvers.schedules.kinds import ROOTED


def roots(topology, name):
    return range(topology.ranks) if name in ROOTED else (0,)


@cache
def every(ranks, rates=(1,)):
    return tuple(digraphs(ranks, rates))


def dealt(machines, name, hands):
    """Give a collective its share of some machines, one of so many."""
    return islice(machines, TREES.index(name) % hands, None, hands)


def test_there_are_as_many_digraphs_as_known():
    # Strongly connected digraphs up to isomorphism: OEIS A035512.
    assert [len(every(n)) for n in (2, 3, 4)] == [1, 5, 83]


@pytest.mark.parametrize("name", TREES)
def test_every_digraph_of_three_ranks_is_solved_at_its_optimum(name):
    for topology in dealt(every(3, (1, 2)), name, 8):
        for root in roots(topology, name):
            assert disagreement(topology, name, root) == "", (topology.name, root)


@pytest.mark.parametrize("name", TREES)
def test_every_digraph_of_four_ranks_is_solved_at_its_optimum(name):
    for topology in dealt(every(4), name, 8):
        assert disagreement(topology, name, symmetry="none") == "", topology.name


@pytest.mark.parametrize("name", TREES)
def test_digraphs_of_four_ranks_with_unequal_links_are_solved_at_their_optimum(name):
    for topology in sample(4, (1, 2, 3), 6, TREES.index(name)):
        assert disagreement(topology, name) == "", topology.name


@pytest.mark.parametrize("name", TREES)
def test_machines_with_switches_are_solved_at_their_optimum(name):
    for seed in range(9):  # one of each shape
        assert disagreement(switched(seed), name) == "", seed
