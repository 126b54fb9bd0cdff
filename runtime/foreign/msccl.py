"""MSCCL XML, as microsoft/msccl and RCCL loaded it: read and executed, chunk by chunk.

Each thread block is a stream of steps; the n-th send over a channel belongs to the n-th receive at
its other end. A channel holds SLOTS messages that were sent and not received, so that a file that
relies on more stands still here as it would there.
"""

from collections import deque
from dataclasses import dataclass, field

from runtime.foreign.blocks import Layout, layout
from runtime.foreign.errors import ForeignError
from runtime.foreign.moved import Move
from runtime.foreign.sends import Piece
from topologies.importers.texts.xml_text import Element, parse
from topologies.model.messages import one_line, show_value

SLOTS = 2
MOST_GPUS, MOST_BLOCKS, MOST_STEPS, MOST_COUNT = 1024, 216, 2048, 72
MOST_CHUNKS = 2**20
SENDS = ("s", "rcs", "rrs", "rrcs")
RECEIVES = ("r", "rcs", "rrc", "rrs", "rrcs")
LOCAL = ("cpy", "re", "nop")
Value = tuple[Piece, int]
Key = tuple[int, str, int]  # gpu, buffer, chunk


@dataclass(frozen=True)
class Step:
    """One step of a thread block; `waits` is a thread block of its GPU and a step there."""

    kind: str
    source: tuple[str, int]
    target: tuple[str, int]
    count: int
    waits: tuple[int, int] | None


@dataclass
class Block:
    """A thread block, and how far it is."""

    gpu: int
    number: int
    send: int
    receive: int
    channel: int
    steps: list[Step]
    at: int = 0


@dataclass
class Algorithm:
    """A file: its blocks, and what its buffers are."""

    name: str
    layout: Layout
    in_place: bool
    blocks: list[Block] = field(default_factory=list)


def read(text: str, root: int | None = None) -> Algorithm:
    """Read an algorithm.

    Raises:
        ForeignError: it is none, with the line.
    """
    try:
        return _algorithm(parse(text, "algo"), root)
    except ValueError as error:
        raise ForeignError(one_line(f"no MSCCL algorithm: {error}")) from None


def _algorithm(top: Element, root: int | None) -> Algorithm:
    gpus = list(top.all("gpu"))
    count = top.whole("ngpus", len(gpus), MOST_GPUS)
    if sorted(gpu.whole("id") for gpu in gpus) != list(range(count)):
        raise top.fault(f"{len(gpus)} gpus, expected those from 0 to {count - 1}")
    chunks = top.whole("nchunksperloop", most=MOST_CHUNKS)
    made = Algorithm(
        top.get("name", "algorithm"),
        layout(top.need("coll"), count, chunks, root),
        in_place=top.get("inplace") == "1",
    )
    for gpu in sorted(gpus, key=lambda each: each.whole("id")):
        blocks = sorted(gpu.all("tb"), key=lambda each: each.whole("id"))
        if [tb.whole("id") for tb in blocks] != list(range(len(blocks))):
            raise gpu.fault("thread blocks out of order, expected each number from 0 once")
        if len(blocks) > MOST_BLOCKS:
            raise gpu.fault(f"{len(blocks)} thread blocks, at most {MOST_BLOCKS}")
        made.blocks += [_block(gpu.whole("id"), tb, count, len(blocks)) for tb in blocks]
    return made


def _signed(element: Element, key: str) -> int:
    """Read a whole number, or -1 for nothing."""
    return -1 if element.need(key).strip() == "-1" else element.whole(key)


def _block(gpu: int, element: Element, gpus: int, blocks: int) -> Block:
    ends = [_signed(element, key) for key in ("send", "recv")]
    if any(peer >= gpus or peer == gpu for peer in ends):
        raise element.fault(f"peers {ends}, expected other gpus or -1")
    steps = list(element.all("step"))
    if len(steps) > MOST_STEPS:
        raise element.fault(f"{len(steps)} steps, at most {MOST_STEPS}")
    made = [_step(step, place, blocks) for place, step in enumerate(steps)]
    for step, kind in zip(steps, made, strict=True):
        if (kind.kind in SENDS and ends[0] < 0) or (kind.kind in RECEIVES and ends[1] < 0):
            raise step.fault(f"{kind.kind} in a thread block without the peer for it")
    channel = element.whole("chan", most=1024)
    return Block(gpu, element.whole("id"), ends[0], ends[1], channel, made)


def _step(element: Element, place: int, blocks: int) -> Step:
    kind = element.need("type")
    if kind not in (*SENDS, *RECEIVES, *LOCAL):
        raise element.fault(f"type {show_value(kind)} is none that is known")
    if element.whole("s") != place:
        raise element.fault(f"s is {element.get('s')}, expected {place}")
    waits = _signed(element, "depid"), _signed(element, "deps")
    if waits[0] >= blocks:
        raise element.fault(f"depid {waits[0]}, of {blocks} thread blocks")
    count = element.whole("cnt", most=MOST_COUNT)
    sides = []
    for side in ("src", "dst"):
        buffer = element.need(f"{side}buf")
        if buffer not in ("i", "o", "s"):
            raise element.fault(f"{side}buf is {show_value(buffer)}, expected i, o or s")
        sides.append((buffer, max(_signed(element, f"{side}off"), 0)))
    return Step(kind, sides[0], sides[1], count, None if waits[0] < 0 else waits)


