"""Limits that a user sets to the form of a schedule: its height, and its trees for each root."""

import numpy as np

from runtime.metrics.height import height
from solvers.schedules.schedule import Schedule
from solvers.settings.options import SolverOptions
from topologies.model.topology import IntArray


def keeps_limits(schedule: Schedule, options: SolverOptions) -> bool:
    """Tell whether a schedule keeps to the limits of its options."""
    if options.max_height is not None and height(schedule) > options.max_height:
        return False
    return options.trees is None or count_trees(schedule) <= options.trees


def count_trees(schedule: Schedule) -> int:
    """Count the pieces of the root that has most: those of its block, or those summed up there."""
    group = schedule.group
    if not schedule.pieces:
        return 0
    orbit = group.vertex_orbits[_roots(schedule)]
    size = np.bincount(group.vertex_orbits)
    # The images of a piece are spread evenly over the orbit of its root.
    images = np.bincount(orbit, minlength=len(size)) * group.order
    return int(np.ceil(images / np.maximum(size, 1)).max())


def _roots(schedule: Schedule) -> IntArray:
    """Find where each piece starts from, or where its sum is complete."""
    rows, what = schedule.transfers, schedule.collective
    alone = [ranks[0] if len(ranks) == 1 else -1 for ranks in what.holders]
    wanted = [ranks[0] if len(ranks) == 1 else -1 for ranks in what.wanters]
    root = np.where(np.array(alone) >= 0, alone, wanted)[schedule.block]
    adding = np.flatnonzero(rows.reduce)
    summed = np.full(schedule.pieces, what.ranks[0])
    summed[rows.piece[adding]] = rows.dst[adding]  # the last one counts: steps ascend
    return np.where(root >= 0, root, summed).astype(np.int64)
