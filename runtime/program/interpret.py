"""What a program means: run it in memory, with messages that block as real ones do."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from runtime.program.elements import divide, join
from runtime.program.program import Action, Buffer, Program, ProgramError

Array = NDArray[np.generic]

_COLUMNS = (
    *("process", "action", "peer", "tag", "buffer", "offset", "size"),
    *("source", "source_offset"),
)


def interpret(program: Program, inputs: Sequence[Array]) -> list[Array]:
    """Run a program on one input array for each process; give each process's output.

    Every process runs its list up to a WAIT, and past it only when the other end of each message
    it started was started as well. Messages match by source, destination and tag, in order.

    Raises:
        ProgramError: a deadlock, a message nobody ends, ends of different sizes, an access
            outside a buffer, or a local action on memory while messages are under way.
    """
    machine = _Machine(program, inputs)
    machine.run()
    if program.divisor > 1:
        for memory in machine.memory:
            divide(memory[Buffer.OUTPUT], program.dtype, program.divisor)
    return [memory[Buffer.OUTPUT].copy() for memory in machine.memory]


@dataclass(eq=False)
class _Process:
    """How far a process is; `open` holds its started messages that have no other end yet."""

    at: int
    end: int
    started: bool = False
    open: set[int] = field(default_factory=set)


class _Machine:
    """The processes of one run, their memory, and the ends of messages that wait to be matched."""

    def __init__(self, program: Program, inputs: Sequence[Array]) -> None:
        self.program, self.join = program, join(program.op, program.dtype)
        self.memory = program.memory()
        self.ends: dict[tuple[int, int, int], deque[int]] = {}
        bounds = program.bounds.tolist()
        self.processes = [_Process(a, b) for a, b in pairwise(bounds)]
        self.ready = deque(range(len(self.processes)))
        self.columns = {name: getattr(program, name).tolist() for name in _COLUMNS}
        if len(inputs) != len(self.memory):
            raise ProgramError(f"{len(inputs)} inputs for {len(self.memory)} processes")
        for i, (memory, values) in enumerate(zip(self.memory, inputs, strict=True)):
            if values.shape != memory[Buffer.INPUT].shape:
                expected = memory[Buffer.INPUT].size
                raise ProgramError(
                    f"rank {program.ranks[i]}: an input of {values.size} elements, not {expected}"
                )
            memory[Buffer.INPUT][:] = values

    def run(self) -> None:
        while self.ready:
            self._advance(self.ready.popleft())
        for process in self.processes:
            if process.at < process.end:
                raise ProgramError(f"deadlock: {self._open(process)}")
        for process in self.processes:
            if process.open or process.started:
                fault = self._open(process) if process.open else self._place(process.end - 1)
                raise ProgramError(f"never waited for: {fault}")

    def _advance(self, i: int) -> None:
        """Run process i up to its end or to a WAIT that must wait."""
        process, actions = self.processes[i], self.columns["action"]
        while process.at < process.end:
            line, action = process.at, actions[process.at]
            if action == Action.WAIT:
                if process.open:
                    return
                process.started = False
            elif action in (Action.SEND, Action.RECV):
                process.started = True
                self._start(line, action)
            else:
                self._local(line, action, process.started)
            process.at += 1

    def _start(self, line: int, action: int) -> None:
        """Start a message; when its other end is there, carry it over."""
        me, peer, tag = (self.columns[name][line] for name in ("process", "peer", "tag"))
        self._span(line, "buffer", "offset")
        if not 0 <= peer < len(self.processes):
            raise ProgramError(f"{self._place(line)}: no process {peer}")
        src, dst = (me, peer) if action == Action.SEND else (peer, me)
        ends = self.ends.setdefault((src, dst, tag), deque())
        if not ends or self.columns["action"][ends[0]] == action:
            ends.append(line)
            self.processes[me].open.add(line)
            return
        other = ends.popleft()
        self._carry(*((line, other) if action == Action.SEND else (other, line)))
        waiting = self.processes[self.columns["process"][other]]
        waiting.open.discard(other)
        if not waiting.open and peer != me:
            self.ready.append(peer)

    def _carry(self, send: int, receive: int) -> None:
        sizes = [self.columns["size"][line] for line in (send, receive)]
        if sizes[0] != sizes[1]:
            raise ProgramError(
                f"{self._place(send)}: {sizes[0]} elements are sent, {sizes[1]} expected"
            )
        self._span(receive, "buffer", "offset")[:] = self._span(send, "buffer", "offset")

    def _local(self, line: int, action: int, started: bool) -> None:
        """Copy or add within a process."""
        if started:
            raise ProgramError(f"{self._place(line)}: a local action before the WAIT")
        target, source = (
            self._span(line, buffer, offset)
            for buffer, offset in (("buffer", "offset"), ("source", "source_offset"))
        )
        if action == Action.COPY:
            target[:] = source
        elif action == Action.ADD:
            self.join(target, source)
        else:
            raise ProgramError(f"{self._place(line)}: no action {action}")

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

    def _open(self, process: _Process) -> str:
        """Name a message that a process started and nobody ends."""
        line = min(process.open)
        verb = "to" if self.columns["action"][line] == Action.SEND else "from"
        peer = self.program.ranks[self.columns["peer"][line]]
        return f"{self._place(line)}: nothing comes of the message {verb} rank {peer}"

    def _place(self, line: int) -> str:
        """Name an instruction for a message."""
        rank = self.program.ranks[self.columns["process"][line]]
        step, piece = int(self.program.step[line]), int(self.program.piece[line])
        return f"rank {rank} at step {step}, piece {piece}"
