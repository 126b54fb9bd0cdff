"""Schedules of bounded height: as fast as any of that height, or the bound says how far from it."""

from fractions import Fraction

import pytest

from bench.optimum import optimum
from runtime.verify.verify import verify
from solvers.lp.linear_program import Infeasible
from solvers.schedules.kinds import collective
from solvers.settings.options import SolverOptions
from solvers.solve import bound, solve
from topologies.formats import spec
from topologies.model.topology import Link, build
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import line, ring, star

TREES = ("all_gather", "reduce_scatter", "broadcast", "reduce", "all_reduce")


def low(topology, what, height):
    made = solve(topology, what, options=SolverOptions(max_height=height))
    report = verify(made)
    assert report.correct, report.faults
    assert report.height <= height
    return report


@pytest.mark.parametrize("name", TREES)
def test_none_of_the_height_is_faster_than_the_bound_and_most_are_as_fast(name):
    met = tried = 0
    for seed in range(12):
        topology = random_machine(seed, 3 + seed % 2, seed % 3)
        what = collective(name, range(topology.ranks))
        height = 1 + seed % 3 + (name == "all_reduce")
        expected = optimum(topology, what, height=height)
        if not expected:
            with pytest.raises(Infeasible):
                low(topology, what, height)
            continue
        report = low(topology, what, height)
        assert float(report.algbw) <= expected * (1 + 1e-9), seed
        assert float(report.proved) >= expected * (1 - 1e-9), seed
        met += float(report.algbw) >= expected * (1 - 1e-9)
        tried += 1
    assert tried >= 6
    assert met >= 0.9 * tried


@pytest.mark.parametrize("name", ["all_gather", "all_reduce", "reduce"])
def test_throughput_rises_with_the_height_up_to_the_optimum(name):
    topology = spec.topology("dgx-1")
    what = collective(name, range(topology.ranks))
    rates = [low(topology, what, height).algbw for height in (4, 5, 8, 16)]
    assert rates == sorted(rates)
    assert rates[-1] == verify(solve(topology, what)).algbw


def test_one_message_all_reduce_sends_every_vector_to_everyone():
    report = low(star(5), collective("all_reduce", range(5)), 1)
    assert report.height == 1
    assert report.same_bits
    assert not report.optimal
    assert low(star(5), collective("all_reduce", (1, 3)), 1).optimal


def test_an_uneven_pair_of_trees_keeps_to_a_height():
    # All have a link to a, and from there a single chain leads to d: one message in, three out.
    links = [Link(*ends, Fraction(10**9)) for ends in ("ba", "ca", "da", "ab", "bc", "cd")]
    machine = build("uneven", "abcd", [], links)
    assert low(machine, collective("all_reduce", range(4)), 4).height == 4


def test_too_low_a_height_is_impossible():
    with pytest.raises(Infeasible, match="3 messages one after the other lead from r0 to r3"):
        solve(line(4), collective("broadcast", range(4), 0), options=SolverOptions(max_height=2))
    with pytest.raises(Infeasible):
        solve(ring(5), collective("all_reduce", range(5)), options=SolverOptions(max_height=1))


def test_the_bound_of_a_height_is_that_of_its_schedule():
    topology = spec.topology("mi250:boxes=2")
    what, options = collective("all_gather", range(topology.ranks)), SolverOptions(max_height=1)
    low_bound = bound(topology, what, options=options)
    assert low_bound.scope == "prices, height at most 1"
    assert low_bound.algbw == low(topology, what, 1).algbw < bound(topology, what).algbw
