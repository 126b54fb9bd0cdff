"""What two schedules of a machine and of what is left of it send otherwise."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from solvers.schedules.piece_loads import amount_floats
from solvers.schedules.schedule import Schedule
from topologies.derive.part import Submachine
from topologies.model.topology import FloatArray, IntArray

EQUAL = 1e-9  # of the size: amounts that differ by less are the same
AT_ONCE = 2**22  # images that are written out at a time


@dataclass(frozen=True)
class Difference:
    """What ranks send each other otherwise than before, in total over all blocks.

    Attributes:
        before: pairs of vertices that sent something to each other.
        after: those that do so now.
        dropped: those that no longer do.
        added: those that did not before.
        changed: those that send another amount.
        ranks: that send or receive anything else than before.
    """

    before: int
    after: int
    dropped: int
    added: int
    changed: int
    ranks: int


def compare_traffic(before: Schedule, after: Schedule, left: Submachine) -> Difference:
    """Compare what vertices send each other under two schedules, in numbers of the whole machine.

    Args:
        before: for the whole machine.
        after: for what is left of it.
        left: which part that is.

    Complexity: of each schedule, distinct pairs of its representatives × order of its group.
    """
    points = left.whole.vertices
    old = _traffic(before, np.arange(points), points)
    new = _traffic(after, left.vertices, points)
    was, now = old > EQUAL, new > EQUAL
    other = abs(new - old) > EQUAL
    ends = np.unique(np.concatenate(other.nonzero()))
    both = was.multiply(now)
    return Difference(
        before=int(was.sum()),
        after=int(now.sum()),
        dropped=int(was.sum() - both.sum()),
        added=int(now.sum() - both.sum()),
        changed=int(other.multiply(both).sum()),
        ranks=int((ends < left.whole.ranks).sum()),
    )


def _traffic(schedule: Schedule, number: IntArray, points: int) -> csr_array:
    """Add up what each vertex sends to each, as parts of the size.

    Args:
        schedule: any.
        number: of each vertex in the whole machine.
        points: vertices of the whole machine.
    """
    rows, group = schedule.transfers, schedule.group
    own = schedule.topology.vertices
    pairs, place = np.unique(rows.src * own + rows.dst, return_inverse=True)
    part = amount_floats(schedule)[rows.piece] / max(schedule.collective.total, 1)
    amount = np.bincount(place, weights=part, minlength=len(pairs))
    total = csr_array((points, points))
    step = max(1, AT_ONCE // max(1, len(pairs)))
    for start in range(0, group.order, step):
        some = np.arange(start, min(start + step, group.order))[:, None]
        src, dst = (number[group.images(some, end[None])] for end in (pairs // own, pairs % own))
        key = (src * points + dst).reshape(-1)
        total = total + _matrix(key, np.tile(amount, len(some)), points)
    return total


def _matrix(key: IntArray, amount: FloatArray, points: int) -> csr_array:
    """Add up amounts for each pair, row × points + column."""
    if points**2 <= AT_ONCE:
        return csr_array(np.bincount(key, amount, minlength=points**2).reshape(points, points))
    known, place = np.unique(key, return_inverse=True)
    ends = known // points, known % points
    return csr_array((np.bincount(place, amount), ends), shape=(points, points))
