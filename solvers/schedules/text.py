"""Schedules as text for a person: their pieces, and what is sent step by step."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from topologies.model.cached import cached_property
from topologies.model.messages import first_lines, list_names, printable
from topologies.model.topology import BoolArray, IntArray, Topology
from topologies.model.units import rate

if TYPE_CHECKING:
    from solvers.schedules.collective import Collective
    from solvers.schedules.schedule import Schedule

LINES = 40  # of a section, unless all are asked for
DEEP = 20  # levels of a tree that are indented


def heading(topology: Topology, what: "Collective") -> str:
    """Name a collective on a machine: `broadcast with root 0 on ring-16, 8 of 16 ranks`."""
    root = "" if what.root is None else f" with root {what.root}"
    n = len(what.ranks)
    count = f"{n}" if n == topology.ranks else f"{n} of {topology.ranks}"
    return f"{what.name}{root} on {topology.name}, {count} rank{'s' * (topology.ranks != 1)}"


def schedule_text(schedule: "Schedule", most: int | None = LINES) -> str:
    """Write a sound schedule out: what it is, its pieces, and its transfers step by step.

    Of a symmetric schedule the representatives are written, and how many images each has.

    Args:
        schedule: one whose columns fit each other.
        most: lines of each section, None for all of them.
    """
    writer, step = _Writer(schedule), schedule.transfers.step
    pieces = (f"  {writer.piece(p)}" for p in range(schedule.pieces))
    lines = [
        *_head(schedule),
        "",
        "pieces, each a share of a block, from who holds it to who wants it",
        *first_lines(pieces, schedule.pieces, most),
        "",
        *first_lines(writer.steps(), len(step) + len(np.unique(step)), most),
    ]
    return "\n".join(lines)


def piece_text(schedule: "Schedule", piece: int, most: int | None = LINES) -> str:
    """Write the path of one piece: its tree, or its transfers in order where they form none.

    Args:
        schedule: one whose columns fit each other.
        piece: the number of a representative.
        most: lines, None for all of them.
    """
    writer = _Writer(schedule)
    rows = np.flatnonzero(schedule.transfers.piece == piece)
    paths = (f"  {path}" for path in writer.tree(rows))
    return "\n".join([f"piece {writer.piece(piece)}", *first_lines(paths, len(rows), most)])


def _head(schedule: "Schedule") -> Iterator[str]:
    """Say what a schedule is of, and how much of it is written below."""
    order, pieces, transfers = schedule.group.order, schedule.pieces, len(schedule.transfers)
    yield heading(schedule.topology, schedule.collective)
    yield f"  bound      {rate(schedule.bound.algbw)} ({schedule.bound.scope})"
    yield f"  size       {_blocks(schedule.collective)}"
    if order == 1:
        yield f"  pieces     {pieces:,}"
        yield f"  transfers  {transfers:,}"
    else:
        yield f"  pieces     {pieces:,} of {pieces * order:,}: each stands for {order:,} images"
        yield f"  transfers  {transfers:,} of {transfers * order:,}"
    if solver := schedule.provenance.get("solver"):
        yield f"  made by    {printable(str(solver))}"
    if schedule.in_network:
        yield "  switches   copy and add as far as they can"


def _blocks(what: "Collective") -> str:
    """Say what the size of a collective, its largest buffer, is made of."""
    if what.blocks == 1:
        return "one block"
    one = what.sizes.strides == (0,)  # of blocks that are not laid out
    sizes = what.sizes[:1] if one else np.unique(what.sizes)
    shares = [Fraction(size, what.total) for size in sizes.tolist()]
    if not shares:
        return "no blocks"
    each = f"each {shares[0]}" if len(shares) == 1 else f"{shares[0]} to {shares[-1]}"
    return f"{what.blocks:,} blocks, {each} of it"


@dataclass(frozen=True)
class _Writer:
    """What writes the lines of a schedule."""

    schedule: "Schedule"

    @cached_property
    def twins(self) -> BoolArray:
        """Mark the links beside which there are others between the same ends."""
        machine = self.schedule.topology
        ends = machine.src * machine.vertices + machine.dst
        _, place, count = np.unique(ends, return_inverse=True, return_counts=True)
        return np.asarray(count[place.reshape(-1)] > 1)

    def piece(self, piece: int) -> str:
        """Say what a piece is of: `0: 1/2 of block 3, 1/8 of the size: from g0 to all`."""
        what, share = self.schedule.collective, self.schedule.share[piece]
        block = int(self.schedule.block[piece])
        holders, wanters = (self._listed(side.of(block)) for side in what.owners)
        part = f"{share} of block {block}, {share * what.fraction(block)} of the size"
        return f"{piece}: {part}: from {holders} to {wanters}"

    def _listed(self, ranks: IntArray) -> str:
        names = self.schedule.topology.names
        if len(ranks) == len(self.schedule.collective.ranks) > 1:
            return "all"
        return list_names([names[rank] for rank in ranks.tolist()]) or "none"

    def steps(self) -> Iterator[str]:
        """Write the transfers in the order of their steps, those of a step by their pieces."""
        transfers, now = self.schedule.transfers, None
        for t in np.lexsort((transfers.piece, transfers.step)).tolist():
            if transfers.step[t] != now:
                now = transfers.step[t]
                yield f"step {now}"
            yield f"  piece {transfers.piece[t]}: {self.path(t)}"

    def path(self, t: int) -> str:
        """Write a transfer with all that it passes: `g0 -> s0 -> g1, adds`.

        Of parallel links the number tells which is meant.
        """
        row, machine = self.schedule.transfers[t], self.schedule.topology
        passed = [machine.names[row.src]]
        for link in row.route:
            number = f" (link {link})" if self.twins[link] else ""
            passed.append(machine.names[machine.dst[link]] + number)
        return " -> ".join(passed) + ", adds" * row.reduce

    def tree(self, rows: IntArray) -> Iterator[str]:
        """Write the transfers of a piece as trees: into a root what adds, then out of it.

        Where a vertex sends twice to be added, or is sent to twice, they are written in order.
        """
        transfers = self.schedule.transfers
        adds = transfers.reduce[rows]
        into, out = rows[adds], rows[~adds]
        if _find_repeated(transfers.src[into]) or _find_repeated(transfers.dst[out]):
            yield from (self._line(t) for t in rows.tolist())
            return
        walked = _walk(into, transfers.dst, transfers.src)
        yield from (self._line(t, depth) for t, depth in reversed(walked))
        yield from (self._line(t, d) for t, d in _walk(out, transfers.src, transfers.dst))

    def _line(self, t: int, depth: int = 0) -> str:
        return f"step {self.schedule.transfers.step[t]}: {'  ' * min(depth, DEEP)}{self.path(t)}"


def _find_repeated(values: IntArray) -> bool:
    return len(np.unique(values)) < len(values)


def _walk(rows: IntArray, near: IntArray, far: IntArray) -> list[tuple[int, int]]:
    """List the rows of trees, parents first, each with its depth; near: the end at the root."""
    below: dict[int, list[int]] = {}
    for t in rows.tolist():
        below.setdefault(int(near[t]), []).append(t)
    ends = set(far[rows].tolist())
    todo = [(t, 0) for root in below if root not in ends for t in below[root]][::-1]
    found = []
    while todo:
        t, depth = todo.pop()
        found.append((t, depth))
        todo += [(each, depth + 1) for each in reversed(below.get(int(far[t]), []))]
    return found
