"""Who may have seen what: vector clocks, and the accesses that nothing puts in an order.

Threads of a block run ahead of each other between two fences (`nop`, `barrier`), so a signal lets
go only what was done before the last fence, and a wait counts from the next one. A relaxed signal
says that reads are over, and carries no writes. Programs branch on nothing and every semaphore has
one taker, so what is in order in one run is in order in all: one run without a race proves it.
"""

from dataclasses import dataclass, field

import numpy as np

from runtime.foreign.mscclpp.memory import Span
from topologies.model.topology import IntArray


@dataclass
class Clock:
    """The clocks of one thread block or proxy: epochs of all others that it has seen.

    seen: whose writes are visible; over: whose accesses are over. let_go: `seen` and `over` as of
    the last fence, with its own epoch. taken: what waits brought since.
    """

    own: int
    epoch: int
    seen: IntArray
    over: IntArray
    taken: list[tuple[IntArray | None, IntArray]] = field(default_factory=list)
    let_go: tuple[IntArray, IntArray] = field(init=False)

    def __post_init__(self) -> None:
        self.let_go = self.seen.copy(), self.over.copy()

    def fence(self) -> None:
        """Let all threads meet: what was taken counts from here, what was done is let go."""
        for seen, over in self.taken:
            if seen is not None:
                np.maximum(self.seen, seen, out=self.seen)
            np.maximum(self.over, over, out=self.over)
        self.taken.clear()
        self.seen[self.own] = self.over[self.own] = self.epoch
        self.let_go = self.seen.copy(), self.over.copy()
        self.epoch += 1


def clock(own: int, count: int) -> Clock:
    """Make the clock of one of so many."""
    return Clock(own, 1, np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64))


class Accesses:
    """All accesses to one array so far, and whether a new one is in order with them."""

    def __init__(self) -> None:
        self.rows = np.zeros((64, 5), dtype=np.int64)  # start, end, own, epoch, writes
        self.count = 0

    def fits(
        self, span: Span, who: Clock, known: tuple[IntArray, IntArray], writes: bool, operation: int
    ) -> bool:
        """Note an access; tell whether it is in order with all before.

        known: whose writes are visible, and whose accesses are over, for the one who makes it.
        """
        rows = self.rows[: self.count]
        meets = (rows[:, 0] < span.end) & (rows[:, 1] > span.start)
        meets &= (rows[:, 4] & 1).astype(np.bool_) | writes
        meets &= rows[:, 4] >> 1 != operation  # what one operation touches is its own affair
        rows = rows[meets]
        wrote = (rows[:, 4] & 1).astype(np.bool_)
        late = np.where(wrote, known[0][rows[:, 2]], known[1][rows[:, 2]]) < rows[:, 3]
        self._note(span, who, writes, operation)
        return not late.any()

    def _note(self, span: Span, who: Clock, writes: bool, operation: int) -> None:
        if self.count == len(self.rows):
            self.rows = np.concatenate([self.rows, np.zeros_like(self.rows)])
        row = (span.start, span.end, who.own, who.epoch, 2 * operation + writes)
        self.rows[self.count] = row
        self.count += 1
