"""Bounds from prices: true for any prices, tight for those of an optimum."""

from fractions import Fraction

import numpy as np
import pytest

from solvers.bounds.cuts import cut_bound
from solvers.bounds.dual_certificate import ROUNDINGS, certify, round_prices
from solvers.certify.certificates import prove
from solvers.routing.quotient import Quotient
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.solve import solve
from topologies.model.topology import Link, build, integers
from topologies.presets.random_machines import AWKWARD, EVEN, random_machine
from topologies.presets.shapes import ring, star
from topologies.symmetry.group import trivial

FAR = float("inf")  # an expected rate that any bound is below, so that the first rounding is taken


def flat(topology):
    return Quotient(topology, integers(range(topology.ranks)), trivial(topology))


@pytest.mark.parametrize("name", COLLECTIVES)
def test_any_prices_prove_a_bound_that_the_optimum_keeps(name):
    for seed in range(4):
        topology = random_machine(seed, 4, 2, AWKWARD if seed % 2 else EVEN)
        what = collective(name, range(4))
        best = solve(topology, what).bound.algbw
        draw = np.random.default_rng(seed)
        for prices in (np.ones(topology.links), draw.random(topology.links) / topology.capacity):
            assert certify(flat(topology), what, prices, 0.0).algbw >= best


def test_the_certificate_proves_the_bound():
    topology = random_machine(1, 4, 2)
    what = collective("all_gather", range(4))
    for expected in (0.0, FAR):
        bound = certify(flat(topology), what, np.ones(topology.links), expected)
        assert prove(topology, what, bound.certificate, trivial(topology)) == bound.algbw


def test_prices_of_a_tight_cut_prove_what_the_cut_proves():
    topology = star(5, bandwidth=Fraction(7))
    what = collective("all_gather", range(5))
    cut = cut_bound(topology, what)
    side = np.isin(np.arange(6), cut.certificate.inside)
    crossing = (side[topology.src] & ~side[topology.dst]).astype(np.float64)
    assert certify(flat(topology), what, crossing, FAR).algbw == cut.algbw


@pytest.mark.parametrize("small", [Fraction(1), Fraction(31, 7), Fraction(1, 999983)])
def test_widely_different_bandwidths_are_rounded_by_what_links_take_in(small):
    paths = [("a", "b", 1), ("b", "c", 1), ("c", "a", 1), ("a", "b", small), ("b", "a", small)]
    links = [Link(*ends, Fraction(rate)) for *ends, rate in paths]
    topology = build("uneven", ["a", "b", "c"], [], links)
    what = collective("all_to_all", range(3))
    bound = solve(topology, what).bound
    prices = np.array([float(p) for p in bound.certificate.of_class])[bound.certificate.of_link]
    noise = np.random.default_rng(0).uniform(1 - 1e-11, 1 + 1e-11, len(prices))
    again = certify(flat(topology), what, prices * noise, float(bound.algbw))
    assert again.algbw == bound.algbw


def test_scope_says_for_which_schedules_prices_speak():
    topology = ring(3)
    for name in COLLECTIVES:
        bound = certify(flat(topology), collective(name, range(3)), np.ones(6), FAR)
        trees = name == "all_reduce"
        assert bound.scope == ("reduce-broadcast trees" if trees else "prices")


def test_prices_that_nobody_must_pay_prove_nothing():
    links = [Link("a", "b", Fraction(1), duplex=True), Link("b", "a", Fraction(1))]
    topology = build("pair", ["a", "b"], [], links)
    prices = np.array([0.0, 1.0, 0.0])
    assert certify(flat(topology), collective("all_gather", (0, 1)), prices, 1.0) is None


def test_rounding_keeps_simple_ratios_and_drops_noise():
    prices = np.array([1 / 3, 1 / 4, 0.0, 1e-12, 1 / 3 + 1e-13]) * 7.7e-9
    assert round_prices(prices, 12).tolist() == [4, 3, 0, 0, 4]


def test_rounding_is_as_fine_as_asked_for():
    prices = np.random.default_rng(0).random(50)
    for most in ROUNDINGS:
        ratio = round_prices(prices, most) / round_prices(prices, most).max()
        assert np.abs(ratio - prices / prices.max()).max() <= 1 / most
