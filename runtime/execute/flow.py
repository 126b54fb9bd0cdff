"""How far a process is in its part: what is done, what may be started, what is to be added."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush

from runtime.execute.part import Lines, messages
from runtime.program.elements import Array
from topologies.model.topology import IntArray

Deed = tuple[Callable[..., object], tuple[Array, ...]]


class Flow:
    """Runs of a part, one after the other, as the engine of the core has it.

    needs: of each line, how many others it waits for. ready: messages that wait for no other, a
    heap. low: no message before is open; reach: none from there on may be started. under_way: the
    messages that are started. left: those that are not complete.
    """

    def __init__(self, lines: Lines, followers: IntArray, deeds: Mapping[int, Deed]) -> None:
        """Keep what is the same in each run.

        Args:
            lines: of a part.
            followers: the same.
            deeds: the copies and additions by their lines, as functions and what they are given.
        """
        behind = followers.tolist()
        self.deeds = deeds
        self.all_needs: list[int] = lines["needs"].tolist()
        spans = zip(lines["after"].tolist(), lines["until"].tolist(), strict=True)
        self.followers = [behind[begin:end] for begin, end in spans]
        self.next: list[int] = lines["next"].tolist()
        self.gate: list[int] = lines["gate"].tolist()
        self.messages: list[int] = messages(lines).tolist()
        self.left = 0

    def begin(self) -> None:
        """Begin a run, and copy what may be copied at once."""
        self.needs = self.all_needs.copy()
        self.closed = bytearray(b"\1") * len(self.needs)
        for line in self.messages:
            self.closed[line] = 0
        self.ready = [line for line in self.messages if not self.needs[line]]
        self.left = len(self.messages)
        self.low = self.reach = 0
        self.under_way: list[int] = []
        self._settle([line for line in self.deeds if not self.needs[line]])
        self._pass_by()

    def startable(self) -> list[int]:
        """Give the messages that are to be started now, in their order; they count as started."""
        found, ready, reach = [], self.ready, self.reach
        while ready and ready[0] < reach:
            line = heappop(ready)
            found.append(line)
            following = self.next[line]
            if following >= 0:
                self.needs[following] -= 1
                if not self.needs[following]:
                    heappush(ready, following)
        self.under_way += found
        return found

    def take_up(self, places: Sequence[int]) -> None:
        """Go on from messages that are complete, given by their descending places under way."""
        todo: list[int] = []
        for place in places:
            line = self.under_way.pop(place)
            self.closed[line] = 1
            self._finish(line, todo)
        self.left -= len(places)
        self._settle(todo)
        self._pass_by()

    def _settle(self, todo: list[int]) -> None:
        """Copy and add whatever is there."""
        for line in todo:  # which grows meanwhile
            deed, arrays = self.deeds[line]
            deed(*arrays)
            self._finish(line, todo)

    def _finish(self, line: int, todo: list[int]) -> None:
        """Note that a line is done, and what may follow."""
        for each in self.followers[line]:
            self.needs[each] -= 1
            if not self.needs[each]:
                if each in self.deeds:
                    todo.append(each)
                else:
                    heappush(self.ready, each)

    def _pass_by(self) -> None:
        """Bring `low` to the first message that is open, and see how far the lead reaches."""
        self.low = self.closed.find(0, self.low)
        if self.low < 0:
            self.low = len(self.closed)
        self.reach = bisect_right(self.gate, self.low, self.reach)
