"""Transfers put off until what comes with them is needed.

Where a sum grows towards a root, what starts early where the way is short waits for what comes a
long way, and in the meantime it is in the way of other pieces. A lead counts steps, so it can only
hold back what has a later one.

Or put off so that what one rank sends another goes in few steps, as messages of several pieces
together: then there may be more chunks before messages become small, and with more chunks a
schedule of many steps is sooner under way.
"""

from dataclasses import replace

import numpy as np

from solvers.schedules.schedule import Schedule
from topologies.model.topology import IntArray, frozen
from topologies.symmetry.pairs import pair_orbits


def put_off(schedule: Schedule) -> Schedule:
    """Give each transfer the step before the first one that needs it; what nobody needs the last.

    Where a rank gets more of a piece after it has sent it on, the schedule stays as it is: then
    more depends on the order of steps. Images under the group have the same steps.
    Complexity: transfers × log.
    """
    rows = schedule.transfers
    if not len(rows):
        return schedule
    src, dst = _holders(schedule)
    if _goes_early(rows.step, src, dst):
        return schedule
    return _at(schedule, _latest(src, dst, rows.step, int(max(src.max(), dst.max())) + 1))


def join_steps(schedule: Schedule) -> Schedule:
    """Put transfers off, or less far, so that those between the same two ranks go in few steps.

    From the last transfers back each takes, of the steps that others of its two ranks have, the
    latest that it can, or else the latest of all. There are no more steps than the longest chain
    needs. Where a rank gets more of a piece after it has sent it on, the schedule stays as it is.
    Complexity: transfers × steps.
    """
    rows, group = schedule.transfers, schedule.group
    if not len(rows):
        return schedule
    src, dst = _holders(schedule)
    if _goes_early(rows.step, src, dst):
        return schedule
    pair = pair_orbits(group, group.vertex_orbits, rows.src, rows.dst).orbit.tolist()
    holders = int(max(src.max(), dst.max())) + 1
    earliest = _earliest(src, dst, rows.step, holders)
    needed = [int(earliest.max()) + 1] * holders
    taken: dict[int, set[int]] = {}
    step = [0] * len(rows)
    first, start, end = earliest.tolist(), src.tolist(), dst.tolist()
    for row in np.argsort(-earliest, kind="stable").tolist():
        own, last = taken.setdefault(pair[row], set()), needed[end[row]] - 1
        step[row] = max((each for each in own if first[row] <= each <= last), default=last)
        own.add(step[row])
        needed[start[row]] = min(needed[start[row]], step[row])
    found = np.array(step)
    return _at(schedule, found - found.min())


def _holders(schedule: Schedule) -> tuple[IntArray, IntArray]:
    """Give each transfer the number of what its sender holds of the piece, and its receiver."""
    rows, vertices = schedule.transfers, schedule.topology.vertices
    ends = np.concatenate([rows.piece * vertices + rows.src, rows.piece * vertices + rows.dst])
    src, dst = np.unique(ends, return_inverse=True)[1].reshape(2, -1)
    return src, dst


def _goes_early(step: IntArray, src: IntArray, dst: IntArray) -> bool:
    """Tell whether a rank gets more of a piece after it has sent it on."""
    leaves = np.full(int(max(src.max(), dst.max())) + 1, int(step.max()) + 1)
    np.minimum.at(leaves, src, step)
    return bool((leaves[dst] <= step).any())


def _at(schedule: Schedule, step: IntArray) -> Schedule:
    rows = schedule.transfers
    order = np.lexsort((step, rows.piece))
    return replace(schedule, transfers=replace(rows.rows(order), step=frozen(step[order])))


def _earliest(src: IntArray, dst: IntArray, step: IntArray, holders: int) -> IntArray:
    """Go on from the first step: what leaves a holder does so once all has come to it."""
    there = np.zeros(holders, dtype=np.int64)
    earliest = np.empty_like(step)
    order = np.argsort(step, kind="stable")
    for at_once in np.split(order, np.flatnonzero(np.diff(step[order])) + 1):
        earliest[at_once] = there[src[at_once]]
        np.maximum.at(there, dst[at_once], earliest[at_once] + 1)
    return earliest


def _latest(src: IntArray, dst: IntArray, step: IntArray, holders: int) -> IntArray:
    """Go back from the last step: what comes to a holder is there before the first leaves."""
    needed = np.full(holders, int(step.max()) + 1)
    latest = np.empty_like(step)
    order = np.argsort(-step, kind="stable")
    for at_once in np.split(order, np.flatnonzero(np.diff(step[order])) + 1):
        latest[at_once] = needed[dst[at_once]] - 1
        np.minimum.at(needed, src[at_once], latest[at_once])
    return np.asarray(latest - latest.min())
