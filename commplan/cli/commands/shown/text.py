"""`commplan show`: a schedule, the program of a rank, the way of a piece, and the certificate."""

from dataclasses import replace

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
from runtime.metrics.chunking import chunks
from runtime.program.lower import lower
from runtime.program.memory_layout import elements
from runtime.program.text import program_text
from runtime.verify.structure import check_sound
from solvers.certify.text import certificate_text
from solvers.schedules.kinds import is_sized
from solvers.schedules.schedule import Schedule
from solvers.schedules.text import LINES, piece_text, schedule_text, steps_text
from solvers.schedules.unfold import part_of
from topologies.model import selection
from topologies.model.messages import first_lines, prefix, printable
from topologies.model.topology import TopologyError
from topologies.model.units import Bytes
from topologies.symmetry.group import trivial

PROGRAM = 2**22  # messages of a chunk, above which no program is made to show that of a rank
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


def _messages(schedule: Schedule, rank: int, most: int | None) -> str:
    """Write what a rank sends and receives, where the program of all would be too large."""
    machine = schedule.topology
    part = part_of(schedule, rank)
    sent = int((part.src == rank).sum())
    what = f"sends {sent:,} messages and receives {len(part) - sent:,}, of all chunks"
    every = replace(schedule, transfers=part, group=trivial(machine))
    order = schedule.group.order
    return "\n".join(
        [
            f"{machine.names[rank]} {what}",
            *first_lines(steps_text(every), len(part), most),
            f"piece q here is an image of piece q // {order:,} of the schedule",
        ]
    )


def _program(
    schedule: Schedule, rank: str, size: Bytes | None, dtype: str, most: int | None
) -> str:
    """Write the program of a rank, in chunks as programs choose them.

    Raises:
        TopologyError: there is no such rank.
    """
    machine, what = schedule.topology, schedule.collective
    try:
        chosen = selection.rank(machine, rank)
    except TopologyError as error:
        raise TopologyError(prefix("Invalid value for --rank", error.faults)) from None
    if len(schedule.transfers) * schedule.group.order > PROGRAM:
        return _messages(schedule, chosen, most)
    if size is None and not is_sized(what):
        size = SIZE
    used = whole_elements(what, size_or_demand(what, size), dtype)
    count = elements(what, used, dtype)
    program = lower(schedule, count, dtype=dtype, chunks=chunks(schedule, used))
    text, order = program_text(program, chosen, machine.names, most), schedule.group.order
    images = f"piece q here is an image of piece q // {order:,} of the schedule"
    return text if order == 1 else f"{text}\n{images}"
