"""Which way the packets between two vertices go: shortest paths, or those of a schedule."""

from collections.abc import Mapping

import numpy as np

from runtime.fabric.layout import FabricError
from solvers.certify.distances import UNREACHED, distances
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.model.topology import IntArray, Topology, reverse

Path = tuple[int, ...]


def next_hops(topology: Topology) -> IntArray:
    """Compute where each vertex sends what is for another: (vertices, vertices), itself on itself.

    The paths have the fewest links and, among those, the least sum of times per byte. Where
    several neighbours are as near, the number of the target decides, so that targets spread over
    the spines of a tree (destination modulo k, as in fat trees).

    Raises:
        FabricError: a vertex cannot reach another; then no answer comes back.
    """
    far = distances(reverse(topology), _prices(topology), range(topology.vertices))
    if (far == UNREACHED).any():
        to, at = (int(v) for v in np.argwhere(far == UNREACHED)[0])
        names = topology.names
        raise FabricError(f"{topology.name}: no path from {names[at]} to {names[to]}")
    price = np.array(_prices(topology))
    hops = np.full((topology.vertices, topology.vertices), UNREACHED)
    for vertex in range(topology.vertices):
        leaving = np.flatnonzero(topology.src == vertex)
        through = price[leaving][:, None] + far[:, topology.dst[leaving]].T
        for to in range(topology.vertices):
            best = topology.dst[leaving[through[:, to] == far[to, vertex]]]
            nearest = np.unique(best)
            hops[vertex, to] = nearest[to % len(nearest)] if to != vertex else vertex
    return hops


def _prices(topology: Topology) -> list[int]:
    """Price a link so that one link more always outweighs the times per byte."""
    slowness = -(-topology.capacity.max(initial=1) // topology.capacity)
    slowness = np.minimum(slowness, 10**6)
    return [int(price) for price in slowness + 10**6 * topology.vertices]


def follow(hops: IntArray, src: int, dst: int) -> Path:
    """Follow the next hops from one vertex to another."""
    vertices = [src]
    while vertices[-1] != dst:
        vertices.append(int(hops[vertices[-1], dst]))
    return tuple(vertices)


def of_schedule(schedule: Schedule) -> dict[tuple[int, int], Path]:
    """Give the path that a schedule takes between each two ranks that it lets talk.

    Raises:
        FabricError: it takes several for one pair; MPI has one connection for it.
    """
    whole = unfold(schedule)
    rows, topology = whole.transfers, whole.topology
    taken: dict[tuple[int, int], set[Path]] = {}
    ends = zip(rows.src.tolist(), rows.dst.tolist(), strict=True)
    starts = zip(rows.route_start[:-1].tolist(), rows.route_start[1:].tolist(), strict=True)
    for (src, dst), (start, end) in zip(ends, starts, strict=True):
        passed = topology.dst[rows.route[start:end]].tolist()
        taken.setdefault((src, dst), set()).add((src, *passed))
    for (src, dst), several in taken.items():
        if len(several) > 1:
            pair = f"{topology.names[src]} -> {topology.names[dst]}"
            raise FabricError(
                f"{pair}: the schedule takes {len(several)} ways, MPI has one connection for a pair"
            )
    return {pair: next(iter(several)) for pair, several in taken.items()}


def keep_differing(
    paths: Mapping[tuple[int, int], Path], hops: IntArray
) -> dict[tuple[int, int], Path]:
    """Keep the paths that the next hops would not take."""
    return {pair: found for pair, found in paths.items() if follow(hops, *pair) != found}
