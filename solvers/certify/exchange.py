"""What link prices prove of an all_to_all among all ranks, whose blocks are never written down.

The block from each rank to each pays at least what the cheapest path between them costs; a rank of
each orbit of a group that keeps the prices stands for all that are alike.

Complexity: a search of the machine for each orbit of ranks.
"""

from fractions import Fraction

import numpy as np

from solvers.certify.distances import UNREACHED, distances
from solvers.certify.dual_bound import UNREACHABLE, Unproven, link_prices
from solvers.schedules.certificate import Prices
from topologies.model.topology import IntArray, Topology
from topologies.model.units import Rate
from topologies.symmetry.group import Group, link_images, orbits

AT_ONCE = 2**22  # distances that are found together
MOST = 512  # ranks that are not alike, above which to look at all takes minutes


def representatives(topology: Topology, group: Group) -> tuple[IntArray, IntArray]:
    """Pick a rank of each orbit; give them, and how many ranks each stands for."""
    label = orbits(group.generators, topology.vertices)[: topology.ranks]
    return np.unique(label, return_index=True, return_counts=True)[1:]


def prove_exchange(topology: Topology, certificate: Prices, group: Group) -> Rate:
    """Compute the size / time in bytes per second that no all_to_all of all ranks beats.

    Args:
        topology: the machine.
        certificate: the prices.
        group: of automorphisms that keep the prices; others prove less, or nothing.

    Raises:
        Unproven: the prices are malformed, the group does not keep them, too many ranks differ, or
            some do not reach each other.
    """
    price = link_prices(topology, certificate)
    column = np.array(price, dtype=object)
    if any((column[image] != column).any() for image in link_images(topology, group.generators)):
        raise Unproven("the symmetry does not keep the prices")
    first, count = representatives(topology, group)
    if len(first) > MOST:
        raise Unproven(f"{len(first):,} ranks differ, of {MOST} at most all paths are looked at")
    paid = 0
    for some in np.array_split(np.arange(len(first)), len(first) * topology.ranks // AT_ONCE + 1):
        found = distances(topology, price, first[some].tolist())[:, : topology.ranks]
        if (found == UNREACHED).any():
            raise Unproven(UNREACHABLE)
        paid += int((found.astype(object).sum(axis=1) * count[some]).sum())
    if not paid:
        raise Unproven("the blocks can go where they must for nothing")
    takes = sum(c * p for c, p in zip(topology.capacity.tolist(), price, strict=True))
    return topology.unit * Fraction(takes * topology.ranks, paid)
