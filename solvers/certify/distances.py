"""Exact distances in a machine whose links have whole-numbered prices."""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.certify.multigraph import lengths, simplify
from topologies.model.topology import FloatArray, IntArray, Topology, frozen
from topologies.symmetry.group import Group

EXACT_FLOAT = 2**53  # whole numbers up to here, and their sums, are exact in float64
UNREACHED = -1
AT_ONCE = 2**22  # images that are found together: arrays of 32 MB

Distances = NDArray[Any]  # int64, or object where the numbers are larger


def hops(cost: FloatArray, root: int) -> IntArray:
    """Count the arcs to each vertex from the root, len(cost) where it cannot be reached."""
    arcs = np.isfinite(cost)
    count = np.full(len(cost), len(cost))
    front = np.arange(len(cost)) == root
    step = 0
    while front.any():
        count[front] = step
        step += 1
        front = arcs[front].any(axis=0) & (count > step)
    return frozen(count)


def distances(
    topology: Topology, price: Sequence[int], sources: Sequence[int], *, direct: bool = False
) -> Distances:
    """Compute the least price of a path from each source to each vertex, -1 where there is none.

    Any vertex may forward; with `direct` only switches.

    Args:
        topology: the machine.
        price: of each link.
        sources: vertices.
        direct: whether a path is a single message, which passes switches only.

    Returns:
        (sources, vertices).
    """
    if max(price, default=0) * topology.vertices < EXACT_FLOAT:
        return _small(topology, np.array(price, dtype=np.float64), sources, direct)
    return np.array([_large(topology, price, source, direct) for source in sources], dtype=object)


def distances_between(
    topology: Topology,
    price: Sequence[int],
    group: Group,
    orbit: IntArray,
    ends: int,
    sources: IntArray,
    *,
    direct: bool = False,
) -> Distances:
    """Compute the distances between the first `ends` vertices, all ranks or all: (ends, ends).

    Only those from the sources (and what is in an orbit with one) are looked for; the others hold
    -1. The group must keep the prices; orbit labels its orbits of vertices. One search for each
    orbit suffices: the rest are its images.
    """
    first = np.unique(orbit[:ends], return_index=True)[1]
    first = first[np.isin(orbit[first], orbit[sources])]
    near = distances(topology, price, first.tolist(), direct=direct)
    result = np.full((ends, ends), UNREACHED, dtype=near.dtype)
    for row, vertex in zip(near, first.tolist(), strict=True):
        images, element = np.unique(group.column(vertex), return_index=True)
        for some in np.array_split(np.arange(len(images)), len(images) * ends // AT_ONCE + 1):
            moved = group.images(element[some, None], np.arange(ends)[None])
            result[images[some, None], moved] = row[:ends]
    return result


def _small(
    topology: Topology, price: NDArray[np.float64], sources: Sequence[int], direct: bool
) -> Distances:
    # Where ranks do not forward, their links start at copies of them that no link leads to.
    copied = topology.ranks if direct else 0
    vertices = topology.vertices
    tail = topology.src + np.where(topology.src < copied, vertices, 0)
    graph = simplify(tail, topology.dst, price, 2 * vertices)[0]
    starts = np.array(sources, dtype=np.int64)
    found = lengths(graph, starts + np.where(starts < copied, vertices, 0))[:, :vertices]
    found[np.arange(len(starts)), starts] = 0.0
    return np.where(np.isfinite(found), found, UNREACHED).astype(np.int64)


def _large(topology: Topology, price: Sequence[int], source: int, direct: bool) -> list[int]:
    """Search with Python's integers (Dijkstra, 1959)."""
    leaving: list[list[tuple[int, int]]] = [[] for _ in range(topology.vertices)]
    for src, dst, cost in zip(topology.src.tolist(), topology.dst.tolist(), price, strict=True):
        leaving[src].append((dst, cost))
    found = [UNREACHED] * topology.vertices
    heap = [(0, source)]
    while heap:
        reached, vertex = heappop(heap)
        if found[vertex] == UNREACHED:
            found[vertex] = reached
            if direct and vertex < topology.ranks and vertex != source:
                continue
            for dst, cost in leaving[vertex]:
                if found[dst] == UNREACHED:
                    heappush(heap, (reached + cost, dst))
    return found
