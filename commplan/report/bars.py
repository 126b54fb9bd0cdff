"""When each rank and each link is at work, as bars: the program of one size, played once."""

from dataclasses import dataclass

from runtime.emit.traces.build import make_trace
from runtime.foreign.traces.play import Played, over_links, play
from runtime.metrics.chunking import chunks
from solvers.schedules.schedule import Schedule
from topologies.model.units import Bytes, Seconds

MOST = 60_000  # bars of a page, at most: a second to play them


@dataclass(frozen=True)
class Bars:
    """Stretches of time, row after row.

    Attributes:
        size: that was played, in bytes.
        chunks: of each piece.
        seconds: until all is over.
        rows: names of ranks that send, of ranks that hear, and of links.
        row, begin, end: of each bar; seconds.
        src, dst: the ranks between which a message goes.
    """

    size: Bytes
    chunks: int
    seconds: Seconds
    rows: tuple[str, ...]
    row: tuple[int, ...]
    begin: tuple[Seconds, ...]
    end: tuple[Seconds, ...]
    src: tuple[int, ...]
    dst: tuple[int, ...]


def play_bars(schedule: Schedule, size: Bytes, most: int = MOST) -> Bars | None:
    """Play the program of a size; None where there are too many messages at every chunking.

    Chunks are taken away until few enough bars are left. A bar is a message on a link, or at one
    of its ends.

    Args:
        schedule: right, without switches that copy or add.
        size: in bytes.
        most: bars.
    """
    visits = len(schedule.transfers.route) * schedule.group.order
    visits += 2 * len(schedule.transfers) * schedule.group.order
    if schedule.at_switches or not 0 < visits <= most:
        return None
    cut = max(1, min(chunks(schedule, size), most // visits))
    trace, ranks, routes = make_trace(schedule, size, cut)
    machine = schedule.topology
    seen: list[Played] = []
    overhead = float(machine.overheads.max(initial=0.0))
    ways = over_links(machine, ranks, routes)
    seconds = play(trace, ways, stored=False, overhead=overhead, watch=seen.append)
    names = [machine.names[rank] for rank in ranks]
    n = len(names)
    links = sorted({each.link for each in seen if each.link is not None})
    place = {link: 2 * n + i for i, link in enumerate(links)}
    rows = [*(f"{name} sends" for name in names), *(f"{name} hears" for name in names)]
    rows += [machine.link_name(link) for link in links]
    drawn = [_Bar.of(each, place, n) for each in seen]
    drawn.sort(key=lambda bar: (bar.row, bar.begin))
    return Bars(
        size,
        cut,
        seconds,
        tuple(rows),
        tuple(bar.row for bar in drawn),
        tuple(bar.begin for bar in drawn),
        tuple(bar.end for bar in drawn),
        tuple(ranks[bar.src] for bar in drawn),
        tuple(ranks[bar.dst] for bar in drawn),
    )


@dataclass(frozen=True)
class _Bar:
    row: int
    begin: Seconds
    end: Seconds
    src: int
    dst: int

    @classmethod
    def of(cls, played: Played, place: dict[int, int], ranks: int) -> "_Bar":
        if played.link is not None:
            row = place[played.link]
        else:
            row = played.src if played.sends else ranks + played.dst
        return cls(row, played.begin, played.end, played.src, played.dst)
