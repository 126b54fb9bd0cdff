"""Calls with a block of another length for each process: all learn the lengths, then it is planned.

These are Alltoallv, Allgatherv, Reduce_scatter, Gatherv and Scatterv. Lengths are in bytes where
data only moves, as types may differ between processes, and in elements where they are added up.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import gcd
from typing import Any

import numpy as np

from commplan.communicator.buffers import (
    Span,
    Varying,
    check_apart,
    find_bytes,
    find_gapless,
    pack,
    read_varying,
    span_of,
    unpack,
)
from commplan.communicator.calls import MOVERS, WIDEST, Calls
from commplan.communicator.mpi_fallback import Natives
from commplan.communicator.plans.consensus import Key
from commplan.communicator.queue import OperationQueue
from commplan.communicator.requests import Call, Native, Steps
from commplan.communicator.sums.fixed_order import add_in_order
from commplan.communicator.sums.widening import Widening
from runtime.execute.faults import ExecutionError
from runtime.program.elements import storage, width
from topologies.model.errors import ArgumentError
from topologies.model.topology import IntArray


@dataclass(frozen=True)
class UnequalCall:
    """One such call, as one process makes it.

    Attributes:
        name: of the collective.
        own: the length of the own block.
        known: the lengths of all, in the order of the callers, where this process is told them.
        ins: what is read: an address, or an array of bytes.
        outs: where the result goes: an address, or blocks with room between them.
        root: a process, or -1.
        op: the operation.
        dtype: that of sums, empty where data only moves.
        keep: what owns the memory.
        finish: what is to be done with the result.
        added_here: of sums in one order, what adds up the own blocks of all processes, given as
            bytes, and takes the result to its place.
    """

    name: str
    own: int
    known: tuple[int, ...] | None
    ins: Any
    outs: int | Varying
    root: int
    op: str
    dtype: str
    keep: tuple[object, ...]
    finish: Callable[[], object] | None = None
    added_here: Callable[[Any], object] | None = None

    def __str__(self) -> str:
        root = f" from root {self.root}" if self.root >= 0 else ""
        return f"{self.name} of {self.dtype or 'bytes'} ({self.op}){root}"

    def steps(self, owner: OperationQueue, natives: Natives, native: Callable[[], Native]) -> Steps:
        """Take all steps: the lengths, the plan, the messages, the blocks to their places."""
        told = 0 if self.known is None else _digest(self.known)
        request = owner.gather_rows(np.array([self.own, told]))
        while not request.Test():
            yield None
        lengths = request.rows[:, 0].copy()
        self._check(owner, *request.rows[owner.order].T.tolist())
        if not lengths.any():
            return True
        wide, dtype = 1, self.dtype
        if not dtype:
            wide = gcd(WIDEST, *lengths.tolist())
            dtype = MOVERS[wide]
        blocks = lengths // wide
        if self.added_here is not None:
            return (yield from self._add_here(owner, natives, blocks, self.added_here))
        result = _room(self.outs)
        call = Call(
            Key(self.name, int(blocks.sum()), dtype, self.op, self.root, blocks.tobytes()),
            in_place=False,
            ins=self.ins if isinstance(self.ins, int) else self.ins.ctypes.data,
            outs=self.outs if isinstance(self.outs, int) else result.ctypes.data,
            native=native if not self.dtype else self._reduced_by(natives, owner, blocks),
            keep=(self.ins, result, *self.keep),
            finish=self.finish,
        )
        planned = yield from owner.steps(call)
        if planned and isinstance(self.outs, Varying):
            unpack(self.outs, result)
        return planned

    def _reduced_by(
        self, natives: Natives, owner: OperationQueue, blocks: IntArray
    ) -> Callable[[], Native]:
        """Let MPI do a reduce_scatter, in the type in which it is to be done."""
        kind, counts = storage(self.dtype), blocks[owner.order].tolist()
        sides: tuple[Any, ...] = (self.ins, self.keep[1])
        ins, outs = (span_of(side.view(kind), self.dtype) for side in sides)
        start = natives.reduce
        return lambda: start("Ireduce_scatter", ins, outs, self.op, owner.size, recvcounts=counts)

    def _add_here(
        self,
        owner: OperationQueue,
        natives: Natives,
        blocks: IntArray,
        add: Callable[[Any], object],
    ) -> Steps:
        """Send everyone its block, and add up what comes."""
        size = width(self.dtype)
        matrix = np.ascontiguousarray(np.broadcast_to(blocks * size, (owner.size, owner.size)))
        own = self.own * size
        whole = np.empty((owner.size, own), dtype=np.uint8)
        largest = max(int(matrix[0].sum()), int(matrix.max()) * owner.size)
        counts = (blocks * size)[owner.order].tolist()
        call = Call(
            Key("all_to_allv", largest, "uint8", "sum", -1, matrix.tobytes()),
            in_place=False,
            ins=self.ins if isinstance(self.ins, int) else self.ins.ctypes.data,
            outs=whole.ctypes.data,
            native=lambda: natives.exchange(self.ins, counts, whole, own),
            keep=(self.ins, whole, *self.keep),
        )
        planned = yield from owner.steps(call)
        add(whole)
        return planned

    def _check(self, owner: OperationQueue, lengths: list[int], told: list[int]) -> None:
        """Refuse lengths of which another process knows nothing; all do so alike.

        Raises:
            ExecutionError: a process was told other lengths than the processes have.
        """
        unit = "elements" if self.dtype else "bytes"
        unlike = [i for i, digest in enumerate(told) if digest not in (0, _digest(lengths))]
        for other, (own, expected) in enumerate(zip(lengths, self.known or (), strict=False)):
            if own != expected:
                raise ExecutionError(
                    f"process {other} has a block of {own} {unit}, and process {owner.rank} "
                    f"expects {expected}"
                )
        if unlike:
            raise ExecutionError(
                f"{self.name}: blocks have {lengths} {unit}, and process {unlike[0]} expects others"
            )


def _digest(lengths: Sequence[int]) -> int:
    """Give a number, not 0, that hardly any other lengths have."""
    return zlib.crc32(np.array(lengths, dtype=np.int64).tobytes()) + 1


class UnequalCalls:
    """Reads such calls of one communicator, as mpi4py has them."""

    def __init__(self, calls: Calls, rank: int, size: int) -> None:
        self._calls, self._rank, self._size = calls, rank, size

    def allgatherv(self, sendbuf: Any, recvbuf: Any) -> UnequalCall:  # noqa: ANN401
        """Read Allgatherv."""
        takes = read_varying(recvbuf, self._size, written=True)
        return self._gathering("all_gatherv", self._calls.read(sendbuf), takes, -1)

    def gatherv(self, sendbuf: Any, recvbuf: Any, root: int) -> UnequalCall:  # noqa: ANN401
        """Read Gatherv."""
        ins, place = self._calls.read(sendbuf), self._calls.root(root)
        if self._rank == root:
            takes = read_varying(recvbuf, self._size, written=True)
            return self._gathering("gatherv", ins, takes, place)
        if ins is None:
            raise ArgumentError("IN_PLACE is for the root")
        return _moving("gatherv", ins, None, ins.address, 0, place)

    def scatterv(self, sendbuf: Any, recvbuf: Any, root: int) -> UnequalCall:  # noqa: ANN401
        """Read Scatterv; in place it is the root's block that stays where it is."""
        outs, place = self._calls.read(recvbuf, written=True), self._calls.root(root)
        if self._rank != root:
            if outs is None:
                raise ArgumentError("IN_PLACE is for the root")
            return _moving("scatterv", outs, None, 0, outs.address, place)
        sends = read_varying(sendbuf, self._size)
        gapless = find_gapless(sends)
        ins = pack(sends) if gapless is None else gapless
        if outs is not None:
            check_apart(sends, outs)
            return _moving("scatterv", outs, sends, ins, outs.address, place)
        own = _own_of(sends, root)
        result = _copy_of(own)
        made = _moving("scatterv", own, sends, ins, result.ctypes.data, place)
        return replace(made, keep=(*made.keep, result))

    def reduce_scatter(
        self,
        sendbuf: Any,  # noqa: ANN401
        recvbuf: Any,  # noqa: ANN401
        recvcounts: Any,  # noqa: ANN401
        op: Any,  # noqa: ANN401
    ) -> UnequalCall:
        """Read Reduce_scatter; in place the result comes to the beginning."""
        ins, outs = self._calls.read(sendbuf), self._calls.read(recvbuf, written=True)
        if outs is None:
            raise ArgumentError("IN_PLACE is for the send buffer")
        counts = None if recvcounts is None else tuple(int(count) for count in recvcounts)
        if counts is None and ins is None:
            raise ArgumentError("in place the counts of all processes are needed")
        if counts is not None and (len(counts) != self._size or min(counts) < 0):
            raise ArgumentError(f"expected {self._size} counts from 0")
        own = outs.elements if counts is None else counts[self._rank]
        name = self._calls.op(op, outs, None)
        some = outs if ins is None else ins
        if some.dtype != outs.dtype:
            raise ArgumentError(f"{some.dtype} are given, {outs.dtype} expected")
        for span, needed in ((outs, own), (some, sum(counts or ()))):
            if span.elements < needed:
                raise ArgumentError(f"{span.elements} elements, expected {needed}")
        if ins is not None:
            check_apart(ins, outs._replace(used=own * outs.size))
        total = sum(counts) if counts else some.elements
        given = find_bytes(some._replace(used=total * some.size))
        result = find_bytes(outs)[: own * outs.size]
        made = _adding(name, outs.dtype, own, counts, given, result)
        wider = Widening.of(name, outs.dtype, self._calls.accumulate, self._size)
        if self._calls.is_fixed(name, outs.dtype):
            return replace(made, added_here=partial(self._add, made, result))
        if wider is not None:
            return _widened(made, wider, given, result)
        return made if ins is not None else replace(made, ins=given.copy())

    def _add(self, call: UnequalCall, result: Any, whole: Any) -> None:  # noqa: ANN401
        """Add up rows in their order."""
        added = add_in_order(whole, call.op, call.dtype, self._calls.accumulate)
        result[:] = added.view(np.uint8)

    def _gathering(self, name: str, ins: Span | None, takes: Varying, root: int) -> UnequalCall:
        """Read a call whose blocks come to this process; in place the own one is there."""
        own = _own_of(takes, self._rank)
        if ins is not None:
            check_apart(ins, takes)
        gapless = find_gapless(takes)
        outs = takes if gapless is None else gapless
        source = _copy_of(own) if ins is None else ins.address
        return _moving(name, ins or own, takes, source, outs, root)


