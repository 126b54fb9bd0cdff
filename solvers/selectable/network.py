"""A machine as a library sees it that only names who gets a message: packets find their way.

A rank that lies on the path of others' packets forwards them, as a host does: it is drawn as a
rank beside a switch, which all its links join, with a link between both that is never the slowest.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from solvers.routing.by_destination import follow, next_hops
from topologies.model.topology import CAPACITY_LIMIT, Topology, frozen

# Links beside forwarding ranks carry as much as all others of the rank, while figures stay exact.
MOST = CAPACITY_LIMIT // 2**10
Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Network:
    """A machine and the path of each pair of ranks over it.

    Attributes:
        topology: with a switch beside each rank that forwards.
        routes: the links from each rank that takes part to each other one.
    """

    topology: Topology
    routes: dict[tuple[int, int], tuple[int, ...]]


def network(topology: Topology, ranks: tuple[int, ...]) -> Network:
    """Find the paths between some ranks, and draw those that forward as switches.

    Complexity: vertices² × degree, and the lengths of the paths.

    Raises:
        RouteError: two of the ranks are not joined.
    """
    hops = next_hops(topology, ranks)
    pairs = [(a, b) for a in ranks for b in ranks if a != b]
    paths = {pair: follow(hops, *pair) for pair in pairs}
    passed = sorted({v for path in paths.values() for v in path[1:-1] if v < topology.ranks})
    drawn = forwarding(topology, passed)
    beside = {rank: topology.vertices + i for i, rank in enumerate(passed)}
    links: dict[tuple[int, int], list[int]] = {}
    for link, ends in enumerate(zip(drawn.src.tolist(), drawn.dst.tolist(), strict=True)):
        links.setdefault(ends, []).append(link)
    routes = {}
    for (a, b), path in paths.items():
        way = [beside.get(vertex, vertex) for vertex in path]
        way = [a] * (a in beside) + way + [b] * (b in beside)
        # Of several links side by side each pair takes one.
        sides = [links[ends] for ends in pairwise(way)]
        routes[a, b] = tuple(side[(a + b) % len(side)] for side in sides)
    return Network(drawn, routes)


def forwarding(topology: Topology, ranks: list[int]) -> Topology:
    """Put a switch beside each of some ranks, and join all links of the rank to the switch."""
    count = len(ranks)
    if not count:
        return topology
    at = np.arange(topology.vertices)
    at[ranks] = topology.vertices + np.arange(count)
    here, there = np.array(ranks), at[ranks]
    carried = [int(topology.capacity[topology.src == rank].sum()) for rank in ranks]
    capacity = np.minimum(np.array(carried, dtype=np.int64) * 2, MOST)
    return replace(
        topology,
        names=(*topology.names, *(f"{topology.names[rank]}.forwards" for rank in ranks)),
        kinds=(*topology.kinds, *["host"] * count),
        multicast=_longer(topology.multicast, np.zeros(count)),
        reduce=_longer(topology.reduce, np.zeros(count)),
        src=_longer(at[topology.src], np.append(here, there)),
        dst=_longer(at[topology.dst], np.append(there, here)),
        capacity=_longer(topology.capacity, np.append(capacity, capacity)),
        alpha=_longer(topology.alpha, np.zeros(2 * count)),
        mate=_longer(topology.mate, np.full(2 * count, -1)),
        link_class=_longer(topology.link_class, np.zeros(2 * count)),
        plane=_longer(topology.plane, np.full(2 * count, -1)),
        symmetry=np.zeros((0, topology.vertices + count), dtype=np.int64),
    )


def _longer(column: NDArray[Kind], more: NDArray[Any]) -> NDArray[Kind]:
    return frozen(np.append(column, more.astype(column.dtype)))
