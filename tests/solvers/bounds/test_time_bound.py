"""What no schedule beats at a size, against what schedules do in the simulator."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from commplan.candidates.generate import all_candidates
from runtime.simulate.simulate import simulate
from solvers.bounds.time_bound import fan_out_time, time_lower_bound
from solvers.schedules.certificate import UNPROVED, Bound, Cut
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.schedules.unequal import all_to_allv
from solvers.settings.deadline import Watch
from solvers.settings.options import SWITCHINGS
from solvers.solve import solve
from topologies.model.topology import Link, build, frozen, integers
from topologies.presets.random_machines import random_machine, wild_machine
from topologies.presets.shapes import ring, star

GIGA = 10**9
BROADCAST = ("broadcast", range(4), 0)
SIZES = (1000, 10**7)


def beaten(topology, name, switchings=SWITCHINGS[:1], sizes=SIZES):
    """List the cases in which the simulator is faster than anything may be."""
    what = collective(name, range(topology.ranks))
    return beaten_by(solve(topology, what), switchings, sizes)


def beaten_by(best, switchings, sizes):
    """List them for a schedule and what is made of it: candidate, size and switching."""
    topology, what = best.topology, best.collective
    least = {size: time_lower_bound(topology, what, best.bound, size) for size in sizes}
    return [
        (str(key), size, switching)
        for key, made in all_candidates(best, watch=Watch(0))
        for size in sizes
        for switching in switchings
        if simulate(made, size, switching).seconds < least[size] * (1 - 1e-9) - 1e-14
    ]


@pytest.mark.parametrize("name", COLLECTIVES)
def test_nothing_is_faster(name, small_machine, solved):
    assert beaten_by(solved(small_machine, name), SWITCHINGS[:1], SIZES) == []


@pytest.mark.parametrize("name", COLLECTIVES)
def test_nothing_is_faster_where_messages_cost_and_links_differ(name):
    for seed in range(4):
        made = random_machine(seed, 3 + seed, seed % 3, density=0.2)
        draw = [1e-6 * (1 + (7 * i + seed) % 5) for i in range(made.links)]
        costs = [1e-7 * (1 + (3 * i) % 4) for i in range(made.ranks)]
        made = replace(made, alpha=frozen(np.array(draw)), overhead=frozen(np.array(costs)))
        assert beaten(made, name, SWITCHINGS) == [], seed


def two_links(first, second, overhead=0.0):
    """Join two ranks by two duplex links of 10 GB/s, with these latencies in microseconds."""
    links = [Link("a", "b", Fraction(10 * GIGA), us * 1e-6, duplex=True) for us in (first, second)]
    return build("two links", ["a", "b"], [], links, overhead=[overhead] * 2)


def test_a_link_that_cannot_work_in_time_takes_nothing_from_the_others():
    made, what = two_links(1, 9), collective("all_gather", range(2))
    bound = solve(made, what).bound
    assert time_lower_bound(made, what, bound, 4096) == pytest.approx(1.2048e-6)
    # From 8 us of the quick link on both work; at 10 us they have moved 9 us and 1 us.
    assert time_lower_bound(made, what, bound, 2 * 8 * 10**4) == pytest.approx(9e-6)
    assert time_lower_bound(made, what, bound, 2 * 10 * 10**4) == pytest.approx(10e-6)


@pytest.mark.parametrize("name", COLLECTIVES)
@pytest.mark.parametrize("overhead", [0.0, 5e-6])
def test_nothing_is_faster_over_two_links_of_any_latencies(name, overhead):
    for first, second in ((1, 9), (4, 0)):
        sizes = (64, 2**14, 2**17)
        assert beaten(two_links(first, second, overhead), name, SWITCHINGS, sizes) == []


def test_a_rank_bounds_only_by_what_it_gives_and_takes():
    """Of a chain the last link of a broadcast idles until the root's data has come all the way."""
    links = [Link(f"g{i}", f"g{i + 1}", Fraction(GIGA), 1e-6, duplex=True) for i in range(3)]
    made, what = build("chain", ["g0", "g1", "g2", "g3"], [], links), collective(*BROADCAST)
    cut = Bound(Fraction(GIGA), "cut", Cut(integers([0, 1, 2])))
    assert time_lower_bound(made, what, cut, 10**6) == pytest.approx(1e-3 + 3e-6)


@pytest.mark.parametrize("seed", range(16))
def test_nothing_is_faster_on_machines_whose_links_have_little_in_common(seed):
    made = wild_machine(seed, 5)
    name = sorted(COLLECTIVES)[seed % len(COLLECTIVES)]
    assert beaten(made, name, SWITCHINGS, (64, 4096, 10**7)) == []


def test_no_exchange_of_unequal_amounts_is_faster():
    for seed in range(4):
        made = wild_machine(seed, 4)
        amounts = 1000 * np.random.default_rng(seed).integers(0, 9, (made.ranks,) * 2)
        what = all_to_allv(tuple(range(made.ranks)), amounts + np.eye(made.ranks, dtype=np.int64))
        assert beaten_by(solve(made, what), SWITCHINGS, (what.total, 100 * what.total)) == [], seed


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_on_a_star_it_is_attained(n):
    # All send everything at once; each link has n - 1 blocks, behind two latencies.
    made, size = star(n, bandwidth=Fraction(GIGA), alpha=1e-6), 10**6
    what = collective("all_to_all", range(n))
    best = solve(made, what)
    expected = 2e-6 + size * (n - 1) / n / GIGA
    assert time_lower_bound(made, what, best.bound, size) == pytest.approx(expected)
    assert simulate(best, size, chunks=1).seconds == pytest.approx(expected)


def test_without_a_proof_the_distance_is_left():
    what = collective("all_gather", range(8))
    assert time_lower_bound(ring(8, alpha=1e-6), what, UNPROVED, 10**9) == pytest.approx(4e-6)


def test_a_rank_depends_on_no_more_than_its_messages_allow():
    def count(time, overhead, first):
        """Count by the recursion itself."""
        if time < first:
            return 1
        return count(time - overhead, overhead, first) + count(time - first, overhead, first)

    for overhead, first in ((1, 2), (1, 5), (2, 5), (3, 7)):
        for time in range(1, 26):
            ranks = count(time, overhead, first)
            assert fan_out_time(ranks, overhead, first) <= time
            assert fan_out_time(ranks + 1, overhead, first) > time


def test_one_rank_depends_on_nobody():
    assert fan_out_time(1, 1.0, 2.0) == 0
    assert fan_out_time(5, 0.0, 2.0) == 0
