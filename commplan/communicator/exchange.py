"""Exchanges of unequal blocks: all processes learn the matrix, then it is planned and run."""

import ctypes
from typing import Any

import numpy as np

from commplan.communicator.buffers import Varying
from commplan.communicator.calls import MOVERS
from commplan.communicator.consensus import Key
from commplan.communicator.mpi_fallback import Natives
from commplan.communicator.queue import OperationQueue
from commplan.communicator.requests import Call, Steps
from runtime.execute.faults import ExecutionError
from topologies.model.errors import ArgumentError
from topologies.model.topology import IntArray


class Exchange:
    """One Alltoallv: where its blocks lie, and what is sent from where to where."""

    def __init__(self, owner: OperationQueue, sends: Varying, takes: Varying) -> None:
        """Keep both ends.

        Raises:
            ArgumentError: elements of different sizes.
        """
        if sends.span.size != takes.span.size:
            raise ArgumentError(f"{sends.span.size} and {takes.span.size} bytes in an element")
        self._owner, self._sends, self._takes = owner, sends, takes
        self._size = sends.span.size

    def steps(self, natives: Natives, sendbuf: Any, recvbuf: Any) -> Steps:  # noqa: ANN401
        """Take all steps: the matrix, its plan, the messages, the blocks to their places."""
        matrix = np.zeros((self._owner.size,) * 2, dtype=np.int64)
        request = self._owner.gather(self._row(), matrix)
        while not request.Test():
            yield None
        self._check(matrix)
        wide = self._size if self._size in MOVERS else 1
        matrix *= self._size // wide
        largest = int(max(matrix.sum(axis=0).max(), matrix.sum(axis=1).max()))
        if not largest:
            return True
        ins, outs = (_gapless(each) for each in (self._sends, self._takes))
        if ins is None:
            ins = self._pack()
        result = np.zeros(sum(self._takes.counts) * self._size, dtype=np.uint8)
        call = Call(
            Key("all_to_allv", largest, MOVERS[wide], "sum", -1, matrix.tobytes()),
            in_place=False,
            ins=ins if isinstance(ins, int) else ins.ctypes.data,
            outs=result.ctypes.data if outs is None else outs,
            native=lambda: natives.comm.Ialltoallv(sendbuf, recvbuf),
            keep=(ins, result, self._sends, self._takes),
        )
        planned = yield from self._owner.steps(call)
        if planned and outs is None:
            self._unpack(result)
        return planned

    def _row(self) -> IntArray:
        """Give what this process sends to each process."""
        row = np.zeros(self._owner.size, dtype=np.int64)
        row[self._owner.order] = self._sends.counts
        return row

    def _check(self, matrix: IntArray) -> None:
        """Refuse counts of which the other end knows nothing."""
        owner = self._owner
        column = matrix[:, owner.order[owner.rank]][owner.order]
        for other, (sent, taken) in enumerate(
            zip(column.tolist(), self._takes.counts, strict=True)
        ):
            if sent != taken:
                raise ExecutionError(
                    f"process {other} sends {sent} elements to process {owner.rank}, which "
                    f"expects {taken}"
                )

    def _pack(self) -> Any:  # noqa: ANN401
        """Lay the blocks to be sent one after the other."""
        buffer = np.zeros(sum(self._sends.counts) * self._size, dtype=np.uint8)
        self._copy(self._sends, buffer, to_buffer=True)
        return buffer

    def _unpack(self, buffer: Any) -> None:  # noqa: ANN401
        """Take the blocks that came to their places."""
        self._copy(self._takes, buffer, to_buffer=False)

    def _copy(self, ends: Varying, buffer: Any, to_buffer: bool) -> None:  # noqa: ANN401
        at = buffer.ctypes.data
        for count, place in zip(ends.counts, ends.displs, strict=True):
            there = ends.span.address + place * self._size
            to, source = (at, there) if to_buffer else (there, at)
            ctypes.memmove(to, source, count * self._size)
            at += count * self._size


def _gapless(ends: Varying) -> int | None:
    """Give the address of blocks that lie one after the other, None of others."""
    before = np.cumsum([0, *ends.counts])[:-1]
    some = [i for i, count in enumerate(ends.counts) if count]
    if not some:
        return ends.span.address
    shift = ends.displs[some[0]] - int(before[some[0]])
    even = all(ends.displs[i] - int(before[i]) == shift for i in some)
    return ends.span.address + shift * ends.span.size if even else None
