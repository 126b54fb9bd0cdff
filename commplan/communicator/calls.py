"""The calls of mpi4py read: what each asks for, and on what memory."""

from typing import Any

from commplan.communicator.buffers import NOTHING, Span, Unsupported, check_apart, read_span
from commplan.communicator.consensus import Key
from commplan.communicator.mpi_fallback import OPS, Natives
from commplan.communicator.requests import Call
from runtime.program.elements import OPERATIONS, refusal
from topologies.model.errors import ArgumentError
from topologies.model.messages import unknown

MOVERS = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64", 16: "complex128"}
WIDEST = max(MOVERS)


class Calls:
    """Reads calls of one communicator; order[i] is the process that caller i is."""

    def __init__(self, natives: Natives, order: list[int], rank: int) -> None:
        self._natives, self._order, self._rank = natives, order, rank
        self._n = len(order)
        MPI = natives.MPI
        self._in_place = MPI.IN_PLACE
        self._ops = {getattr(MPI, OPS[name]).handle: name for name in OPS if name != "avg"}

    def allreduce(self, sendbuf: Any, recvbuf: Any, op: Any) -> Call:  # noqa: ANN401
        """Read Allreduce."""
        outs, ins = read_span(recvbuf, written=True), self.read(sendbuf)
        name = self.op(op, outs, ins)
        key = Key("all_reduce", outs.elements, outs.dtype, name, -1)
        return _call(
            key,
            ins,
            outs,
            lambda: self._natives.reduce("Iallreduce", ins, outs, name, self._n),
        )

    def reduce_scatter_block(self, sendbuf: Any, recvbuf: Any, op: Any) -> Call:  # noqa: ANN401
        """Read Reduce_scatter_block; in place the result comes to the beginning."""
        ins = self.read(sendbuf, self._n)
        outs = read_span(recvbuf, self._n if ins is None else 1, written=True)
        name = self.op(op, outs, ins)
        key = Key("reduce_scatter", outs.elements * self._n, outs.dtype, name, -1)
        call = _call(
            key,
            ins,
            outs,
            lambda: self._natives.reduce("Ireduce_scatter_block", ins, outs, name, self._n),
        )
        return call._replace(own_first=ins is None)

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

    def reduce(self, sendbuf: Any, recvbuf: Any, op: Any, root: int) -> Call:  # noqa: ANN401
        """Read Reduce."""
        ins = self.read(sendbuf)
        outs = read_span(recvbuf, written=True) if self._rank == root else None
        if ins is None and outs is None:
            raise ArgumentError("IN_PLACE is for the root")
        some = outs or ins
        assert some is not None
        name = self.op(op, some, ins)
        key = Key("reduce", some.elements, some.dtype, name, self.root(root))
        return _call(
            key,
            ins,
            outs,
            lambda: self._natives.reduce("Ireduce", ins, outs, name, self._n, root=root),
        )

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
        wide = some.size if some.size in MOVERS else 1
        return Key(name, size // wide * blocks, MOVERS[wide], "sum", root)

    def op(self, op: Any, outs: Span, ins: Span | None) -> str:  # noqa: ANN401
        """Name the operation, if it can be done on this type."""
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
