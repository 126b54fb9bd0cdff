"""Programs as text for a person: what each rank does, in its order."""

from collections.abc import Iterator, Sequence

import numpy as np

from runtime.program.program import Action, Buffer, Program
from solvers.schedules.text import LINES
from topologies.model.messages import first_lines

RANKS = 8  # that are written, unless all are asked for
_WORDS = {Action.COPY: "copy", Action.ADD: "add", Action.SEND: "send", Action.RECV: "receive"}


def program_text(
    program: Program, rank: int | None = None, names: Sequence[str] = (), most: int | None = LINES
) -> str:
    """Write the instructions of one rank, or of all of them.

    Args:
        program: any.
        rank: the rank whose instructions are meant; None for those of every rank.
        names: of the ranks, by their numbers; without them the numbers are written.
        most: lines for each rank, of a few ranks; None for all lines of all.
    """
    lines = [_title(program)]
    chosen = [i for i, each in enumerate(program.ranks) if rank in (None, each)]
    for process in chosen if most is None else chosen[:RANKS]:
        lines += ["", *_process(program, process, names, most)]
    if most is not None and len(chosen) > RANKS:
        lines += ["", f"... {len(chosen) - RANKS:,} more ranks"]
    if not chosen and rank is not None:
        lines += ["", f"{_name(rank, names)}: does nothing"]
    return "\n".join(lines)


def _title(program: Program) -> str:
    """Say for what a program is."""
    chunks = f"{program.chunks} chunk{'s' * (program.chunks != 1)}"
    place = "in place" if program.in_place else "out of place"
    size = f"{program.count:,} element{'s' * (program.count != 1)} of {program.dtype}"
    adds = f", {program.op}" if (program.action == Action.ADD).any() else ""
    how = f"{chunks}, lead {program.lead}, {place}"
    return f"program of {program.processes} ranks: {size}{adds}, {how}"


def _name(rank: int, names: Sequence[str]) -> str:
    return names[rank] if rank < len(names) else f"rank {rank}"


def _process(
    program: Program, process: int, names: Sequence[str], most: int | None
) -> Iterator[str]:
    """Write the memory of a process, and its instructions step by step."""
    memory = [f"{b.name.lower()} {program.counts[process, b]:,}" for b in Buffer]
    yield f"{_name(program.ranks[process], names)}, elements: {', '.join(memory)}"
    first, last = program.bounds[process : process + 2].tolist()
    steps = len(np.unique(program.step[first:last]))
    yield from first_lines(_steps(program, first, last, names), last - first + steps, most)


def _steps(program: Program, first: int, last: int, names: Sequence[str]) -> Iterator[str]:
    now = None
    for i in range(first, last):
        if program.step[i] != now:
            now = program.step[i]
            yield f"  step {now}"
        yield f"    {_instruction(program, i, names)}"


def _instruction(program: Program, i: int, names: Sequence[str]) -> str:
    """Write one instruction: `add      output[0:8] += scratch[0:8], piece 3`."""
    action = Action(int(program.action[i]))
    size = int(program.size[i])
    here = _stretch(program.buffer[i], program.offset[i], size)
    if action in (Action.COPY, Action.ADD):
        there = _stretch(program.source[i], program.source_offset[i], size)
        what = f"{here} {'+=' if action is Action.ADD else '='} {there}"
    else:
        peer = _name(program.ranks[program.peer[i]], names)
        what = f"{here} {'to' if action is Action.SEND else 'from'} {peer}"
    piece = f", piece {program.piece[i]}" if program.piece[i] >= 0 else ""
    return f"{_WORDS[action]:8} {what}{piece}"


def _stretch(buffer: int, offset: int, size: int) -> str:
    return f"{Buffer(int(buffer)).name.lower()}[{offset}:{int(offset) + size}]"
