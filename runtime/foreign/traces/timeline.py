"""Timelines for Perfetto and Chrome: rows of ranks and of links, and what fills them when."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from runtime.foreign.errors import ForeignError
from runtime.foreign.traces.play import Played, Ways, play
from runtime.foreign.traces.trace import Trace
from topologies.model.topology import Topology
from topologies.model.units import Seconds, bytes_of

MOST_EVENTS = 10**6  # that viewers still take
MICRO = 1e6
LINKS = 10**6  # the process of the links, behind those of the ranks


class Stretch(NamedTuple):
    """What fills a row from one moment to another.

    Attributes:
        process: number of the rank in the picture, or LINKS.
        row: where it stands in the process, and the row's name.
        args: what a viewer shows when it is selected.
    """

    process: int
    row: tuple[int, str]
    name: str
    begin: Seconds
    end: Seconds
    args: Mapping[str, int]


def timeline(
    trace: Trace,
    ways: Ways,
    topology: Topology,
    ranks: Sequence[int],
    *,
    stored: bool,
    overhead: Seconds = 0.0,
) -> tuple[str, Seconds]:
    """Play a trace, and write who sends, who hears and which link carries what, when.

    Args:
        trace: any.
        ways: of messages over the links of the machine.
        topology: the machine.
        ranks: of it, for each rank of the trace.
        stored: whether links store and forward.
        overhead: seconds of a rank for each message at either end.

    Returns:
        The JSON, and the seconds that it took.

    Raises:
        ForeignError: a deadlock, or more events than viewers take.
    """
    found: list[Stretch] = []
    names = [topology.names[rank] for rank in ranks]

    def note(played: Played) -> None:
        if len(found) >= MOST_EVENTS:
            raise ForeignError(f"more than {MOST_EVENTS} events: take a smaller size")
        found.append(_stretch(played, topology, names))

    seconds = play(trace, ways, stored=stored, overhead=overhead, watch=note)
    return write(found, names), seconds


def _stretch(played: Played, topology: Topology, names: Sequence[str]) -> Stretch:
    args = {"bytes": played.size, "tag": played.tag}
    times = played.begin, played.end
    if played.link is None:
        return message(names, played.src, played.dst, played.sends, times, args)
    return on_link(topology, played.link, (names[played.src], names[played.dst]), times, args)


def message(
    names: Sequence[str],
    src: int,
    dst: int,
    sends: bool,
    times: tuple[Seconds, Seconds],
    args: Mapping[str, int],
) -> Stretch:
    """Show one end of a message in the row of its rank for that peer and direction."""
    process, peer, word = (src, dst, "to") if sends else (dst, src, "from")
    title = f"{word} {names[peer]}"
    size = bytes_of(args["bytes"])
    return Stretch(process, (2 * peer + (not sends), title), f"{title}, {size}", *times, args)


def on_link(
    topology: Topology,
    link: int,
    ends: tuple[str, str],
    times: tuple[Seconds, Seconds],
    args: Mapping[str, int],
) -> Stretch:
    """Show a message in the row of a link."""
    name = f"{ends[0]} to {ends[1]}, {bytes_of(args['bytes'])}"
    return Stretch(LINKS, (link, topology.link_name(link)), name, *times, args)


def write(stretches: Iterable[Stretch], names: Sequence[str]) -> str:
    """Write stretches as the JSON of Chrome's trace events.

    Viewers drop what overlaps in a row: what does goes to another row of the same name.

    Args:
        stretches: in any order.
        names: of the ranks, by process.
    """
    ordered = sorted(stretches, key=lambda each: (each.process, each.row, each.begin, each.end))
    events: list[dict[str, Any]] = []
    heads = [_name("process", place, 0, name) for place, name in enumerate(names)]
    thread, before, last = -1, None, list[float]()  # last: the end of each row of that name
    for each in ordered:
        if (each.process, each.row) != before:
            thread += len(last) if before and before[0] == each.process else 1
            thread = 0 if not before or before[0] != each.process else thread
            before, last = (each.process, each.row), []
        begin, end = round(each.begin * MICRO, 6), round(each.end * MICRO, 6)
        free = next((i for i, until in enumerate(last) if until <= begin), len(last))
        if free == len(last):
            last.append(end)
            heads.append(_name("thread", each.process, thread + free, each.row[1]))
        last[free] = end
        events.append(
            {
                "ph": "X",
                "name": each.name,
                "pid": each.process,
                "tid": thread + free,
                "ts": begin,
                "dur": round(end - begin, 6),
                "args": dict(each.args),
            }
        )
    if any(event["pid"] == LINKS for event in events):
        heads.append(_name("process", LINKS, 0, "links"))
    rows = ",\n".join(json.dumps(event) for event in (*heads, *events))
    return f'{{"displayTimeUnit": "ns", "traceEvents": [\n{rows}\n]}}\n'


def _name(what: str, process: int, thread: int, name: str) -> dict[str, Any]:
    made = {"ph": "M", "name": f"{what}_name", "pid": process, "args": {"name": name}}
    return made if what == "process" else {**made, "tid": thread}
