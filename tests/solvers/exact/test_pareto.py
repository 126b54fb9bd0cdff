"""The frontier of latency and bandwidth, as published and as it must be."""

from fractions import Fraction
from itertools import islice

import pytest

from solvers.exact.pareto import frontier
from solvers.exact.search import FOUND, IMPOSSIBLE, ScclSearch
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from topologies.presets.nvidia import dgx_1
from topologies.presets.shapes import ring, star


def points(topology, name, chunks, steps=None):
    exact = ScclSearch(topology, collective(name, range(topology.ranks)))
    answers = list(frontier(exact, chunks, steps))
    assert {answer.verdict for answer in answers} <= {FOUND, IMPOSSIBLE}
    return [tuple(answer.point) for answer in answers if answer.verdict == FOUND]


def test_the_dgx_1_gathers_at_the_two_points_of_sccl():
    exact = ScclSearch(dgx_1(), collective("all_gather", range(8)))
    assert (exact.least_steps, exact.least_ratio) == (2, Fraction(7, 6))
    answers = {tuple(each.point): each.verdict for each in frontier(exact, 6)}
    assert [point for point, verdict in answers.items() if verdict == FOUND] == [
        (2, 3, 2),
        (3, 7, 6),
    ]
    assert answers[2, 4, 3] == IMPOSSIBLE


@pytest.mark.parametrize(
    ("topology", "name", "chunks", "expected"),
    [
        (ring(4), "all_gather", 2, [(2, 3, 2)]),
        (ring(4), "all_reduce", 2, [(4, 6, 2)]),
        (ring(8), "all_to_all", 1, [(4, 8, 1)]),
        (star(3), "all_gather", 1, [(1, 2, 1)]),
        (dgx_1(), "broadcast", 6, [(2, 2, 2), (3, 3, 6)]),
    ],
    ids=str,
)
def test_each_point_has_fewer_rounds_for_each_chunk(topology, name, chunks, expected):
    assert points(topology, name, chunks) == expected


def test_the_most_steps_are_an_end():
    assert points(dgx_1(), "all_gather", 6, steps=2) == [(2, 3, 2)]
    assert points(dgx_1(), "all_gather", 6, steps=1) == []


def test_nothing_is_asked_when_the_time_is_over():
    exact = ScclSearch(ring(4), collective("all_gather", range(4)))
    assert list(islice(frontier(exact, 2, watch=Watch(0.0)), 2)) == []
