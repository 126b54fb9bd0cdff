"""What a program means: run it in memory, its messages in any order in which they may come."""

import heapq
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from runtime.program.dependencies import of_program
from runtime.program.elements import divide, join, take_shares
from runtime.program.program import Action, Buffer, Program, ProgramError
from topologies.model.ragged import starts

Array = NDArray[np.generic]
Turn = Callable[[int], float]

_COLUMNS = ("process", "step", "action", "peer", "buffer", "offset", "size", "source")
_MESSAGES = (Action.SEND, Action.RECV)


def interpret(program: Program, inputs: Sequence[Array], turn: Turn | None = None) -> list[Array]:
    """Run a program on one input array for each process; give each process's output.

    Messages are carried when both ends are started, as by an MPI that buffers nothing.

    Args:
        program: any; nothing of it is taken for granted.
        inputs: one array for each process, as many elements as its INPUT has.
        turn: a number for each instruction that may be carried out now: the one with the least is
            next. Without it that is the first that may, so that messages come in order. The result
            is the same for every one.

    Raises:
        ProgramError: a deadlock, a message nobody ends, ends of different sizes, or an access
            outside a buffer.
    """
    machine = _Machine(program, inputs, turn or float)
    machine.run()
    if program.divisor > 1:
        for memory in machine.memory:
            divide(memory[Buffer.OUTPUT], program.dtype, program.divisor)
    return [memory[Buffer.OUTPUT].copy() for memory in machine.memory]


