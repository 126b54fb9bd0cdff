"""What a byte from one rank to another costs an exchange, by the prices of links.

The bound of an all_to_all is proved by a price for each link: the time is at least the sum over all
pairs of what they send, times the price of their cheapest path, over what all links take in. So a
pair's price over that is by how much the time grows with each byte more; links that nobody waits
for cost nothing.
"""

from collections.abc import Sequence

import numpy as np

from solvers.certify.certificates import measure_cut
from solvers.certify.distances import distances
from solvers.certify.dual_bound import link_prices
from solvers.schedules.certificate import Bound, Cut
from solvers.schedules.kinds import collective
from topologies.model.errors import NO, CommplanError
from topologies.model.topology import FloatArray, Topology
from topologies.model.units import Rank, count_of

DIGITS = 6


class UnpricedError(CommplanError, ValueError):
    """A machine whose bound has no prices."""

    exit_code = NO


def rank_costs(topology: Topology, ranks: Sequence[Rank], bound: Bound) -> FloatArray:
    """Compute seconds for each byte more from each rank to each other, by the prices of a bound.

    Where all links have an opposite one of the same rate, both ways of a pair cost the mean of
    what they do: prices turned round prove the same.

    Args:
        topology: the machine.
        ranks: that exchange.
        bound: of an all_to_all over these ranks.

    Returns:
        (ranks, ranks), 0 on the diagonal, in the order given.

    Raises:
        UnpricedError: the bound has no certificate.
    """
    price = _prices(topology, ranks, bound)
    taken = sum(c * p for c, p in zip(topology.capacity.tolist(), price, strict=True))
    far = distances(topology, price, ranks)[:, list(ranks)]
    found = np.asarray(far, dtype=np.float64) / float(taken * topology.unit)
    if _is_even(topology):
        found = (found + found.T) / 2
    return np.asarray(found)


def _prices(topology: Topology, ranks: Sequence[Rank], bound: Bound) -> list[int]:
    """Give each link a whole price; of a cut it is 1 for what crosses it."""
    certificate = bound.certificate
    if certificate is None:
        members = count_of(len(ranks), "rank")
        raise UnpricedError(f"{topology.name}: an all_to_all of {members} has no prices")
    if isinstance(certificate, Cut):
        crossing = measure_cut(topology, collective("all_to_all", ranks), certificate)[1]
        return [int(each) for each in crossing]
    return link_prices(topology, certificate)


def _is_even(topology: Topology) -> bool:
    """Tell whether every link has an opposite one of its rate."""
    mate = topology.mate
    return bool((mate >= 0).all() and (topology.capacity[mate] == topology.capacity).all())


def as_written(costs: FloatArray) -> list[list[float]]:
    """Round to so many digits, in seconds for each gigabyte."""
    return [[float(f"{each * 1e9:.{DIGITS}g}") for each in row] for row in costs.tolist()]
