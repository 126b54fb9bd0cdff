"""The latency of a schedule, counted in messages or in the links that they cross."""

import numpy as np

from solvers.schedules.schedule import Schedule, remembered
from topologies.model.topology import IntArray


@remembered
def height(schedule: Schedule) -> int:
    """Count the transfers on the longest chain in which each waits for the one before.

    A transfer waits for those of its piece that reach its source in a smaller step. The images
    under the group have the same chains, so the representatives suffice.
    """
    return _longest_chain(schedule, np.ones(len(schedule.transfers), dtype=np.int64))


def links_in_a_row(schedule: Schedule) -> int:
    """Count the links on the ways of the transfers of such a chain, where these are most."""
    return _longest_chain(schedule, np.diff(schedule.transfers.route_start))


def _longest_chain(schedule: Schedule, length: IntArray) -> int:
    """Compute the greatest length of a chain, with that of each transfer."""
    rows = schedule.transfers
    if not len(rows):
        return 0
    vertices = schedule.topology.vertices
    ends = np.concatenate([rows.piece * vertices + rows.src, rows.piece * vertices + rows.dst])
    holders, place = np.unique(ends, return_inverse=True)
    src, dst = place.reshape(2, -1)
    longest = np.zeros(len(holders), dtype=np.int64)
    order = np.argsort(rows.step, kind="stable")
    starts = np.flatnonzero(np.diff(rows.step[order])) + 1
    for at_once in np.split(order, starts):
        np.maximum.at(longest, dst[at_once], longest[src[at_once]] + length[at_once])
    return int(longest.max())
