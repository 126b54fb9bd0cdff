"""A part of a machine: some of its ranks, the switches between them, and their links."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from topologies.model.reachability import connected_parts
from topologies.model.topology import BoolArray, IntArray, Topology, frozen
from topologies.model.units import Rank
from topologies.symmetry.group import Group, declared_group, orbits, subgroup


@dataclass(frozen=True, eq=False)
class Submachine:
    """A machine of its own, and where its vertices and links are in the whole one.

    Attributes:
        vertices: the number in the whole machine of each of the part.
        links: the number in the whole machine of each of the part.
    """

    whole: Topology
    topology: Topology
    vertices: IntArray
    links: IntArray

    def place(self, vertices: IntArray) -> IntArray:
        """Look up the number in the part of vertices of the whole machine that it has."""
        return frozen(np.searchsorted(self.vertices, vertices))


def submachine(topology: Topology, ranks: Sequence[Rank]) -> Submachine:
    """Cut out some ranks and the switches that lie between them.

    A switch stays if messages between the ranks can pass it. What is declared of the symmetry stays
    as far as it keeps the ranks. Complexity: links, and the elements of the symmetry.

    Args:
        topology: the whole machine.
        ranks: of the part.
    """
    inside = _mark_between(topology, ranks)
    vertices = np.flatnonzero(inside)
    links = np.flatnonzero(inside[topology.src] & inside[topology.dst])
    place = np.cumsum(inside) - 1
    bare = take(topology, vertices, links)
    cut = replace(
        bare,
        name=f"{topology.name}, {bare.ranks} ranks of it",
        symmetry=frozen(place[_declared_within(topology, inside).generators[:, vertices]]),
    )
    return Submachine(topology, cut, frozen(vertices), frozen(links))


def take(topology: Topology, vertices: IntArray, links: IntArray) -> Topology:
    """Make a machine of some vertices, numbered anew, and some links between them.

    No symmetry is declared.

    Args:
        topology: the whole machine.
        vertices: of the part, ascending.
        links: of the part, ascending; they join vertices of the part.
    """
    place = np.full(topology.vertices, -1, dtype=np.int64)
    place[vertices] = np.arange(len(vertices))
    count = int((vertices < topology.ranks).sum())
    return replace(
        topology,
        **_columns(topology, vertices, links, place),
        ranks=count,
        overhead=frozen(topology.overhead[vertices[:count]]),
        symmetry=frozen(np.zeros((0, len(vertices)), dtype=np.int64)),
    )


def _columns(
    topology: Topology, vertices: IntArray, links: IntArray, place: IntArray
) -> dict[str, Any]:
    """Take over the columns of some vertices and links; place: the new number of each vertex."""
    return _take_links(topology, links) | {
        "names": tuple(topology.names[v] for v in vertices.tolist()),
        "kinds": tuple(topology.kinds[v] for v in vertices.tolist()),
        "multicast": frozen(topology.multicast[vertices]),
        "reduce": frozen(topology.reduce[vertices]),
        "src": frozen(place[topology.src[links]]),
        "dst": frozen(place[topology.dst[links]]),
    }


def _take_links(topology: Topology, links: IntArray) -> dict[str, Any]:
    """Take over the columns of some links."""
    number = np.full(topology.links + 1, -1)
    number[links] = np.arange(len(links))
    names = ("src", "dst", "capacity", "alpha", "link_class", "plane")
    columns = {name: frozen(getattr(topology, name)[links]) for name in names}
    return columns | {"mate": frozen(number[topology.mate[links]])}


def without_others(topology: Topology, ranks: Sequence[Rank]) -> Topology:
    """Take away the links of all other ranks; every vertex keeps its number.

    What is declared of the symmetry stays as far as it keeps the ranks.
    """
    inside = np.ones(topology.vertices, dtype=np.bool_)
    inside[: topology.ranks] = False
    inside[list(ranks)] = True
    links = np.flatnonzero(inside[topology.src] & inside[topology.dst])
    if len(links) == topology.links:
        return topology
    kept = _declared_within(topology, inside)
    return replace(topology, **_take_links(topology, links), symmetry=kept.generators)


def without_some(topology: Topology, ranks: Sequence[Rank]) -> Topology:
    """Take away the links of some ranks; every vertex keeps its number."""
    return without_others(topology, np.setdiff1d(np.arange(topology.ranks), ranks).tolist())


def contract(topology: Topology, ranks: Sequence[Rank]) -> Submachine:
    """Make one rank, the last, of all that lies beyond some ranks and the switches next to them.

    It copies and adds, and holds all of itself for nothing: what no schedule on the contracted
    machine beats, none on the whole one does. In `vertices` it has the number of one of the others.

    Args:
        topology: the whole machine.
        ranks: that stay as they are.
    """
    kept = np.zeros(topology.vertices, dtype=np.bool_)
    kept[list(ranks)] = True
    near = np.concatenate([topology.dst[kept[topology.src]], topology.src[kept[topology.dst]]])
    kept[near[near >= topology.ranks]] = True
    chosen, others = np.flatnonzero(kept), np.flatnonzero(~kept)
    count = int((chosen < topology.ranks).sum())
    vertices = np.concatenate([chosen[:count], others[:1], chosen[count:]])
    place = np.full(topology.vertices, count)
    place[vertices] = np.arange(len(vertices))
    links = np.flatnonzero(place[topology.src] != place[topology.dst])
    columns = _columns(topology, vertices, links, place)
    end, switches = count + len(others[:1]), np.arange(len(vertices)) > count
    names, kinds = columns["names"], columns["kinds"]
    whole = replace(
        topology,
        **columns
        | {
            "name": f"{topology.name}, {count} ranks and all others",
            "names": (*names[:count], *("all others",) * (end - count), *names[end:]),
            "ranks": end,
            "kinds": (*("rank",) * end, *kinds[end:]),
            "multicast": frozen(columns["multicast"] & switches),
            "reduce": frozen(columns["reduce"] & switches),
            "overhead": frozen(np.zeros(end)),
            "symmetry": frozen(np.zeros((0, len(vertices)), dtype=np.int64)),
        },
    )
    return Submachine(topology, whole, frozen(vertices), frozen(links))


def islands(topology: Topology, ranks: Sequence[Rank]) -> list[list[int]]:
    """List which of the ranks can still reach each other, over links in either direction."""
    label = connected_parts(topology)
    found: dict[int, list[int]] = {}
    for rank in sorted(ranks):
        found.setdefault(int(label[rank]), []).append(rank)
    return list(found.values())


def _mark_between(topology: Topology, ranks: Sequence[Rank]) -> BoolArray:
    """Mark the ranks, and the switches that lie on a path from one of them to one."""
    usable = np.arange(topology.vertices) >= topology.ranks
    usable[list(ranks)] = True
    before, after = (
        _mark_reached(topology, ranks, usable, forward=forward) for forward in (True, False)
    )
    kept = before & after
    kept[list(ranks)] = True
    while (ends := _dead_ends(topology, kept)).any():
        kept &= ~ends
    return kept


def _dead_ends(topology: Topology, kept: BoolArray) -> BoolArray:
    """Mark switches from which a message can only go back to where it came from."""
    links = kept[topology.src] & kept[topology.dst]
    pairs = np.unique(np.stack([topology.src[links], topology.dst[links]]), axis=1)
    both = np.concatenate([pairs, pairs[::-1]], axis=1)
    beside = np.unique(both, axis=1)
    count = np.bincount(beside[0], minlength=topology.vertices)
    switch = np.arange(topology.vertices) >= topology.ranks
    return np.asarray(kept & switch & (count < 2), dtype=np.bool_)


def _mark_reached(
    topology: Topology, ranks: Sequence[Rank], usable: BoolArray, *, forward: bool
) -> BoolArray:
    tail, head = (topology.src, topology.dst)[:: 1 if forward else -1]
    inner = usable[tail] & usable[head]
    tail, head = tail[inner], head[inner]
    found = np.zeros(topology.vertices, dtype=np.bool_)
    found[list(ranks)] = True
    while True:
        wider = found.copy()
        wider[head[found[tail]]] = True
        if (wider == found).all():
            return found
        found = wider


def _declared_within(topology: Topology, inside: BoolArray) -> Group:
    """Give the declared symmetries that move what is inside within itself."""
    group = declared_group(topology)
    orbit = orbits(group.generators, topology.vertices)
    if len(np.unique(orbit)) == topology.vertices:
        return group
    kept = np.asarray(inside[group.elements][:, inside].all(axis=1), dtype=np.bool_)
    return group if kept.all() else subgroup(group, kept)
