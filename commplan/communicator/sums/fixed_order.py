"""Sums in one bracket over the processes by number, whatever the plan, the size and the place.

Plans only move data here: every process gets all summands of its share of the elements, and adds
them up itself, ((x0 + x1) + x2) + ...; then the shares go where they are wanted. That moves as many
bytes as the best of plans do between processes of which each reaches all others as fast.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from commplan.communicator.mpi_fallback import Natives
from commplan.communicator.plans.consensus import Key
from commplan.communicator.requests import Call, Steps
from commplan.communicator.sums.widening import Accumulate, Widening
from runtime.execute.joining import find_join
from runtime.program.elements import divide, storage, take_shares, width
from runtime.program.floats import Array

FEW = 2**16  # bytes of all summands up to which every process gets all of them
BYTE = "uint8"


class Owner(Protocol):
    """Whoever takes the steps of planned calls."""

    completed: int

    @property
    def size(self) -> int:
        """Give the number of processes."""
        ...

    def steps(self, call: Call) -> Steps:
        """Take all steps of a call."""
        ...


@dataclass(frozen=True)
class FixedSum:
    """One all_reduce, reduce or reduce_scatter, as one process calls it.

    Attributes:
        name: of the collective.
        op: the operation.
        dtype: of the elements.
        accumulate: the type that 16-bit floats are added up in, if another.
        ins: the own summands, as bytes.
        outs: where the result goes, as bytes; None where none is wanted.
        root: that of a reduce, as the processes are numbered by their callers; else -1.
        place: the root as a process of the plans.
    """

    name: str
    op: str
    dtype: str
    accumulate: Accumulate
    ins: Array
    outs: Array | None
    root: int = -1
    place: int = -1

    def __str__(self) -> str:
        """Say what has to be the same at all processes."""
        count = len(self.ins) // width(self.dtype)
        root = f" from root {self.place}" if self.place >= 0 else ""
        return f"{self.name} of {count} {self.dtype} ({self.op}){root}, fixed order"

    def steps(self, owner: Owner, natives: Natives) -> Steps:
        """Take all steps: the summands to where they are added up, the sums to their places."""
        moves = _Moves(owner, natives)
        if self.name == "reduce_scatter":
            whole = yield from moves.exchange(self.ins)
            self._end(self._add(whole, owner.size))
        elif len(self.ins) * owner.size <= FEW:
            whole = yield from moves.gather(self.ins, self.root, self.place)
            if self.outs is not None:
                self._end(self._add(whole, owner.size))
        else:
            wide = width(self.dtype)
            block = -(-(len(self.ins) // wide) // owner.size) * wide
            whole = yield from moves.exchange(_filled_up(self.ins, block * owner.size))
            share = self._add(whole, owner.size).view(np.uint8)
            self._end((yield from moves.gather(share, self.root, self.place)))
        owner.completed += 1
        return True

    def _end(self, result: Array) -> None:
        """Take the result to its place."""
        if self.outs is not None:
            self.outs[:] = result.view(np.uint8)[: len(self.outs)]

    def _add(self, whole: Array, processes: int) -> Array:
        rows = whole.reshape(processes, -1)
        return add_in_order(rows, self.op, self.dtype, self.accumulate)


def add_in_order(rows: Array, op: str, dtype: str, accumulate: Accumulate) -> Array:
    """Join rows of elements, given as bytes, from the first to the last.

    Args:
        rows: (summands, bytes).
        op: one that rounds, or any other.
        dtype: of the elements.
        accumulate: see `Widening.of`.
    """
    held = rows.view(storage(dtype))
    wider = Widening.of(op, dtype, accumulate, len(rows))
    kind, inner = (dtype, op) if wider is None else (wider.wide, wider.inner)
    added = find_join(inner, kind)
    total = np.empty(0, dtype=storage(kind))
    for number, row in enumerate(held):
        summand = row.copy() if wider is None else wider.widen(row)
        if inner == "avg":
            take_shares(summand, summand, kind, len(rows))
        if number:
            added(total, summand)
        else:
            total = summand
    if inner == "avg":
        divide(total, kind, len(rows))
    return total if wider is None else wider.narrow(total)


class _Moves:
    """Takes bytes from process to process by plans."""

    def __init__(self, owner: Owner, natives: Natives) -> None:
        self._owner, self._natives = owner, natives

    def exchange(self, ins: Array) -> Any:  # noqa: ANN401 (a generator that returns an array)
        """Send another block to each process, of what is as many blocks."""
        outs = np.empty_like(ins)
        yield from self._do("all_to_all", len(ins), "Ialltoall", ins, outs, -1, -1)
        return outs

    def gather(self, ins: Array, root: int, place: int) -> Any:  # noqa: ANN401 (the same)
        """Give everyone's block to everyone, or to the root."""
        outs = np.empty(len(ins) * self._owner.size, dtype=np.uint8)
        name, native = ("all_gather", "Iallgather") if root < 0 else ("gather", "Igather")
        yield from self._do(name, len(outs), native, ins, outs, root, place)
        return outs

    def _do(
        self, name: str, size: int, native: str, ins: Array, outs: Array, root: int, place: int
    ) -> Steps:
        rest = {"root": root} if root >= 0 else {}
        start = partial(getattr(self._natives.comm, native), ins, outs, **rest)
        key = Key(name, size, BYTE, "sum", place)
        addresses = ins.ctypes.data, outs.ctypes.data
        return (
            yield from self._owner.steps(
                Call(key, False, *addresses, start, (ins, outs), within=True)
            )
        )


def _filled_up(array: Array, size: int) -> Array:
    """Give as many bytes, the array itself where it has them."""
    if len(array) == size:
        return array
    made = np.zeros(size, dtype=np.uint8)
    made[: len(array)] = array
    return made
