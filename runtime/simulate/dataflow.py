"""How long a schedule takes if a message waits for nothing but its data and its links.

1. A message starts when what it carries is there: after all transfers of smaller step into its
   sender, of the same piece. No rank waits for the end of a step: this is what separates this model
   from `simulate`, and what a machine does whose links have queues of their own.
2. Links store and forward: a link begins when it has the whole message, works bytes / bandwidth on
   it, and alpha later it is at the other end.
3. A link serves messages one after the other, in the order of their steps, then of their pieces and
   of their places in the piece. So times are longest paths: exact, and monotone in the size.

Switches copy in schedules that are made so (`in_network`). Overheads do not count.
"""

from itertools import pairwise

import numpy as np

from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.model.topology import IntArray


def finish(schedule: Schedule, size: float) -> float:
    """Give the seconds until the last message of a schedule has arrived, at a size in bytes.

    Complexity: links on the routes of all messages, in the whole schedule.
    """
    whole = unfold(schedule)
    topology, rows = whole.topology, whole.transfers
    of_block = whole.collective.sizes * (size / whole.collective.total)
    load = np.array([float(share) for share in whole.share]) * of_block[whole.block]
    order = np.lexsort((np.arange(len(rows)), rows.piece, rows.step))
    steps = rows.step[order]
    seconds = 1 / topology.bandwidth
    free = [0.0] * topology.links
    there: dict[tuple[int, int], float] = {}
    last = 0.0
    for step in _runs(steps):
        news = []
        for t in order[step].tolist():
            piece = int(rows.piece[t])
            now = there.get((piece, int(rows.src[t])), 0.0)
            for link in rows.route[rows.route_start[t] : rows.route_start[t + 1]].tolist():
                free[link] = max(now, free[link]) + load[piece] * seconds[link]
                now = free[link] + topology.alpha[link]
            news.append((piece, int(rows.dst[t]), now))
        for piece, dst, now in news:
            there[piece, dst] = max(now, there.get((piece, dst), 0.0))
            last = max(last, now)
    return float(last)


def _runs(steps: IntArray) -> list[slice]:
    """Cut ascending numbers where they change."""
    ends = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    return [slice(a, b) for a, b in pairwise(ends) if a < b]
