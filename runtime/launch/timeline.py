"""From the rows that a program writes of one run to a timeline by rank and by link."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from runtime.foreign.traces.timeline import (
    MOST_EVENTS,
    Stretch,
    message,
    on_link,
    write,
)
from runtime.launch.mpi import LaunchError
from runtime.program.buffer_plan import moves
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.model.units import Seconds, bytes_of

HEAD = ["process", "action", "peer", "bytes", "step", "piece", "began", "ended"]
LOCAL = {"copy": "copies", "add": "adds"}


class Event(NamedTuple):
    """A message, copy or sum of one process: seconds since the first of all began."""

    process: int
    action: str
    peer: int
    size: int
    step: int
    piece: int
    began: Seconds
    ended: Seconds


def timeline(schedule: Schedule, path: Path) -> tuple[str, Seconds]:
    """Read what a program wrote, and write it for Perfetto and Chrome.

    A send lasts from its start to when MPI was seen to be done with it. A link is filled from when
    both ends of a message have begun to when the receiver saw it: that is known of the message, not
    of the link, which may carry several at once.

    Args:
        schedule: what ran.
        path: of the rows.

    Returns:
        The JSON, and the seconds that it took.

    Raises:
        LaunchError: there are no such rows, or more than viewers take.
    """
    try:
        with path.open(encoding="ascii", newline="") as file:
            rows = list(csv.reader(file))
    except OSError:
        raise LaunchError("the program wrote no timeline") from None
    if rows[:1] != [HEAD]:
        raise LaunchError("the program wrote no timeline")
    if len(rows) > MOST_EVENTS:
        raise LaunchError(f"a timeline of more than {MOST_EVENTS} events: take a smaller size")
    events = [_event(row) for row in rows[1:]]
    names = [schedule.topology.names[rank] for rank in moves(schedule).ranks]
    found = [*_by_rank(events, names), *_by_link(events, schedule, names)]
    return write(found, names), max((each.ended for each in events), default=0.0)


def _event(row: Sequence[str]) -> Event:
    process, action, peer, size, step, piece, began, ended = row
    whole = int(process), action, int(peer), int(size), int(step), int(piece)
    return Event(*whole, float(began), float(ended))


def _args(event: Event) -> dict[str, int]:
    return {"bytes": event.size, "step": event.step, "piece": event.piece}


def _by_rank(events: Sequence[Event], names: Sequence[str]) -> Iterator[Stretch]:
    for each in events:
        times, args = (each.began, each.ended), _args(each)
        if each.action in LOCAL:
            row, size = (-1, "copies and sums"), bytes_of(each.size)
            yield Stretch(each.process, row, f"{LOCAL[each.action]} {size}", *times, args)
        else:
            sends = each.action == "send"
            ends = (each.process, each.peer) if sends else (each.peer, each.process)
            yield message(names, *ends, sends, times, args)


def _by_link(
    events: Sequence[Event], schedule: Schedule, names: Sequence[str]
) -> Iterator[Stretch]:
    """Match both ends of each message, which are in the same order, and look up its links."""
    transfers, ranks = unfold(schedule).transfers, moves(schedule).ranks
    place = {rank: process for process, rank in enumerate(ranks)}
    routes: dict[tuple[int, int, int], tuple[int, ...]] = {}
    for t in range(len(transfers)):
        row = transfers[t]
        routes.setdefault((place[row.src], place[row.dst], row.piece), row.route)
    sent: dict[tuple[int, int], list[Event]] = {}
    for each in events:
        if each.action == "send":
            sent.setdefault((each.process, each.peer), []).append(each)
    begun = {pair: iter(each) for pair, each in sent.items()}
    for each in events:
        if each.action == "receive":
            pair = each.peer, each.process
            both = max(next(begun[pair]).began, each.began)
            times = min(both, each.ended), each.ended  # clocks of two computers may differ
            ends = names[pair[0]], names[pair[1]]
            for link in routes.get((*pair, each.piece), ()):
                yield on_link(schedule.topology, link, ends, times, _args(each))
