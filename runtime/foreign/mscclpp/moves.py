"""What moves in an MSCCL++ plan: its run, with a label for each word instead of a number."""

import numpy as np

from runtime.foreign.blocks import Layout, layout
from runtime.foreign.errors import ForeignError
from runtime.foreign.moved import Move
from runtime.foreign.mscclpp.actions import ACTIONS
from runtime.foreign.mscclpp.check import chunk_words, faults
from runtime.foreign.mscclpp.machine import Machine
from runtime.foreign.mscclpp.memory import Span, Words
from runtime.foreign.mscclpp.plan import ExecutionPlan
from runtime.foreign.mscclpp.state import Copied
from runtime.foreign.sends import Piece

Value = tuple[Piece, int]
ROOTED = ("broadcast", "reduce", "gather", "scatter")


def read(plan: ExecutionPlan) -> tuple[Layout, list[Move]]:
    """Run a plan and give what it moves, and the buffers of its collective.

    What a rank reads from another, or asks a switch to add, counts as messages to that rank.

    Raises:
        ForeignError: what is wrong with it.
    """
    root = _root(plan)
    words = chunk_words(plan)
    larger = max(max(gpu.input_chunks, gpu.output_chunks) for gpu in plan.gpus)
    made = layout(plan.collective, len(plan.gpus), larger * words, root)
    watcher = _Watcher(plan, made, words)
    inputs: list[Words] = [
        np.zeros((gpu.input_chunks or gpu.output_chunks) * words, dtype=np.uint64)
        for gpu in plan.gpus
    ]
    machine = Machine(plan, words, [inputs], ACTIONS, watcher.note)
    watcher.fill(machine)
    machine.run()
    return made, watcher.moves


def _root(plan: ExecutionPlan) -> int | None:
    """Find the root with which a plan is right, None where there is none.

    Raises:
        ForeignError: it is wrong with every one.
    """
    roots = range(len(plan.gpus)) if plan.collective in ROOTED else [None]
    found: list[str] = []
    for root in roots:
        found = faults(plan, root)
        if not found:
            return root
    raise ForeignError(found[0])


class _Watcher:
    """The labels of all words, and the moves so far."""

    def __init__(self, plan: ExecutionPlan, made: Layout, words: int) -> None:
        self.plan, self.layout, self.words = plan, made, words
        self.labels: dict[tuple[int, int, int], Value] = {}
        self.moves: list[Move] = []
        self.operation = -1
        self.read: dict[tuple[int, int, int], Value] = {}  # by the operation, before it wrote

    def fill(self, machine: Machine) -> None:
        """Label the inputs."""
        for gpu in self.plan.gpus:
            place = machine.memory.places[gpu.id]["i"]
            for word in range(place.words):
                if (value := self.layout.held(gpu.id, word)) is not None:
                    self.labels[gpu.id, place.array, place.first + word] = value

    def note(self, copied: Copied) -> None:
        """Follow a move of data, word by word; an operation reads its sources once.

        Raises:
            ForeignError: words of different places are added up, or one twice.
        """
        target = copied.target
        if copied.operation != self.operation:
            self.operation = copied.operation
            self.read.clear()
        for offset in range(target.end - target.start):
            values = [self._label(copied, source, offset) for source in copied.sources]
            if any(value[0] != values[0][0] for value in values):
                raise ForeignError(f"gpu {copied.actor} adds parts of different places")
            content = 0
            for _, part in values:
                if content & part:
                    raise ForeignError(f"gpu {copied.actor} adds a contribution twice")
                content |= part
            value = values[0][0], content
            if target.gpu != copied.actor:
                self.moves.append(Move(value[0], copied.actor, target.gpu, content))
            self.labels[target.gpu, target.array, target.start + offset] = value

    def _label(self, copied: Copied, source: Span, offset: int) -> Value:
        place = source.gpu, source.array, source.start + offset
        if place in self.read:
            return self.read[place]
        value = self.labels.get(place)
        if value is None:
            raise ForeignError(f"gpu {copied.actor} reads a word of gpu {source.gpu} with no data")
        if source.gpu != copied.actor:
            self.moves.append(Move(value[0], source.gpu, copied.actor, value[1]))
        self.read[place] = value
        return value
