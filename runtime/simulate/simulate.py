"""How long a schedule takes at a size, by playing its program on the machine.

What is played, in whole ticks of a femtosecond or more:
1. Chunk c of a transfer at step s happens in program step s + c, for all chunks alike. A rank
   starts its messages of a program step when all its messages of the steps before, sent and
   received, are complete; a message is ready when both its ends have started the step.
2. A message visits the sending side of its rank, the links of its route, the receiving side of its
   rank. Each of these serves one message at a time: first those of earlier program steps, then in
   the order in which they became ready, among equals in that of `turns`.
3. A rank's side works `overhead` seconds on a message, a link bytes / bandwidth, with bytes the
   exact share of the chunk; alpha is added once for each link. What one rank sends another in a
   step and chunk, of at most `joined` bytes each, is one message, as in programs: the sender works
   on it before any part leaves, the receiver when the last part is there.
4. store-and-forward: a link begins when it has the whole message. cut-through: the head goes on as
   soon as the link is free for it; the link ends neither before the head's arrival plus bytes /
   bandwidth nor before the tail has arrived, and is free for others while it waits for the tail.
   A message is complete when its tail has left the last link and the receiver is done with it.
5. Only representatives are played. Ranks of one orbit of the group behave alike, so do links; on a
   link where m = order / orbit images of one crossing meet, they share it and together occupy it
   for m * bytes / bandwidth. Where the group fixes no rank and no link, m is 1 and nothing changes.
6. Once all chunks are under way all steps are alike; when a step has put every clock forward by
   the same time, so will the others, and they are not played one by one.
Where routes go around a circle of switches, a link serves those first that come on an earlier hop.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from runtime.metrics import chunking
from runtime.metrics.busbw import factor
from runtime.program.coalescing import JOINED
from runtime.simulate.messages import Classes, Traffic, Visits, traffic
from runtime.simulate.queues import serve
from runtime.verify.structure import sound
from solvers.schedules.schedule import Schedule
from topologies.model.arguments import number, refuse, whole
from topologies.model.topology import IntArray

Switching = Literal["cut-through", "store-and-forward"]
SWITCHINGS: tuple[Switching, ...] = ("cut-through", "store-and-forward")
BUSY = 0.5


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What holds the schedule up: a link, an endpoint, latency, or nothing where nothing moves.

    station: the busiest link or side of a rank; busy: the part of the time in which it works.
    """

    kind: Literal["link", "endpoint", "latency", "nothing"]
    station: str
    busy: float

    def __str__(self) -> str:
        if self.kind == "nothing":
            return "nothing moves"
        busiest = f"{self.station} is busy {self.busy:.0%} of the time"
        return f"latency: the busiest, {busiest}" if self.kind == "latency" else busiest


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a schedule is expected to do at one size: bytes, seconds, bytes per second.

    algbw is size / seconds, busbw makes it comparable over collectives; None where nothing moves.
    """

    size: float
    switching: Switching
    chunks: int
    steps: int
    seconds: float
    algbw: float | None
    busbw: float | None
    bottleneck: Bottleneck


def simulate(
    schedule: Schedule,
    size: float,
    switching: Switching = "cut-through",
    chunks: int | None = None,
    joined: int = JOINED,
) -> Simulation:
    """Play the program that a schedule becomes at a size, in `chunks` parts of each piece.

    size: bytes of a rank's largest buffer. Complexity: visits of representatives × log, for each
    program step that is played.

    Raises:
        ArgumentError: what is no schedule, no size above 0, no switching, no chunk.
    """
    sound(schedule)
    number("size", size, above=True)
    if switching not in SWITCHINGS:
        refuse("switching", switching, " or ".join(SWITCHINGS))
    if chunks is not None:
        whole("chunks", chunks, 1)
    whole("joined", joined)
    parts = chunking.chunks(schedule, int(size)) if chunks is None else chunks
    classes = Classes(schedule)
    work = traffic(schedule, classes, size, parts, switching == "store-and-forward", joined)
    clocks = _play(work, classes.ranks, parts)
    seconds = int(clocks.max()) * work.tick
    rate = size / seconds if seconds else None
    return Simulation(
        size=size,
        switching=switching,
        chunks=parts,
        steps=len(work.first) - 2 + parts if len(work.src) else 0,
        seconds=seconds,
        algbw=rate,
        busbw=None if rate is None else rate * float(factor(schedule.collective)),
        bottleneck=_bottleneck(work, classes, parts, int(clocks.max())),
    )


def _play(work: Traffic, ranks: int, chunks: int) -> IntArray:
    """Play all program steps; give each class of ranks the time when it is done."""
    clock = np.zeros(ranks, dtype=np.int64)
    free = np.zeros(work.stations, dtype=np.int64)
    last, end = len(work.first) - 2, len(work.first) - 2 + chunks
    moving = np.unique(np.concatenate([work.src, work.dst]))
    visits = [work.arrivals.station, *(v.station for v in work.levels)]
    serving = np.unique(np.concatenate(visits)).astype(np.int64)
    step = 0
    while step < end:
        state = np.concatenate([clock[moving], free[serving]])
        begin = work.first[max(step - chunks + 1, 0)]
        _step(work, int(begin), int(work.first[min(step, last) + 1]), clock, free)
        step += 1
        gain = np.concatenate([clock[moving], free[serving]]) - state
        # The steps from `last` to chunks - 1 hold all messages.
        if last < step < chunks and len(gain) and (gain == gain[0]).all():
            clock[moving] += gain[0] * (chunks - step)
            free[serving] += gain[0] * (chunks - step)
            step = chunks
    return clock


def _step(work: Traffic, begin: int, end: int, clock: IntArray, free: IntArray) -> None:
    """Play one program step, the messages from begin to end; put clocks and stations forward."""
    src, dst = work.src[begin:end], work.dst[begin:end]
    head = np.maximum(clock[src], clock[dst])
    tail = head.copy()
    for level in work.levels:
        _visit(work, begin, end, level, head, tail, free)
    if len(work.arrivals.message):
        joint, parts = work.joint[begin:end] - begin, tail.copy()
        np.maximum.at(tail, joint, parts)
        tail = tail[joint]
        _visit(work, begin, end, work.arrivals, head, tail, free)
    np.maximum.at(clock, src, tail)
    np.maximum.at(clock, dst, tail)


def _visit(
    work: Traffic,
    begin: int,
    end: int,
    level: Visits,
    head: IntArray,
    tail: IntArray,
    free: IntArray,
) -> None:
    """Let the messages from begin to end make their visits of a level; bring all times forward."""
    visits = level.rows(slice(*np.searchsorted(level.message, [begin, end])))
    row = visits.message - begin
    ready = np.where(visits.whole, tail[row], np.maximum(head[row], tail[row] - visits.work))
    turn = work.turn[visits.message]
    before, finish = serve(visits.station, ready, visits.work, free, turn)
    ahead = np.where(visits.whole, finish, np.maximum(head[row], before))
    head[row], tail[row] = ahead + visits.way, finish + visits.way


def _bottleneck(work: Traffic, classes: Classes, chunks: int, end: int) -> Bottleneck:
    """Name the station that works most, and whether it is what the schedule waits for."""
    busy = np.zeros(work.stations, dtype=np.int64)
    for level in (*work.levels, work.arrivals):
        np.add.at(busy, level.station, level.work)
    station = int(np.argmax(busy))
    if not end:
        return Bottleneck("nothing", "", 0.0)
    part = int(busy[station]) * chunks / end
    kind: Literal["link", "endpoint"] = "link" if station >= 2 * classes.ranks else "endpoint"
    return Bottleneck(kind if part >= BUSY else "latency", classes.name(station), part)
