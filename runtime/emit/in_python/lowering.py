"""The plan made to fit one size: what this process copies, sends, receives and adds."""

import math
from collections import Counter
from itertools import accumulate, pairwise

from runtime.emit.in_python.plan import (
    CHUNKS_LINEAR,
    CHUNKS_SQUARE,
    LAYOUT,
    PARTS,
    PIECES,
    SIZES,
    TRANSFERS,
)

Span = tuple[str, int, int]  # buffer, offset, count
# What is sent or received of a transfer: its row, where it lies or shall come to, how it lands,
# and the own input that is added to it.
Part = tuple[int, Span, str, Span | None]


def blocks_of(count: int) -> list[int]:
    """Give the elements of each block when the largest buffer has `count`; at least one each."""
    total = largest(SIZES)
    return [max(count * size // total, min(size, 1)) for size in SIZES]


def largest(sizes: list[int]) -> int:
    """Add up the blocks of the largest buffer."""
    return max(sum(sizes[b] for b in blocks) for pair in LAYOUT for blocks in pair)


def chunks_for(size: int) -> int:
    """Choose the number of chunks for a size in bytes."""
    best = min(math.sqrt(CHUNKS_SQUARE * size) + 0.5, CHUNKS_LINEAR * size, 128.0)
    return max(1, int(best))


class Plan:
    """What this process does at one size: copies, then steps of messages and what goes with them.

    Steps have copies that put together what is sent together, messages, and landings after them.
    """

    def __init__(self, me: int, sizes: list[int], chunks: int, in_place: bool, joined: int) -> None:
        """Cut every transfer of this process into chunks; chunk c of step s goes in step s + c.

        What goes to one process in one step and chunk, `joined` elements at most each, is joined.
        """
        self.me, self.sizes, self.chunks, self.joined = me, sizes, chunks, joined
        self.ins, self.outs = map(list, LAYOUT[me])
        self.starts, self.moved = self.share() if in_place else ((0, 0), False)
        self.in_place = in_place and not self.moved
        self.offsets = {"in": self.lay(self.ins), "out": self.lay(self.outs), "scratch": {}}
        self.held, self.wanted = (sum(sizes[b] for b in blocks) for blocks in LAYOUT[me])
        self.scratch = self.held if self.moved else 0
        self.beside: Counter[int] = Counter()
        self.tags: Counter[tuple[int, int, bool]] = Counter()
        self.packs: dict[int, list[tuple[Span, Span]]] = {}
        self.messages: dict[int, list[tuple[bool, int, int, int, Span]]] = {}
        self.landings: dict[int, list[tuple[int, bool, Span, Span]]] = {}
        self.parcels: dict[tuple[int, bool, int, int, int], list[Part]] = {}
        self.pieces = [tuple(map(int, line.split())) for line in PIECES.split("\n")[1:-1]]
        lines = enumerate(TRANSFERS.split("\n")[1:-1])
        received = {self.transfer(row, line.split()) for row, line in lines}
        self.copies = self.own(received)
        for (step, sends, peer, _, _), parts in self.parcels.items():
            self.message(step, sends, peer, parts)
        for landings in self.landings.values():
            landings.sort(key=lambda landing: landing[0])

    def share(self) -> tuple[tuple[int, int], bool]:
        """Find where input and output begin in one memory; if they do not fit, move the input."""
        inside = len(self.ins) <= len(self.outs)
        small, large = (self.ins, self.outs) if inside else (self.outs, self.ins)
        skip = large.index(small[0]) if small and small[0] in large else 0
        if large[skip : skip + len(small)] != small:
            return (0, 0), True
        begin = sum(self.sizes[b] for b in large[:skip])
        return ((begin, 0) if inside else (0, begin)), False

    def lay(self, blocks: list[int]) -> dict[int, int]:
        """Give where each block begins in its buffer."""
        ends = accumulate(self.sizes[b] for b in blocks)
        return {b: end - self.sizes[b] for b, end in zip(blocks, ends, strict=True)}

    def cut(self, piece: int) -> tuple[int, int]:
        """Give where a piece begins in its block, and its elements."""
        block, first, last = self.pieces[piece]
        begin = first * self.sizes[block] // PARTS
        return begin, last * self.sizes[block] // PARTS - begin

    def place(self, buffer: str, piece: int) -> tuple[str, int]:
        """Give where a piece lies; what landed in scratch has a slot there."""
        if buffer == "scratch":
            return buffer, self.offsets["scratch"][piece]
        offset = self.offsets[buffer][self.pieces[piece][0]] + self.cut(piece)[0]
        return ("scratch" if buffer == "in" and self.moved else buffer), offset

    def own(self, received: set[int]) -> list[tuple[Span, Span]]:
        """List the copies that come first: input in the way, and what is kept of it."""
        copies: list[tuple[Span, Span]] = []
        if self.moved:
            copies.append((("scratch", 0, self.held), ("in", 0, self.held)))
        kept = set() if self.in_place else set(self.ins) & set(self.outs)
        for piece, (block, _, _) in enumerate(self.pieces):
            if block in kept and piece not in received:
                size = self.cut(piece)[1]
                places = (self.place(buffer, piece) for buffer in ("out", "in"))
                copies.append(tuple((*place, size) for place in places))  # type: ignore[arg-type]
        return copies

    def transfer(self, row: int, words: list[str]) -> int:
        """Enter this process's end of a transfer; give the piece if it is received, else -1."""
        step, piece, src, dst = map(int, words[:4])
        sends, length = src == self.me, self.cut(piece)[1] if self.me in (src, dst) else 0
        buffer, landing = (words[4], "") if sends else words[5:]
        if dst == self.me and buffer == "scratch" and piece not in self.offsets["scratch"]:
            self.offsets["scratch"][piece] = self.scratch
            self.scratch += length
        for chunk in range(self.chunks if length else 0):
            skip = chunk * length // self.chunks
            size = (chunk + 1) * length // self.chunks - skip
            if size:
                key = (step + chunk, sends, dst if sends else src, chunk)
                alone = row if size > self.joined else -1
                part: Part = (row, self.part(buffer, piece, skip, size), landing, None)
                if landing == "join" and self.in_place and buffer == "out":
                    part = (*part[:2], "add", None)  # the own input lies where the sum shall be
                elif landing == "join":
                    part = (*part[:3], self.part("in", piece, skip, size))
                self.parcels.setdefault((*key, alone), []).append(part)
        return piece if dst == self.me else -1

    def part(self, buffer: str, piece: int, skip: int, size: int) -> Span:
        """Give where a part of a piece lies."""
        name, offset = self.place(buffer, piece)
        return name, offset + skip, size

    def message(self, step: int, sends: bool, peer: int, parts: list[Part]) -> None:
        """Enter one end of a message, and what is copied and added before or after it."""
        tag = self.tags[step, peer, sends] % 2**15
        self.tags[step, peer, sends] += 1
        spans = [span for _, span, _, _ in parts]
        total = sum(size for _, _, size in spans)
        (buffer, offset, _), end = spans[0], self.beside[step]
        fits = all(landing in ("", "put", "join") for _, _, landing, _ in parts)
        if not fits or any(a[:2] != (b[0], b[1] - a[2]) for a, b in pairwise(spans)):
            buffer, offset = "beside", end
            self.beside[step] += total
        self.messages.setdefault(step, []).append(
            (sends, peer, tag, parts[0][0], (buffer, offset, total))
        )
        for row, span, landing, own in parts:
            beside = ("beside", end, span[2])
            end += span[2]
            if sends and buffer == "beside":
                self.packs.setdefault(step, []).append((beside, span))
            elif buffer == "beside":
                self.landings.setdefault(step, []).append((row, landing == "add", span, beside))
            if own:
                self.landings.setdefault(step, []).append((row, True, span, own))
