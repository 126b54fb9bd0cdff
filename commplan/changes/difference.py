"""What two schedules of a machine and of what is left of it send otherwise."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from solvers.schedules.piece_loads import amount_floats
from solvers.schedules.schedule import Schedule
from topologies.derive.part import Submachine
from topologies.model.ragged import stretches
from topologies.model.topology import IntArray
from topologies.symmetry.group import Group

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

    Complexity: of each schedule, its transfers × elements that keep a rank, and pairs of vertices.
    """
    points = left.whole.vertices
    old = sum_traffic(before, np.arange(points), points)
    new = sum_traffic(after, left.vertices, points)
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


def sum_traffic(schedule: Schedule, number: IntArray, points: int) -> csr_array:
    """Add up what each vertex sends to each, as parts of the size.

    What one vertex of an orbit sends is added up; the others send the images of that.

    Args:
        schedule: any.
        number: of each vertex in the whole machine.
        points: vertices of the whole machine.
    """
    rows, group = schedule.transfers, schedule.group
    own = schedule.topology.vertices
    part = amount_floats(schedule)[rows.piece] / max(schedule.collective.total, 1)
    leader, element = _from_leaders(group, np.unique(rows.src))
    back = group.origins(element[rows.src], rows.dst)
    sent = csr_array((part, (leader[rows.src], back)), shape=(own, own))
    repeated = (_repeated(sent, group, each) for each in np.unique(leader[rows.src]))
    sent = csr_array(sum(repeated, csr_array((own, own))))  # of one rank that is left, nothing
    sent.sum_duplicates()
    count = np.diff(sent.indptr)[leader]
    src, place = np.repeat(np.arange(own), count), stretches(sent.indptr[leader], count)
    dst = group.images(element[src], sent.indices[place])
    ends = number[src], number[dst]
    return csr_array((sent.data[place], ends), shape=(points, points))


def _from_leaders(group: Group, among: IntArray) -> tuple[IntArray, IntArray]:
    """Give each vertex one of its orbit, and an element that leads from that to it.

    Orbits without any of the vertices `among` are left as they are: they send nothing.
    """
    points = group.generators.shape[1]
    leader, element = np.arange(points), np.zeros(points, dtype=np.int64)
    for first in among[np.unique(group.vertex_orbits[among], return_index=True)[1]].tolist():
        image = group.column(first)[::-1]
        leader[image], element[image] = first, np.arange(group.order)[::-1]
    return leader, element


def _repeated(sent: csr_array, group: Group, leader: int) -> csr_array:
    """Add up what a leader sends over all elements that keep it."""
    keep = np.flatnonzero(group.column(leader) == leader)
    dst, amount = (
        column[slice(*sent.indptr[leader : leader + 2])] for column in (sent.indices, sent.data)
    )
    total = np.zeros(sent.shape[1])
    for some in np.array_split(keep, len(keep) * len(dst) // AT_ONCE + 1):
        images = group.images(some[:, None], dst[None])
        total += np.bincount(images.reshape(-1), np.tile(amount, len(some)), len(total))
    found = total.nonzero()[0]
    ends = np.full(len(found), leader), found
    return csr_array((total[found], ends), shape=sent.shape)
