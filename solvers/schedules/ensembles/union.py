"""All tasks of an ensemble as one collective, and all of their schedules as one schedule.

What every room can do with a schedule it can do with a set of them so: replay it, add up the loads
of links, and play it on the machine. Blocks are in one unit, a part of a byte, so that those of
large tasks weigh more. Two tasks of one rank are two stretches of its buffers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

import numpy as np

from solvers.schedules.certificate import UNPROVED
from solvers.schedules.collective import Collective
from solvers.schedules.ensembles.ensemble import Ensemble, Task
from solvers.schedules.piece_loads import whole_amounts
from solvers.schedules.schedule import Schedule, Transfers, merge
from topologies.model.topology import IntArray, frozen, integers
from topologies.model.units import Share
from topologies.symmetry.group import link_orbits

NAME = "together"


@dataclass(frozen=True, eq=False)
class Union:
    """Tasks as one collective.

    Attributes:
        first: the number of the first block of each task.
        unit: how many units of the blocks' sizes make a byte.
    """

    collective: Collective
    first: IntArray
    unit: int

    @property
    def size(self) -> float:
        """Give the bytes of the largest buffer of a rank."""
        return self.collective.total / self.unit


def unite(tasks: Sequence[Task]) -> Union:
    """Lay the blocks of all tasks out, one task after the other."""
    unit = lcm(*(t.collective.total // gcd(t.collective.total, t.size) for t in tasks))
    sizes = [t.collective.sizes * (t.size * unit // t.collective.total) for t in tasks]
    first = np.cumsum([0, *(t.collective.blocks for t in tasks)])
    ranks = sorted({rank for t in tasks for rank in t.collective.ranks})
    sides: list[tuple[IntArray, ...]] = []
    for side in ("inputs", "outputs"):
        held: dict[int, list[IntArray]] = {rank: [] for rank in ranks}
        for start, task in zip(first.tolist(), tasks, strict=False):
            what = task.collective
            for rank, blocks in zip(what.ranks, getattr(what, side), strict=True):
                held[rank].append(blocks + start)
        sides.append(tuple(frozen(np.concatenate(held[rank])) for rank in ranks))
    whole = Collective(NAME, tuple(ranks), frozen(np.concatenate(sizes)), sides[0], sides[1])
    return Union(whole, frozen(first), unit)


def union_schedule(ensemble: Ensemble, united: Union | None = None, **pacing: int) -> Schedule:
    """Put the schedules of an ensemble together, as one under the symmetry of all.

    The group of each must be the elements of the whole one that keep its task.

    Args:
        ensemble: the set.
        united: its tasks as one collective, where that was made.
        **pacing: how it is to be played.
    """
    united = united or unite(ensemble.tasks)
    block, parts, pieces = [], [], 0
    share: list[Share] = []
    for number, own in ensemble.schedules:
        block.append(own.block + united.first[number])
        share += own.share
        parts.append(_shift(own.transfers, pieces))
        pieces += own.pieces
    return Schedule(
        ensemble.topology,
        united.collective,
        integers(np.concatenate(block).tolist()),
        tuple(share),
        merge(parts),
        ensemble.group,
        UNPROVED,
        dict(pacing),
    )


def fluid_time(ensemble: Ensemble) -> Fraction:
    """Compute the seconds in which every link can carry what all tasks put on it, exactly.

    Complexity: links × generators + hops of what is written down.
    """
    united, topology, group = unite(ensemble.tasks), ensemble.topology, ensemble.group
    whole = union_schedule(ensemble, united)
    orbit = link_orbits(topology, group)
    amount, unit = whole_amounts(whole)
    rows, size = whole.transfers, np.bincount(orbit)
    load = np.zeros(len(size), dtype=object)
    crossing = np.repeat(amount.astype(object)[rows.piece], np.diff(rows.route_start))
    np.add.at(load, orbit[rows.route], crossing * group.order)
    capacity = np.zeros(len(size), dtype=np.int64)
    capacity[orbit] = topology.capacity
    each = zip(load.tolist(), (capacity * size).tolist(), strict=True)
    most = max((Fraction(int(a), c) for a, c in each), default=Fraction(0))
    return most / (unit * united.unit * topology.unit)


def _shift(rows: Transfers, pieces: int) -> Transfers:
    """Give the pieces numbers from `pieces` up."""
    return Transfers(
        frozen(rows.piece + pieces),
        *(rows.step, rows.src, rows.dst, rows.reduce, rows.route_start, rows.route),
    )
