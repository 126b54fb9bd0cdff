"""Which points hang together, and which ranks a path leads to, and from which.

Few arcs are followed one by one: SciPy's searches come with its linear algebra, which takes a tenth
of a second to load.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import coo_array

from topologies.model.messages import list_names
from topologies.model.topology import BoolArray, IntArray, Topology
from topologies.model.units import Rank

FEW = 2**13  # arcs


def parts(points: int, src: IntArray, dst: IntArray, *, strong: bool = False) -> IntArray:
    """Label the points that arcs join: (points,), from 0 in the order of each part's first point.

    Args:
        points: how many there are.
        src: where each arc begins.
        dst: where it ends.
        strong: only what reaches each other along the arcs is one part.
    """
    if len(src) <= FEW:
        return _in_order(_parts_of_few(points, src, dst, strong=strong))
    from scipy.sparse.csgraph import connected_components

    arcs = coo_array((np.ones(len(src)), (src, dst)), shape=(points, points))
    labels = connected_components(arcs, connection="strong" if strong else "weak")[1]
    return _in_order(labels)


def mark_reached(points: int, src: IntArray, dst: IntArray, start: int) -> BoolArray:
    """Mark the points that arcs lead to from one: (points,). Complexity: points + arcs."""
    mark = np.zeros(points, dtype=np.bool_)
    if len(src) <= FEW:
        mark[_follow(_leaving(points, src, dst), start, set())] = True
        return mark
    from scipy.sparse.csgraph import breadth_first_order

    arcs = coo_array((np.ones(len(src), dtype=np.int8), (src, dst)), shape=(points, points))
    mark[breadth_first_order(arcs.tocsr(), start, return_predecessors=False)] = True
    return mark


def _parts_of_few(points: int, src: IntArray, dst: IntArray, *, strong: bool) -> IntArray:
    """Label the points: those from which one is reached, but not over those labelled before.

    Source: S. R. Kosaraju and M. Sharir, Computers and Mathematics with Applications 7 (1981).
    """
    there, back = _leaving(points, src, dst), _leaving(points, dst, src)
    if not strong:
        there = back = [out + into for out, into in zip(there, back, strict=True)]
    label, count = np.full(points, -1, dtype=np.int64), 0
    done = set[int]()
    for point in _by_end(there) if strong else range(points):
        if label[point] < 0:
            label[_follow(back, point, done)] = count
            count += 1
    return label


def _in_order(label: IntArray) -> IntArray:
    """Renumber parts in the order of their first points."""
    first = np.unique(label, return_index=True)[1]
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[label]


def _by_end(leaving: list[list[int]]) -> list[int]:
    """List the points by when a search in depth has done with them, the last one first."""
    ended, known = list[int](), set[int]()
    for start in range(len(leaving)):
        if start in known:
            continue
        known.add(start)
        way = [(start, iter(leaving[start]))]
        while way:
            heads = way[-1][1]
            head = next((each for each in heads if each not in known), None)
            if head is None:
                ended.append(way.pop()[0])
            else:
                known.add(head)
                way.append((head, iter(leaving[head])))
    return ended[::-1]


def _leaving(points: int, src: IntArray, dst: IntArray) -> list[list[int]]:
    """List for each point where its arcs lead."""
    found: list[list[int]] = [[] for _ in range(points)]
    for tail, head in zip(src.tolist(), dst.tolist(), strict=True):
        found[tail].append(head)
    return found


def _follow(leaving: list[list[int]], start: int, known: set[int]) -> list[int]:
    """List the points that are reached from one, itself among them, but not over known ones."""
    reached = [start]
    known.add(start)
    for point in reached:
        for head in leaving[point]:
            if head not in known:
                known.add(head)
                reached.append(head)
    return reached


def connected_parts(
    topology: Topology, kept: BoolArray | None = None, *, strong: bool = False
) -> IntArray:
    """Label the vertices that links join, all of them or those that are kept."""
    src, dst = topology.src, topology.dst
    if kept is not None:
        src, dst = src[kept], dst[kept]
    return parts(topology.vertices, src, dst, strong=strong)


def faults(topology: Topology) -> list[str]:
    """Name each group of ranks that is cut off from the first rank, one sentence for each."""
    reached = _mark_reached(topology, 0)
    sentences = []
    for members in _groups(connected_parts(topology, strong=True)[: topology.ranks])[1:]:
        away = list_names([topology.names[rank] for rank in members])
        origin = topology.names[0]
        if reached[members[0]]:
            sentences.append(f"ranks: {origin} cannot be reached from {away}")
        else:
            sentences.append(f"ranks: {away} cannot be reached from {origin}")
    return sentences


def faults_undirected(topology: Topology) -> list[str]:
    """Name each group of ranks that no link joins with the first rank, in either direction."""
    return [
        f"ranks: {list_names([topology.names[rank] for rank in members])} cannot be reached from "
        f"{topology.names[0]}, in either direction"
        for members in _groups(connected_parts(topology)[: topology.ranks])[1:]
    ]


def all_joined(topology: Topology) -> bool:
    """Tell whether a path leads from every rank to every other one."""
    label = connected_parts(topology, strong=True)
    return bool((label[: topology.ranks] == label[0]).all())


def missing_paths(
    topology: Topology, asked: Iterable[tuple[Sequence[int], Sequence[int]]]
) -> list[str]:
    """Say from which ranks no path leads to which, of those asked for: pairs of (from, to)."""
    label = connected_parts(topology, strong=True)
    known: dict[int, BoolArray] = {}
    lost: dict[tuple[int, ...], set[int]] = {}
    for src, dst in asked:
        for members in _groups(label[list(src)]):
            starts = tuple(src[i] for i in members)
            part = int(label[starts[0]])
            if part not in known:
                known[part] = _mark_reached(topology, starts[0])
            if away := [end for end in dst if not known[part][end]]:
                lost.setdefault(starts, set()).update(away)
    return [
        f"no path leads from {_names(topology, starts)} to {_names(topology, sorted(away))}"
        for starts, away in lost.items()
    ]


def _names(topology: Topology, ranks: Sequence[Rank]) -> str:
    return list_names([topology.names[rank] for rank in ranks])


def _groups(parts: IntArray) -> list[IntArray]:
    """Group places by their part, the part of the first place first."""
    _, first, sizes = np.unique(parts, return_index=True, return_counts=True)
    members = np.split(np.argsort(parts, kind="stable"), np.cumsum(sizes)[:-1])
    return [members[p] for p in np.argsort(first)]


def _mark_reached(topology: Topology, start: int) -> BoolArray:
    """Mark the vertices that a path leads to from one."""
    return mark_reached(topology.vertices, topology.src, topology.dst, start)
