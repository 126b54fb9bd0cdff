"""Messages between processes, round by round, made into a schedule over a network."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

import numpy as np

from solvers.schedules.certificate import UNPROVED
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule, Transfers, schedule
from solvers.selectable.network import Network
from topologies.model.ragged import starts, stretches
from topologies.model.topology import frozen, integers
from topologies.model.units import Bytes, Rank


class Message(NamedTuple):
    """What one process sends another in a round: pieces, to be added there or to be kept."""

    round: int
    src: int
    dst: int
    pieces: Sequence[int]
    adds: bool = False


@dataclass(frozen=True)
class Pattern:
    """What processes send, whatever the size, and how they wait.

    Attributes:
        messages: those of one round read what was there before it.
        parts: pieces that each block is cut into.
        segment: bytes of which a message has at most; 0 where messages go whole.
        waits: whether a process ends each round before it begins another; else it waits for data
            alone.
    """

    messages: tuple[Message, ...]
    parts: int = 1
    segment: Bytes = 0
    waits: bool = True

    @property
    def is_single(self) -> bool:
        """Tell whether no process sends two messages in one round."""
        senders = [(message.round, message.src) for message in self.messages]
        return len(set(senders)) == len(senders)

    @property
    def most(self) -> int:
        """Count the pieces of the largest message."""
        return max((len(message.pieces) for message in self.messages), default=0)

    @property
    def is_steady(self) -> bool:
        """Tell whether all is sent at once, or by each process to one other alone, as in a ring.

        Nobody then waits for one of several others, which may be late.
        """
        pairs = {(message.src, message.dst) for message in self.messages}
        sources, targets = ({pair[end] for pair in pairs} for end in (0, 1))
        alone = len(pairs) == len(sources) == len(targets)
        return alone or len({message.round for message in self.messages}) <= 1

    @property
    def swaps(self) -> bool:
        """Tell whether there are rounds, and in one of them two processes send each other."""
        sent = {(message.round, message.src, message.dst) for message in self.messages}
        return not self.is_steady and any((at, dst, src) in sent for at, src, dst in sent)


def pattern(
    messages: Iterable[Message], parts: int = 1, segment: Bytes = 0, waits: bool = True
) -> Pattern:
    """Make a pattern of messages; empty ones, and those to oneself, are not sent."""
    kept = tuple(each for each in messages if each.pieces and each.src != each.dst)
    return Pattern(kept, parts, segment, waits)


def in_turns(made: Pattern, asks: int) -> Pattern:
    """Let of two that send each other so many pieces or more in a round one be first; to be played.

    Which of them is as good as chance; here it is as often the lower one as the higher one.
    """
    sent = {(message.round, message.src, message.dst) for message in made.messages}

    def comes_late(message: Message) -> bool:
        swapped = (message.round, message.dst, message.src) in sent
        low_first = min(message.src, message.dst).bit_count() % 2 == 0
        return swapped and len(message.pieces) >= asks and (message.src > message.dst) == low_first

    messages = (
        message._replace(round=2 * message.round + comes_late(message)) for message in made.messages
    )
    return replace(made, messages=tuple(messages))


def number_pieces(what: Collective, played: Sequence[Rank], parts: int) -> list[int]:
    """Give the piece of this schedule for each piece of a pattern.

    A pattern counts pieces by process: those of process i, or for process i; in an all_to_all
    those from i to j have the number i * n + j. A block of everyone has its parts.
    """
    process = {rank: i for i, rank in enumerate(played)}
    n = len(played)
    number = [0] * (what.blocks * parts)
    for block in range(what.blocks):
        holders, wanters = what.holders[block].tolist(), what.wanters[block].tolist()
        if what.name == "all_to_all":
            place = process[holders[0]] * n + process[wanters[0]]
        elif what.blocks == 1:
            place = 0
        else:
            of_holder = len(holders) == 1 and what.name != "scatter"
            place = process[holders[0] if of_holder else wanters[0]]
        for part in range(parts):
            number[place * parts + part] = block * parts + part
    return number


def to_schedule(
    made: Pattern, net: Network, name: str, played: Sequence[Rank], title: str
) -> Schedule:
    """Put the messages of a pattern on the paths of a network.

    Args:
        made: over as many processes as there are in `played`.
        net: with the paths between them.
        name: of the collective; a rooted one begins at process 0.
        played: the rank that each process is.
        title: what the schedule says of its origin.

    Complexity: the links on the ways of all pieces.
    """
    rooted = name in ("broadcast", "reduce", "scatter")
    what = collective(name, played, root=played[0] if rooted else None)
    number = number_pieces(what, played, made.parts)
    rows = [
        (number[piece], message.round, played[message.src], played[message.dst], message.adds)
        for message in made.messages
        for piece in message.pieces
    ]
    rows.sort(key=lambda row: row[:2])
    piece, step, src, dst = (integers(row[i] for row in rows) for i in range(4))
    ways = list(net.routes)
    at = {pair: i for i, pair in enumerate(ways)}
    way = integers(at[row[2], row[3]] for row in rows)
    length = integers(len(net.routes[pair]) for pair in ways)
    links = integers(chain.from_iterable(net.routes[pair] for pair in ways))
    first = np.cumsum(length) - length
    transfers = Transfers(
        piece=frozen(piece),
        step=frozen(step),
        src=frozen(src),
        dst=frozen(dst),
        reduce=frozen(np.array([row[4] for row in rows], dtype=np.bool_)),
        route_start=frozen(starts(length[way])),
        route=frozen(links[stretches(first[way], length[way])]),
    )
    pieces = [(b, Fraction(1, made.parts)) for b in range(what.blocks) for _ in range(made.parts)]
    return schedule(net.topology, what, pieces, transfers, UNPROVED, solver=title)
