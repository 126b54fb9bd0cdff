"""Patterns that pass everything around a ring, or along a chain."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, blocks, expect, lay_out
from solvers.templates.ring_order import ring_order
from topologies.model.topology import IntArray, Topology, integers

COLLECTIVES = ("all_gather", "reduce_scatter", "all_reduce", "broadcast", "reduce")


def schedule(topology: Topology, collective: Collective, bound: Bound = UNPROVED) -> Schedule:
    """Pass each piece from neighbour to neighbour; broadcast and reduce are pipelined chains.

    Raises:
        TemplateError: another collective, or a machine that cannot relay the sums.

    Source: Patarasuk and Yuan, Bandwidth optimal all-reduce algorithms for clusters of
    workstations, JPDC, 2009.
    """
    expect("ring", collective, COLLECTIVES)
    routes = Router(topology)
    return along([ring_order(routes, collective.ranks)], routes, collective, bound)


def along(
    orders: Sequence[Sequence[int]],
    routes: Router,
    collective: Collective,
    bound: Bound = UNPROVED,
    turns: int | None = None,
) -> Schedule:
    """Pass equal shares of each piece along ranks in given orders.

    Args:
        orders: of the ranks, for each ring.
        routes: the paths to send over.
        collective: one of COLLECTIVES.
        bound: goes with the schedule as it is.
        turns: of each ring so many, the first; the schedule then is only the beginning of one.

    Raises:
        TemplateError: a machine that cannot relay the sums.
    """
    pieces: list[tuple[int, Fraction]] = []
    sends: list[Sends] = []
    for order in orders:
        own, ways = _one_ring(order, collective)
        sends += [replace(way, piece=way.piece + len(pieces)) for way in ways[:turns]]
        pieces += [(block, share / len(orders)) for block, share in own]
    sends.sort(key=lambda each: each.round)
    return lay_out("ring", routes, collective, pieces, sends, bound)


def _one_ring(
    order: Sequence[int], collective: Collective
) -> tuple[list[tuple[int, Fraction]], list[Sends]]:
    """Give the pieces of a ring, or of a chain from the root, and who sends them on."""
    if collective.root is not None:
        at = order.index(collective.root)
        line = integers([*order[at:], *order[:at]])
        return blocks(collective), _chain(line, pattern_of(collective) == "reduce")
    if pattern_of(collective) == "all_reduce":
        pieces = [(0, Fraction(1, len(order)))] * len(order)
    else:
        block = {rank: i for i, rank in enumerate(collective.ranks)}
        pieces = [(block[rank], Fraction(1)) for rank in order]
    return pieces, send_around(integers(order), pattern_of(collective))


def _chain(order: IntArray, reduce: bool) -> list[Sends]:
    """Go from the first to the last, or to be added from the last to the first."""
    path = order[::-1] if reduce else order
    zero = integers([0])
    return [
        Sends(s, zero, path[s : s + 1], path[s + 1 : s + 2], reduce) for s in range(len(path) - 1)
    ]


def send_around(order: IntArray, name: str) -> list[Sends]:
    """Add up piece p on its way around to the p-th rank; hand it out from there."""
    rounds = range(len(order) - 1)
    adding = [] if name == "all_gather" else [_turn(s, order, s + 1, True) for s in rounds]
    if name == "reduce_scatter":
        return adding
    return adding + [_turn(len(adding) + s, order, s, False) for s in rounds]


def _turn(number: int, order: IntArray, away: int, reduce: bool) -> Sends:
    """Let each piece p go from the rank `away` places after the p-th one to the next."""
    piece = np.arange(len(order))
    src, dst = (order[(piece + away + i) % len(order)] for i in (0, 1))
    return Sends(number, piece, src, dst, reduce)
