"""Bounds from link prices: what the data must pay, over what all links take in per second.

Give every link a price for each unit that crosses it. Whatever a schedule does, a block pays at
least the cheapest tree (or way) from its holder to its wanters; all links together take in at most
capacity × price per second. So size / time is at most the income over what a unit of size must
pay. Prices that are the duals of an optimal schedule make this equal to what it achieves.
Any prices prove something; so floats are rounded to fractions freely, and the bound is then worked
out in integers.

Source: LP duality; for all_to_all Shahrokhi and Matula, The maximum concurrent flow problem,
Journal of the ACM 37 (1990).
"""

from fractions import Fraction
from math import gcd, lcm

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from solvers.arborescence import cheapest
from solvers.certificate import Bound, Prices
from solvers.collective import Collective
from solvers.linear import NotFound
from solvers.quotient import Quotient
from topologies.topology import FloatArray, IntArray

ROUNDINGS = (12, 1000, 10**5)  # largest denominators of a price relative to the highest one
EXACT = 2**52  # whole numbers up to here are exact in floats
COMMON = EXACT // 2**20  # a million of the highest price still are
INWARD = frozenset({"reduce_scatter", "reduce"})


def price_bound(quotient: Quotient, collective: Collective, prices: FloatArray) -> Bound:
    """Round prices (floats, one for each link orbit) and work out the bound that they prove.

    The roundings compete; the tightest bound is taken. scope is `reduce-broadcast trees` for
    all_reduce, `prices` otherwise.

    Raises:
        NotFound: no rounding leaves prices that bound anything.
    """
    scope = "reduce-broadcast trees" if collective.name == "all_reduce" else "prices"
    if len(collective.ranks) == 1:
        return Bound(None, scope, None)
    whole = [rounded(prices, most) for most in ROUNDINGS]
    income = prices * quotient.orbit_capacity * quotient.orbit_size
    whole += [p for most in ROUNDINGS if (p := _by_income(quotient, income, most)) is not None]
    tried = [(rate, p) for p in whole if (rate := _rate(quotient, collective, p)) is not None]
    if not tried:
        raise NotFound("the prices of the links differ too widely to be rounded")
    rate, best = min(tried, key=lambda pair: pair[0])
    certificate = Prices(tuple(Fraction(int(p)) for p in best), quotient.link_orbit)
    return Bound(rate, scope, certificate)


def rounded(prices: FloatArray, most: int) -> IntArray:
    """Round prices to whole numbers whose ratios have denominators up to `most`."""
    ratios = [Fraction(float(p)).limit_denominator(most) for p in prices / prices.max()]
    common = lcm(*(ratio.denominator for ratio in ratios))
    if common > COMMON:
        common = most
    return np.array([round(ratio * common) for ratio in ratios], dtype=np.int64)


def _by_income(quotient: Quotient, income: FloatArray, most: int) -> IntArray | None:
    """Round what each orbit takes in, rather than its price; None where prices get too large.

    With bandwidths that differ by orders of magnitude prices do so too, but incomes do not.
    """
    parts = rounded(income, most)
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


def _rate(quotient: Quotient, collective: Collective, prices: IntArray) -> Fraction | None:
    """Work out the most size / time, in bytes per second, that the prices allow, if any."""
    counts = (prices, quotient.orbit_capacity, quotient.orbit_size)
    income = sum(p * c * n for p, c, n in zip(*(x.tolist() for x in counts), strict=True))
    due = _DUE.get(collective.name, _trees)(quotient, collective, prices)
    if due == 0:
        return None
    return Fraction(income * collective.total, due) * quotient.topology.unit


def _trees(quotient: Quotient, collective: Collective, prices: IntArray) -> int:
    """Add up each block's cheapest tree."""
    cost = _between(quotient, prices)
    inward = collective.name in INWARD
    buffers = collective.outputs if inward else collective.inputs
    due = 0
    for rank in [collective.root] if collective.root is not None else quotient.roots.tolist():
        place = collective.ranks.index(rank)
        total, _ = cheapest(cost.T if inward else cost, place)
        due += quotient.orbit_of(rank) * int(collective.sizes[buffers[place]].sum()) * int(total)
    return due


def _there_and_back(quotient: Quotient, collective: Collective, prices: IntArray) -> int:
    """Find the root with the cheapest pair of trees, to it and from it."""
    cost = _between(quotient, prices)
    places = np.searchsorted(quotient.members, quotient.roots).tolist()
    return min(int(cheapest(cost.T, r)[0]) + int(cheapest(cost, r)[0]) for r in places)


def _ways(quotient: Quotient, collective: Collective, prices: IntArray) -> int:
    """Add up the cheapest ways of all blocks of all_to_all; anyone may relay."""
    topology = quotient.topology
    weight = prices[quotient.link_orbit].astype(np.float64)
    pairs = topology.src * topology.vertices + topology.dst
    order = np.lexsort((weight, pairs))
    first = order[np.unique(pairs[order], return_index=True)[1]]
    shape = (topology.vertices,) * 2
    graph = csr_array((weight[first], (topology.src[first], topology.dst[first])), shape=shape)
    length = dijkstra(graph, indices=quotient.roots)[:, quotient.members]
    count = [quotient.orbit_of(int(root)) for root in quotient.roots]
    return sum(n * int(row.sum()) for n, row in zip(count, length, strict=True))


def _between(quotient: Quotient, prices: IntArray) -> IntArray:
    """Price the cheapest ways between members, in whole numbers."""
    length, _ = quotient.distances(prices[quotient.link_orbit].astype(np.float64))
    cost = quotient.between_members(length)
    absent = np.int64(EXACT // len(cost))
    return np.where(np.isfinite(cost), cost, absent).astype(np.int64)


_DUE = {"all_reduce": _there_and_back, "all_to_all": _ways}
