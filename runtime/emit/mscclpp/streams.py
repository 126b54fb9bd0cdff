"""What each thread block does in each step, its peers and channels still by name.

A block deals with a few peers. In a step it tells those who will send where nothing is free of
charge that it is ready, waits for those it will send to, puts, signals, and waits for what comes.
Then all blocks of the GPU meet. Packets bring their flag along, so they need no signals.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Literal, TypeVar

from runtime.emit.mscclpp.messages import Local, Message, Place, Turn, meets
from runtime.foreign.mscclpp.rules import MOST_PER_OPERATION
from runtime.program.program import Buffer

Item = TypeVar("Item")

LETTERS = {Buffer.INPUT: "i", Buffer.OUTPUT: "o", Buffer.SCRATCH: "s"}


@dataclass(frozen=True, slots=True)
class Part:
    """Chunks of an own buffer, or of one of a peer."""

    place: Place
    peer: int | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """An operation; its channels are (peer, whether it is the one for being ready)."""

    name: str
    kind: str = ""
    channels: tuple[tuple[int, bool], ...] = ()
    sources: tuple[Part, ...] = ()
    targets: tuple[Part, ...] = ()


FENCE = Act("nop")
MEET = Act("barrier")


@dataclass(frozen=True)
class Network:
    """Who reaches whom how, and where packets lie.

    ports: pairs of GPUs that are joined by ports. packets: whether messages are packets.
    first: the step of the first message of each pair. slots: where each message's packets come
    to, and where they are made before a port takes them. scratch: chunks of each GPU.
    """

    ports: frozenset[tuple[int, int]]
    packets: bool
    first: dict[tuple[int, int], int]
    slots: dict[Message, tuple[Place, Place | None]]
    scratch: tuple[int, ...]

    def kind(self, src: int, dst: int) -> str:
        """Give the type of the channels between two GPUs."""
        return "port" if (src, dst) in self.ports else "memory"

    def needs_word(self, message: Message) -> bool:
        """Tell whether the sender must hear that the receiver is ready.

        It must for the first message of two GPUs, since the receiver may still be in the last run,
        and where something else was at the place before.
        """
        return not message.fresh or self.first[message.src, message.dst] == message.step


def network(
    turns: Sequence[dict[int, Turn]],
    ports: frozenset[tuple[int, int]],
    packets: bool,
    scratch: Sequence[int],
) -> Network:
    """Find the first message of each pair, and give every message of packets a slot of its own."""
    first: dict[tuple[int, int], int] = {}
    slots: dict[Message, tuple[Place, Place | None]] = {}
    used = list(scratch)

    def slot(gpu: int, size: int) -> Place:
        used[gpu] += size
        return Place(Buffer.SCRATCH, used[gpu] - size, size)

    for turn in turns:
        for step in sorted(turn):
            for m in turn[step].sends:
                first[m.src, m.dst] = min(step, first.get((m.src, m.dst), step))
                if packets:
                    far = (m.src, m.dst) in ports
                    made = slot(m.src, m.source.size) if far else None
                    slots[m] = slot(m.dst, m.source.size), made
    return Network(ports, packets, first, slots, tuple(used))


def acts(
    network: Network, me: int, turn: Turn, peers: Sequence[Sequence[int]]
) -> list[tuple[list[Act], ...]]:
    """Give what each block of a GPU does in a step, as phases after each of which all meet.

    peers: those that each block deals with.
    """
    phases = []
    if turn.before:
        phases.append(_by_itself(turn.before, len(peers)))
    if turn.sends or turn.receives:
        talk = _packets if network.packets else _signals
        sends, comes = _dealt(turn.sends, "dst", peers), _dealt(turn.receives, "src", peers)
        phases.append(tuple(talk(network, me, *own) for own in zip(sends, comes, strict=True)))
    if turn.after:
        phases.append(_by_itself(turn.after, len(peers)))
    return phases


def _dealt(
    messages: Sequence[Message], end: Literal["src", "dst"], peers: Sequence[Sequence[int]]
) -> list[list[Message]]:
    """Deal messages out to the blocks that deal with the peer at one end of them."""
    whose = {peer: block for block, own in enumerate(peers) for peer in own}
    found: list[list[Message]] = [[] for _ in peers]
    for message in messages:
        found[whose[message.src if end == "src" else message.dst]].append(message)
    return found


def _by_itself(locals_: Sequence[Local], blocks: int) -> tuple[list[Act], ...]:
    """Deal copies and sums out to blocks; those that meet stay together, in order."""
    groups: list[list[Local]] = []
    for each in locals_:
        near = [group for group in groups if any(meets(other, each) for other in group)]
        joined = [other for group in near for other in group]
        groups = [group for group in groups if not any(group is other for other in near)]
        groups.append([*joined, each])
    dealt: tuple[list[Act], ...] = tuple([] for _ in range(blocks))
    for number, group in enumerate(groups):
        own = dealt[number % blocks]
        for place, each in enumerate(group):
            own += [FENCE] if place else []
            own.append(_local(each))
    return dealt


def _local(what: Local) -> Act:
    sources = tuple(Part(place) for place in what.sources)
    return Act("re" if what.adds else "copy", "", (), sources, (Part(what.target),))


def _signals(
    network: Network, me: int, sends: Sequence[Message], comes: Sequence[Message]
) -> list[Act]:
    """Exchange messages with peers by puts and signals."""
    found: list[Act] = []
    ready = {m.src for m in comes if network.needs_word(m)}
    awaited = {m.dst for m in sends if network.needs_word(m)}
    found += _tell(network, me, "signal", ready, ready=True)
    if awaited:
        found += [*_tell(network, me, "wait", awaited, ready=True), FENCE]
    found += _puts(network, sends)
    if sends:
        found += [FENCE, *_tell(network, me, "signal", {m.dst for m in sends}, ready=False)]
        found += _flushes(network, sends)
    if comes:
        found += _tell(network, me, "wait", {m.src for m in comes}, ready=False)
    return found


def _tell(network: Network, me: int, name: str, peers: set[int], *, ready: bool) -> Iterator[Act]:
    """Signal peers, or wait for them, several in one operation."""
    by_kind = sorted((network.kind(me, peer), peer) for peer in peers)
    for kind, some in groupby(by_kind, key=lambda pair: pair[0]):
        for few in _few(some):
            yield Act(name, kind, tuple((peer, ready) for _, peer in few))


def _puts(network: Network, sends: Sequence[Message]) -> Iterator[Act]:
    """Write into memory of peers, several parts in one operation."""

    def alike(message: Message) -> tuple[str, int]:
        return network.kind(message.src, message.dst), message.source.buffer

    for (kind, _), some in groupby(sorted(sends, key=alike), key=alike):
        for few in _few(some):
            channels = tuple((m.dst, False) for m in few) if kind == "port" else ()
            sources = tuple(Part(m.source) for m in few)
            targets = tuple(Part(m.target, m.dst) for m in few)
            yield Act("put", kind, channels, sources, targets)


def _flushes(network: Network, sends: Sequence[Message]) -> Iterator[Act]:
    """Wait until ports have read what they send, which the next run may write again."""
    far = {m.dst for m in sends if network.kind(m.src, m.dst) == "port"}
    for few in _few(sorted(far)):
        yield Act("flush", "port", tuple((peer, False) for peer in few))


def _packets(
    network: Network, me: int, sends: Sequence[Message], comes: Sequence[Message]
) -> list[Act]:
    """Exchange messages with peers as packets."""
    near = [m for m in sends if network.kind(m.src, m.dst) == "memory"]
    far = [m for m in sends if network.kind(m.src, m.dst) == "port"]
    found: list[Act] = []
    for _, some in groupby(
        sorted(near, key=lambda m: m.source.buffer), key=lambda m: m.source.buffer
    ):
        for few in _few(some):
            sources = tuple(Part(m.source) for m in few)
            targets = tuple(Part(network.slots[m][0], m.dst) for m in few)
            found.append(Act("ppkt", "memory", (), sources, targets))
    staged = [(m, place) for m in far if (place := network.slots[m][1]) is not None]
    found += [Act("cpkt", "", (), (Part(m.source),), (Part(place),)) for m, place in staged]
    found += [FENCE] if staged else []
    for lot in _few(staged):
        channels = tuple((m.dst, False) for m, _ in lot)
        sources = tuple(Part(place) for _, place in lot)
        found.append(
            Act("ppkt", "port", channels, sources, tuple(_slot(network, m) for m, _ in lot))
        )
    found += _flushes(network, far)
    for m in comes:
        found.append(Act("upkt", "", (), (Part(network.slots[m][0]),), (Part(m.target),)))
    return found


def _slot(network: Network, message: Message) -> Part:
    return Part(network.slots[message][0], message.dst)


def _few(items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
    """Give as many at a time as an operation takes."""
    rest = iter(items)
    while some := tuple(islice(rest, MOST_PER_OPERATION)):
        yield some
