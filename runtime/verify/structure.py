"""Is a schedule well formed: indices, order, routes, and a collective that is what it says."""

from collections.abc import Iterator
from weakref import WeakKeyDictionary

import numpy as np

from runtime.verify.relaying import mark_relay_copies
from solvers.schedules.capabilities import mark_branching
from solvers.schedules.collective import Collective, CollectiveError
from solvers.schedules.computed.exchange import Exchange
from solvers.schedules.kinds import Given, kind_of, remake
from solvers.schedules.owners import same_columns
from solvers.schedules.schedule import Schedule, Transfers
from topologies.model.arguments import of
from topologies.model.errors import ArgumentError
from topologies.model.messages import one_line
from topologies.model.topology import BoolArray, IntArray, Topology

# By the transfers, which copies of a schedule share: what they were found to go with.
_SOUND: WeakKeyDictionary[Transfers, tuple[object, ...]] = WeakKeyDictionary()


_PARTS = ("topology", "collective", "block", "share", "group")


def check_sound(schedule: Schedule) -> None:
    """Refuse what is no well-formed schedule, so that whatever works on it meets no surprise.

    What was found to be sound is remembered as long as it lives.

    Raises:
        ArgumentError: the first fault.
    """
    of("schedule", schedule, Schedule)
    parts = (*(getattr(schedule, name) for name in _PARTS), schedule.in_network, schedule.relays)
    known = _SOUND.get(schedule.transfers, ())
    if len(known) != len(parts) or any(a is not b for a, b in zip(parts, known, strict=True)):
        if found := faults(schedule):
            raise ArgumentError(one_line(f"schedule: {found[0]}"))
        _SOUND[schedule.transfers] = parts


def faults(schedule: Schedule) -> list[str]:
    """List what is malformed; what comes later is only looked at if the former is sound."""
    for check in (_collective, _columns, _indices, _transfers, _routes, _switches, _relays):
        if found := list(check(schedule)):
            return found
    return []


def _collective(schedule: Schedule) -> Iterator[str]:
    return collective_faults(schedule.topology, schedule.collective)


def collective_faults(topology: Topology, what: Collective) -> Iterator[str]:
    """Compare a collective with the definition behind its name; others must be consistent."""
    if not what.ranks or list(what.ranks) != sorted(set(what.ranks)):
        yield f"{what.name}: the ranks are not in ascending order"
    elif not 0 <= what.ranks[0] <= what.ranks[-1] < topology.ranks:
        yield f"{what.name}: the ranks are not among the {topology.ranks} of the topology"
    elif (kind := kind_of(what)) is None:
        yield from _check_unknown(what)
    elif kind.given is None:
        yield from _compare_known(what)
    else:
        yield from list(_check_unknown(what)) or _compare_given(what, kind.given)
    if isinstance(what, Exchange):
        return
    if not len(what.sizes) or what.sizes.min() < 0 or what.sizes.max() == 0:
        yield f"{what.name}: the blocks have no sizes"


def _compare_known(what: Collective) -> Iterator[str]:
    if isinstance(what, Exchange):
        return  # its blocks are computed, and not written down anywhere
    try:
        right = remake(what)
    except CollectiveError as error:
        yield str(error)
        return
    if right is what:
        return
    same = right.blocks == what.blocks and right.root == what.root
    same &= same_columns(what.inputs, right.inputs) and same_columns(what.outputs, right.outputs)
    if not same:
        yield f"{what.name}: the buffers are not those of an {what.name} of {len(what.ranks)} ranks"


def _check_unknown(what: Collective) -> Iterator[str]:
    if not len(what.inputs) == len(what.outputs) == len(what.ranks):
        yield f"{what.name}: {len(what.ranks)} ranks need as many inputs and outputs"
        return
    for place, buffers in (("input", what.inputs), ("output", what.outputs)):
        for rank, blocks in zip(what.ranks, buffers, strict=True):
            known = (blocks >= 0) & (blocks < what.blocks)
            if not known.all() or len(np.unique(blocks)) < len(blocks):
                yield f"{what.name}: the {place} of rank {rank} has an unknown or repeated block"
                return
    held = np.bincount(np.concatenate(what.inputs), minlength=what.blocks)
    for block in np.flatnonzero(held == 0).tolist():
        yield f"{what.name}: nobody holds block {block}"


def _compare_given(what: Collective, given: Given) -> Iterator[str]:
    """Compare an all_to_allv, dispatch and the like with the one of what was given."""
    try:
        right = remake(what)
    except CollectiveError as error:
        yield str(error)
        return
    ours, expected = ((c.sizes, *c.inputs, *c.outputs) for c in (what, right))
    if what.root != right.root or not all(map(np.array_equal, ours, expected)):
        yield f"{what.name}: the buffers do not hold a block for each {given.kept}"


def _columns(schedule: Schedule) -> Iterator[str]:
    """Check that the columns are of equal length and the routes lie end to end."""
    rows = schedule.transfers
    if len(schedule.share) != len(schedule.block):
        yield f"{len(schedule.block)} pieces have {len(schedule.share)} shares"
    lengths = {len(column) for column in (rows.piece, rows.step, rows.src, rows.dst, rows.reduce)}
    if lengths != {len(rows.route_start) - 1}:
        yield "the columns of the transfers differ in length"
    elif rows.route_start[0] != 0 or rows.route_start[-1] != len(rows.route):
        yield f"the routes do not cover the {len(rows.route)} links that are listed"
    elif (np.diff(rows.route_start) <= 0).any():
        empty = int(np.argmax(np.diff(rows.route_start) <= 0))
        yield f"transfer {empty}: the route has no links"


