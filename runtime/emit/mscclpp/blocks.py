"""Thread blocks: steps dealt out to so many that none has more operations than fit into one.

Steps are cut into windows, the same at all GPUs. Every window has blocks of its own, and channels
of its own; between two windows the blocks of both meet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runtime.emit.mscclpp.messages import Turn
from runtime.emit.mscclpp.streams import FENCE, MEET, Act, Network, acts
from runtime.foreign.mscclpp.rules import MOST_OPERATIONS
from runtime.program.program import ProgramError

SHARES = (1, 2, 4, 5)  # peers that a block deals with; five at most, for they have three buffers


@dataclass
class Block:
    """What a thread block does; meets: for each MEET in it, the barrier and who takes part."""

    window: int
    acts: list[Act]
    meets: list[tuple[int, int]]


def blocks(network: Network, turns: Sequence[dict[int, Turn]], most: int) -> list[list[Block]]:
    """Deal the steps of every GPU out to thread blocks, of few peers each where that fits.

    Args:
        network: who reaches whom.
        turns: what each GPU does, by step.
        most: thread blocks of a GPU.

    Raises:
        ProgramError: no number of peers for a block keeps to the limits.
    """
    why = ""
    for share in SHARES:
        peers = [_peers(me, turn, len(turns), share) for me, turn in enumerate(turns)]
        worst = max(map(len, peers), default=0)  # at least, as each block has something to do
        if worst <= most:
            try:
                made = _deal(network, turns, peers)
            except ProgramError as error:
                why = str(error)
                break
            worst = max(map(len, made), default=0)
            if worst <= most:
                return made
        why = f"{worst} thread blocks of a GPU, at most {most} run at once"
    raise ProgramError(f"{why}: choose a schedule of fewer transfers, or more thread blocks")


def _deal(
    network: Network, turns: Sequence[dict[int, Turn]], peers: Sequence[list[list[int]]]
) -> list[list[Block]]:
    phases = [
        {step: acts(network, me, turn[step], peers[me]) for step in turn}
        for me, turn in enumerate(turns)
    ]
    windows = _windows(phases, peers)
    return [_own(phases[me], windows, len(peers[me])) for me in range(len(turns))]


def _peers(me: int, turn: dict[int, Turn], ranks: int, share: int) -> list[list[int]]:
    """Give each block its peers, those behind this GPU first."""
    known = {m.dst for each in turn.values() for m in each.sends}
    known |= {m.src for each in turn.values() for m in each.receives}
    order = sorted(known, key=lambda peer: (peer - me) % ranks)
    return [order[i : i + share] for i in range(0, len(order), share)] or [[]]


Phases = dict[int, list[tuple[list[Act], ...]]]


def _windows(phases: Sequence[Phases], peers: Sequence[Sequence[object]]) -> list[list[int]]:
    """Cut the steps where a block would get too long.

    Raises:
        ProgramError: one step alone is too long.
    """
    steps = sorted({step for own in phases for step in own})
    windows: list[list[int]] = []
    length = [[0] * len(own) for own in peers]
    for step in steps:
        added = [_length(own.get(step, []), len(p)) for own, p in zip(phases, peers, strict=True)]
        room = MOST_OPERATIONS - 3  # two meetings with other windows, and a fence
        worst = max(max(own) for own in added)
        if worst > room:
            raise ProgramError(f"step {step} has {worst} operations for a thread block")
        if not windows or any(
            a + b > room
            for one, other in zip(length, added, strict=True)
            for a, b in zip(one, other, strict=True)
        ):
            windows.append([])
            length = [[0] * len(own) for own in peers]
        windows[-1].append(step)
        length = [
            [a + b for a, b in zip(one, other, strict=True)]
            for one, other in zip(length, added, strict=True)
        ]
    return windows


def _length(phases: Sequence[tuple[list[Act], ...]], blocks: int) -> list[int]:
    return [sum(len(phase[i]) + 1 for phase in phases) for i in range(blocks)]


def _own(phases: Phases, windows: Sequence[Sequence[int]], count: int) -> list[Block]:
    """Make the thread blocks of one GPU, those with nothing to do left out."""
    found: list[Block] = []
    used = [_busy(phases, window, count) for window in windows]
    held = [number for number, busy in enumerate(used) if busy]
    for place, number in enumerate(held):
        busy = used[number]
        before = held[place - 1] if place else None
        after = held[place + 1] if place + 1 < len(held) else None
        for slot in busy:
            block = Block(number, [], [])
            if before is not None:
                _meet(block, 8 + before % 8, len(busy) + len(used[before]))
            for step in windows[number]:
                for phase in phases.get(step, []):
                    block.acts += phase[slot]
                    _meet(block, number % 8, len(busy))
            _drop_last(block)
            if after is not None:
                _meet(block, 8 + number % 8, len(busy) + len(used[after]))
            found.append(block)
    return found


def _busy(phases: Phases, window: Sequence[int], count: int) -> list[int]:
    """List the blocks that have something to do in a window."""
    return [
        slot
        for slot in range(count)
        if any(phase[slot] for step in window for phase in phases.get(step, []))
    ]


def _meet(block: Block, barrier: int, blocks: int) -> None:
    """Let a block meet others, or only its own threads if there are none."""
    if blocks == 1:
        block.acts.append(FENCE)
    else:
        block.acts.append(MEET)
        block.meets.append((barrier, blocks))


def _drop_last(block: Block) -> None:
    """Leave out the meeting behind the last thing that is done."""
    last = block.acts.pop()
    if last is MEET:
        block.meets.pop()
