"""What every rank does: sends, receives and work of its own, and what waits for what."""

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """What a node is."""

    SEND = 0
    RECEIVE = 1
    WORK = 2


@dataclass(frozen=True, slots=True)
class Node:
    """One thing that a rank does.

    Attributes:
        kind: what it is.
        peer: the other rank of a message, else -1.
        size: of a message, in bytes.
        tag: with the ranks it says which send a receive belongs to.
        requires: nodes of the rank that must be done before this one starts.
        follows: nodes of the rank that must have started before.
        nanoseconds: of work.
    """

    kind: Kind
    peer: int = -1
    size: int = 0
    tag: int = 0
    requires: tuple[int, ...] = ()
    follows: tuple[int, ...] = ()
    nanoseconds: int = 0


Trace = tuple[tuple[Node, ...], ...]  # of each rank, its nodes; they name each other by place

MOST_NODES = 2**20  # of all ranks
MOST_RANKS = 2**16
