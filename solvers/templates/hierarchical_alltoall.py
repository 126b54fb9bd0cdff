"""Exchanges between boxes: what goes from box to box travels in few messages."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np

from solvers.routing.partitions import Boxes, list_partitions
from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, expect, lay_out
from topologies.model.topology import IntArray, Topology

COLLECTIVES = ("all_to_all", "all_to_allv")
GATHER, SPREAD, BOTH = "gathered", "spread", "gathered and spread"
VARIANTS = (GATHER, SPREAD, BOTH)


def hierarchies(
    topology: Topology, collective: Collective, bound: Bound = UNPROVED
) -> Iterator[tuple[str, Schedule]]:
    """Make every variant over every way to part the machine into boxes.

    To gather and spread pays where a box has no more ranks than there are other boxes.

    Raises:
        TemplateError: another collective, or ranks that are not joined.
    """
    for parted in list_partitions(topology, collective.ranks):
        few = max(map(len, parted)) >= len(parted)
        for variant in VARIANTS[: 2 if few else 3]:
            name = f"{len(parted)} boxes, {variant}"
            yield name, schedule(topology, collective, parted, variant, bound)


def schedule(
    topology: Topology,
    collective: Collective,
    parted: Boxes,
    variant: str,
    bound: Bound = UNPROVED,
) -> Schedule:
    """Let what goes from one box to another change hands in its box first, or after, or both.

    With ranks (a, i) of boxes a, a block for (b, j) goes
    gathered: to (a, j), which sends (b, j) what all of box a has for it in one message;
    spread: to (b, i) together with all that (a, i) has for box b, and on from there;
    gathered and spread: to (a, b), then in one message for both boxes to (b, a), then to (b, j).
    Numbers beyond the size of a box count from its beginning again. In place of n - 1 messages a
    rank sends s - 1 in its box of s and one to each of the m - 1 other boxes, or, gathered and
    spread, 2 (s - 1) and (m - 1) / s. Every block crosses between boxes once.

    Raises:
        TemplateError: another collective, or ranks that are not joined.

    Source: Träff and Rougier, MPI collectives and datatypes for hierarchical all-to-all
    communication, EuroMPI 2014; "gathered" is the PXN of NCCL 2.12.
    """
    expect(f"hierarchy, {variant}", collective, COLLECTIVES)
    src, dst = (np.concatenate(ends) for ends in (collective.holders, collective.wanters))
    order = _order(collective, parted, src, dst)
    rounds = _stops(parted, variant, src[order], dst[order])
    piece = np.arange(len(order))
    sends = [
        Sends(number, piece[a != b], a[a != b], b[a != b])
        for number, (a, b) in enumerate(pairwise(rounds))
    ]
    pieces = [(int(block), Fraction(1)) for block in order]
    name = f"{len(parted)} boxes, {variant}"
    return lay_out(name, Router(topology), collective, pieces, sends, bound)


def _places(parted: Boxes, rank: IntArray) -> tuple[IntArray, IntArray]:
    """Compute the box of each rank, and its number there."""
    top = 1 + max(int(box.max()) for box in parted)
    box, number = np.zeros(top, dtype=np.int64), np.zeros(top, dtype=np.int64)
    for i, members in enumerate(parted):
        box[members], number[members] = i, np.arange(len(members))
    return box[rank], number[rank]


def _order(collective: Collective, parted: Boxes, src: IntArray, dst: IntArray) -> IntArray:
    """Put blocks in the order of the distance between boxes, then in the box."""
    (a, i), (b, j) = _places(parted, src), _places(parted, dst)
    longest = max(len(box) for box in parted)
    return np.lexsort((np.arange(collective.blocks), (j - i) % longest, (b - a) % len(parted)))


def _stops(parted: Boxes, variant: str, src: IntArray, dst: IntArray) -> list[IntArray]:
    """Compute where each block is before and after each round; in its own box it goes straight."""
    (a, i), (b, j) = _places(parted, src), _places(parted, dst)
    near = a == b
    if variant == GATHER:
        return [src, np.where(near, dst, _member(parted, a, j)), dst]
    if variant == SPREAD:
        return [src, np.where(near, src, _member(parted, b, i)), dst]
    out, into = _member(parted, a, b), _member(parted, b, a)
    return [src, np.where(near, dst, out), np.where(near, dst, into), dst]


def _member(parted: Boxes, box: IntArray, number: IntArray) -> IntArray:
    """Look up the rank with this number in the box, counting around it."""
    start = np.cumsum([0, *(len(members) for members in parted[:-1])])
    size = np.array([len(members) for members in parted])
    whole = np.concatenate(parted)
    return np.asarray(whole[start[box] + number % size[box]])
