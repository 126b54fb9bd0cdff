"""How long a schedule takes at a size, by playing its program on the machine.

What is played, event by event, in whole ticks of a femtosecond or more:
1. A transfer at step s of a piece in c of at most C chunks sends its chunk i in program step
   s + i * C // c * phases. What one rank sends another in a step and chunk, of at most `joined`
   bytes each, is one message, as in programs.
2. A message starts when its data are there (all messages of smaller step into its sender, of the
   same piece and chunk, are complete), both its ends have completed all their messages of program
   steps more than the lead - 1 before its own, and all before it from the same rank to the same
   other have started. A lead of 1 is a wait after each step. Switches that copy or add wait for
   data alone.
3. It visits the sending side of its rank, the links of its route, and the receiving side of its
   rank; then it is complete at both. A side works `overhead` seconds on it, before the first part
   of a joined message leaves, and when the last part is there; a link works bytes / bandwidth, with
   bytes the exact share of the chunk, and alpha later the message is at the next station.
4. Each of these serves one message at a time, first come, first served; of those that come at once
   first the earlier program step, then the turn of `priority`. Nothing waits for what has not come.
5. store-and-forward: a link begins when it has the whole message. cut-through: the head goes on as
   soon as it finds the link free; the link works for the length of the message, not ending before
   the tail has come, and the time before that is free for others.
   With fair sharing a link serves all at once that are under way on it, each as fast as the others
   unless another link lets it go slower (max-min); cut-through is under way on all links of its
   route at once, store-and-forward on one after the other.
6. Only representatives are played. Ranks of one orbit of the group behave alike, so do links; on a
   link where m = order / orbit images of one crossing meet, they share it and together occupy it
   for m * bytes / bandwidth, in the time that others leave free: they go one by one, the first on
   from there as soon as it has passed. Where the group fixes no rank and no link, m is 1.
   Where it does, all images are played one by one if they visit at most WHOLE links, since together
   they go on only with the last of them.
7. Where more than EVENTS would happen, fewer chunks of the same bytes are played, in two numbers of
   them, and the rest goes on at the same pace: once all are under way, chunk follows chunk.
"""

from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np

from runtime.metrics import chunking
from runtime.metrics.busbw import factor
from runtime.metrics.chunking import flow_rate
from runtime.metrics.pacing import ORDERS, Order, pacing_of
from runtime.program.coalescing import JOINED
from runtime.simulate.classes import Classes
from runtime.simulate.messages import Cutting
from runtime.simulate.play import FOREVER
from runtime.simulate.programs import Programs
from runtime.simulate.recent import prepare
from runtime.simulate.steady import EVENTS, play_steadily
from runtime.simulate.traffic import Traffic
from runtime.verify.structure import check_sound
from solvers.schedules.schedule import Schedule
from solvers.settings.options import SWITCHINGS, Switching
from topologies.model.arguments import number, refuse, whole
from topologies.model.units import Bytes, Seconds

Sharing = Literal["fifo", "fair"]
SHARINGS: tuple[Sharing, ...] = ("fifo", "fair")
BUSY = 0.5
ROUNDED = 1 + 1e-9  # more than all that floats may be off


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

    chunks: of the pieces with most. lead, order: of starting. messages: of all ranks
    together. least_message: bytes of the smallest. algbw is size / seconds, busbw makes it
    comparable over collectives; None where nothing moves.
    """

    size: float
    switching: Switching
    sharing: Sharing
    chunks: int
    lead: int
    order: Order
    steps: int
    messages: int
    least_message: float
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
    *,
    lead: int | None = None,
    order: Order | None = None,
    sharing: Sharing = "fifo",
    events: int = EVENTS,
    blocking: bool = False,
    programs: Programs | None = None,
) -> Simulation:
    """Play the program that a schedule becomes at a size, in at most `chunks` parts of each piece.

    size: bytes of a rank's largest buffer. lead, order: of starting; None is what the schedule
    says. events: of so many chunks are played, and tell what the rest takes. blocking: a message
    waits for all that its sender gets in earlier steps; of a schedule without a group. programs:
    where the schedule is several, that wait for each other nowhere.
    Complexity: visits of representatives × chunks × log, up to `events`.

    Raises:
        ArgumentError: what is no schedule, no size above 0, no switching, chunk, lead or order.
    """
    check_sound(schedule)
    number("size", size, above=True)
    pacing = pacing_of(schedule)
    lead = pacing.lead if lead is None else whole("lead", lead, 1)
    order = pacing.order if order is None else order
    _known("switching", switching, SWITCHINGS)
    _known("order", order, ORDERS)
    _known("sharing", sharing, SHARINGS)
    if chunks is not None:
        whole("chunks", chunks, 1)
    whole("joined", joined)
    whole("events", events, 1)
    if blocking and schedule.group.order > 1:
        refuse("blocking", schedule.group.order, "a schedule without a group; unfold it")
    parts = chunking.chunks(schedule, int(size)) if chunks is None else chunks
    cutting = Cutting(size, parts, joined, order, pacing.phases, blocking, programs)
    played = _play(schedule, cutting, lead, switching, sharing, events=events)
    assert played is not None  # it may take as long as it likes
    return played


def simulate_within(
    schedule: Schedule, size: Bytes, most: Seconds, switching: Switching = "cut-through"
) -> Simulation | None:
    """Play as `simulate` does, but give None as soon as it is seen to take longer than `most`."""
    check_sound(schedule)
    if len(schedule.transfers) and size > most * ROUNDED * flow_rate(schedule):
        return None
    pacing = pacing_of(schedule)
    cutting = Cutting(size, chunking.chunks(schedule, size), JOINED, pacing.order, pacing.phases)
    return _play(schedule, cutting, pacing.lead, switching, "fifo", most)


def _play(
    schedule: Schedule,
    cutting: Cutting,
    lead: int,
    switching: Switching,
    sharing: Sharing,
    most: Seconds = inf,
    events: int = EVENTS,
) -> Simulation | None:
    work, classes = prepare(
        schedule, cutting, whole=switching == "store-and-forward", fair=sharing == "fair"
    )
    limit = int(min(most * ROUNDED / work.tick + 1, FOREVER))
    end = play_steadily(work, lead, events, limit)
    if end is None:
        return None
    size, seconds = cutting.size, end * work.tick
    rate = size / seconds if seconds else None
    return Simulation(
        size=size,
        switching=switching,
        sharing=sharing,
        chunks=cutting.chunks,
        lead=lead,
        order=cutting.order,
        steps=max(work.steps - cutting.phases + 1, 0),
        messages=work.count,
        least_message=work.least,
        seconds=seconds,
        algbw=rate,
        busbw=None if rate is None else rate * float(factor(schedule.collective)),
        bottleneck=_bottleneck(work, classes, end),
    )


def _known(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        refuse(name, given, " or ".join(known))


def _bottleneck(work: Traffic, classes: Classes, end: int) -> Bottleneck:
    """Name the station that works most, and whether it is what the schedule waits for."""
    if not end:
        return Bottleneck("nothing", "", 0.0)
    station = int(np.argmax(work.busy))
    part = int(work.busy[station]) / end
    kind: Literal["link", "endpoint"] = "link" if station >= 2 * classes.ranks else "endpoint"
    return Bottleneck(kind if part >= BUSY else "latency", classes.name(station), part)
