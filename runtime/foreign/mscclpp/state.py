"""What runs a plan in memory: thread blocks with their steps, and proxies with their queues."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from runtime.foreign.errors import ForeignError
from runtime.foreign.mscclpp import rules
from runtime.foreign.mscclpp.clocks import Clock
from runtime.foreign.mscclpp.memory import Parts, Span
from runtime.foreign.mscclpp.plan import ExecutionPlan, Operation

MOST_STEPS = 2**22  # operations carried out in one run
# What a signal tells: which writes are seen, None if it says nothing of them, and which are over.


@dataclass
class Step:
    """An operation at one place of its pipeline: words from the start of each part."""

    op: Operation
    offset: int = 0
    unit: int = 2**40


@dataclass
class Block:
    """A thread block that runs: its steps, how far it is, and what it holds.

    flushing: whether it waits for the port to do what it was asked for at last.
    """

    gpu: int
    number: int
    steps: list[Step]
    parts: Parts
    channels: dict[str, list[int]]
    clock: Clock
    at: int = 0
    arrived: int | None = None
    flushing: bool = False

    def spans(self, step: Step, run: int) -> tuple[list[Span], list[Span]]:
        """Give the spans of both sides of an operation, in a run."""
        ins, outs = (
            [self.parts.of(step.op, part, step.offset, step.unit, run) for part in side]
            for side in (step.op.src_buff, step.op.dst_buff)
        )
        return ins, outs


@dataclass
class Proxy:
    """What carries out the requests of one GPU's port channels, one after the other."""

    clock: Clock
    queue: deque[Callable[[], None]] = field(default_factory=deque)
    done: int = 0
    asked: int = 0


@dataclass(frozen=True)
class Copied:
    """A move of data, for whoever looks on: sources that were added up, and where that went.

    actor: the GPU that did it. operation: its number, the same for all targets of one. Packets are
    of an array of their own, numbered 2.
    """

    actor: int
    operation: int
    sources: tuple[Span, ...]
    target: Span


def as_packets(span: Span) -> Span:
    """Give a span of scratch as one of packets, for whoever looks on."""
    return span._replace(array=2)


def write_out(op: Operation, alignment: int, chunk: int) -> list[Step]:
    """Write out the turns of a pipeline; any other operation is one step.

    Args:
        op: an operation of a plan.
        alignment: bytes of a word.
        chunk: words.

    Raises:
        ForeignError: the steps are too many.
    """
    if op.name != "pipeline" or op.iter_context is None:
        return [Step(op)]
    unit = max(op.iter_context.unit_size // alignment, 1)
    turns = -(-op.iter_context.num_chunks * chunk // unit)
    if turns * len(op.ops) > MOST_STEPS:
        raise ForeignError(f"a pipeline of more than {MOST_STEPS} operations")
    return [Step(each, turn * unit, unit) for turn in range(turns) for each in op.ops]


def place_of(block: Block) -> str:
    """Name the operation of a block that is next."""
    return f"operation {block.at}"


def pair_channels(plan: ExecutionPlan, kind: str) -> dict[tuple[int, int], tuple[int, int]]:
    """Find the other end of each channel: the n-th from a to b belongs to the n-th from b to a."""
    turns: dict[tuple[int, int], list[int]] = {}
    for gpu in plan.gpus:
        for number, peer in enumerate(rules.flat_channels(gpu, kind)):
            turns.setdefault((gpu.id, peer), []).append(number)
    return {
        (gpu, number): (peer, other)
        for (gpu, peer), own in turns.items()
        for number, other in zip(own, turns.get((peer, gpu), []), strict=False)
    }
