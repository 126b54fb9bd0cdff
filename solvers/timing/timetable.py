"""Which stages are free on which links: transfers take the first that is free on all of their path.

The free stages of a link are the bits of one integer; where several transfers share a link in one
stage, the room that is left there is kept beside.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from solvers.schedules.schedule import Schedule, Transfers
from solvers.timing.birkhoff import first_fit
from topologies.model.topology import FloatArray, IntArray

FINE = 2**40  # parts of the largest capacity in which rates are counted


class Timetable:
    """Which stages are free on each link: the bits of one integer, and the room where some is left.

    Rates are whole multiples of a tiny part of the largest capacity, so that sums are exact.
    """

    def __init__(self, whole: Schedule, rate: FloatArray) -> None:
        rows, self.fine = whole.transfers, FINE / float(whole.topology.capacity.max())
        capacity = self._whole(whole.topology.capacity)
        least = capacity.copy()
        crossing = np.repeat(self._whole(rate)[rows.piece], np.diff(rows.route_start))
        np.minimum.at(least, rows.route, crossing)
        self.capacity: list[int] = capacity.tolist()
        self.least: list[int] = least.tolist()
        self.free = [-1] * whole.topology.links
        self.room: dict[tuple[int, int], int] = {}

    def _whole(self, rate: FloatArray | IntArray) -> IntArray:
        return np.maximum(np.nan_to_num(rate * self.fine, posinf=0.0).astype(np.int64), 1)

    def fill(self, rows: Transfers, rates: FloatArray, order: IntArray) -> IntArray:
        """Give each transfer of the parts a stage, part by part in this order.

        Args:
            rows: the transfers, part by part.
            rates: what each part takes of the links on its way, in capacity units.
            order: the parts in the order in which they choose.
        """
        rate = self._whole(rates)
        step = np.zeros(len(rows), dtype=np.int64)
        first = np.searchsorted(rows.piece, np.arange(len(order) + 1))
        if self._is_simple(rows, rate):
            chosen = first[order][np.diff(first)[order] > 0]
            one, other = rows.route.reshape(-1, 2)[chosen].T
            step[chosen] = first_fit(one, other, len(self.free))
            return step
        paths = [rows.route[a:b].tolist() for a, b in pairwise(rows.route_start.tolist())]
        each, begin = rate.tolist(), first.tolist()
        for part in order.tolist():
            after = 0
            for t in range(begin[part], begin[part + 1]):
                step[t] = self._take(paths[t], each[part], after)
                after = int(step[t]) + 1
        return step

    def _is_simple(self, rows: Transfers, rate: IntArray) -> bool:
        """Tell whether every part is one transfer that fills both links of its path."""
        if (np.diff(rows.route_start) != 2).any() or len(np.unique(rows.piece)) < len(rows):
            return False
        filled = np.array(self.capacity)[rows.route].reshape(-1, 2) == rate[rows.piece][:, None]
        return bool(filled.all())

    def _take(self, path: Sequence[int], rate: int, after: int) -> int:
        """Take the first stage from `after` on in which all links of a path have room."""
        free = -1 << after
        for link in path:
            free &= self.free[link]
        while True:
            bit = free & -free
            stage = bit.bit_length() - 1
            left = [self.room.get((link, stage), self.capacity[link]) - rate for link in path]
            if min(left) >= 0:
                break
            free ^= bit
        for link, rest in zip(path, left, strict=True):
            self.room[link, stage] = rest
            if rest < self.least[link]:
                self.free[link] ^= bit
        return stage
