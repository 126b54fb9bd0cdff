"""The scratch that programs need, where these are made for each rank alone."""

from fractions import Fraction

import numpy as np

from runtime.alone.own_exchange import large_exchange
from runtime.alone.own_program import lower_for, processes_of
from runtime.metrics.chunking import LARGE
from runtime.program.elements import width
from runtime.program.program import Buffer
from runtime.program.scratch import scratch
from solvers.schedules.schedule import Schedule

KINDS = 4  # of ranks that differ, for each of which a part is made
DTYPE = "float32"


def needed_scratch(schedule: Schedule) -> Fraction:
    """Give the scratch that a rank needs, as a part of the size: the most over all ranks.

    Of a large all_to_all parts are made for ranks alone, which use scratch in turns; here in one
    chunk, as more need less, but for what is put together to messages. Elsewhere, and where more
    than KINDS ranks differ, as of `runtime.program.scratch`, where what is passed on stays.

    Args:
        schedule: any that is right.
    """
    if large_exchange(schedule) is None:
        return scratch(schedule)
    ranks = processes_of(schedule)
    ranks = ranks[np.unique(schedule.group.vertex_orbits[ranks], return_index=True)[1]]
    if len(ranks) > KINDS:
        return scratch(schedule)
    count = LARGE // width(DTYPE)
    made = [lower_for(schedule, rank, count, dtype=DTYPE) for rank in ranks.tolist()]
    return max(Fraction(int(m.program.counts[m.process, Buffer.SCRATCH]), count) for m in made)
