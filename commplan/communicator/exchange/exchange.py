"""One Alltoallv, as one process calls it."""

from collections.abc import Callable
from itertools import accumulate
from math import gcd
from typing import Any

import numpy as np

from commplan.communicator.buffers import Varying, find_gapless, pack, unpack
from commplan.communicator.calls import MOVERS, WIDEST
from commplan.communicator.exchange.direct import find_extent, plan_exchange
from commplan.communicator.exchange.handing import Ends
from commplan.communicator.mpi_fallback import Natives
from commplan.communicator.plans.book import Stopwatch
from commplan.communicator.plans.consensus import Key
from commplan.communicator.queue import OperationQueue
from commplan.communicator.requests import Call, Native, Steps
from runtime.execute.faults import ExecutionError
from runtime.execute.part import Part
from topologies.model.errors import ArgumentError
from topologies.model.topology import IntArray

UNKNOWN = -1  # bytes


class Exchange:
    """One Alltoallv: where its blocks lie, and what is sent from where to where."""

    def __init__(self, owner: OperationQueue, sends: Varying | None, takes: Varying) -> None:
        """Keep both ends; what is sent of None is what lies in the place of the result."""
        self._in_place = sends is None
        self._owner, self._sends, self._takes = owner, takes if sends is None else sends, takes

    def steps(
        self,
        natives: Natives,
        sendbuf: Any,  # noqa: ANN401
        recvbuf: Any,  # noqa: ANN401
        finish: Callable[[], None] | None = None,
    ) -> Steps:
        """Take all steps; finish: what is to be done with the result."""
        planned = yield from self._steps(natives, sendbuf, recvbuf)
        if finish is not None:
            finish()
        return planned

    def _steps(self, natives: Natives, sendbuf: Any, recvbuf: Any) -> Steps:  # noqa: ANN401
        """Take all steps: the matrix, its plan, the messages, the blocks to their places."""
        n, habit = self._owner.size, self._owner.habit
        request = self._owner.gather_rows(self._row())
        rows = request.rows
        if habit.expects_new() and not self._owner.survives:
            yield from self._run_at_once(request, rows)
            return True
        while not request.Test():
            yield None
        self._check(rows)
        matrix = rows[:, :n].copy()
        if not matrix.any():
            return True
        if not self._owner.survives and habit.take(matrix):
            yield from self._run_at_once(None, rows)
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

    def _run_at_once(self, request: Native | None, rows: IntArray) -> Steps:
        """Exchange the blocks while the lengths are told; where these are unlike, refuse all.

        Messages of an exchange that is refused may be under way still: their memory is kept.
        """
        watch, failed, done = Stopwatch(), None, False
        part, ins, outs, kept = self._plan_at_once()
        machine = self._owner.begin_part(part, ins, outs)
        while not done or request is not None:
            if not done and failed is None:
                try:
                    done = machine.test()
                except ExecutionError as error:
                    failed = error
            if request is not None and request.Test():
                request = None
                self._check_begun(rows, (machine, kept), done)
            if failed is not None and request is None:
                raise failed
            if not done or request is not None:
                done = bool((yield None if request is not None or done else machine)) or done
        machine.free()
        self._owner.end_part(watch)
        return True

    def _check_begun(self, rows: IntArray, held: object, done: bool) -> None:
        try:
            self._check(rows)
        except ArgumentError:
            if not done:
                self._owner.keep_for_ever(held)
            raise
        self._owner.habit.take(rows[:, : len(rows)])

    def _plan_at_once(self) -> tuple[Part, int, int, object]:
        """Plan without any search; give the memory to work on, and what owns it."""
        order = self._owner.order
        packed = pack(self._sends) if self._in_place else None
        ends = self._sends
        if packed is not None:
            before = (0, *accumulate(ends.counts[:-1]))
            ends = ends._replace(displs=before)
        sides, extents = [], []
        for each in (ends, self._takes):
            size = each.span.size
            both = np.zeros((2, len(order)), dtype=np.int64)
            both[:, order] = np.array([each.counts, each.displs]) * size
            sides.append((both[0], both[1]))
            extents.append(find_extent(each.counts, each.displs, size))
        ranks = tuple(sorted(self._owner.played))
        me = order[self._owner.rank]
        part = plan_exchange(me, ranks, sides[0], sides[1], (extents[0], extents[1]))
        ins = ends.span.address if packed is None else packed.ctypes.data
        return part, ins, self._takes.span.address, (packed, ends, self._takes)

    def _row(self) -> IntArray:
        """Give what this process sends to each process, and then what it expects, in bytes."""
        row = np.zeros((2, self._owner.size), dtype=np.int64)
        for side, ends in zip(row, (self._sends, self._takes), strict=True):
            side[self._owner.order] = np.array(ends.counts) * ends.span.size
        return row.ravel()

    def _check(self, rows: IntArray) -> None:
        """Refuse counts of which the other end knows nothing; all processes do so alike.

        Raises:
            ArgumentError: there are such.
        """
        if unlike := _find_unlike(rows, self._owner.order):
            i, j, sent, expected = unlike
            raise ArgumentError(
                f"process {i} sends {sent} bytes to process {j}, which expects {expected}"
            )


def write_row(owner: OperationQueue, ends: Ends | None) -> IntArray:
    """Give what this process sent to each process, and then what it took, in bytes.

    ends: of the call (None for what was sent in place); None of types that only MPI knows.
    """
    row = np.full((2, owner.size), UNKNOWN, dtype=np.int64)
    if ends is not None:
        takes = ends[1]
        for side, each in zip(row, (ends[0] or takes, takes), strict=True):
            side[owner.order] = np.array(each.counts) * each.span.size
    return row.ravel()


def learn(owner: OperationQueue, rows: IntArray) -> None:
    """Take note of the matrix of a call that MPI has done.

    Raises:
        ExecutionError: a process expected other bytes than it was sent.
    """
    if unlike := _find_unlike(rows, owner.order):
        i, j, sent, expected = unlike
        raise ExecutionError(
            f"process {i} sent {sent} bytes to process {j} in the last call of Alltoallv, "
            f"which expected {expected}"
        )
    owner.habit.take(rows[:, : owner.size])


def _find_unlike(rows: IntArray, order: list[int]) -> tuple[int, int, int, int] | None:
    """Find who sends whom what is not expected: processes, bytes sent, and bytes expected."""
    n = len(rows)
    sent, expected = rows[:, :n], rows[:, n : 2 * n].T
    unlike = (sent != expected) & (sent != UNKNOWN) & (expected != UNKNOWN)
    for i, j in np.argwhere(unlike).tolist():
        return order.index(i), order.index(j), int(sent[i, j]), int(expected[i, j])
    return None
