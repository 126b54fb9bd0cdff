"""Transfers put off until what comes with them is needed.

Where a sum grows towards a root, what starts early where the way is short waits for what comes a
long way, and in the meantime it is in the way of other pieces. A lead counts steps, so it can only
hold back what has a later one.
"""

from dataclasses import replace

import numpy as np

from solvers.schedules.schedule import Schedule
from topologies.model.topology import IntArray, frozen


def put_off(schedule: Schedule) -> Schedule:
    """Give each transfer the step before the first one that needs it; what nobody needs the last.

    Where a rank gets more of a piece after it has sent it on, the schedule stays as it is: then
    more depends on the order of steps. Images under the group have the same steps.
    Complexity: transfers × log.
    """
    rows = schedule.transfers
    if not len(rows):
        return schedule
    vertices = schedule.topology.vertices
    ends = np.concatenate([rows.piece * vertices + rows.src, rows.piece * vertices + rows.dst])
    holders, place = np.unique(ends, return_inverse=True)
    src, dst = place.reshape(2, -1)
    last = int(rows.step.max())
    leaves = np.full(len(holders), last + 1)
    np.minimum.at(leaves, src, rows.step)
    if (leaves[dst] <= rows.step).any():
        return schedule
    step = _latest(src, dst, rows.step, len(holders))
    order = np.lexsort((step, rows.piece))
    return replace(schedule, transfers=replace(rows.rows(order), step=frozen(step[order])))


def _latest(src: IntArray, dst: IntArray, step: IntArray, holders: int) -> IntArray:
    """Go back from the last step: what comes to a holder is there before the first leaves."""
    needed = np.full(holders, int(step.max()) + 1)
    latest = np.empty_like(step)
    order = np.argsort(-step, kind="stable")
    for at_once in np.split(order, np.flatnonzero(np.diff(step[order])) + 1):
        latest[at_once] = needed[dst[at_once]] - 1
        np.minimum.at(needed, src[at_once], latest[at_once])
    return np.asarray(latest - latest.min())
