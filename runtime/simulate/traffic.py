"""What stations and messages have to do, as columns of whole numbers: all that a play looks at."""

from dataclasses import dataclass

import numpy as np

from runtime.simulate import priority
from topologies.model.cached import cached_property
from topologies.model.ragged import starts
from topologies.model.topology import IntArray


@dataclass(frozen=True, eq=False)
class Lists:
    """For each row some numbers: those of row i are value[first[i] : first[i + 1]]."""

    first: IntArray
    value: IntArray

    @classmethod
    def of(cls, row: IntArray, value: IntArray, rows: int) -> "Lists":
        """Gather the values of each row, in their order."""
        order = np.argsort(row, kind="stable")
        return cls(starts(np.bincount(row, minlength=rows)), value[order])


@dataclass(frozen=True, eq=False)
class Messages:
    """What the representatives send, sorted by pair, then by the order of starting.

    step: of the first chunk. cuts: number of chunks. place: in the order of starting of all. pair:
    of ranks. need: how many gates it waits for. sending, receiving: ticks of work at its ends.
    opens: the gates that it comes into.
    """

    step: IntArray
    cuts: IntArray
    place: IntArray
    pair: IntArray
    need: IntArray
    sending: IntArray
    receiving: IntArray
    opens: Lists


@dataclass(frozen=True, eq=False)
class Parts:
    """The ways of messages: one each, but where joined ones take several routes.

    message: of each part, ascending. Part i makes the visits first[i] to first[i + 1] to links; of
    each visit: station, ticks of work there, ticks from there to the next.
    """

    message: IntArray
    first: IntArray
    station: IntArray
    work: IntArray
    way: IntArray


@dataclass(frozen=True, eq=False)
class Flowing:
    """What links that share have to know, in one unit that is small beside any message.

    Attributes:
        amount: of each part.
        capacity: of each station, for each tick, and for each of the images that meet there.
        queue: of each visit to a link, one for what each pair of ranks sends over it by one route.
    """

    amount: IntArray
    capacity: IntArray
    queue: IntArray


@dataclass(frozen=True, eq=False)
class Gates:
    """What data wait for: a gate for each piece, vertex and step in which messages come there.

    It opens when all its messages have come and the gate before it is open. need: messages, and one
    for a gate before. next: the gate behind it, or -1. waiting: messages that wait for it.
    """

    need: IntArray
    next: IntArray
    waiting: Lists


@dataclass(frozen=True, eq=False)
class Pairs:
    """Ordered pairs of ranks: pair i has the messages first[i] to first[i + 1].

    src, dst: classes of ranks in programs, so many as `ranks` says; -1 stands for
    a switch, which waits for no step and costs nothing. sending, receiving: the stations there.
    """

    first: IntArray
    src: IntArray
    dst: IntArray
    sending: IntArray
    receiving: IntArray
    ranks: int

    def of_rank(self) -> Lists:
        """List the pairs of each class of ranks."""
        pair = np.tile(np.arange(len(self.src)), 2)
        end = np.concatenate([self.src, self.dst])
        return Lists.of(end[end >= 0], pair[end >= 0], self.ranks)


@dataclass(frozen=True, eq=False)
class Traffic:
    """What representatives do at one size, in whole ticks of `tick` seconds.

    chunks: of the pieces that have most. phases: program steps from one of these to the next.
    whole: links store and forward. Stations are numbered as in `Classes`. count: messages of the
    whole schedule. least: bytes of the smallest. images: of a message, that meet on each station of
    a link. flowing: for links that share; None where they
    serve one message after the other.
    """

    messages: Messages
    parts: Parts
    gates: Gates
    pairs: Pairs
    chunks: int
    phases: int
    stations: int
    whole: bool
    tick: float
    count: int
    least: float
    images: IntArray
    flowing: Flowing | None = None

    @property
    def steps(self) -> int:
        """Count the program steps, to the end of the last chunk's phases."""
        some = len(self.messages.step)
        return int(self.messages.step.max()) + self.chunks * self.phases if some else 0

    @cached_property
    def visits(self) -> tuple[IntArray, IntArray, IntArray]:
        """List all visits of a chunk, to links and to ends: message, station, work."""
        own, parts = self.messages, self.parts
        message, station, work = [np.repeat(parts.message, np.diff(parts.first))], [], []
        station, work = [parts.station], [parts.work]
        for side, ticks in enumerate((own.sending, own.receiving)):
            some = np.flatnonzero(ticks)
            message.append(some)
            station.append((self.pairs.sending, self.pairs.receiving)[side][own.pair[some]])
            work.append(ticks[some])
        return np.concatenate(message), np.concatenate(station), np.concatenate(work)

    @cached_property
    def busy(self) -> IntArray:
        """Add up the work of each station."""
        message, station, work = self.visits
        busy = np.zeros(self.stations, dtype=np.int64)
        np.add.at(busy, station, work * self.messages.cuts[message])
        return busy

    @cached_property
    def turn(self) -> IntArray:
        """Say which messages are served first of those of one program step that come at once."""
        message, station, _ = self.visits
        return priority.turns(message, self.busy[station].astype(np.float64), self.messages.place)