def _indices(schedule: Schedule) -> Iterator[str]:
    """Check that every number names something."""
    rows, topology = schedule.transfers, schedule.topology
    owner = np.repeat(np.arange(len(rows)), np.diff(rows.route_start))
    end, ends = ("vertex", topology.vertices) if schedule.in_network else ("rank", topology.ranks)
    for what, column, count in (
        ("block", schedule.block, schedule.collective.blocks),
        ("piece", rows.piece, schedule.pieces),
        (end, rows.src, ends),
        (end, rows.dst, ends),
        ("link", rows.route, topology.links),
    ):
        for i in np.flatnonzero((column < 0) | (column >= count)).tolist():
            row = (
                f"transfer {owner[i] if what == 'link' else i}" if what != "block" else f"piece {i}"
            )
            yield f"{row}: there is no {what} {column[i]} (there are {count})"
    for i in np.flatnonzero(rows.step < 0).tolist():
        yield f"transfer {i}: step {rows.step[i]}, expected 0 or more"


def _transfers(schedule: Schedule) -> Iterator[str]:
    rows = schedule.transfers
    for t in np.flatnonzero(rows.src == rows.dst).tolist():
        yield f"{place(schedule, t)}: a rank does not send to itself"
    same = np.diff(rows.piece) == 0
    if (np.diff(rows.piece) < 0).any() or (same & (np.diff(rows.step) < 0)).any():
        yield "the transfers are not sorted by piece and step"
    for p, share in enumerate(schedule.share):
        if share.numerator <= 0:
            yield f"piece {p} (block {schedule.block[p]}): share {share}, expected more than 0"


def _routes(schedule: Schedule) -> Iterator[str]:
    """Follow each route: it leaves src, is connected, meets only switches, and enters dst."""
    rows, topology = schedule.transfers, schedule.topology
    first, last = rows.route_start[:-1], rows.route_start[1:] - 1
    tail, head = topology.src[rows.route], topology.dst[rows.route]
    inner = np.ones(len(rows.route), dtype=np.bool_)
    inner[first] = False
    owner = np.repeat(np.arange(len(rows)), np.diff(rows.route_start))
    yield from _wrong(schedule, tail[first] != rows.src, "the route does not start at the sender")
    yield from _wrong(schedule, head[last] != rows.dst, "the route does not end at the receiver")
    broken = inner & (tail != np.roll(head, 1))
    yield from _wrong(schedule, _any(owner, broken, len(rows)), "the route is not connected")
    relayed = inner & (tail < topology.ranks)
    sentence = "the route passes through a rank"
    yield from _wrong(schedule, _any(owner, relayed, len(rows)), sentence)


def _switches(schedule: Schedule) -> Iterator[str]:
    """Check that no switch does what it cannot: those without multicast send once for each piece.

    Many messages into a switch without reduce are fine as long as it adds none of them to another.
    """
    if not schedule.in_network:
        return
    rows, topology = schedule.transfers, schedule.topology
    copies, adds = mark_branching(topology, (), "all", in_network=True)
    for ends in (rows.src, rows.dst):
        sentence = "the switch neither copies nor adds, so nothing starts or ends there"
        yield from _wrong(schedule, ~(copies | adds)[ends], sentence)
    pairs = rows.piece * topology.vertices + rows.src
    again = np.ones(len(rows), dtype=np.bool_)
    again[np.unique(pairs, return_index=True)[1]] = False
    sentence = "the switch does not copy, and sends this piece a second time"
    yield from _wrong(schedule, again & ~copies[rows.src], sentence)
    yield from _wrong(schedule, rows.reduce & ~adds[rows.dst], "the switch does not add")


def _relays(schedule: Schedule) -> Iterator[str]:
    """Check that ranks outside the collective do no more than they may."""
    outside = np.ones(schedule.topology.ranks, dtype=np.bool_)
    outside[list(schedule.collective.ranks)] = False
    if schedule.relays == "none":
        ends = np.concatenate([schedule.topology.src, schedule.topology.dst])
        for rank in np.unique(ends[np.isin(ends, np.flatnonzero(outside))]).tolist():
            yield f"rank {rank} takes no part, and yet the machine has links there"
    if schedule.relays == "forward" and outside.any():
        sentence = "a rank outside the collective copies or adds here, and may only pass on"
        yield from _wrong(schedule, mark_relay_copies(schedule), sentence)


def _wrong(schedule: Schedule, rows: BoolArray, sentence: str) -> Iterator[str]:
    for t in np.flatnonzero(rows).tolist():
        yield f"{place(schedule, t)}: {sentence}"


def _any(owner: IntArray, flags: BoolArray, rows: int) -> BoolArray:
    """Tell which rows own a flagged entry."""
    return np.bincount(owner[flags], minlength=rows) > 0


def place(schedule: Schedule, t: int) -> str:
    """Name a transfer for a message."""
    rows, name = schedule.transfers, schedule.topology.vertex_name
    return (
        f"piece {rows.piece[t]} (block {schedule.block[rows.piece[t]]}): "
        f"{name(int(rows.src[t]))} to {name(int(rows.dst[t]))} in step {rows.step[t]}"
    )
