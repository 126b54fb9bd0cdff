"""How far a process is in its part: what is done, what may be started, what is to be added."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush

from runtime.execute.part import Lines, messages
from runtime.program.floats import Array
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
        self.all_needs: list[int] = lines["needs"].tolist()
        spans = zip(lines["after"].tolist(), lines["until"].tolist(), strict=True)
        self.followers = [behind[begin:end] for begin, end in spans]
        self.next: list[int] = lines["next"].tolist()
        self.gate: list[int] = lines["gate"].tolist()
        self.deeds = [deeds.get(line) for line in range(len(lines))]
        own: list[int] = messages(lines).tolist()
        self.messages, self.left = len(own), 0
        self.all_closed = bytearray(b"\1") * len(lines)
        for line in own:
            self.all_closed[line] = 0
        self.first = [line for line in own if not self.all_needs[line]]
        self.at_once = [line for line in deeds if not self.all_needs[line]]

    def begin(self) -> None:
        """Begin a run, and copy what may be copied at once."""
        self.needs, self.closed = self.all_needs.copy(), self.all_closed.copy()
        self.ready, self.left = self.first.copy(), self.messages
        self.low = self.reach = 0
        self.under_way: list[int] = []
        self._settle(self.at_once.copy())
        self._pass_by()

    def startable(self) -> list[int]:
        """Give the messages that are to be started now, in their order; they count as started."""
        found: list[int] = []
        ready, reach, needs, follows = self.ready, self.reach, self.needs, self.next
        while ready and ready[0] < reach:
            line = heappop(ready)
            found.append(line)
            following = follows[line]
            if following >= 0:
                needs[following] -= 1
                if not needs[following]:
                    heappush(ready, following)
        self.under_way += found
        return found

    def take_up(self, places: Sequence[int]) -> None:
        """Go on from messages that are complete, given by their descending places under way."""
        todo: list[int] = []
        for place in places:
            line = self.under_way.pop(place)
            self.closed[line] = 1
            if self.followers[line]:
                self._finish(line, todo)
        self.left -= len(places)
        if todo:
            self._settle(todo)
        if self.low < len(self.closed) and self.closed[self.low]:
            self._pass_by()

    def _settle(self, todo: list[int]) -> None:
        """Copy and add whatever is there."""
        for line in todo:  # which grows meanwhile
            deed = self.deeds[line]
            if deed is not None:
                deed[0](*deed[1])
            self._finish(line, todo)

    def _finish(self, line: int, todo: list[int]) -> None:
        """Note that a line is done, and what may follow."""
        needs = self.needs
        for each in self.followers[line]:
            needs[each] -= 1
            if not needs[each]:
                if self.deeds[each] is None:
                    heappush(self.ready, each)
                else:
                    todo.append(each)

    def _pass_by(self) -> None:
        """Bring `low` to the first message that is open, and see how far the lead reaches."""
        self.low = self.closed.find(0, self.low)
        if self.low < 0:
            self.low = len(self.closed)
        self.reach = bisect_right(self.gate, self.low, self.reach)
