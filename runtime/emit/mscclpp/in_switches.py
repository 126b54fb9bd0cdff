"""Plans for schedules in which switches copy and add (NVLS): multicast stores, and sums loaded.

Switch channels name a group of ranks and no switch: hardware spreads addresses over all of them.
So a schedule can be said with them if each of its pieces goes from all ranks up into one switch, or
from one, and from there down to all. The ranks share the work of the sums in equal parts, and what
a rank asks a switch to add comes down to it and goes up again: of n + 1 parts one is lost.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby

from runtime.emit.mscclpp.rounding import Rounding
from runtime.foreign.mscclpp.plan import (
    BlockChannels,
    Channels,
    Gpu,
    Group,
    Operation,
    Part,
    RankGroup,
    ThreadBlock,
)
from runtime.foreign.mscclpp.rules import MOST_CHANNELS, MOST_PER_OPERATION
from runtime.program.program import ProgramError
from solvers.schedules.schedule import Schedule, Transfer
from solvers.schedules.unfold import unfold

KNOWN = ("all_reduce", "all_gather", "broadcast")


def share_work(schedule: Schedule) -> tuple[list[Gpu], Rounding]:
    """Write a schedule whose switches copy and add by switch channels.

    Returns:
        What each GPU does, and the chunks of a block with what is lost.

    Raises:
        ProgramError: it is another collective, or a piece goes another way.
    """
    what = schedule.collective
    if what.name not in KNOWN:
        raise ProgramError(
            f"in switches only {', '.join(KNOWN)} can be said: a sum is stored at all ranks"
        )
    _expect_whole_group(schedule)
    ranks = len(what.ranks)
    adds = what.name == "all_reduce"
    chunks = (ranks, ranks) if adds else (1, what.blocks)
    found = [_gpu(schedule, me, chunks) for me in range(ranks)]
    return found, Rounding(chunks[0], Fraction(1, ranks + 1) if adds else Fraction(0))


def _expect_whole_group(schedule: Schedule) -> None:
    """Look at the way of each piece.

    Raises:
        ProgramError: one does not go up into a switch and down to all ranks.
    """
    whole = unfold(schedule)
    ranks = set(whole.collective.ranks)
    if ranks != set(range(whole.topology.ranks)):
        raise ProgramError("in switches all ranks of the machine must take part")
    rows = (whole.transfers[t] for t in range(len(whole.transfers)))
    for piece, some in groupby(rows, key=lambda row: row.piece):
        ways = list(some)
        up = {row.src for row in ways if row.src in ranks}
        reached = set(_down(ways, ranks))
        switches = {v for row in ways for v in (row.src, row.dst) if v not in ranks}
        expected = ranks if whole.collective.name == "all_reduce" else None
        if len(switches) != 1 or reached | up != ranks or (expected or up) != up or not up:
            raise ProgramError(
                f"piece {piece} does not go up into one switch and down to all ranks, as a switch "
                "channel has it"
            )


def _down(ways: list[Transfer], ranks: set[int]) -> Iterator[int]:
    """List the ranks that a piece comes to out of a switch."""
    return (row.dst for row in ways if row.src not in ranks and row.dst in ranks)


def _gpu(schedule: Schedule, me: int, chunks: tuple[int, int]) -> Gpu:
    ranks = len(schedule.collective.ranks)
    peers = [rank for rank in range(ranks) if rank != me]
    share = [peers[i : i + MOST_CHANNELS] for i in range(0, len(peers), MOST_CHANNELS)]
    first = 0
    blocks = []
    for number, own in enumerate(share):
        ops = _operations(schedule, me, number, len(share), len(own))
        ids = list(range(first, first + len(own)))
        channels = [BlockChannels("memory", ids), BlockChannels("switch", [0, 1])]
        blocks.append(ThreadBlock(number, ops, channels))
        first += len(own)
    everyone = list(range(ranks))
    return Gpu(
        id=me,
        input_chunks=chunks[0],
        output_chunks=chunks[1],
        scratch_chunks=0,
        threadblocks=blocks,
        channels=[
            Channels("memory", connected_to=peers),
            *(
                Channels("switch", buffer_type=kind, rank_groups=[RankGroup(size, everyone)])
                for kind, size in zip("io", chunks, strict=True)
            ),
        ],
    )


def _operations(
    schedule: Schedule, me: int, number: int, blocks: int, peers: int
) -> list[Operation]:
    """Let all ranks come together, store, and let them come together again."""
    ops = [*_hear(peers), *_meet(blocks)]
    made = _store(schedule, me)
    if made is not None:
        made.tbg_info = Group(number, blocks) if blocks > 1 else None
        ops.append(made)
    return [*ops, *_meet(blocks), *_hear(peers)]


def _meet(blocks: int) -> list[Operation]:
    if blocks == 1:
        return [Operation("nop")]
    return [Operation("barrier", barrier_id=0, num_threadblocks=blocks)]


def _hear(peers: int) -> list[Operation]:
    """Signal all peers, and wait for them."""
    ids = [
        list(range(i, min(i + MOST_PER_OPERATION, peers)))
        for i in range(0, peers, MOST_PER_OPERATION)
    ]
    return [
        Operation(name, channel_type="memory", channel_ids=some)
        for name in ("signal", "wait")
        for some in ids
    ]


def _store(schedule: Schedule, me: int) -> Operation | None:
    """Store an own share of the sum, or what one holds, at all ranks."""
    what = schedule.collective
    if what.name == "all_reduce":
        source, target = (Part(switch_channel_id=i, index=me, size=1) for i in (0, 1))
        return Operation("glres", "switch", [0], [source], [target], reduce_op="sum")
    if what.name == "broadcast" and what.ranks[me] != what.root:
        return None
    place = me if what.name == "all_gather" else 0
    target = Part(switch_channel_id=1, index=place, size=1)
    return Operation("gstore", "switch", [1], [Part(type="i", index=0, size=1)], [target])