class _Machine:
    """The processes of one run, their memory, and how far they are.

    needs: of each instruction, how many others it still waits for. queues: of each process, by
    peer and direction, the messages not started, in order. low: of each process, its first message
    that is not complete. open: started ends of messages, by sender and receiver, that wait for
    theirs.
    """

    def __init__(self, program: Program, inputs: Sequence[Array], turn: Turn) -> None:
        self.program, self.join, self.turn = program, join(program.op, program.dtype), turn
        self.memory = _filled(program, inputs)
        self.columns = {name: getattr(program, name).tolist() for name in _COLUMNS}
        self.columns["source_offset"] = program.source_offset.tolist()
        self._check_lines()
        before, after = of_program(program)
        order = np.argsort(before, kind="stable")
        self.needs = np.bincount(after, minlength=len(program)).tolist()
        self.after = after[order].tolist()
        self.first = starts(np.bincount(before, minlength=len(program))).tolist()
        self.queues: list[dict[tuple[int, ...], deque[int]]] = [{} for _ in self.memory]
        self.messages: list[list[int]] = [[] for _ in self.memory]
        self.low = [0] * len(self.memory)
        self.done = [False] * len(program)
        self.open: dict[tuple[int, int], tuple[deque[int], deque[int]]] = {}
        self.ready: list[tuple[float, int]] = []
        self._enter()

    def _enter(self) -> None:
        """Put messages in their queues, and what waits for nothing among what is ready."""
        for line, action in enumerate(self.columns["action"]):
            if action in _MESSAGES:
                self._queue(line).append(line)
                self.messages[self.columns["process"][line]].append(line)
            elif not self.needs[line]:
                self._offer(line)
        for process in range(len(self.memory)):
            self._look(process)

    def run(self) -> None:
        while self.ready:
            line = heapq.heappop(self.ready)[1]
            action = self.columns["action"][line]
            if action in _MESSAGES:
                self._start(line, action)
            else:
                self._local(line, action)
                self._finish(line)
        for process, messages in enumerate(self.messages):
            if self.low[process] < len(messages):
                raise ProgramError(f"deadlock: {self._awaited(messages[self.low[process]])}")

    def _queue(self, line: int) -> deque[int]:
        process, *which = (self.columns[key][line] for key in ("process", "peer", "action"))
        found: deque[int] = self.queues[process].setdefault(tuple(which), deque())
        return found

    def _offer(self, line: int) -> None:
        heapq.heappush(self.ready, (self.turn(line), line))
        self.needs[line] = -1

    def _look(self, process: int) -> None:
        """Offer the messages of a process that may be started now."""
        for queue in self.queues[process].values():
            self._offer_first(queue)

    def _offer_first(self, queue: deque[int]) -> None:
        """Offer the first of messages to or from one peer, if it may be started now."""
        if not queue or self.needs[queue[0]]:
            return
        process = self.columns["process"][queue[0]]
        least = self.columns["step"][self.messages[process][self.low[process]]]
        if self.columns["step"][queue[0]] < least + self.program.lead:
            self._offer(queue[0])

    def _start(self, line: int, action: int) -> None:
        """Start a message; when its other end is there, carry it over."""
        me, peer = (self.columns[name][line] for name in ("process", "peer"))
        sends = action == Action.SEND
        self._queue(line).popleft()
        self._offer_first(self._queue(line))
        ends = self.open.setdefault((me, peer) if sends else (peer, me), (deque(), deque()))
        if not ends[sends]:
            ends[not sends].append(line)
            return
        other = ends[sends].popleft()
        self._carry(*((line, other) if sends else (other, line)))
        for end in (line, other):
            self._finish(end)

    def _finish(self, line: int) -> None:
        """Let what waits for an instruction go on."""
        process = self.columns["process"][line]
        self.done[line] = True
        for each in self.after[self.first[line] : self.first[line + 1]]:
            self.needs[each] -= 1
            if self.columns["action"][each] in _MESSAGES:
                self._offer_first(self._queue(each))
            elif not self.needs[each]:
                self._offer(each)
        messages, low = self.messages[process], self.low[process]
        while self.low[process] < len(messages) and self.done[messages[self.low[process]]]:
            self.low[process] += 1
        if low < self.low[process] < len(messages):
            self._look(process)

    def _carry(self, send: int, receive: int) -> None:
        sizes = [self.columns["size"][line] for line in (send, receive)]
        if sizes[0] != sizes[1]:
            raise ProgramError(
                f"{self._place(send)}: {sizes[0]} elements are sent, {sizes[1]} expected"
            )
        self._span(receive, "buffer", "offset")[:] = self._span(send, "buffer", "offset")

    def _local(self, line: int, action: int) -> None:
        """Copy or add within a process."""
        target, source = (
            self._span(line, buffer, offset)
            for buffer, offset in (("buffer", "offset"), ("source", "source_offset"))
        )
        if action == Action.COPY:
            target[:] = source
        else:
            self.join(target, source)

    def _check_lines(self) -> None:
        """Look at what every instruction names before any is carried out.

        Raises:
            ProgramError: there is no such action, process or buffer, or an access outside one.
        """
        for line, (action, peer) in enumerate(
            zip(self.columns["action"], self.columns["peer"], strict=True)
        ):
            if action not in tuple(Action):
                raise ProgramError(f"{self._place(line)}: no action {action}")
            self._span(line, "buffer", "offset")
            if action in _MESSAGES:
                if not 0 <= peer < len(self.memory):
                    raise ProgramError(f"{self._place(line)}: no process {peer}")
            else:
                self._span(line, "source", "source_offset")

    def _span(self, line: int, buffer: str, offset: str) -> Array:
        """Give the elements that an instruction touches."""
        columns = self.columns
        which, start, size = columns[buffer][line], columns[offset][line], columns["size"][line]
        if which not in tuple(Buffer):
            raise ProgramError(f"{self._place(line)}: no buffer {which}")
        memory = self.memory[columns["process"][line]][which]
        if not 0 <= start <= start + size <= len(memory):
            raise ProgramError(
                f"{self._place(line)}: elements {start} to {start + size} "
                f"of {Buffer(which).name}, which has {len(memory)}"
            )
        span: Array = memory[start : start + size]
        return span

    def _awaited(self, line: int) -> str:
        """Name a message of which nothing comes."""
        verb = "to" if self.columns["action"][line] == Action.SEND else "from"
        peer = self.program.ranks[self.columns["peer"][line]]
        return f"{self._place(line)}: nothing comes of the message {verb} rank {peer}"

    def _place(self, line: int) -> str:
        """Name an instruction for a message."""
        rank = self.program.ranks[self.columns["process"][line]]
        step, piece = int(self.program.step[line]), int(self.program.piece[line])
        return f"rank {rank} at step {step}, piece {piece}"


def _filled(program: Program, inputs: Sequence[Array]) -> list[tuple[Array, ...]]:
    """Make the memory of every process, and put its input there."""
    memories = program.memory()
    if len(inputs) != len(memories):
        raise ProgramError(f"{len(inputs)} inputs for {len(memories)} processes")
    for i, (memory, values) in enumerate(zip(memories, inputs, strict=True)):
        if values.shape != memory[Buffer.INPUT].shape:
            expected = memory[Buffer.INPUT].size
            raise ProgramError(
                f"rank {program.ranks[i]}: an input of {values.size} elements, not {expected}"
            )
        memory[Buffer.INPUT][:] = values
        if program.divisor > 1:
            take_shares(memory[Buffer.INPUT], memory[Buffer.INPUT], program.dtype, program.divisor)
    return memories
