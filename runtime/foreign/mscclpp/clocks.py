"""Who may have seen what: vector clocks, and the accesses that nothing puts in an order.

Threads of a block run ahead of each other between two fences (`nop`, `barrier`), so a signal lets
go only what was done before the last fence, and a wait counts from the next one. A relaxed signal
says that reads are over, and carries no writes. Programs branch on nothing and every semaphore has
one taker, so what is in order in one run is in order in all: one run without a race proves it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from runtime.foreign.mscclpp.memory import Span
from topologies.model.topology import IntArray


class Seen(NamedTuple):
    """What a clock had seen at a fence: whose writes (None: nobody's), and whose accesses are over.

    The arrays may be shared, and stay as they are; of `own` its epoch counts.
    """

    seen: IntArray | None
    over: IntArray
    own: int = 0
    epoch: int = 0


@dataclass
class Clock:
    """The clocks of one thread block or proxy: epochs of all others that it has seen.

    let_go: what it had seen at the last fence, which all that is noted refers to. taken: what waits
    brought since. A fence with nothing taken costs nothing: the arrays stay, its own epoch grows.
    """

    own: int
    epoch: int
    let_go: Seen
    taken: list[Seen] = field(default_factory=list)

    @property
    def seen(self) -> IntArray:
        """List the epochs whose writes are visible."""
        return _with_own(self.let_go.seen, self.let_go)

    @property
    def over(self) -> IntArray:
        """List the epochs whose accesses are over."""
        return _with_own(self.let_go.over, self.let_go)

    def seen_of(self, owners: IntArray) -> IntArray:
        """List the epochs of some whose writes are visible."""
        return _of(self.let_go.seen, self.let_go, owners)

    def over_of(self, owners: IntArray) -> IntArray:
        """List the epochs of some whose accesses are over."""
        return _of(self.let_go.over, self.let_go, owners)

    def fence(self) -> None:
        """Let all threads meet: what was taken counts from here, what was done is let go."""
        seen, over = self.let_go.seen, self.let_go.over
        if self.taken:
            seen, over = self.seen, self.over
            for each in self.taken:
                np.maximum(over, each.over, out=over)
                over[each.own] = max(over[each.own], each.epoch)
                if each.seen is not None:
                    np.maximum(seen, each.seen, out=seen)
                    seen[each.own] = max(seen[each.own], each.epoch)
            self.taken.clear()
        self._let_go(seen, over)

    def _let_go(self, seen: IntArray | None, over: IntArray) -> None:
        self.let_go = Seen(seen, over, self.own, self.epoch)
        self.epoch += 1

    def adopt(self, seen: IntArray, over: IntArray) -> None:
        """Fence, with all that is known together with others; what was taken is part of it."""
        self.taken.clear()
        self._let_go(seen, over)


def _with_own(known: IntArray | None, said: Seen) -> IntArray:
    """Copy what is known, its own epoch included."""
    assert known is not None  # only what is handed on may leave writes out
    found = known.copy()
    found[said.own] = max(found[said.own], said.epoch)
    return found


def _of(known: IntArray | None, said: Seen, owners: IntArray) -> IntArray:
    """Pick some out of what is known, its own epoch included."""
    assert known is not None  # as above
    found = known[owners]
    return np.where(owners == said.own, np.maximum(found, said.epoch), found)


def meet(clocks: Sequence[Clock]) -> None:
    """Let clocks know all that any of them knows; each has fenced since it took something.

    Complexity: the arrays that they do not share.
    """
    known = [each.let_go for each in clocks]
    seen = _highest([each.seen for each in known if each.seen is not None], known)
    over = _highest([each.over for each in known], known)
    for each in clocks:
        each.adopt(seen, over)


def _highest(arrays: Sequence[IntArray], known: Sequence[Seen]) -> IntArray:
    found: IntArray = np.maximum.reduce(list({id(each): each for each in arrays}.values()))
    for each in known:
        found[each.own] = max(found[each.own], each.epoch)
    return found


def clock(own: int, count: int) -> Clock:
    """Make the clock of one of so many."""
    nothing = np.zeros(count, dtype=np.int64)
    return Clock(own, 1, Seen(nothing, nothing, own))


# Of some, by number: the epochs whose writes are visible, and those whose accesses are over.
Known = Callable[[IntArray], tuple[IntArray, IntArray]]


class Accesses:
    """All accesses to one array so far, and whether a new one is in order with them."""

    def __init__(self) -> None:
        # start, end, whether it writes, operation, own, epoch; an access is a column
        self.rows = np.zeros((6, 64), dtype=np.int64)
        self.count = 0

    def fits(self, span: Span, who: Clock, known: Known, writes: bool, operation: int) -> bool:
        """Note an access; tell whether it is in order with all before.

        known: what the one who makes it knows of others.
        """
        start, end, wrote, by, own, epoch = self.rows[:, : self.count]
        meets = (start < span.end) & (end > span.start)
        meets &= by != operation  # what one operation touches is its own affair
        if not writes:
            meets &= wrote > 0
        near = np.flatnonzero(meets)
        self._note(span, who, writes, operation)
        if not len(near):
            return True
        seen, over = known(own[near])
        return bool((np.where(wrote[near] > 0, seen, over) >= epoch[near]).all())

    def _note(self, span: Span, who: Clock, writes: bool, operation: int) -> None:
        if self.count == self.rows.shape[1]:
            self.rows = np.concatenate([self.rows, np.zeros_like(self.rows)], axis=1)
        row = (span.start, span.end, writes, operation, who.own, who.epoch)
        self.rows[:, self.count] = row
        self.count += 1
