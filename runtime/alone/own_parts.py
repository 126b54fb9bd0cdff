"""Stretches of pieces cut into what is moved at one size, and put together to messages.

What begins at its root lies there piece by piece, in the order of the input; it is cut into pieces.
All else lies in one range where it is sent from, and comes into one range.
"""

from dataclasses import dataclass

import numpy as np

from runtime.alone.stretches import Stretches
from runtime.program.coalescing import Joints, joints
from topologies.model.ragged import within
from topologies.model.topology import BoolArray, IntArray, frozen
from topologies.symmetry.group import Group


@dataclass(frozen=True, eq=False)
class Parts:
    """What is moved: of each chunk all stretches, one after the other, those at roots by pieces.

    Attributes:
        stretch: of each part.
        chunk: of it.
        first: where its range of pieces begins.
        last: where it ends.
        step: of the program.
        size: elements; 0 where nothing is moved.
        alone: whether it is a message by itself.
        place: of each stretch its first part, in chunk 0.
        before: the elements in front of each piece, in the order of ways: (chunks, pieces + 1).
    """

    stretch: IntArray
    chunk: IntArray
    first: IntArray
    last: IntArray
    step: IntArray
    size: IntArray
    alone: BoolArray
    place: IntArray
    before: IntArray

    def inside(self, chunk: IntArray, first: IntArray, piece: IntArray) -> IntArray:
        """Count the elements of a chunk that lie between two pieces."""
        return np.asarray(self.before[chunk, piece] - self.before[chunk, first])

    def arriving(self, found: Stretches, chunk: IntArray, piece: IntArray) -> IntArray:
        """Find the part that brings a chunk of a piece to its end."""
        stretch = found.arrival[piece]
        skip = np.where(found.above[stretch] < 0, piece - found.first[stretch], 0)
        return chunk * (len(self.stretch) // len(self.before)) + self.place[stretch] + skip


@dataclass(frozen=True, eq=False)
class Side:
    """The parts that a process sends, or receives, in the order of all.

    Attributes:
        part: the number of each.
        element: the one that brings its transfer to this process.
        peer: the rank at the other end.
        joints: which of them are one message.
    """

    part: IntArray
    element: IntArray
    peer: IntArray
    joints: Joints


def cut(
    found: Stretches, step: IntArray, length: IntArray, chunks: int, phases: int, limit: int
) -> Parts:
    """Cut stretches into parts.

    Args:
        found: the stretches.
        step: of each.
        length: elements of each piece, in the order of ways.
        chunks: of each piece.
        phases: program steps from one chunk to the next.
        limit: elements of a part up to which it travels with others.
    """
    edges = np.stack([c * length // chunks for c in range(chunks + 1)])
    sizes = np.diff(edges, axis=0)
    before = np.concatenate([np.zeros((chunks, 1), np.int64), np.cumsum(sizes, axis=1)], axis=1)
    at_root = found.above < 0
    count = np.where(at_root, found.last - found.first, 1)
    one = np.repeat(np.arange(len(count)), count)
    first = found.first[one] + within(count) * at_root[one]
    last = np.where(at_root[one], first + 1, found.last[one])
    chunk = np.repeat(np.arange(chunks), len(one))
    stretch, first, last = (np.tile(column, chunks) for column in (one, first, last))
    size = before[chunk, last] - before[chunk, first]
    # What lies in one range must come in one: pieces at their root are all alone, or none is.
    alone = np.where(at_root[stretch], sizes.max() > limit, size > limit)
    place = frozen(np.cumsum(count) - count)
    timed = step[stretch] + phases * chunk
    return Parts(stretch, chunk, first, last, timed, size, alone, place, before)


def one_side(parts: Parts, here: IntArray, there: IntArray, bringing: IntArray, by: Group) -> Side:
    """Choose the parts with one end here, and join what goes between two processes in one step.

    Args:
        parts: all.
        here: of each stretch the end that is meant, a vertex of the schedule.
        there: its other end.
        bringing: the element that brings a vertex here; -1 where none does.
        by: the group.
    """
    element = bringing[here][parts.stretch]
    part = np.flatnonzero((element >= 0) & (parts.size > 0))
    element, size = element[part], parts.size[part]
    peer = by.images(element, there[parts.stretch[part]])
    steps, chunks = int(parts.step.max()) + 1, len(parts.before)
    key = (peer * steps + parts.step[part]) * chunks + parts.chunk[part]
    key = np.where(parts.alone[part], -1 - np.arange(len(part)), key)
    return Side(part, element, peer, joints(key, size, int(size.max(initial=0))))


def in_turns(step: IntArray, size: IntArray, turns: int) -> tuple[IntArray, int]:
    """Lay out what is used in a step, one after the other; steps take turns at the room.

    Args:
        step: of each, ascending.
        size: of it.
        turns: after so many steps the same room is used again.

    Returns:
        the place of each, and the room for all.
    """
    before = np.cumsum(size) - size
    fresh = np.diff(step, prepend=-1) != 0
    place = before - np.maximum.accumulate(np.where(fresh, before, 0))
    turn = step % turns
    room = np.zeros(int(turn.max(initial=0)) + 1, dtype=np.int64)
    np.maximum.at(room, turn, place + size)
    return place + (np.cumsum(room) - room)[turn], int(room.sum())