class Machine:
    """An algorithm that runs: what every chunk holds, and what moved."""

    def __init__(self, algorithm: Algorithm) -> None:
        self.algorithm, self.layout = algorithm, algorithm.layout
        self.held: dict[Key, Value] = {}
        self.moves: list[Move] = []
        self.queues: dict[tuple[int, int, int], deque[list[Value]]] = {}
        self.first = _shift(algorithm)
        for gpu in range(self.layout.ranks):
            for chunk in range(self.layout.inputs):
                if (value := self.layout.held(gpu, chunk)) is not None:
                    self.held[self.key(gpu, "i", chunk)] = value

    def key(self, gpu: int, buffer: str, chunk: int) -> Key:
        """Name a chunk; in place, input and output are one buffer."""
        if self.algorithm.in_place and buffer in "io":
            return gpu, "o", chunk + gpu * self.first[buffer]
        return gpu, buffer, chunk

    def run(self) -> None:
        """Carry out all steps.

        Raises:
            ForeignError: a deadlock, a chunk that holds nothing, or a sum that makes no sense.
        """
        blocks = {(block.gpu, block.number): block for block in self.algorithm.blocks}
        moved = True
        while moved:
            moved = False
            for block in self.algorithm.blocks:
                while block.at < len(block.steps) and self._carry(block, blocks):
                    moved = True
        for block in self.algorithm.blocks:
            if block.at < len(block.steps):
                raise ForeignError(f"deadlock: {_where(block)} waits for ever")
        for (src, dst, _), left in self.queues.items():
            if left:
                raise ForeignError(f"gpu {dst} does not receive all that gpu {src} sends")

    def _carry(self, block: Block, blocks: dict[tuple[int, int], Block]) -> bool:
        step = block.steps[block.at]
        if step.waits is not None and blocks[block.gpu, step.waits[0]].at <= step.waits[1]:
            return False
        out = self.queues.setdefault((block.gpu, block.send, block.channel), deque())
        into = self.queues.setdefault((block.receive, block.gpu, block.channel), deque())
        if (step.kind in SENDS and len(out) >= SLOTS) or (step.kind in RECEIVES and not into):
            return False
        comes = self._receive(block, into, step) if step.kind in RECEIVES else None
        self._act(block, step, comes, out)
        block.at += 1
        return True

    def _receive(self, block: Block, into: deque[list[Value]], step: Step) -> list[Value]:
        values = into.popleft()
        if len(values) != step.count:
            raise ForeignError(f"{_where(block)}: {len(values)} chunks come, {step.count} expected")
        for piece, content in values:
            self.moves.append(Move(piece, block.receive, block.gpu, content))
        return values

    def _act(
        self, block: Block, step: Step, comes: list[Value] | None, out: deque[list[Value]]
    ) -> None:
        if step.kind == "nop":
            return
        values = comes
        if step.kind in ("rrc", "rrs", "rrcs", "re", "cpy", "s"):
            values = self._values(block, step.source, step.count)
        if step.kind in ("rrc", "rrs", "rrcs") and comes is not None and values is not None:
            values = [_sum(block, a, b) for a, b in zip(values, comes, strict=True)]
        if step.kind == "re" and values is not None:
            there = self._values(block, step.target, step.count)
            values = [_sum(block, a, b) for a, b in zip(there, values, strict=True)]
        assert values is not None
        if step.kind in ("r", "rcs", "rrc", "rrcs", "re", "cpy"):
            for place, value in enumerate(values):
                buffer, first = step.target
                self.held[self.key(block.gpu, buffer, first + place)] = value
        if step.kind in SENDS:
            out.append(values)

    def _values(self, block: Block, place: tuple[str, int], count: int) -> list[Value]:
        keys = [self.key(block.gpu, place[0], place[1] + i) for i in range(count)]
        missing = [key for key in keys if key not in self.held]
        if missing:
            raise ForeignError(f"{_where(block)}: chunk {missing[0][1:]} holds nothing")
        return [self.held[key] for key in keys]

    def faults(self) -> list[str]:
        """List outputs that are not as the collective asks."""
        found = []
        for gpu in range(self.layout.ranks):
            for chunk in range(self.layout.outputs):
                wanted = self.layout.wanted(gpu, chunk)
                got = self.held.get(self.key(gpu, "o", chunk))
                if wanted is not None and got != wanted:
                    found.append(f"gpu {gpu}: chunk {chunk} of the output is not what it should be")
        return found


def _shift(algorithm: Algorithm) -> dict[str, int]:
    """Give how far, for each gpu, a buffer begins in the other one when both are one."""
    made = algorithm.layout
    return {
        "i": made.inputs if made.inputs < made.outputs else 0,
        "o": made.outputs if made.outputs < made.inputs else 0,
    }


def _sum(block: Block, one: Value, other: Value) -> Value:
    if one[0] != other[0]:
        raise ForeignError(f"{_where(block)}: adds parts of different places")
    if one[1] & other[1]:
        raise ForeignError(f"{_where(block)}: adds a contribution twice")
    return one[0], one[1] | other[1]


def _where(block: Block) -> str:
    return f"gpu {block.gpu}, thread block {block.number}, step {block.at}"
