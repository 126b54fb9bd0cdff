"""What every emitted program holds: the plan as figures and words, ready to be written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from runtime.metrics.busbw import factor
from runtime.metrics.chunking import Pipelining, pipelining
from runtime.program.buffer_plan import Moves, moves
from runtime.program.lower import last_turns, refuse_unlike
from runtime.program.program import Buffer, ProgramError
from runtime.program.receive_mode import Landing
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule
from topologies.model.topology import IntArray

# Beyond this a program's text would be too large to compile and to read.
MESSAGE_LIMIT = 2_000_000

BUFFERS = {Buffer.INPUT: "in", Buffer.OUTPUT: "out", Buffer.SCRATCH: "scratch"}
LANDINGS = {landing: landing.name.lower() for landing in Landing}


@dataclass(frozen=True, eq=False)
class Tables:
    """A schedule's plan, and what a program says about it."""

    moves: Moves
    pipelining: Pipelining
    topology: str
    title: str

    @property
    def collective(self) -> Collective:
        """Give the collective."""
        return self.moves.collective

    @property
    def root(self) -> int:
        """Give the root as nccl-tests print it: -1 where there is none."""
        return -1 if self.collective.root is None else self.collective.root

    @property
    def reduces(self) -> bool:
        """Tell whether anything is added up."""
        return any(len(holders) > 1 for holders in self.collective.holders)

    @property
    def pieces(self) -> Iterator[tuple[int, int, int]]:
        """Give the block, first part and last part of each piece."""
        plan = self.moves
        return zip(plan.block.tolist(), plan.first.tolist(), plan.last.tolist(), strict=True)

    @property
    def kept(self) -> Iterator[tuple[int, int]]:
        """Give process and piece of what stays where it is held and wanted."""
        plan = self.moves
        return zip(plan.copy_process.tolist(), plan.copy_piece.tolist(), strict=True)

    @property
    def transfers(self) -> Iterator[tuple[int | str, ...]]:
        """Give step, piece, src, dst, source, target, landing, turn and held of each transfer."""
        plan = self.moves
        numbers = (plan.step, plan.piece, plan.src, plan.dst)
        return zip(
            *(column.tolist() for column in numbers),
            (BUFFERS[Buffer(word)] for word in plan.source.tolist()),
            (BUFFERS[Buffer(word)] for word in plan.target.tolist()),
            (LANDINGS[Landing(word)] for word in plan.landing.tolist()),
            last_turns(plan).tolist(),
            plan.held.tolist(),
            strict=True,
        )


def tables(schedule: Schedule) -> Tables:
    """Draw from a schedule what an emitted program holds.

    Raises:
        ProgramError: the program would have more than MESSAGE_LIMIT messages, or leave ranks with
            different bits of one result.
    """
    messages = len(schedule.transfers) * schedule.group.order
    if messages > MESSAGE_LIMIT:
        raise ProgramError(
            f"{messages} messages are too many to emit, the limit is {MESSAGE_LIMIT}; fewer ranks "
            "have fewer, and so have trees where each root has one (`commplan compile --trees 1`)"
        )
    name = plain(schedule.topology.name)
    what = plain(schedule.collective.name)
    plan = moves(schedule)
    refuse_unlike(schedule)
    return Tables(plan, pipelining(schedule), name, f"{what} on {name}")


def plain(name: str) -> str:
    """Make a name from outside harmless in source code: letters, digits and a few marks."""
    return re.sub(r"[^A-Za-z0-9_.+=:, -]", "_", name)[:200]


def busbw_factor(collective: Collective) -> float:
    """Give busbw / algbw."""
    return float(factor(collective))


def run_of(blocks: IntArray) -> tuple[int, int, int] | None:
    """Give (first, stop, stride) of blocks that lie evenly, None of others."""
    if not len(blocks):
        return 0, 0, 1
    first = int(blocks[0])
    stride = int(blocks[1]) - first if len(blocks) > 1 else 1
    if stride < 1 or (np.diff(blocks) != stride).any():
        return None
    return first, int(blocks[-1]) + 1, stride
