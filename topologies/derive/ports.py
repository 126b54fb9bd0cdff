"""Ranks that use fewer of their links at once than they have: the k-port model.

A rank of k ports sends over at most k of its links at a time, and receives over at most k. It is
drawn as rank -> out -> its outgoing links, and its incoming links -> in -> rank, where `out` and
`in` are switches, and the links beside the rank have the bandwidth of the k fastest that they stand
for, no latency, and a class of their own. With one switch for both, the messages of others could
pass the rank by.

No k links carry more than that, so every bound on this machine holds. Where all links of a rank are
alike it is also attained: amounts of at most T on each link and k T on each side of a rank divide
into rounds of at most k messages on each side that take T together, since the amounts allowed form
a polytope whose corners are whole (a matrix of senders and receivers of links is totally
unimodular: Hoffman and Kruskal, Annals of Mathematics Studies 38, 1956).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from topologies.model.names import name_faults
from topologies.model.topology import (
    CAPACITY_LIMIT,
    IntArray,
    LinkClass,
    Topology,
    TopologyError,
    frozen,
)

Kind = TypeVar("Kind", bound=np.generic)
CLASS = LinkClass("ports", source="stands for the ports of a rank")
ENDS = ("src", "dst")
WORDS = {"src": "out", "dst": "in"}


def with_ports(topology: Topology, ports: Sequence[int]) -> Topology:
    """Let each rank use at most so many links at once, either way; 0 stands for all it has.

    Args:
        topology: the machine.
        ports: of each rank.

    Raises:
        TopologyError: there is a number below 0, a name of a new switch is taken, or the declared
            symmetry takes a rank to one of another number.
    Complexity: links + symmetries × vertices.
    """
    _check(topology, ports)
    count_of, made = np.array(ports, dtype=np.int64), topology
    for end in ENDS:
        made = _insert_switches(made, count_of, end)
    faults = name_faults(made.names[: made.ranks], made.names)
    if int(made.capacity.sum()) > CAPACITY_LIMIT:
        faults.append("ports: the bandwidths of a rank's links together are too large to be exact")
    if faults:
        raise TopologyError(faults)
    return made


def _check(topology: Topology, ports: Sequence[int]) -> None:
    faults = [
        f"ranks[{rank}]: ports is {count}, expected 1 or more"
        for rank, count in enumerate(ports)
        if count < 0
    ]
    count_of = np.array(ports, dtype=np.int64)
    faults += [
        f"symmetry[{i}]: takes a rank to one of another number of ports"
        for i, row in enumerate(topology.symmetry)
        if (count_of[row[: topology.ranks]] != count_of).any()
    ]
    if faults:
        raise TopologyError(faults)


def _ranks_over_limit(topology: Topology, ports: IntArray, end: str) -> IntArray:
    """List the ranks with more links on this side than ports."""
    links = np.bincount(getattr(topology, end), minlength=topology.vertices)[: topology.ranks]
    return np.flatnonzero((ports > 0) & (links > ports))


def _insert_switches(topology: Topology, ports: IntArray, end: str) -> Topology:
    """Put switches between the ranks with too many links that start, or end, there and these."""
    ranks = _ranks_over_limit(topology, ports, end)
    count = len(ranks)
    switch = np.arange(topology.vertices)
    switch[ranks] = topology.vertices + np.arange(count)
    ends = {key: getattr(topology, key) for key in ENDS}
    moved = np.isin(ends[end], ranks)
    apart = moved | (moved[topology.mate] & (topology.mate >= 0))
    ends[end] = switch[ends[end]]
    beside = {key: ranks if key == end else switch[ranks] for key in ENDS}
    known = CLASS in topology.classes or not count
    classes = topology.classes if known else (*topology.classes, CLASS)
    none = np.full(count, -1)
    return replace(
        topology,
        names=(*topology.names, *(f"{topology.names[r]}.{WORDS[end]}" for r in ranks)),
        kinds=(*topology.kinds, *["ports"] * count),
        multicast=_lengthen(topology.multicast, none > 0),
        reduce=_lengthen(topology.reduce, none > 0),
        src=_lengthen(ends["src"], beside["src"]),
        dst=_lengthen(ends["dst"], beside["dst"]),
        capacity=_lengthen(topology.capacity, _port_capacity(topology, ranks, ports[ranks], end)),
        alpha=_lengthen(topology.alpha, np.zeros(count)),
        mate=_lengthen(np.where(apart, -1, topology.mate), none),
        link_class=_lengthen(topology.link_class, none * 0 + len(classes) - 1),
        plane=_lengthen(topology.plane, none),
        classes=classes,
        symmetry=_extend_symmetry(topology, ranks),
    )


def _port_capacity(topology: Topology, ranks: IntArray, ports: IntArray, end: str) -> IntArray:
    """Add up the capacities of each rank's fastest links, as many as it has ports."""
    at = getattr(topology, end)
    order = np.lexsort((-topology.capacity, at))
    sums = np.append(0, np.cumsum(topology.capacity[order]))
    first = np.searchsorted(at[order], ranks)
    found: IntArray = sums[first + ports] - sums[first]
    return found


def _extend_symmetry(topology: Topology, ranks: IntArray) -> IntArray:
    """Let each declared symmetry take the new switches where it takes their ranks."""
    place = np.full(topology.vertices, -1)
    place[ranks] = topology.vertices + np.arange(len(ranks))
    found: IntArray = frozen(np.hstack([topology.symmetry, place[topology.symmetry[:, ranks]]]))
    return found


def _lengthen(column: NDArray[Kind], more: NDArray[Any]) -> NDArray[Kind]:
    return frozen(np.append(column, more.astype(column.dtype)))
