"""The data of a machine: reads and writes, what puts them in order, and what does not."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from runtime.foreign.mscclpp.clocks import Accesses, Clock, Seen
from runtime.foreign.mscclpp.memory import Memory, Span, Words
from runtime.foreign.mscclpp.state import Block, Copied, place_of
from topologies.model.topology import IntArray

MOST_RACES = 20  # that are told


class Store:
    """Memory of which every access is noted, and watched.

    settled: of each block, the epochs of runs that are over, whose writes the end of the kernel has
    made visible. races: a sentence for each access that nothing puts in order with an earlier one.
    carried: operations that were carried out.
    """

    def __init__(
        self, memory: Memory, count: int, runs: int, watch: Callable[[Copied], None] | None
    ) -> None:
        self.memory, self.count, self.runs, self.watch = memory, count, runs, watch
        self.accesses: dict[tuple[int, int], Accesses] = {}
        self.brought: list[list[tuple[int, int, IntArray]]] = [[] for _ in memory.places]
        self.settled = np.zeros(count, dtype=np.int64)
        self.races: list[str] = []
        self.carried = 0

    def run_of(self, block: Block) -> int:
        """Count the runs before the one that a block is in."""
        return block.at // (len(block.steps) // self.runs)

    def touch(
        self,
        block: Block | None,
        who: Clock,
        span: Span,
        writes: bool,
        over: IntArray | None = None,
    ) -> None:
        """Note an access, and the race that it may be; over: what packets say besides."""
        if span.end <= span.start:
            return
        own = self.accesses.setdefault((span.gpu, span.array), Accesses())
        known = partial(self._known, who, over)
        fits = own.fits(span, who, known, writes, self.carried)
        if not fits and len(self.races) < MOST_RACES:
            what = "a write" if writes else "a read"
            place = "its proxy" if block is None else place_of(block)
            who_says = f"thread block {block.number}, " if block is not None else ""
            self.races.append(
                f"gpu {block.gpu if block else span.gpu}, {who_says}{place}: {what} of words "
                f"{span.start} to {span.end} of gpu {span.gpu} that nothing puts in order"
            )

    def _known(
        self, who: Clock, more: IntArray | None, owners: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Give the epochs of some, whose writes are visible, and whose accesses are over."""
        over, settled = who.over_of(owners), self.settled[owners]
        if more is not None:
            np.maximum(over, more[owners], out=over)
        seen = np.where(over < settled, over, np.maximum(who.seen_of(owners), settled))
        return np.minimum(seen, over), over

    def read(self, block: Block, span: Span) -> Words:
        """Read words as they are."""
        self.touch(block, block.clock, span, writes=False)
        return self.memory.words(span).copy()

    def write(self, block: Block, span: Span, values: Words, over: IntArray | None = None) -> None:
        """Write words as they are; over: whose accesses packets that were read say are over."""
        self.touch(block, block.clock, span, writes=True, over=over)
        self.memory.write(span, values)

    def write_packets(
        self, block: Block, span: Span, values: Words, over: IntArray | None = None
    ) -> None:
        """Write packets; each brings word that what its sender did with it before is over."""
        said = block.clock.over
        said[block.clock.own] = block.clock.epoch
        self.memory.write_packets(span, values, self.run_of(block))
        self.brought[span.gpu].append(
            (span.start, span.end, said if over is None else np.maximum(said, over))
        )

    def read_packets(
        self, block: Block, spans: Sequence[Span]
    ) -> tuple[list[Words], IntArray] | None:
        """Read packets, and what they say is over; None while some of them are not there."""
        found = [self.memory.read_packets(span, self.run_of(block)) for span in spans]
        kept = [each for each in found if each is not None]
        if len(kept) < len(found):
            return None
        over = self._said(spans)
        block.clock.taken.append(Seen(None, over))
        return kept, over

    def _said(self, spans: Sequence[Span]) -> IntArray:
        over = np.zeros(self.count, dtype=np.int64)
        for span in spans:
            for start, end, said in self.brought[span.gpu]:
                if start < span.end and end > span.start:
                    np.maximum(over, said, out=over)
        return over

    def tell(self, actor: int, sources: Sequence[Span], target: Span) -> None:
        """Let whoever looks on know of a move of data."""
        if self.watch is not None and target.end > target.start:
            self.watch(Copied(actor, self.carried, tuple(sources), target))
