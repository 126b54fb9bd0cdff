"""Exchanges of unequal blocks: all processes learn the matrix, then it is planned and run."""

from math import gcd
from typing import Any

import numpy as np

from commplan.communicator.buffers import Varying, check_apart, find_gapless, pack, unpack
from commplan.communicator.calls import MOVERS, WIDEST
from commplan.communicator.consensus import Key
from commplan.communicator.mpi_fallback import Natives
from commplan.communicator.queue import OperationQueue
from commplan.communicator.requests import Call, Steps
from runtime.execute.faults import ExecutionError
from topologies.model.topology import IntArray


class Exchange:
    """One Alltoallv: where its blocks lie, and what is sent from where to where."""

    def __init__(self, owner: OperationQueue, sends: Varying | None, takes: Varying) -> None:
        """Keep both ends; what is sent of None is what lies in the place of the result.

        Raises:
            ArgumentError: memory that is in both.
        """
        self._in_place = sends is None
        if sends is None:
            sends = takes
        else:
            check_apart(sends, takes)
        self._owner, self._sends, self._takes = owner, sends, takes

    def steps(self, natives: Natives, sendbuf: Any, recvbuf: Any) -> Steps:  # noqa: ANN401
        """Take all steps: the matrix, its plan, the messages, the blocks to their places."""
        matrix = np.zeros((self._owner.size,) * 2, dtype=np.int64)
        request = self._owner.gather(self._row(), matrix)
        while not request.Test():
            yield None
        self._check(matrix)
        if not matrix.any():
            return True
        wide = gcd(WIDEST, *matrix.ravel().tolist())
        matrix //= wide
        largest = int(max(matrix.sum(axis=0).max(), matrix.sum(axis=1).max()))
        ins, outs = (find_gapless(each) for each in (self._sends, self._takes))
        if ins is None or self._in_place:
            ins = pack(self._sends)
        result = np.zeros(sum(self._takes.counts) * self._takes.span.size, dtype=np.uint8)
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
            unpack(self._takes, result)
        return planned

    def _row(self) -> IntArray:
        """Give what this process sends to each process, in bytes."""
        row = np.zeros(self._owner.size, dtype=np.int64)
        row[self._owner.order] = np.array(self._sends.counts) * self._sends.span.size
        return row

    def _check(self, matrix: IntArray) -> None:
        """Refuse counts of which the other end knows nothing."""
        owner = self._owner
        column = matrix[:, owner.order[owner.rank]][owner.order]
        for other, (sent, taken) in enumerate(
            zip(column.tolist(), self._takes.counts, strict=True)
        ):
            if sent != taken * self._takes.span.size:
                raise ExecutionError(
                    f"process {other} sends {sent} bytes to process {owner.rank}, which "
                    f"expects {taken * self._takes.span.size}"
                )
