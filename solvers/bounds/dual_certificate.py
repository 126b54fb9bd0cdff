"""Bounds from link prices: what the data must pay, over what all links take in per second.

Give every link a price for each unit that crosses it. Whatever a schedule does, a block pays at
least the cheapest tree (or path) from its holder to its wanters; all links together take in at most
capacity × price per second. So size / time is at most the income over what a unit of size must
pay. Prices that are the duals of an optimal schedule make this equal to what it achieves.
Any prices prove something; so floats are rounded to fractions freely, and the bound is then worked
out in integers.

Source: LP duality; for all_to_all Shahrokhi and Matula, The maximum concurrent flow problem,
Journal of the ACM 37 (1990).
"""

from collections.abc import Iterator
from fractions import Fraction
from math import gcd, lcm

import numpy as np

from solvers.certify.certificates import prove, scope
from solvers.certify.dual_bound import Unproven
from solvers.routing.quotient import Quotient
from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import Bound, Prices
from solvers.schedules.collective import Collective
from topologies.model.topology import FloatArray, IntArray, Topology, frozen
from topologies.symmetry.group import Group

ROUNDINGS = (12, 1000, 10**5)  # largest denominators of a price relative to the highest one
COMMON = 2**32  # largest whole number that a price is rounded to
CLOSE = 1e-9  # relative distance from the expected bound at which no other rounding is tried


def certify(
    quotient: Quotient,
    collective: Collective,
    prices: FloatArray,
    expected: float,
    *,
    in_network: bool = False,
    relays: Relays = "all",
    height: int | None = None,
) -> Bound | None:
    """Round prices (floats, one for each link orbit) and compute the bound that they prove.

    The roundings compete until one proves the `expected` size / time, bytes per second; the
    tightest bound is taken, None if there is none.

    Args:
        quotient: the machine, folded by its symmetry.
        collective: what is to be done.
        prices: one for each orbit of links.
        expected: size / time that they should prove, bytes per second.
        in_network: whether switches copy and add.
        relays: what ranks outside the collective may do.
        height: for schedules that are no higher, as in `Prices`.
    """
    best: Bound | None = None
    for whole in round_finer(quotient, prices):
        fractions = tuple(Fraction(int(p)) for p in whole)
        certificate = Prices(fractions, quotient.link_orbit, height)
        try:
            rate = prove(
                quotient.topology,
                collective,
                certificate,
                quotient.group,
                in_network=in_network,
                relays=relays,
            )
        except Unproven:
            continue
        if best is None or best.algbw is None or rate < best.algbw:
            best = Bound(rate, scope(certificate, collective), certificate)
        if rate <= expected * (1 + CLOSE):
            break
    return best


def certify_ports(
    topology: Topology, collective: Collective, relays: Relays, group: Group
) -> Bound | None:
    """Bound by what the ranks of a collective take in and give out, all of it at one price.

    A link between two of them costs twice that. None where this proves nothing.

    Args:
        topology: the machine.
        collective: what is to be done.
        relays: what ranks outside the collective may do.
        group: automorphisms that keep both.
    """
    inside = np.isin(np.arange(topology.vertices), collective.ranks)
    of_link = inside[topology.src].astype(np.int64) + inside[topology.dst]
    certificate = Prices((Fraction(0), Fraction(1), Fraction(2)), frozen(of_link))
    try:
        rate = prove(topology, collective, certificate, group, relays=relays)
    except Unproven:
        return None
    return Bound(rate, scope(certificate, collective), certificate)


def certify_once(
    quotient: Quotient, collective: Collective, prices: FloatArray, most: int
) -> Bound | None:
    """Bound by prices (floats, one for each link orbit), rounded once as `round_prices` does.

    Args:
        quotient: the machine, folded by its symmetry.
        collective: what is to be done.
        prices: one for each orbit of links.
        most: denominators of their ratios.
    """
    whole = round_prices(prices, most)
    certificate = Prices(tuple(Fraction(int(p)) for p in whole), quotient.link_orbit)
    try:
        rate = prove(quotient.topology, collective, certificate, quotient.group)
    except Unproven:
        return None
    return Bound(rate, scope(certificate, collective), certificate)


def round_finer(quotient: Quotient, prices: FloatArray) -> Iterator[IntArray]:
    """Round the prices ever finer, and what the orbits take in likewise."""
    income = prices * quotient.orbit_capacity * quotient.orbit_size
    for most in ROUNDINGS:
        yield round_prices(prices, most)
        by_income = _round_income(quotient, income, most)
        if by_income is not None:
            yield by_income


def round_prices(prices: FloatArray, most: int) -> IntArray:
    """Round prices to whole numbers whose ratios have denominators up to `most`."""
    ratios = [Fraction(float(p)).limit_denominator(most) for p in prices / prices.max()]
    common = lcm(*(ratio.denominator for ratio in ratios))
    if common > COMMON:
        common = most
    return np.array([round(ratio * common) for ratio in ratios], dtype=np.int64)


def _round_income(quotient: Quotient, income: FloatArray, most: int) -> IntArray | None:
    """Round what each orbit takes in, rather than its price; None where prices get too large.

    With bandwidths that differ by orders of magnitude prices do so too, but incomes do not.
    """
    parts = round_prices(income, most)
    capacity = quotient.orbit_capacity * quotient.orbit_size
    common = lcm(*(int(c) for c in capacity[parts > 0]))
    whole = [
        int(part) * (common // int(c)) if part else 0
        for part, c in zip(parts, capacity, strict=True)
    ]
    divisor = gcd(*whole)
    if max(whole) // divisor > COMMON:
        return None
    return np.array([p // divisor for p in whole], dtype=np.int64)
