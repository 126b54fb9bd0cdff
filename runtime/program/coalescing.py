"""Small messages of one step between two processes, made one message."""

from dataclasses import dataclass

import numpy as np

from topologies.model.topology import BoolArray, IntArray

JOINED = 2**14  # bytes of a message up to which it travels with others: packing then costs less


@dataclass(frozen=True, eq=False)
class Joints:
    """Which parts travel in one message, the first of them being its leader.

    Per part: leader, the row of the leader's part; joins, whether it shares its message. size: the
    elements of the message that a leader leads, 0 for other parts. Parts of one message lie in it
    in the order of their rows.
    """

    leader: IntArray
    joins: BoolArray
    size: IntArray

    @property
    def leads(self) -> BoolArray:
        """Mark the leaders: a message each."""
        return np.asarray(self.leader == np.arange(len(self.leader)))

    def is_contiguous(self, buffer: IntArray, offset: IntArray, size: IntArray) -> BoolArray:
        """Tell of each part whether all of its message lies in one stretch of one buffer."""
        order = np.argsort(self.leader, kind="stable")
        same = self.leader[order][1:] == self.leader[order][:-1]
        next_to = (buffer[order][1:] == buffer[order][:-1]) & (
            offset[order][1:] == (offset + size)[order][:-1]
        )
        broken = np.zeros(len(order), dtype=np.bool_)
        broken[self.leader[order][1:][same & ~next_to]] = True
        return ~broken[self.leader]

    def any_of(self, marked: BoolArray) -> BoolArray:
        """Tell of each part whether any of its message is marked."""
        some = np.zeros(len(marked), dtype=np.bool_)
        some[self.leader[marked]] = True
        return some[self.leader]


def joints(keys: IntArray, size: IntArray, limit: int) -> Joints:
    """Join parts of equal key that have at most `limit` elements each."""
    rows = np.arange(len(keys))
    leader = rows.copy()
    small = rows[size <= limit]
    order = small[np.argsort(keys[small], kind="stable")]
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = np.diff(keys[order]) != 0
    first = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    leader[order] = order[first]
    whole = np.zeros(len(keys), dtype=np.int64)
    np.add.at(whole, leader, size)
    return Joints(leader, np.bincount(leader, minlength=len(keys))[leader] > 1, whole)
