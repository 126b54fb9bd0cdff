"""What the ring of a library goes over, by which measurements are sorted."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from solvers.routing.router import Router
from solvers.templates.ring_order import ring_order, spread_rings
from topologies.model.topology import Topology


@dataclass(frozen=True)
class Way:
    """What a ring goes over.

    Attributes:
        link_class: that of its slowest link.
        rate: of that link, in bytes per second, times the number of rings.
        links: of a hop.
        alike: whether all links are of one class.
    """

    link_class: int
    rate: float
    links: int
    alike: bool


def find_way(topology: Topology, ranks: Sequence[int]) -> Way:
    """Find what the ring of a library over some ranks goes over.

    Args:
        topology: with the switches that join the same drawn as one.
        ranks: at least two.
    """
    routes = Router(topology)
    order = ring_order(routes, ranks)
    hops = [hop for a, b in pairwise(order) for hop in routes.path(a, b)]
    links = [link for hop in hops for link in hop.route]
    slowest = min(links, key=lambda link: int(topology.capacity[link]))
    rings = len(spread_rings(routes, order))
    return Way(
        int(topology.link_class[slowest]),
        float(topology.bandwidth[slowest]) * rings,
        max(len(hop.route) for hop in hops),
        len({int(topology.link_class[link]) for link in links}) == 1,
    )
