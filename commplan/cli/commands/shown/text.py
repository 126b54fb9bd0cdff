"""`commplan show`: a schedule, the program of a rank, the way of a piece, and the certificate."""

import click

from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import (
    dtype,
    schedule_in,
    size_option,
    size_or_demand,
    whole_elements,
)
from commplan.cli.io.needless import refuse_size, refuse_type
from commplan.cli.io.quantities import Whole
from runtime.alone.own_exchange import without_blocks
from runtime.alone.own_program import lower_for, processes_of
from runtime.metrics.chunking import chunks
from runtime.program.lower import lower
from runtime.program.memory_layout import elements
from runtime.program.program import Program
from runtime.program.text import program_text
from runtime.verify.structure import check_sound
from solvers.certify.text import certificate_text
from solvers.schedules.kinds import is_sized
from solvers.schedules.schedule import Schedule
from solvers.schedules.text import LINES, piece_text, schedule_text
from topologies.model import selection
from topologies.model.messages import prefix, printable
from topologies.model.topology import TopologyError
from topologies.model.units import Bytes

PROGRAM = 2**14  # messages of a chunk, above which the program of a rank is made alone
SIZE = 2**20  # bytes, of a program for which no size is given


@click.command(cls=Command)
@schedule_in
@size_option
@dtype
@click.option("--rank", help="The program of a rank, by number or name: what it does, in order.")
@click.option("--piece", type=Whole(0, 2**31), help="The way of one piece: its tree.")
@click.option(
    "--certificate", is_flag=True, help="Why nothing is faster: a cut or prices, the arithmetic."
)
@click.option("--all", "whole", is_flag=True, help=f"Every line, not the first {LINES} of a part.")
def show(
    schedule: Schedule,
    size: Bytes | None,
    dtype: str,
    rank: str | None,
    piece: int | None,
    certificate: bool,
    whole: bool,
) -> Answer:
    """Print a schedule as text: its pieces and transfers, or one of the parts asked for.

    Of a symmetric schedule the representatives are printed. --size is that of the program of a
    rank (1 MiB), and says which schedule of a set is meant.
    """
    if rank is None:
        refuse_size(click.get_current_context().params["file"], size)
        refuse_type("the program of a --rank")
    check_sound(schedule)
    most = None if whole else LINES
    texts = []
    if rank is not None:
        texts.append(_program(schedule, rank, size, dtype, most))
    if piece is not None:
        if piece >= schedule.pieces:
            found = f"{piece} is none; expected less than {schedule.pieces}, the pieces shown"
            raise click.BadParameter(found, param_hint="--piece")
        texts.append(piece_text(schedule, piece, most))
    if certificate:
        texts.append(certificate_text(schedule, most))
    if not texts:
        texts.append(schedule_text(schedule, most))
    lines = [printable(line) for line in "\n\n".join(texts).split("\n")]
    return Answer({"text": "\n".join(lines)}, lines)


def _program(
    schedule: Schedule, rank: str, size: Bytes | None, dtype: str, most: int | None
) -> str:
    """Write the program of a rank, in chunks as programs choose them.

    Raises:
        TopologyError: there is no such rank.
    """
    schedule = without_blocks(schedule)
    machine, what = schedule.topology, schedule.collective
    try:
        chosen = selection.rank(machine, rank)
    except TopologyError as error:
        raise TopologyError(prefix("Invalid value for --rank", error.faults)) from None
    if size is None and not is_sized(what):
        size = SIZE
    used = whole_elements(what, size_or_demand(what, size), dtype)
    count = elements(what, used, dtype)
    program = _lowered(schedule, chosen, count, dtype, chunks(schedule, used))
    text, order = program_text(program, chosen, machine.names, most), schedule.group.order
    images = f"piece q here is an image of piece q // {order:,} of the schedule"
    return text if order == 1 else f"{text}\n{images}"


def _lowered(schedule: Schedule, rank: int, count: int, dtype: str, chunks: int) -> Program:
    """Make the program of all, or of the rank alone where that of all would be large."""
    large = len(schedule.transfers) * schedule.group.order > PROGRAM
    if large and rank in processes_of(schedule):
        return lower_for(schedule, rank, count, dtype=dtype, chunks=chunks).program
    return lower(schedule, count, dtype=dtype, chunks=chunks)
