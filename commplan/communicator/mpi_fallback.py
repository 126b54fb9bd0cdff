"""MPI's own collectives, for what cannot be planned."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from commplan.communicator.buffers import Span
from commplan.communicator.requests import Native
from runtime.program.elements import divide, join, storage, take_shares, width
from topologies.model.errors import ArgumentError

# float16 and bfloat16 are no types of MPI: they travel as 16 bits, and are added by us.
TYPES = {
    **{
        f"{sign}int{bits}": f"{sign.upper()}INT{bits}_T"
        for bits in (8, 16, 32, 64)
        for sign in ("", "u")
    },
    **{"float16": "UINT16_T", "bfloat16": "UINT16_T", "float32": "FLOAT", "float64": "DOUBLE"},
    **{"complex64": "C_FLOAT_COMPLEX", "complex128": "C_DOUBLE_COMPLEX"},
}
OPS = {"sum": "SUM", "avg": "SUM", "min": "MIN", "max": "MAX", "prod": "PROD"}
OPS |= {"band": "BAND", "bor": "BOR", "bxor": "BXOR"}


class Natives:
    """Starts MPI's own collectives on memory that was read already."""

    def __init__(self, comm: Any) -> None:  # noqa: ANN401
        from mpi4py import MPI

        self.MPI, self.comm = MPI, comm

    def move(self, name: str, ins: Span | None, outs: Span | None, **rest: int) -> Native:
        """Move bytes: Iallgather, Ialltoall, Ibcast, Igather or Iscatter; None is in place."""
        specs = [self._bytes(each) for each in (ins, outs)]
        started: Native = getattr(self.comm, name)(*specs, **rest)
        return started

    def bcast(self, both: Span, root: int) -> Native:
        """Broadcast bytes."""
        started: Native = self.comm.Ibcast(self._bytes(both), root=root)
        return started

    def exchange(self, ins: Any, counts: list[int], outs: Any, own: int) -> Native:  # noqa: ANN401
        """Exchange bytes: so many to each process, and as many from each."""
        ends = [[ins, counts, self.MPI.BYTE], [outs, [own] * len(counts), self.MPI.BYTE]]
        started: Native = self.comm.Ialltoallv(*ends)
        return started

    def reduce(
        self,
        name: str,
        ins: Span | None,
        outs: Span | None,
        op: str,
        divisor: int,
        **rest: Any,  # noqa: ANN401
    ) -> Native:
        """Reduce: Iallreduce, Ireduce or Ireduce_scatter_block; None is in place or nothing."""
        some = ins or outs
        assert some is not None
        chosen = self._op(op, some.dtype)
        if op == "avg":
            ins = _shares(some if ins is None else ins, divisor)
        specs = [self._with_type(each) for each in (ins, outs)]
        if name == "Ireduce" and outs is None:
            specs[1] = None
        request: Native = getattr(self.comm, name)(*specs, op=chosen, **rest)
        if op != "avg" or outs is None:
            return request
        result = _memory(outs).view(storage(outs.dtype))[: outs.elements]
        return _Then(request, lambda: divide(result, outs.dtype, divisor))

    def find_op(self, word: Any) -> Any:  # noqa: ANN401
        """Look up MPI's operation for the name of one; anything else as it is.

        Raises:
            ArgumentError: MPI has none of that name.
        """
        if not isinstance(word, str):
            return word
        if word not in OPS or word == "avg":
            raise ArgumentError(f"op {word!r} on a type that only MPI knows")
        return getattr(self.MPI, OPS[word])

    def _bytes(self, span: Span | None) -> Any:  # noqa: ANN401
        if span is None:
            return self.MPI.IN_PLACE
        if span.keep is None:
            return None
        return [_memory(span), span.elements * span.size, self.MPI.BYTE]

    def _with_type(self, span: Span | None) -> Any:  # noqa: ANN401
        if span is None:
            return self.MPI.IN_PLACE
        return [_memory(span), span.elements, getattr(self.MPI, TYPES[span.dtype])]

    def _op(self, op: str, dtype: str) -> Any:  # noqa: ANN401
        if dtype not in ("float16", "bfloat16"):
            return getattr(self.MPI, OPS[op])
        return _make_op(op, dtype)


@cache
def _make_op(op: str, dtype: str) -> Any:  # noqa: ANN401
    """Make an operation of MPI once for all communicators: mpi4py has room for a few dozen."""
    from mpi4py import MPI

    return MPI.Op.Create(_make_reduction(op, dtype), commute=True)


def _make_reduction(op: str, dtype: str) -> Callable[[Any, Any, Any], None]:
    """Give what MPI calls to add up 16-bit floats."""
    joined, kind = join(op, dtype), storage(dtype)

    def work(source: Any, to: Any, _: Any) -> None:  # noqa: ANN401
        arrays = (np.frombuffer(each, dtype=kind) for each in (to, source))
        joined(*arrays)

    return work


def _shares(span: Span, divisor: int) -> Span:
    """Make of floats what an avg adds up."""
    own = _memory(span)[: span.used].view(storage(span.dtype))
    made = np.empty_like(own)
    take_shares(made, own, span.dtype, divisor)
    return span._replace(keep=made, address=made.ctypes.data, whole=made.nbytes)


def _memory(span: Span) -> Any:  # noqa: ANN401
    """Give the bytes of a span."""
    array: Any = span.keep
    return array.reshape(-1, order="A").view(np.uint8)


class _Then:
    """A request, and what is to be done after it."""

    def __init__(self, request: Native, after: Callable[[], None]) -> None:
        self._request, self._after = request, after

    def Test(self) -> bool:  # noqa: N802
        done = self._request.Test()
        if done:
            self._after()
        return done


assert all(width(name) for name in TYPES)
