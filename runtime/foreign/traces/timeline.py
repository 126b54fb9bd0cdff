"""A played trace as a timeline for Perfetto and Chrome: by rank, and by link."""

import json
from collections.abc import Sequence

from runtime.foreign.errors import ForeignError
from runtime.foreign.traces.play import Played, Ways, play
from runtime.foreign.traces.trace import Trace
from topologies.model.topology import Topology
from topologies.model.units import Seconds, bytes_of

MOST_EVENTS = 10**6  # that viewers still take
MICRO = 1e6


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
    events: list[dict[str, object]] = []

    def note(played: Played) -> None:
        if len(events) >= MOST_EVENTS:
            raise ForeignError(f"more than {MOST_EVENTS} events: take a smaller size")
        events.append(_slice(played, topology, ranks))

    seconds = play(trace, ways, stored=stored, overhead=overhead, watch=note)
    named = list(_names(topology, ranks, {int(str(e["tid"])) for e in events if e["pid"] == LINKS}))
    rows = ",\n".join(json.dumps(event) for event in (*named, *events))
    return f'{{"displayTimeUnit": "ns", "traceEvents": [\n{rows}\n]}}\n', seconds


LINKS = 10**6  # the process of the links, behind those of the ranks


def _slice(played: Played, topology: Topology, ranks: Sequence[int]) -> dict[str, object]:
    """Write one stretch of time."""
    src, dst = (topology.names[ranks[end]] for end in (played.src, played.dst))
    size = bytes_of(played.size)
    common = {
        "ph": "X",
        "ts": round(played.begin * MICRO, 6),
        "dur": round((played.end - played.begin) * MICRO, 6),
        "args": {"bytes": played.size, "tag": played.tag},
    }
    if played.link is not None:
        return {"name": f"{src} to {dst}, {size}", "pid": LINKS, "tid": played.link, **common}
    if played.sends:
        return {"name": f"to {dst}, {size}", "pid": played.src, "tid": 2 * played.dst, **common}
    return {"name": f"from {src}, {size}", "pid": played.dst, "tid": 2 * played.src + 1, **common}


def _names(topology: Topology, ranks: Sequence[int], links: set[int]) -> list[dict[str, object]]:
    """Name the rows of the picture."""
    found: list[dict[str, object]] = []
    for place, rank in enumerate(ranks):
        found.append(_name("process", place, 0, topology.names[rank]))
        for other, peer in enumerate(ranks):
            if other != place:
                name = topology.names[peer]
                found.append(_name("thread", place, 2 * other, f"to {name}"))
                found.append(_name("thread", place, 2 * other + 1, f"from {name}"))
    found.append(_name("process", LINKS, 0, "links"))
    return found + [
        _name("thread", LINKS, link, topology.link_name(link)) for link in sorted(links)
    ]


def _name(what: str, process: int, thread: int, name: str) -> dict[str, object]:
    made = {"ph": "M", "name": f"{what}_name", "pid": process, "args": {"name": name}}
    return made if what == "process" else {**made, "tid": thread}
