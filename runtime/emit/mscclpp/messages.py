"""From a program to what each GPU does in each step: messages, and what it does by itself."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from runtime.program.dependencies import of_program
from runtime.program.program import Action, Buffer, Program
from topologies.model.topology import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class Place:
    """Chunks of a buffer."""

    buffer: Buffer
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Message:
    """Chunks that go from one GPU to another.

    fresh: nobody touches its target before.
    """

    step: int
    src: int
    dst: int
    source: Place
    target: Place
    fresh: bool


@dataclass(frozen=True, slots=True)
class Local:
    """A target that becomes the sum of sources, the first of which it may be itself; or a copy."""

    target: Place
    sources: tuple[Place, ...]

    @property
    def adds(self) -> bool:
        """Tell whether it is a sum."""
        return len(self.sources) > 1


@dataclass(frozen=True)
class Turn:
    """What a GPU does in one step: by itself, then messages, then by itself again."""

    before: tuple[Local, ...]
    sends: tuple[Message, ...]
    receives: tuple[Message, ...]
    after: tuple[Local, ...]


MOST_SOURCES = 9  # of a sum, besides what is there


def turns(program: Program) -> list[dict[int, Turn]]:
    """Give what each process does, by step."""
    before, after = of_program(program)
    messages = list(_merged(_messages(program, after)))
    early = _wait_for(program, before, after)
    found: list[dict[int, Turn]] = [{} for _ in range(program.processes)]
    sides: list[dict[int, tuple[list[Message], list[Message]]]] = [{} for _ in found]
    for message in messages:
        for process, side in ((message.src, 0), (message.dst, 1)):
            sides[process].setdefault(message.step, ([], []))[side].append(message)
    for process, (begin, end) in enumerate(zip(program.bounds, program.bounds[1:], strict=False)):
        own = _locals(program, int(begin), int(end), early)
        for step in sorted({*own, *sides[process]}):
            ahead, behind = own.get(step, ([], []))
            sends, receives = sides[process].get(step, ([], []))
            found[process][step] = Turn(
                tuple(ahead), tuple(sends), tuple(receives), tuple(_folded(behind))
            )
    return found


def _messages(program: Program, after: IntArray) -> Iterator[Message]:
    """Match the ends of messages; those of one pair come in order."""
    waits = np.isin(np.arange(len(program)), after)
    ends = []
    for action in (Action.SEND, Action.RECV):
        own = np.flatnonzero(program.action == action)
        src, dst = program.process[own], program.peer[own]
        if action == Action.RECV:
            src, dst = dst, src
        ends.append(own[np.lexsort((own, dst, src))])
    for send, receive in zip(*(end.tolist() for end in ends), strict=True):
        yield Message(
            int(program.step[send]),
            int(program.process[send]),
            int(program.process[receive]),
            _place(program, send),
            _place(program, receive),
            fresh=not waits[receive],
        )


def _place(program: Program, line: int, source: bool = False) -> Place:
    buffer, start = (
        (program.source, program.source_offset) if source else (program.buffer, program.offset)
    )
    return Place(Buffer(int(buffer[line])), int(start[line]), int(program.size[line]))


def _merged(messages: Iterator[Message]) -> Iterator[Message]:
    """Make messages one that lie side by side at both ends."""
    held: Message | None = None
    for message in messages:
        if held is not None and _follows(held, message):
            held = replace(
                held,
                source=_longer(held.source, message.source),
                target=_longer(held.target, message.target),
                fresh=held.fresh and message.fresh,
            )
            continue
        if held is not None:
            yield held
        held = message
    if held is not None:
        yield held


def _follows(one: Message, other: Message) -> bool:
    return (one.step, one.src, one.dst) == (other.step, other.src, other.dst) and all(
        (a.buffer, a.start + a.size) == (b.buffer, b.start)
        for a, b in ((one.source, other.source), (one.target, other.target))
    )


def _longer(one: Place, other: Place) -> Place:
    return replace(one, size=one.size + other.size)


def _wait_for(program: Program, before: IntArray, after: IntArray) -> BoolArray:
    """Mark what a message of the same step waits for."""
    message = (program.action == Action.SEND) | (program.action == Action.RECV)
    same = message[after] & (program.step[before] == program.step[after])
    marked = np.zeros(len(program), dtype=np.bool_)
    marked[before[same]] = True
    return marked


def _locals(
    program: Program, begin: int, end: int, early: BoolArray
) -> dict[int, tuple[list[Local], list[Local]]]:
    """Give what a process does by itself in each step: before its messages, and after them."""
    found: dict[int, tuple[list[Local], list[Local]]] = {}
    for line in range(begin, end):
        action = int(program.action[line])
        if action in (Action.SEND, Action.RECV):
            continue
        target, source = _place(program, line), _place(program, line, source=True)
        made = Local(target, (target, source) if action == Action.ADD else (source,))
        sides = found.setdefault(int(program.step[line]), ([], []))
        sides[0 if early[line] else 1].append(made)
    return found


def _folded(locals_: list[Local]) -> Iterator[Local]:
    """Make additions to one place one, as long as nothing that they read is written between."""
    made: list[Local] = []
    for each in locals_:
        at = next((i for i in reversed(range(len(made))) if meets(made[i], each)), None)
        if (
            at is not None
            and each.adds
            and made[at].target == each.target
            and len(made[at].sources) + len(each.sources) - 1 <= MOST_SOURCES
        ):
            made[at] = Local(each.target, made[at].sources + each.sources[1:])
        else:
            made.append(each)
    yield from made


def meets(one: Local, other: Local) -> bool:
    """Tell whether two touch the same chunks and one of them writes these."""
    return any(_overlap(one.target, place) for place in (other.target, *other.sources)) or any(
        _overlap(other.target, place) for place in one.sources
    )


def _overlap(one: Place, other: Place) -> bool:
    return (
        one.buffer == other.buffer
        and one.start < other.start + other.size
        and other.start < one.start + one.size
    )
