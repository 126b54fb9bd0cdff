"""Stages on any machine: transfers in an order in which no link is flooded.

A stage is a set of transfers that do not meet: each link has room for all that cross it, each at
the rate of the narrowest link on its way. On one switch these are the partial permutations of
`birkhoff.py`. Pieces are cut so that none lasts longer than a part of the whole, and then take,
the longest first, the first stage in which their path is free; where ranks relay, the next hop
takes a later stage. Stages become the steps of the schedule.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from solvers.schedules.piece_loads import (
    amount_floats,
    amounts,
    as_columns,
    crossing_times,
    floats,
    share_floats,
)
from solvers.schedules.schedule import Schedule, Transfers
from solvers.schedules.unequal import demand_of
from solvers.timing import birkhoff
from solvers.timing.timetable import Timetable
from topologies.model.ragged import stretches
from topologies.model.topology import FloatArray, IntArray, frozen
from topologies.model.units import Share

CUTS = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0)
FEW_CUTS = (0.25, 0.5, 1.0)  # for exchanges so large that each one tried takes seconds
MANY_PIECES = 20_000


def staged_schedules(whole: Schedule) -> Iterator[tuple[str, Schedule]]:
    """Put an all_to_allv that sends everything at once in stages, in ever more of them.

    Args:
        whole: without symmetry, as its solver makes it.
    """
    if not len(whole.transfers):
        return
    straight = bool((np.bincount(whole.transfers.piece) <= 1).all())
    demand = demand_of(whole.collective)
    if straight:
        yield "pairwise", follow_stages(whole, birkhoff.pairwise(demand))
    for cuts in CUTS if whole.pieces <= MANY_PIECES else FEW_CUTS:
        yield (
            f"first fit, {cuts:g} n cuts" if cuts else "first fit, no cuts",
            put_in_stages(whole, cuts),
        )
    if straight and len(demand) <= birkhoff.EXACT_RANKS:
        yield "birkhoff", follow_stages(whole, birkhoff.birkhoff(demand))


def put_in_stages(whole: Schedule, cuts: float = birkhoff.CUTS) -> Schedule:
    """Cut pieces, and give each the first stages in which its path is free.

    Complexity: some 5 us for each piece.

    Args:
        whole: an all_to_allv that sends everything at once.
        cuts: pieces into which something as long as the whole is cut, as a multiple of the ranks.
    """
    if not len(whole.transfers):
        return whole
    heat = crossing_times(whole, amount_floats(whole))
    rate = _rates(whole)
    count = cuts * len(whole.collective.ranks)
    most = heat.max() / count * rate if count else np.full(whole.pieces, np.inf)
    parent, share = _cut(whole, most)
    rows = _copy_transfers(whole.transfers, parent)
    size = floats(*as_columns(share)) * whole.collective.sizes[whole.block[parent]]
    busy = np.add.reduceat(heat[whole.transfers.route], whole.transfers.route_start[:-1])
    hottest = np.zeros(whole.pieces)
    np.maximum.at(hottest, whole.transfers.piece, busy)
    src, dst = _ends(whole)
    shift = ((dst - src) % len(whole.collective.ranks))[whole.block]
    order = np.lexsort((shift[parent], -hottest[parent], -size / rate[parent]))
    step = Timetable(whole, rate).fill(rows, rate[parent], order)
    return _remake(whole, parent, share, replace(rows, step=frozen(step)))


def follow_stages(whole: Schedule, found: birkhoff.Stages) -> Schedule:
    """Let the pieces follow stages of the demand matrix; every piece goes straight to its end."""
    what = whole.collective
    src, dst = _ends(whole)
    at = np.full((len(what.ranks),) * 2, -1, dtype=np.int64)
    at[src, dst] = np.arange(what.blocks)
    block = at[found.src, found.dst]
    order = np.argsort(whole.block, kind="stable")
    first = np.searchsorted(whole.block[order], np.arange(what.blocks + 1))
    length = np.diff(first)[block]
    message, place = np.repeat(np.arange(len(block)), length), stretches(first[block], length)
    still = np.flatnonzero((src == dst)[whole.block])
    parent = np.concatenate([still, order[place]])
    part = [
        Fraction(a, s)
        for a, s in zip(found.amount.tolist(), what.sizes[block].tolist(), strict=True)
    ]
    share = [whole.share[p] for p in still.tolist()]
    share += [
        whole.share[p] * part[m]
        for p, m in zip(parent[len(still) :].tolist(), message.tolist(), strict=True)
    ]
    rows = _copy_transfers(whole.transfers, parent)
    step = found.stage[message[rows.piece - len(still)]]
    return _remake(whole, parent, share, replace(rows, step=frozen(step)))


def _ends(whole: Schedule) -> tuple[IntArray, IntArray]:
    """Give the sender and the receiver of each block, as places in the list of ranks."""
    ranks, what = np.array(whole.collective.ranks), whole.collective
    src, dst = (
        np.searchsorted(ranks, np.concatenate(ends)) for ends in (what.holders, what.wanters)
    )
    return src, dst


def _remake(whole: Schedule, parent: IntArray, share: Sequence[Share], rows: Transfers) -> Schedule:
    """Make the schedule of the parts: parent[q] is the piece that part q was cut from."""
    return replace(whole, block=frozen(whole.block[parent]), share=tuple(share), transfers=rows)


def _rates(whole: Schedule) -> FloatArray:
    """Compute the rate of each piece, in capacity units, when the pieces of its block go at once.

    They go in proportion to their shares, as fast as the links allow that they have to themselves.
    """
    rows, capacity = whole.transfers, whole.topology.capacity
    share = share_floats(whole)
    hops = np.diff(rows.route_start)
    piece = np.repeat(rows.piece, hops)
    keys = whole.block[piece] * len(capacity) + rows.route
    keys, place = np.unique(keys, return_inverse=True)
    block, link = np.divmod(keys, len(capacity))
    crossing = np.bincount(place.reshape(-1), share[piece])
    fastest = np.full(whole.collective.blocks, np.inf)
    np.minimum.at(fastest, block, capacity[link] / crossing)
    return np.asarray(share * fastest[whole.block])


def _cut(whole: Schedule, most: FloatArray) -> tuple[IntArray, list[Fraction]]:
    """Cut pieces into parts of `most` whole units, and a rest: each part's piece and share."""
    sizes = whole.collective.sizes[whole.block].tolist()
    above, below = (column.tolist() for column in amounts(whole))
    is_long = (amount_floats(whole) > most).tolist()
    parent: list[int] = []
    share: list[Fraction] = []
    for p, own in enumerate(whole.share):
        if not is_long[p]:
            parent.append(p)
            share.append(own)
            continue
        unit = max(int(most[p]), 1)
        count = -(-above[p] // (below[p] * unit))
        rest = above[p] - (count - 1) * unit * below[p]
        parent += [p] * count
        share += [Fraction(unit, sizes[p])] * (count - 1) + [Fraction(rest, below[p] * sizes[p])]
    return np.array(parent, dtype=np.int64), share


def _copy_transfers(rows: Transfers, parent: IntArray) -> Transfers:
    """Copy the transfers of each part's piece."""
    first = np.searchsorted(rows.piece, np.arange(int(parent.max()) + 2))
    length = np.diff(first)[parent]
    copies = rows.rows(stretches(first[parent], length))
    return replace(copies, piece=frozen(np.repeat(np.arange(len(parent)), length)))
