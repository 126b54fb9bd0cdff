"""Which vertices may copy what they hold, which may add what arrives, and whom that may help."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from topologies.model.reachability import mark_reached
from topologies.model.topology import BoolArray, IntArray, Topology, frozen
from topologies.model.units import Rank

Relays = Literal["none", "forward", "all"]
RELAYS: tuple[Relays, ...] = get_args(Relays)


def mark_branching(
    topology: Topology, ranks: Sequence[Rank], relays: Relays, *, in_network: bool
) -> tuple[BoolArray, BoolArray]:
    """Mark the vertices that may copy, and those that may add: (vertices,) each.

    The ranks that take part do both, and with the relays "all" the others too. Switches only
    forward, unless the network takes part: then they do what their flags say.
    """
    able = np.arange(topology.vertices) < topology.ranks
    if relays != "all":
        able[: topology.ranks] = False
        able[list(ranks)] = True
    inside = np.arange(topology.vertices) >= topology.ranks
    copies, adds = (
        able | (inside & flags & in_network) for flags in (topology.multicast, topology.reduce)
    )
    return frozen(copies), frozen(adds)


def helpers(
    topology: Topology, ranks: Sequence[Rank], relays: Relays, *, in_network: bool
) -> list[IntArray]:
    """List sets of vertices that could branch for the ranks, each larger than the one before.

    First the switches that copy or add, which may be none; then ranks outside as well. A vertex
    that no rank reaches, or that reaches none, is of no use.
    """
    useful = np.logical_or(*mark_branching(topology, ranks, relays, in_network=in_network))
    useful[list(ranks)] = False
    if useful.any():
        useful &= _mark_reached(topology, ranks, forward=True) & _mark_reached(
            topology, ranks, forward=False
        )
    found = np.flatnonzero(useful)
    switches = found[found >= topology.ranks]
    return [switches] if len(switches) == len(found) else [switches, found]


def _mark_reached(topology: Topology, ranks: Sequence[Rank], *, forward: bool) -> BoolArray:
    """Mark the vertices that some of the ranks reach, or that reach some of them."""
    tail, head = (topology.src, topology.dst) if forward else (topology.dst, topology.src)
    # One more vertex, in front of all the ranks, is where the search begins.
    first = topology.vertices
    tail = np.concatenate([tail, np.full(len(ranks), first)])
    head = np.concatenate([head, np.array(ranks, dtype=np.int64)])
    return mark_reached(first + 1, tail, head, first)[:-1]