def _adding(
    op: str,
    dtype: str,
    own: int,
    counts: tuple[int, ...] | None,
    given: Any,  # noqa: ANN401
    result: Any,  # noqa: ANN401
) -> UnequalCall:
    """Put a reduce_scatter of unequal blocks together."""
    outs, keep = result.ctypes.data, (given, result)
    return UnequalCall("reduce_scatterv", own, counts, given, outs, -1, op, dtype, keep)


def _widened(call: UnequalCall, wider: Widening, given: Any, result: Any) -> UnequalCall:  # noqa: ANN401
    """Let a reduce_scatter of unequal blocks be done in a wider type."""
    kind = storage(wider.dtype)
    ins = wider.widen(given.view(kind))
    sums = np.empty(call.own * wider.lanes, dtype=storage(wider.wide))
    counts = call.known and tuple(count * wider.lanes for count in call.known)
    made = _adding(
        wider.inner,
        wider.wide,
        call.own * wider.lanes,
        counts,
        ins.view(np.uint8),
        sums.view(np.uint8),
    )

    def finish() -> None:
        result.view(kind)[:] = wider.narrow(sums)

    return replace(made, finish=finish)


def _moving(
    name: str,
    own: Span,
    known: Varying | None,
    ins: Any,  # noqa: ANN401
    outs: int | Varying,
    root: int,
) -> UnequalCall:
    """Put a call together that only moves bytes; own: the own block."""
    told = None if known is None else tuple(count * known.span.size for count in known.counts)
    keep = (own, known)
    return UnequalCall(name, own.elements * own.size, told, ins, outs, root, "sum", "", keep)


def _own_of(ends: Varying, place: int) -> Span:
    """Find one of several blocks."""
    size = ends.span.size
    address = ends.span.address + ends.displs[place] * size
    count = ends.counts[place]
    return ends.span._replace(address=address, elements=count, used=count * size)


def _copy_of(span: Span) -> Any:  # noqa: ANN401
    """Copy what a result may be written over."""
    return pack(Varying(span, (span.elements,), (0,)))


def _room(outs: int | Varying) -> Any:  # noqa: ANN401
    """Make room for a result whose blocks lie apart."""
    count = sum(outs.counts) * outs.span.size if isinstance(outs, Varying) else 0
    return np.zeros(count, dtype=np.uint8)
