"""The memory of the GPUs of a plan, in words of one alignment each, and the parts of operations."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.foreign.errors import ForeignError
from runtime.foreign.mscclpp.plan import ExecutionPlan, Gpu, Operation, Part, ThreadBlock
from runtime.foreign.mscclpp.rules import own_buffers, own_channels, switch_buffer

Words = NDArray[np.uint64]
MOST_WORDS = 2**24  # of all GPUs: 128 MiB


class Span(NamedTuple):
    """Words of one array of one GPU: `start` to `end`."""

    gpu: int
    array: int
    start: int
    end: int


@dataclass(frozen=True)
class Place:
    """Where a buffer lies: the array of its GPU, its first word, and its words."""

    array: int
    first: int
    words: int


class Memory:
    """Input, output and scratch of every GPU; in place, the first two are one array.

    A packet of a word takes two words of scratch, at twice the offset, and is there as soon as both
    have the flag of the run: `flags` has the run of words that were written as packets and by
    nothing else since, else -1. Runs may take turns at two halves of scratch.
    """

    def __init__(self, plan: ExecutionPlan, chunk: int) -> None:
        self.plan, self.chunk = plan, chunk
        self.doubled = 2 if plan.packets else 1
        self.places = [self._places(gpu) for gpu in plan.gpus]
        self.halves = 2 if plan.use_double_scratch_buffer else 1
        self.half = [gpu.scratch_chunks * chunk * self.doubled for gpu in plan.gpus]
        sizes = [
            (self._user(gpu), half * self.halves)
            for gpu, half in zip(plan.gpus, self.half, strict=True)
        ]
        if sum(map(sum, sizes)) > MOST_WORDS:
            raise ForeignError(f"needs more than {MOST_WORDS} words of memory")
        self.arrays: list[tuple[Words, Words]] = [
            (np.zeros(user, dtype=np.uint64), np.zeros(scratch, dtype=np.uint64))
            for user, scratch in sizes
        ]
        self.flags = [np.full(len(scratch), -1, dtype=np.int64) for _, scratch in self.arrays]

    def _places(self, gpu: Gpu) -> dict[str, Place]:
        ins, outs = gpu.input_chunks, gpu.output_chunks
        if not self.plan.inplace:
            first, begin = 0, ins
        else:
            ranks, ins, outs = len(self.plan.gpus), ins or outs, outs or ins
            first = gpu.id * ins if ins * ranks == outs and ranks > 1 else 0
            begin = gpu.id * outs if outs * ranks == ins and ranks > 1 else 0
        return {
            "i": Place(0, first * self.chunk, ins * self.chunk),
            "o": Place(0, begin * self.chunk, outs * self.chunk),
            "s": Place(1, 0, gpu.scratch_chunks * self.chunk),
        }

    def _user(self, gpu: Gpu) -> int:
        return max(p.first + p.words for p in self._places(gpu).values() if p.array == 0)

    def view(self, gpu: int, kind: str) -> Words:
        """Give the words of a buffer."""
        place = self.places[gpu][kind]
        return self.arrays[gpu][place.array][place.first : place.first + place.words]

    def words(self, span: Span) -> Words:
        """Give the words of a span."""
        return self.arrays[span.gpu][span.array][span.start : span.end]

    def span(self, gpu: int, kind: str, start: int, end: int, run: int = 0) -> Span:
        """Give words of a buffer, in a run, as a span of its array."""
        place = self.places[gpu][kind]
        first = run % self.halves * self.half[gpu] if kind == "s" else place.first
        return Span(gpu, place.array, first + start, first + end)

    def packets(self, span: Span) -> Span:
        """Give the words that packets of a span of scratch take."""
        first = span.start // max(self.half[span.gpu], 1) * self.half[span.gpu]
        start, end = (first + 2 * (place - first) for place in (span.start, span.end))
        return Span(span.gpu, span.array, start, end)

    def write(self, span: Span, values: Words) -> None:
        """Write words as they are."""
        self.words(span)[:] = values
        if span.array == 1:
            self.flags[span.gpu][span.start : span.end] = -1

    def write_packets(self, span: Span, values: Words, run: int) -> None:
        """Write words as packets to the place in scratch that belongs to them."""
        pair = self.packets(span)
        self.words(pair)[:] = np.repeat(values, 2)
        self.flags[span.gpu][pair.start : pair.end] = run

    def read_packets(self, span: Span, run: int) -> Words | None:
        """Read packets of a run, or give None while some of them are not there."""
        pair = self.packets(span)
        if (self.flags[span.gpu][pair.start : pair.end] != run).any():
            return None
        return self.words(pair)[::2].copy()


class Parts:
    """Finds the spans that the parts of a thread block's operations stand for."""

    def __init__(self, memory: Memory, gpu: Gpu, block: ThreadBlock) -> None:
        self.memory, self.gpu, self.chunk = memory, gpu, memory.chunk
        self.remote = {
            kind: [gpu.remote_buffers[i] for i in own_buffers(block, kind)]
            for kind in ("memory", "port")
        }
        self.groups = own_channels(block, "switch")

    def of(self, op: Operation, part: Part, offset: int, unit: int, run: int) -> Span:
        """Give the words of a part in a run, from `offset` on and at most `unit` of them."""
        rank, kind = self.gpu.id, part.type or "i"
        if part.buffer_id is not None:
            buffer = self.remote[op.channel_type or ""][part.buffer_id]
            rank, kind = buffer.rank, buffer.type
        if part.switch_channel_id is not None:
            kind = switch_buffer(self.gpu, self.groups[part.switch_channel_id])[0]
        start, size = part.index * self.chunk, part.size * self.chunk
        if op.tbg_info is not None:
            begin, end = (_slice(size, op.tbg_info.tb_id + i, op.tbg_info.tbg_size) for i in (0, 1))
            start, size = start + begin, end - begin
        size = min(size - offset, unit)
        return self.memory.span(rank, kind, start + offset, start + offset + max(size, 0), run)

    def ranks(self, op: Operation, part: Part) -> list[int]:
        """List the ranks behind a switch channel."""
        return switch_buffer(self.gpu, self.groups[part.switch_channel_id or 0])[1]


def _slice(words: int, index: int, slices: int) -> int:
    """Give where a thread block's slice of an operation begins."""
    return index * (words // slices) + min(index, words % slices)
