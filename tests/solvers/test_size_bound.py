"""What no schedule beats at a size, against what schedules do in the simulator."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bench.random_machines import machine
from runtime.simulate import SWITCHINGS, simulate
from solvers.certificate import UNPROVED
from solvers.collective import COLLECTIVES, collective
from solvers.size_bound import fastest, reach
from solvers.solve import solve
from solvers.templates import TEMPLATES
from solvers.templates.layout import TemplateError
from topologies.shapes import ring, star
from topologies.topology import frozen

GIGA = 10**9
SIZES = (1000, 10**7)


def schedules(topology, what):
    """Give the schedule of highest throughput, and every template's."""
    best = solve(topology, what)
    yield best
    for make, names in TEMPLATES.values():
        if what.name in names:
            try:
                yield replace(make(topology, what), bound=best.bound)
            except TemplateError:
                continue


def beaten(topology, name, switchings=SWITCHINGS[:1]):
    """List the cases in which the simulator is faster than anything may be."""
    what = collective(name, range(topology.ranks))
    return [
        (made.provenance["solver"], size, switching)
        for made in schedules(topology, what)
        for size in SIZES
        for switching in switchings
        if simulate(made, size, switching).seconds
        < fastest(topology, what, made.bound, size) * (1 - 1e-9) - 1e-14
    ]


@pytest.mark.parametrize("name", COLLECTIVES)
def test_nothing_is_faster(name, small_machine):
    assert beaten(small_machine, name) == []


@pytest.mark.parametrize("name", COLLECTIVES)
def test_nothing_is_faster_where_messages_cost_and_links_differ(name):
    for seed in range(4):
        made = machine(seed, 3 + seed, seed % 3, density=0.2)
        draw = [1e-6 * (1 + (7 * i + seed) % 5) for i in range(made.links)]
        costs = [1e-7 * (1 + (3 * i) % 4) for i in range(made.ranks)]
        made = replace(made, alpha=frozen(np.array(draw)), overhead=frozen(np.array(costs)))
        assert beaten(made, name, SWITCHINGS) == [], seed


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_on_a_star_it_is_attained(n):
    # All send everything at once; each link has n - 1 blocks, behind two latencies.
    made, size = star(n, bandwidth=Fraction(GIGA), alpha=1e-6), 10**6
    what = collective("all_to_all", range(n))
    best = solve(made, what)
    expected = 2e-6 + size * (n - 1) / n / GIGA
    assert fastest(made, what, best.bound, size) == pytest.approx(expected)
    assert simulate(best, size, chunks=1).seconds == pytest.approx(expected)


def test_without_a_proof_the_distance_is_left():
    what = collective("all_gather", range(8))
    assert fastest(ring(8, alpha=1e-6), what, UNPROVED, 10**9) == pytest.approx(4e-6)


def test_a_rank_depends_on_no_more_than_its_messages_allow():
    def count(time, overhead, first):
        """Count by the recursion itself."""
        if time < first:
            return 1
        return count(time - overhead, overhead, first) + count(time - first, overhead, first)

    for overhead, first in ((1, 2), (1, 5), (2, 5), (3, 7)):
        for time in range(1, 26):
            ranks = count(time, overhead, first)
            assert reach(ranks, overhead, first) <= time
            assert reach(ranks + 1, overhead, first) > time


def test_one_rank_depends_on_nobody():
    assert reach(1, 1.0, 2.0) == 0
    assert reach(5, 0.0, 2.0) == 0
