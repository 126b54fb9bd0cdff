"""The order of DualPipe: microbatches enter a pipeline from both ends, and meet.

Each rank has a stage of either direction. Half of the microbatches go down, half go up; in the
middle of the order a forward pass of one direction and a backward pass of the other are one task,
whose communication is hidden. Source: DeepSeek-V3, arXiv:2412.19437, 3.2.1 and figure 5; the eight
parts of the order are those of its open sources (deepseek-ai/DualPipe).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

FORWARD, BACKWARD, WEIGHTS = "forward", "backward", "weights"
Task = tuple[str, int, int]  # what, stage, microbatch


@dataclass(frozen=True)
class Block:
    """Tasks that begin together, one after the other, and are over together.

    Attributes:
        whole: whether the backward pass among them makes gradients of weights as well.
    """

    tasks: tuple[Task, ...]
    whole: bool = True


def fits(ranks: int, microbatches: int) -> bool:
    """Tell whether there are an even number of ranks, and enough microbatches for both ends."""
    return ranks % 2 == 0 and microbatches % 2 == 0 and microbatches >= 2 * ranks


@dataclass
class _Rank:
    """What a rank has begun of either direction, and whose weights are put off."""

    number: int
    ranks: int
    microbatches: int
    begun: list[int] = field(default_factory=lambda: [0, 0])
    back: list[int] = field(default_factory=lambda: [0, 0])
    late: list[tuple[int, int]] = field(default_factory=list)

    def _next(self, phase: int, count: list[int]) -> tuple[int, int]:
        """Give stage and microbatch of a pass; phase 0 comes from the nearer end."""
        down = (phase == 0) == (self.number < self.ranks // 2)
        stage = self.number if down else self.ranks - 1 - self.number
        microbatch = count[phase] + (0 if down else self.microbatches // 2)
        count[phase] += 1
        return stage, microbatch

    def forward(self, phase: int) -> Block:
        """Begin a forward pass."""
        return Block(((FORWARD, *self._next(phase, self.begun)),))

    def backward(self, phase: int, whole: bool = True) -> Block:
        """Begin a backward pass, with the gradients of weights or these put off."""
        own = self._next(phase, self.back)
        if not whole:
            self.late.append(own)
        return Block(((BACKWARD, *own),), whole)

    def weights(self) -> Block:
        """Make the gradients of weights that were put off first."""
        return Block(((WEIGHTS, *self.late.pop(0)),))

    def both(self, forward: int, backward: int) -> Block:
        """Begin a forward and a backward pass as one."""
        return Block((*self.forward(forward).tasks, *self.backward(backward).tasks))


def order(ranks: int, microbatches: int, number: int) -> Iterator[Block]:
    """List what a rank does, in its order.

    Args:
        ranks: of the pipeline, an even number.
        microbatches: an even number, at least twice as many.
        number: of the rank.
    """
    own = _Rank(number, ranks, microbatches)
    inner = min(number, ranks - 1 - number)  # ranks between it and the nearer end
    outer = ranks // 2 - inner - 1  # and between it and the middle
    yield from (own.forward(0) for _ in range(2 * outer))
    yield from (own.forward(phase) for _ in range(inner + 1) for phase in (0, 1))
    for _ in range(outer):
        yield own.backward(1, whole=False)
        yield own.weights()
        yield own.forward(1)
    for turn in range(microbatches // 2 - ranks + inner + 1):
        if turn == 0 and outer == 0:
            yield own.forward(0)
            yield own.backward(1)
        else:
            yield own.both(0, 1)
        yield own.both(1, 0)
    for _ in range(outer):
        yield own.backward(1)
        yield own.both(1, 0)
    yield from _end(own, inner, outer)


def _end(own: _Rank, inner: int, outer: int) -> Iterator[Block]:
    """List the last backward passes, weights put off from the middle of them on."""
    middle = (inner + 1) // 2
    for turn in range(inner + 1):
        yield own.backward(1, whole=turn < middle + (inner + 1) % 2)
        yield own.backward(0, whole=turn < middle)
    for _ in range(outer):
        yield own.weights()
        yield own.backward(0, whole=False)
    yield from (own.weights() for _ in range(inner + 1))
