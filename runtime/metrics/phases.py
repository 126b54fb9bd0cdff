"""Transfers of one step dealt out to program steps of their own, so that few share a link in each.

Where links share, each pair of ranks that sends over one gets as much as the others, however little
it has to send. One that sends much over two busy links so gets less than its part wherever many
others are under way; and ranks that all send to one peer, then all to the next, make their links
wait in turns. Both are milder where a part of the pairs goes at a time, and links have as much to
do in each part.
"""

from dataclasses import replace

import numpy as np

from solvers.schedules.piece_loads import share_floats
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.model.topology import IntArray, frozen

ALIKE = 9  # digits after which loads are alike


def deal_out(schedule: Schedule, phases: int) -> Schedule:
    """Give each transfer one of so many phases of its step, which becomes as many steps.

    Images under the group go in phases of their own, so they are written out.
    """
    whole = unfold(schedule)
    rows = whole.transfers
    step = rows.step * phases + _deal(whole, phases)
    order = np.lexsort((step, rows.piece))
    return replace(whole, transfers=replace(rows.rows(order), step=frozen(step[order])))


def _deal(schedule: Schedule, phases: int) -> IntArray:
    """Put transfers, the largest first, where their links have least to do.

    What counts are fourth powers of the loads: those of the busiest links, as good as alone.
    Complexity: transfers × phases × links on a way.
    """
    topology, rows = schedule.topology, schedule.transfers
    share = (share_floats(schedule) * schedule.collective.sizes[schedule.block])[rows.piece]
    work = np.repeat(share, np.diff(rows.route_start)) / topology.bandwidth[rows.route]
    work /= np.bincount(rows.route, work).max(initial=0.0) or 1.0
    load = np.zeros((phases, topology.links))
    chosen = np.zeros(len(rows), dtype=np.int64)
    for i in np.argsort(-share, kind="stable"):
        own = slice(rows.route_start[i], rows.route_start[i + 1])
        now = load[:, rows.route[own]]
        after = now + work[own]
        more = ((after * after) ** 2 - (now * now) ** 2).sum(axis=1)
        chosen[i] = np.argmin(np.round(more, ALIKE))
        load[chosen[i], rows.route[own]] += work[own]
    return chosen
