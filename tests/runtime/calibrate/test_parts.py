"""The parts of calibration by themselves: rounds, shares, statistics, windows."""

from itertools import islice

import numpy as np
import pytest

from runtime.calibrate.model.fair import fair_rates, passes
from runtime.calibrate.model.tree import Tree, straighten
from runtime.calibrate.model.wires import wires
from runtime.calibrate.processes.stream import DEPTH, PARTS, Window, message, rate_within
from runtime.calibrate.readings import Reading, interval
from runtime.calibrate.rounds import matchings, permutations, shifts, triples
from runtime.calibrate.saturation import saturate
from topologies.presets.shapes import star


@pytest.mark.parametrize("count", [2, 3, 8, 9])
def test_rounds_hold_each_pair_once_and_each_rank_at_most_once(count):
    pairs = [pair for each in matchings(count) for pair in each]
    assert sorted(map(sorted, pairs)) == [[a, b] for a in range(count) for b in range(a + 1, count)]
    assert all(
        len({rank for pair in each for rank in pair}) == 2 * len(each) for each in matchings(count)
    )
    directed = [pair for each in shifts(range(count)) for pair in each]
    assert len(set(directed)) == len(directed) == count * (count - 1)


def test_permutations_begin_with_what_loads_the_middle_and_go_on_for_ever():
    rounds = list(islice(permutations(8, np.random.default_rng(0)), 30))
    assert rounds[0] == [(i, (i + 4) % 8) for i in range(8)]
    assert all(sorted(dst for _, dst in each) == list(range(8)) for each in rounds)


@pytest.mark.parametrize("count", [2, 3, 5, 8, 12])
def test_in_threes_everyone_is_full_once_each_way(count):
    rounds = list(triples(range(count)))
    assert {dst for each in rounds[::2] for _, dst in each} == set(range(count))
    assert {src for each in rounds[1::2] for src, _ in each} == set(range(count))


def test_flows_share_evenly_and_take_what_others_leave():
    # Two flows on cable 0 (10), one of which goes over cable 1 (3) as well.
    rates = fair_rates(passes([(0,), (0, 1)], 2), np.array([10.0, 3.0]))
    assert rates.tolist() == [7.0, 3.0]
    assert fair_rates(passes([(0,)], 1), np.array([np.inf])).tolist() == [np.inf]


def test_a_median_lies_between_order_statistics():
    assert interval([3.0, 1.0, 2.0, 1.0, 3.0, 2.0])[:3] == (2.0, 1.0, 3.0)
    found = interval(np.arange(1.0, 21.0))  # of 20 values the 6th and the 15th: 95.9 %
    assert (found.low, found.high) == (6.0, 15.0)
    assert interval([1.0, 1.0, 1.01, 0.99, 1.0, 2.0]).outliers == 1


def test_a_flow_shows_the_cable_to_be_full_whose_others_have_room():
    net = wires(star(3))
    into = Reading(((0, 2), (1, 2)), np.array([[4.0, 6.0]] * 3))
    out = Reading(((0, 1), (0, 2)), np.array([[7.0, 3.0]] * 3))
    alone = Reading(((0, 1),), np.array([[10.0]] * 3))
    number = {tuple(ends): cable for cable, ends in enumerate(net.ends.tolist())}
    found = saturate(net, [into, out, alone])
    assert found.known[number[3, 2]]
    assert found.known[number[0, 3]]
    # What was full only together with another one is not known: 1 -> s carried 6 at most.
    assert not found.known[number[1, 3]]
    assert found.least[number[1, 3]] == 6.0


def test_what_several_rounds_agree_on_counts_more_than_two_that_were_faster():
    net = wires(star(8))
    pairs = [
        ((a, b), (c, b)) for a, b, c in [(1, 0, 2), (2, 0, 3), (3, 0, 4), (4, 0, 5), (5, 0, 6)]
    ]
    loads = [11.8, 11.7, 10.0, 9.9, 9.8]
    readings = [
        Reading(each, np.array([[load / 2] * 2] * 3))
        for each, load in zip(pairs, loads, strict=True)
    ]
    alone = [Reading(((a, 7),), np.array([[20.0]] * 3)) for a in range(1, 7)]
    into = int(np.flatnonzero((net.ends == [8, 0]).all(axis=1))[0])
    assert saturate(net, [*readings, *alone]).best[into] == pytest.approx(9.9)
    # Where fewer agree, what was carried most counts: it can be carried.
    assert saturate(net, [*readings[:4], *alone]).best[into] == pytest.approx(11.75)


def test_bytes_are_counted_within_the_window():
    window = Window(0.0, 1.0)
    times = np.arange(1, 30) / 10
    counts = np.full(len(times), 100)
    assert rate_within(times, counts, window) == pytest.approx(1000)
    assert rate_within(times[:0], counts[:0], window) == 0.0


@pytest.mark.parametrize("guess", [0.0, 1e5, 1e8])
def test_messages_are_so_small_that_a_stream_ends_soon(guess):
    size = message(guess, 0.4)
    assert size == 1024 or size * PARTS <= guess * 0.4
    assert DEPTH < PARTS


def test_of_few_values_the_interval_is_wider_than_their_range():
    assert interval([9.0, 10.0, 11.0])[:3] == pytest.approx((10.0, 7.0, 13.0))
    assert interval([0.1, 1.0, 9.0]).low == 0.0
    assert interval([9.0, 9.5, 10.0, 10.0, 10.5, 11.0])[:3] == pytest.approx((10.0, 9.0, 11.0))


def test_a_rank_alone_beside_one_switch_goes_to_that_switch():
    pair, other = Tree((0, 1)), Tree((2, 3))
    assert straighten(Tree((4,), (Tree((), (pair, other)),))) == Tree((4,), (pair, other))
    assert straighten(Tree((4,), (pair, other))) == Tree((4,), (pair, other))
