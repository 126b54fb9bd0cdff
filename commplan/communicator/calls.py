"""The calls of mpi4py read: what each asks for, and on what memory."""

from collections.abc import Callable
from math import gcd
from typing import Any

import numpy as np

from commplan.communicator.buffers import (
    NOTHING,
    Span,
    Unsupported,
    check_apart,
    find_bytes,
    read_span,
    span_of,
)
from commplan.communicator.mpi_fallback import OPS, Natives
from commplan.communicator.plans.consensus import Key
from commplan.communicator.requests import Call
from commplan.communicator.sums.fixed_order import FixedSum
from commplan.communicator.sums.widening import Accumulate, Widening
from runtime.program.elements import OPERATIONS, is_float, refusal, rounds, storage
from topologies.model.errors import ArgumentError
from topologies.model.messages import unknown

MOVERS = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64", 16: "complex128"}
WIDEST = max(MOVERS)
REDUCTIONS = {
    "all_reduce": "Iallreduce",
    "reduce": "Ireduce",
    "reduce_scatter": "Ireduce_scatter_block",
}
Reduction = Call | FixedSum


class Calls:
    """Reads calls of one communicator; order[i] is the process that caller i is."""

    def __init__(
        self,
        natives: Natives,
        order: list[int],
        rank: int,
        *,
        fixed: bool = False,
        accumulate: Accumulate = None,
    ) -> None:
        """Keep what is the same for all calls; for fixed and accumulate see `Communicator`."""
        self._natives, self._order, self._rank = natives, order, rank
        self._n, self._fixed, self.accumulate = len(order), fixed, accumulate
        MPI = natives.MPI
        self._in_place = MPI.IN_PLACE
        self._ops = {getattr(MPI, OPS[name]).handle: name for name in OPS if name != "avg"}

    def allreduce(self, sendbuf: Any, recvbuf: Any, op: Any) -> Reduction:  # noqa: ANN401
        """Read Allreduce."""
        outs, ins = read_span(recvbuf, written=True), self.read(sendbuf)
        return self._reduction("all_reduce", ins, outs, self.op(op, outs, ins))

    def reduce_scatter_block(self, sendbuf: Any, recvbuf: Any, op: Any) -> Reduction:  # noqa: ANN401
        """Read Reduce_scatter_block; in place the result comes to the beginning."""
        ins = self.read(sendbuf, self._n)
        outs = read_span(recvbuf, self._n if ins is None else 1, written=True)
        return self._reduction("reduce_scatter", ins, outs, self.op(op, outs, ins))

    def allgather(self, sendbuf: Any, recvbuf: Any) -> Call:  # noqa: ANN401
        """Read Allgather."""
        outs, ins = read_span(recvbuf, self._n, written=True), self.read(sendbuf)
        key = self._move("all_gather", outs, ins, self._n)
        return _call(key, ins, outs, lambda: self._natives.move("Iallgather", ins, outs))

    def alltoall(self, sendbuf: Any, recvbuf: Any) -> Call:  # noqa: ANN401
        """Read Alltoall."""
        outs = read_span(recvbuf, self._n, written=True)
        ins = self.read(sendbuf, self._n)
        key = self._move("all_to_all", outs, ins, self._n)
        return _call(key, ins, outs, lambda: self._natives.move("Ialltoall", ins, outs))

    def bcast(self, buf: Any, root: int) -> Call:  # noqa: ANN401
        """Read Bcast."""
        both = read_span(buf, written=self._rank != root)
        key = self._move("broadcast", both, None, 1, self.root(root))
        return _call(key, None, both, lambda: self._natives.bcast(both, root))

    def reduce(self, sendbuf: Any, recvbuf: Any, op: Any, root: int) -> Reduction:  # noqa: ANN401
        """Read Reduce."""
        ins = self.read(sendbuf)
        outs = read_span(recvbuf, written=True) if self._rank == root else None
        if ins is None and outs is None:
            raise ArgumentError("IN_PLACE is for the root")
        some = outs or ins
        assert some is not None
        self.root(root)
        return self._reduction("reduce", ins, outs, self.op(op, some, ins), root)

    def gather(self, sendbuf: Any, recvbuf: Any, root: int) -> Call:  # noqa: ANN401
        """Read Gather."""
        ins = self.read(sendbuf)
        outs = read_span(recvbuf, self._n, written=True) if self._rank == root else NOTHING
        some = outs if self._rank == root else ins
        if some is None:
            raise ArgumentError("IN_PLACE is for the root")
        key = self._move("gather", some, ins, self._n, self.root(root))
        return _call(key, ins, outs, lambda: self._natives.move("Igather", ins, outs, root=root))

    def scatter(self, sendbuf: Any, recvbuf: Any, root: int) -> Call:  # noqa: ANN401
        """Read Scatter; in place it is the root's result that stays where it is."""
        outs = self.read(recvbuf, written=True)
        ins = read_span(sendbuf, self._n) if self._rank == root else NOTHING
        some = ins if self._rank == root else outs
        if some is None:
            raise ArgumentError("IN_PLACE is for the root")
        key = self._move("scatter", some, outs, self._n, self.root(root))
        call = _call(
            key,
            ins,
            outs or ins,
            lambda: self._natives.move("Iscatter", ins, outs, root=root),
        )
        return call._replace(in_place=outs is None)

    def is_fixed(self, op: str, dtype: str) -> bool:
        """Tell whether elements are added up in one order, whatever the plan."""
        return self._fixed and rounds(op, dtype)

    def _reduction(
        self, name: str, ins: Span | None, outs: Span | None, op: str, root: int = -1
    ) -> Reduction:
        """Put a reduction together: by a plan, in a wider type, or in one order."""
        some = ins or outs
        assert some is not None
        if self.is_fixed(op, some.dtype):
            given, place = find_bytes(some), self._order[root] if root >= 0 else -1
            result = None if outs is None else find_bytes(outs)[: outs.elements * outs.size]
            return FixedSum(name, op, some.dtype, self.accumulate, given, result, root, place)
        wider = Widening.of(op, some.dtype, self.accumulate, self._n)
        if wider is None:
            return self._plain(name, ins, outs, op, root)
        return self._widened(wider, name, some, outs, root)

    def _widened(
        self, wider: Widening, name: str, some: Span, outs: Span | None, root: int
    ) -> Call:
        """Put a reduction together that is done in a wider type."""
        kind, held = storage(wider.dtype), find_bytes(some)
        blocks = some.used // (some.elements * some.size) if some.elements else 1
        ins = span_of(wider.widen(held.view(kind)), wider.wide, blocks)
        if outs is None:
            return self._plain(name, ins, None, wider.inner, root)
        sums = np.empty(ins.elements, dtype=storage(wider.wide))
        result = find_bytes(outs)[: outs.elements * outs.size].view(kind)

        def finish() -> None:
            result[:] = wider.narrow(sums)

        made = self._plain(name, ins, span_of(sums, wider.wide), wider.inner, root)
        return made._replace(finish=finish, keep=(*made.keep, outs))

    def _plain(self, name: str, ins: Span | None, outs: Span | None, op: str, root: int) -> Call:
        """Put a reduction together that is done as it stands."""
        some = outs or ins
        assert some is not None
        scatters = name == "reduce_scatter"
        place = self._order[root] if root >= 0 else -1
        key = Key(name, some.elements * (self._n if scatters else 1), some.dtype, op, place)
        rest = {"root": root} if root >= 0 else {}
        native: Callable[[], Any] = lambda: self._natives.reduce(  # noqa: E731
            REDUCTIONS[name], ins, outs, op, self._n, **rest
        )
        call = _call(key, ins, outs, native)
        if scatters and ins is None and op == "avg" and is_float(some.dtype):
            return call._replace(in_place=False)  # shares of the input are taken beside it
        return call._replace(own_first=scatters and ins is None)

    def read(self, buffer: Any, blocks: int = 1, *, written: bool = False) -> Span | None:  # noqa: ANN401
        """Read a buffer that may be IN_PLACE."""
        return None if self.is_in_place(buffer) else read_span(buffer, blocks, written=written)

    def is_in_place(self, buffer: Any) -> bool:  # noqa: ANN401
        """Tell whether a buffer is the word for the other one."""
        return buffer is self._in_place

    def root(self, root: int) -> int:
        """Look up the process that a caller's number means."""
        if not 0 <= root < self._n:
            raise ArgumentError(f"root {root} of {self._n} processes")
        return self._order[root]

    def _move(self, name: str, some: Span, other: Span | None, blocks: int, root: int = -1) -> Key:
        """Give the key of a call that only moves bytes, whatever they mean."""
        size = some.elements * some.size
        if other is not None and other.elements * other.size != size:
            raise ArgumentError(
                f"{name}: {other.elements * other.size} and {size} bytes in a block"
            )
        wide = gcd(WIDEST, size)  # not the own elements: others may know the bytes as other types
        return Key(name, size // wide * blocks, MOVERS[wide], "sum", root)

    def op(self, op: Any, outs: Span, ins: Span | None) -> str:  # noqa: ANN401
        """Name the operation, if it can be done on this type."""
        if not isinstance(op, str) and not (op and hasattr(op, "handle")):  # OP_NULL is false
            raise ArgumentError(f"operation: found {op!r}, expected one of MPI's, or a name")
        name = op if isinstance(op, str) else self._ops.get(op.handle, "")
        if not name:
            raise Unsupported("an operation of the caller's, or one of MPI's that is not planned")
        if name not in OPERATIONS:
            raise ArgumentError(unknown("operation", name, OPERATIONS))
        if not outs.dtype:
            raise Unsupported("a type that is not planned for sums and the like")
        if ins is not None and (ins.dtype, ins.elements) != (outs.dtype, outs.elements):
            raise ArgumentError(
                f"{ins.elements} {ins.dtype} are given, {outs.elements} {outs.dtype} expected"
            )
        if why := refusal(name, outs.dtype):
            raise ArgumentError(why)
        return name


def _call(key: Key, ins: Span | None, outs: Span | None, native: Any) -> Call:  # noqa: ANN401
    """Put a call together; one of the buffers may be in the other, or be none."""
    in_place = ins is None
    if ins is not None and outs is not None and ins is not outs:
        check_apart(ins, outs)
    sends, takes = ins or outs, outs or ins
    assert sends is not None
    assert takes is not None
    return Call(key, in_place, sends.address, takes.address, native, (ins, outs))
