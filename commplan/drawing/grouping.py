"""Which ranks and switches stand in one box, and how high a switch stands above them."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from topologies.model.topology import IntArray, Topology, integers

OUTSIDE = -1
FEW = 2  # ranks of a box in the mean, from which a grouping by names tells something
_COORDINATES = re.compile(r"([a-zA-Z]*\d+\.?)+")


def boxes_of(topology: Topology) -> tuple[IntArray, tuple[str, ...]]:
    """Find the box of each vertex: by names (`b0.g1` is in b0), or by the one switch of each rank.

    A machine without switches whose names are coordinates (`r1.2`) has no boxes, nor has one whose
    ranks all share their switches. Complexity: vertices + links.

    Args:
        topology: any machine.

    Returns:
        the box of each vertex, -1 for those that stand in none; and the names of the boxes.
    """
    found = _by_names(topology)
    if found is None:
        found = _by_switch(topology)
    if found is None:
        return np.full(topology.vertices, OUTSIDE), ()
    return found


def _by_names(topology: Topology) -> tuple[IntArray, tuple[str, ...]] | None:
    """Group by what stands before the last dot of a rank's name."""
    ranks = topology.names[: topology.ranks]
    direct = topology.vertices == topology.ranks
    if direct and all(_COORDINATES.fullmatch(name) for name in ranks):
        return None
    prefixes = [name.rpartition(".")[0] for name in ranks]
    boxes = tuple(dict.fromkeys(prefixes))
    if "" in boxes or len(boxes) < 2 or len(ranks) < FEW * len(boxes):
        return None
    number = {name: i for i, name in enumerate(boxes)}
    box = [_longest(name, number) for name in topology.names]
    return _with_own_switches(topology, box), boxes


def _longest(name: str, number: dict[str, int]) -> int:
    """Find the box with the longest name that a vertex's name begins with."""
    while name:
        name = name.rpartition(".")[0]
        if name in number:
            return number[name]
    return OUTSIDE


def _by_switch(topology: Topology) -> tuple[IntArray, tuple[str, ...]] | None:
    """Group ranks by their switch, where each has links to just one."""
    switches: list[set[int]] = [set() for _ in range(topology.ranks)]
    for a, b in zip(topology.src.tolist(), topology.dst.tolist(), strict=True):
        if a < topology.ranks <= b:
            switches[a].add(b)
    if not all(len(each) == 1 for each in switches):
        return None
    leaf = [min(each) for each in switches]
    boxes = tuple(dict.fromkeys(leaf))
    if len(boxes) < 2:
        return None
    number = {vertex: i for i, vertex in enumerate(boxes)}
    box = [number[each] for each in leaf]
    box += [number.get(v, OUTSIDE) for v in range(topology.ranks, topology.vertices)]
    return integers(box), tuple(topology.names[vertex] for vertex in boxes)


def _with_own_switches(topology: Topology, box: Sequence[int]) -> IntArray:
    """Put a switch into the box where all ranks stand that it has links to."""
    near: list[Counter[int]] = [Counter() for _ in range(topology.vertices)]
    for a, b in zip(topology.src.tolist(), topology.dst.tolist(), strict=True):
        if a < topology.ranks <= b:
            near[b][box[a]] += 1
    return integers(
        next(iter(near[v])) if of == OUTSIDE and len(near[v]) == 1 else of
        for v, of in enumerate(box)
    )


def tiers_of(topology: Topology, box: IntArray) -> IntArray:
    """Count how high each switch stands: 1 beside ranks or boxes, 2 beside those, and so on.

    Args:
        topology: any machine.
        box: of each vertex, as `boxes_of` gives it.

    Returns:
        of each vertex, 0 for ranks; a switch in a box is counted within it.
    """
    tier = np.full(topology.vertices, OUTSIDE)
    tier[: topology.ranks] = 0
    inside = box != OUTSIDE
    inside[: topology.ranks] = True
    for known in (np.arange(topology.vertices) < topology.ranks, inside):
        edge = np.flatnonzero(known)
        height = 0
        while len(edge):
            height += 1
            beside = topology.dst[np.isin(topology.src, edge)]
            reached = np.unique(beside[tier[beside] == OUTSIDE])
            if known is not inside:
                reached = reached[inside[reached]]
            tier[reached] = height
            edge = reached
    tier[tier == OUTSIDE] = 1
    return tier
