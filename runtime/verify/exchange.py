"""Do the images of the pieces of an exchange cover all its blocks, which are never written out.

Statement. Let no rank be kept where it is by an element of the group but the identity. Then for
each rank there is one element that brings it to the first of its orbit, and the block from i to j
is an image of exactly one block out of such a first rank. All images of a piece are different, and
those of two pieces are of the same blocks or have none in common. So each block is covered as the
one out of the first rank is, by the pieces brought there; and that is added up.

Complexity: the ranks that are not alike × ranks, and the order of the group for each sender.
"""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from solvers.certify.exchange import MOST
from solvers.schedules.computed.exchange import Exchange
from solvers.schedules.schedule import Schedule
from topologies.model.topology import IntArray, integers
from topologies.symmetry.group import Group


def faults(schedule: Schedule, what: Exchange) -> Iterator[str]:
    """Find what is wrong with the shares of the pieces; the group must keep the ranks."""
    group, ranks = schedule.group, integers(what.ranks)
    orbit = group.vertex_orbits[ranks]
    labels, first, size = np.unique(orbit, return_index=True, return_counts=True)
    if (size != group.order).any():
        yield f"group: {group.order:,} elements, of which some keep a rank where it is"
        return
    if len(labels) > MOST:
        yield f"group: {len(labels):,} ranks differ, of {MOST} at most blocks are added up"
        return
    parts, unit = schedule.parts
    sender, row, wanter = _brought_back(what, group, schedule.block)
    covered = np.zeros((len(labels), len(ranks)), dtype=parts.dtype)
    np.add.at(covered, (np.searchsorted(labels, orbit[sender]), wanter), parts[row])
    for i, j in np.argwhere(covered != unit).tolist():
        block, part = int(first[i]) * len(ranks) + j, Fraction(int(covered[i, j]), unit)
        yield f"block {block}: the shares of its pieces add up to {part}"


def _brought_back(
    what: Exchange, group: Group, block: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Bring each piece to the first rank of its sender's orbit.

    Returns:
        by piece, in an order of their own: the place of the sender, the piece, and the place of who
        wants its block after it was brought there.
    """
    ranks, orbit = integers(what.ranks), group.vertex_orbits
    held, wanted = what.ends(block)
    every, by_sender = np.arange(group.order), np.argsort(held, kind="stable")
    senders, start = np.unique(held[by_sender], return_index=True)
    leader = np.full(int(orbit.max()) + 1, -1, dtype=np.int64)
    leader[orbit[ranks[::-1]]] = ranks[::-1]
    moved = np.empty(len(block), dtype=np.int64)
    for sender, own in zip(senders.tolist(), np.split(by_sender, start[1:]), strict=True):
        rank = ranks[sender]
        element = np.argmax(group.images(every, rank) == leader[orbit[rank]])
        moved[own] = group.images(np.full(len(own), element), ranks[wanted[own]])
    return held, np.arange(len(block)), what.places[moved]
