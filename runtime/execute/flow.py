"""How far a process is in its part: what is done, what may be started, what is to be added."""

from collections.abc import Callable, Mapping

from runtime.execute.part import Part, messages
from runtime.program.elements import Array


class Flow:
    """One run of a part, as the core in C has it.

    needs: of each line, how many others it waits for; low: no message before is open; reach: none
    from there on may be started. under_way: the messages that are started, in their order.
    """

    def __init__(
        self, part: Part, deeds: Mapping[int, tuple[Callable[..., object], tuple[Array, ...]]]
    ) -> None:
        """Begin.

        Args:
            part: any.
            deeds: the copies and additions by their lines, as functions and what they are given.
        """
        lines = part.lines
        self.deeds = deeds
        self.needs: list[int] = lines["needs"].tolist()
        self.spans = list(zip(lines["after"].tolist(), lines["until"].tolist(), strict=True))
        self.followers: list[int] = part.followers.tolist()
        self.next: list[int] = lines["next"].tolist()
        self.gate: list[int] = lines["gate"].tolist()
        self.open = dict.fromkeys(messages(lines).tolist(), True)
        self.left = len(self.open)
        self.low = self.reach = 0
        self.under_way: list[int] = []
        self.todo = [line for line in deeds if not self.needs[line]]
        self._pass_by()

    def settle(self) -> None:
        """Copy and add whatever is there."""
        for line in self.todo:  # which grows meanwhile
            deed, arrays = self.deeds[line]
            deed(*arrays)
            self._finish(line)
        self.todo = []

    def startable(self) -> list[int]:
        """Give the messages that are to be started now, in their order; they count as started."""
        while self.reach < len(self.gate) and self.gate[self.reach] <= self.low:
            self.reach += 1
        found = []
        for line in range(self.low, self.reach):
            if not self.needs[line] and line in self.open:
                found.append(line)
                self.needs[line] = -1
                if self.next[line] >= 0:
                    self.needs[self.next[line]] -= 1
        self.under_way += found
        return found

    def take_up(self, done: list[int]) -> None:
        """Go on from messages that are complete."""
        for line in done:
            self.under_way.remove(line)
            del self.open[line]
            self._finish(line)
        self.left -= len(done)
        self.settle()
        self._pass_by()

    def _finish(self, line: int) -> None:
        begin, end = self.spans[line]
        for each in self.followers[begin:end]:
            self.needs[each] -= 1
            if not self.needs[each] and each in self.deeds:
                self.todo.append(each)

    def _pass_by(self) -> None:
        """Bring `low` to the first message that is open."""
        while self.low < len(self.gate) and self.low not in self.open:
            self.low += 1
