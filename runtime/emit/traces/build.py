"""From a program to a trace: its messages, copies and sums, and the lead as work of no length."""

from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from runtime.foreign.traces.trace import MOST_NODES, Kind, Node, Trace
from runtime.metrics.chunking import chunks as best_chunks
from runtime.metrics.pacing import pacing_of
from runtime.program.coalescing import JOINED
from runtime.program.dependencies import of_program
from runtime.program.elements import width
from runtime.program.lower import lower
from runtime.program.memory_layout import elements
from runtime.program.program import Action, Program, ProgramError
from solvers.schedules.kinds import is_sized
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.model.ragged import starts, within
from topologies.model.units import Bytes

_KINDS = {Action.SEND: Kind.SEND, Action.RECV: Kind.RECEIVE}
USUAL = 2**20  # bytes, where no size is given
DTYPE = "float32"


class Made(NamedTuple):
    """A trace, the rank of the machine that each rank of it is, and the links of its messages."""

    trace: Trace
    ranks: tuple[int, ...]
    routes: dict[tuple[int, int, int], tuple[int, ...]]


def make_trace(
    schedule: Schedule,
    size: Bytes | None,
    chunks: int | None = None,
    lead: int | None = None,
) -> Made:
    """Write the program of a size as a trace.

    Small messages between two ranks are one only where a message costs the ranks something: such
    a one has one way, where its pieces may have several.

    Args:
        schedule: any that is right, in which no switch copies or adds.
        size: in bytes; that of the collective, or 1 MiB, if none is given.
        chunks: of each piece; as many as suit the size, if none are given.
        lead: of the program; that of the schedule, if none is given.

    Raises:
        ProgramError: no program can be made, or it has too many operations.
    """
    what = schedule.collective
    if size is None:
        size = what.total if is_sized(what) else USUAL
    count = elements(what, size, DTYPE)
    cut = best_chunks(schedule, size) if chunks is None else chunks
    if len(schedule.transfers) * schedule.group.order * cut * 2 > MOST_NODES:
        raise ProgramError(
            f"more than {MOST_NODES} operations: say fewer chunks=N, or a smaller size"
        )
    ahead = pacing_of(schedule).lead if lead is None else lead
    joined = JOINED if schedule.topology.overheads.any() else 0
    program = lower(schedule, count, dtype=DTYPE, chunks=cut, lead=ahead, joined=joined)
    return Made(from_program(program), program.ranks, _routes(schedule, program))


def _routes(schedule: Schedule, program: Program) -> dict[tuple[int, int, int], tuple[int, ...]]:
    """Look up the links of each message; those of one that is joined are its first piece's."""
    whole = unfold(schedule).transfers
    place = {rank: process for process, rank in enumerate(program.ranks)}
    links: dict[tuple[int, int, int], tuple[int, ...]] = {}
    for t in range(len(whole)):
        row = whole[t]
        links.setdefault((place[row.src], place[row.dst], row.piece), row.route)
    tags = _tags(program)
    found = {}
    for line in np.flatnonzero(program.action == Action.SEND).tolist():
        ends = int(program.process[line]), int(program.peer[line])
        found[(*ends, tags[line])] = links[(*ends, int(program.piece[line]))]
    return found


def from_program(program: Program) -> Trace:
    """Write a program as a trace; what its instructions wait for is what they touch, and the lead.

    Complexity: instructions × log.
    """
    before, after = of_program(program)
    order = np.argsort(after, kind="stable")
    first = starts(np.bincount(after, minlength=len(program))).tolist()
    needs, tags = before[order].tolist(), _tags(program)
    made = []
    for begin, end in zip(program.bounds.tolist(), program.bounds[1:].tolist(), strict=False):
        own = [
            [need - begin for need in needs[first[line] : first[line + 1]]]
            for line in range(begin, end)
        ]
        made.append(_rank(program, begin, end, own, tags))
    return tuple(made)


def _tags(program: Program) -> list[int]:
    """Give the messages of each pair numbers from 0, the same at both ends."""
    tags = np.zeros(len(program), dtype=np.int64)
    for action in (Action.SEND, Action.RECV):
        lines = np.flatnonzero(program.action == action)
        pair = program.process[lines] * program.processes + program.peer[lines]
        order = np.argsort(pair, kind="stable")
        tags[lines[order]] = within(np.unique(pair, return_counts=True)[1])
    tags_listed: list[int] = tags.tolist()
    return tags_listed


def _rank(
    program: Program, begin: int, end: int, needs: list[list[int]], tags: list[int]
) -> tuple[Node, ...]:
    """Write the instructions of one process, and behind them the gates of its steps.

    A gate is over when all messages of its step and of smaller ones are; with a lead of L a message
    waits for the gate of the last step that is L or more before its own.
    """
    action, step, peer = (
        column[begin:end].tolist() for column in (program.action, program.step, program.peer)
    )
    size = (program.size[begin:end] * width(program.dtype)).tolist()
    messages: dict[int, list[int]] = {}
    for line in range(end - begin):
        if action[line] in _KINDS:
            messages.setdefault(step[line], []).append(line)
    steps = sorted(messages)
    gate = {each: end - begin + place for place, each in enumerate(steps)}
    last: dict[tuple[int, int], int] = {}
    nodes = []
    for line, waits in enumerate(needs):
        kind = _KINDS.get(action[line], Kind.WORK)
        if kind == Kind.WORK:
            nodes.append(Node(kind, requires=tuple(waits)))
            continue
        earlier = bisect_right(steps, step[line] - program.lead)
        gates = [gate[steps[earlier - 1]]] if earlier else []
        follows = last.get((kind, peer[line]))
        last[kind, peer[line]] = line
        nodes.append(
            Node(
                kind,
                peer[line],
                size[line],
                tags[begin + line],
                (*waits, *gates),
                () if follows is None else (follows,),
            )
        )
    for place, each in enumerate(steps):
        behind = [gate[steps[place - 1]]] if place else []
        nodes.append(Node(Kind.WORK, requires=(*messages[each], *behind)))
    return tuple(nodes)
