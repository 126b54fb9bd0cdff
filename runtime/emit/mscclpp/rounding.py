"""Uneven shares in equal chunks: how many chunks a block takes, and what the rounding loses."""

from dataclasses import dataclass, replace
from fractions import Fraction

from runtime.metrics.link_loads import throughput
from runtime.program.buffer_plan import moves
from runtime.program.memory_layout import places
from runtime.program.program import ProgramError
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold

MOST_CHUNKS = 4096  # of the largest buffer, so that a message of 64 KiB can be cut so
LOSS = Fraction(1, 20)  # of the throughput, that is worth a proposal


@dataclass(frozen=True)
class Rounding:
    """Equal chunks of a block, and the part of the throughput that they lose."""

    chunks: int
    loss: Fraction


def choose_chunks(schedule: Schedule, given: int | None, pipeline: int = 1) -> Rounding:
    """Cut every block into so many equal chunks, or into as many as its shares need.

    Args:
        schedule: without copies and additions in switches.
        given: chunks of a block.
        pipeline: the parts of a piece that follow each other.

    Raises:
        ProgramError: blocks of different sizes, shares that need too many chunks, or so few are
            given that a piece has none.
    """
    what = schedule.collective
    if len(set(what.sizes.tolist())) > 1:
        raise ProgramError("blocks of different sizes: a plan's buffers are of equal chunks")
    buffer = what.total // int(what.sizes[0])
    if given is not None:
        if given * buffer > MOST_CHUNKS:
            raise ProgramError(f"{given * buffer} chunks of the buffer, at most {MOST_CHUNKS}")
        return Rounding(given, loss(schedule, given))
    need = moves(schedule).parts * pipeline
    if need * buffer <= MOST_CHUNKS:
        return Rounding(need, Fraction(0))
    raise ProgramError(
        f"the shares are multiples of 1/{need} of a block, beyond {MOST_CHUNKS} chunks of a "
        f"buffer; {_propose(schedule, MOST_CHUNKS // buffer)}"
    )


def _propose(schedule: Schedule, most: int) -> str:
    """Say which number of chunks would do."""
    tried = 1
    while tried <= most:
        lost = loss(schedule, tried)
        if lost <= LOSS:
            return f"--equal-chunks {tried} rounds them and loses {float(lost):.2%}"
        tried = max(tried + 1, tried * 5 // 4)
    return f"--equal-chunks {most} rounds them and loses {float(loss(schedule, most)):.2%}"


def loss(schedule: Schedule, chunks: int) -> Fraction:
    """Compute the part of the throughput that is lost if blocks are of so many chunks.

    Pieces are cut where a program of this size cuts them. Complexity: hops.
    """
    plan = moves(schedule)
    length = places(plan, chunks * _buffer(schedule), in_place=False).length
    whole = unfold(schedule)
    shares = tuple(Fraction(int(each), chunks) for each in length.tolist())
    before, after = throughput(whole).algbw, throughput(replace(whole, share=shares)).algbw
    if before is None or after is None:
        return Fraction(0)
    return max(1 - after / before, Fraction(0))


def _buffer(schedule: Schedule) -> int:
    return schedule.collective.total // int(schedule.collective.sizes[0])
