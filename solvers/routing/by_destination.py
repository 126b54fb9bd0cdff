"""The one path that packets take between two vertices, where nobody says which."""

from collections.abc import Sequence

import numpy as np

from solvers.certify.distances import UNREACHED, distances
from solvers.routing.router import RouteError
from topologies.model.topology import IntArray, Topology, reverse


def next_hops(topology: Topology, ends: Sequence[int] | None = None) -> IntArray:
    """Compute where each vertex sends what is for another: (vertices, vertices), itself on itself.

    The paths have the fewest links and, among those, the least sum of times per byte. Where
    several neighbours are as near, the number of the target decides, so that targets spread over
    the spines of a tree (destination modulo k, as in fat trees).

    Args:
        topology: the machine.
        ends: vertices that send to each other (all).

    Raises:
        RouteError: one of these cannot reach another; then no answer comes back.
    """
    far = distances(reverse(topology), _prices(topology), range(topology.vertices))
    asked = np.arange(topology.vertices) if ends is None else np.array(ends)
    if (missing := np.argwhere(far[np.ix_(asked, asked)] == UNREACHED)).size:
        to, at = asked[missing[0]].tolist()
        names = topology.names
        raise RouteError(f"{topology.name}: no path from {names[at]} to {names[to]}")
    price = np.array(_prices(topology))
    hops = np.full((topology.vertices, topology.vertices), UNREACHED)
    for vertex in range(topology.vertices):
        leaving = np.flatnonzero(topology.src == vertex)
        through = price[leaving][:, None] + far[:, topology.dst[leaving]].T
        for to in np.flatnonzero(far[:, vertex] != UNREACHED).tolist():
            best = topology.dst[leaving[through[:, to] == far[to, vertex]]]
            nearest = np.unique(best)
            hops[vertex, to] = nearest[to % len(nearest)] if to != vertex else vertex
    return hops


def _prices(topology: Topology) -> list[int]:
    """Price a link so that one link more always outweighs the times per byte."""
    slowness = -(-topology.capacity.max(initial=1) // topology.capacity)
    slowness = np.minimum(slowness, 10**6)
    return [int(price) for price in slowness + 10**6 * topology.vertices]


def follow(hops: IntArray, src: int, dst: int) -> tuple[int, ...]:
    """Follow the next hops from one vertex to another."""
    vertices = [src]
    while vertices[-1] != dst:
        vertices.append(int(hops[vertices[-1], dst]))
    return tuple(vertices)
