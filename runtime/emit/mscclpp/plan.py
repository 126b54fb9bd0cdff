"""From thread blocks to a plan: numbers for channels and remote buffers."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from runtime.emit.mscclpp.blocks import Block
from runtime.emit.mscclpp.streams import LETTERS, MEET, Act, Network
from runtime.emit.mscclpp.streams import Part as Piece
from runtime.foreign.mscclpp.plan import (
    BlockBuffers,
    BlockChannels,
    Channels,
    Gpu,
    Operation,
    Part,
    RemoteBuffer,
    ThreadBlock,
)

KINDS = ("memory", "port")
Key = tuple[int, int, bool]  # window, peer, and whether it is the channel for being ready


def gpus(network: Network, made: Sequence[Sequence[Block]], chunks: tuple[int, int]) -> list[Gpu]:
    """Give channels and remote buffers numbers, and write the blocks of all GPUs.

    The n-th channel from one GPU to another belongs to the n-th one back, so both ends list them in
    one order: by window, then data before words of being ready.
    """
    ends = _ends(network, made)
    return [
        _gpu(network, me, own, {kind: ends[kind].get(me, []) for kind in KINDS}, chunks)
        for me, own in enumerate(made)
    ]


def _ends(network: Network, made: Sequence[Sequence[Block]]) -> dict[str, dict[int, list[Key]]]:
    """List each GPU's channels of each type, in the order that both ends share."""
    used: dict[str, set[tuple[int, bool, int, int]]] = {kind: set() for kind in KINDS}
    for me, own in enumerate(made):
        for block in own:
            for act in block.acts:
                for peer, ready in act.channels:
                    kind = act.kind
                    used[kind].add((block.window, ready, min(me, peer), max(me, peer)))
    found: dict[str, dict[int, list[Key]]] = {kind: {} for kind in KINDS}
    for kind, channels in used.items():
        for window, ready, one, other in sorted(channels):
            found[kind].setdefault(one, []).append((window, other, ready))
            found[kind].setdefault(other, []).append((window, one, ready))
    return found


def _gpu(
    network: Network,
    me: int,
    own: Sequence[Block],
    channels: dict[str, list[Key]],
    chunks: tuple[int, int],
) -> Gpu:
    buffers = sorted(
        {
            (act.kind, part.peer, LETTERS[part.place.buffer])
            for block in own
            for act in block.acts
            for part in act.targets
            if part.peer is not None
        }
    )
    number = {buffer: i for i, buffer in enumerate(buffers)}
    places = {kind: {key: i for i, key in enumerate(channels[kind])} for kind in KINDS}
    return Gpu(
        id=me,
        input_chunks=chunks[0],
        output_chunks=chunks[1],
        scratch_chunks=network.scratch[me],
        threadblocks=[_block(i, block, places, number) for i, block in enumerate(own)],
        channels=[
            Channels(kind, connected_to=[peer for _, peer, _ in channels[kind]])
            for kind in KINDS
            if channels[kind]
        ],
        remote_buffers=[RemoteBuffer(peer, letter, [kind]) for kind, peer, letter in buffers],
    )


Number = dict[tuple[str, int, str], int]
Own = dict[str, list[tuple[int, bool]]]
Refs = dict[str, list[tuple[int, str]]]
Item = TypeVar("Item")


def _block(
    number: int, block: Block, channels: dict[str, dict[Key, int]], buffers: Number
) -> ThreadBlock:
    own: Own = {kind: [] for kind in KINDS}
    refs: Refs = {kind: [] for kind in KINDS}
    meets = iter(block.meets)
    ops = [_operation(act, own, refs, meets) for act in block.acts]
    return ThreadBlock(
        number,
        ops,
        [
            BlockChannels(kind, [channels[kind][block.window, *channel] for channel in own[kind]])
            for kind in KINDS
            if own[kind]
        ],
        [
            BlockBuffers(kind, [buffers[kind, *ref] for ref in refs[kind]])
            for kind in KINDS
            if refs[kind]
        ],
    )


def _operation(act: Act, own: Own, refs: Refs, meets: Iterator[tuple[int, int]]) -> Operation:
    """Write an operation; channels and buffers that it is the first to use get numbers."""
    if act is MEET:
        barrier, blocks = next(meets)
        return Operation("barrier", barrier_id=barrier, num_threadblocks=blocks)
    ids = [_index(own[act.kind], channel) for channel in act.channels]
    return Operation(
        act.name,
        channel_type=act.kind or None,
        channel_ids=ids,
        src_buff=[_part(part, act.kind, refs) for part in act.sources],
        dst_buff=[_part(part, act.kind, refs) for part in act.targets],
        reduce_op="sum" if act.name == "re" else None,
    )


def _part(part: Piece, kind: str, refs: Refs) -> Part:
    place, letter = part.place, LETTERS[part.place.buffer]
    if part.peer is None:
        return Part(type=letter, index=place.start, size=place.size)
    number = _index(refs[kind], (part.peer, letter))
    return Part(buffer_id=number, index=place.start, size=place.size)


def _index(items: list[Item], item: Item) -> int:
    """Give the place of an item, behind the others if it is new."""
    if item not in items:
        items.append(item)
    return items.index(item)
