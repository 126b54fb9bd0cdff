"""Bus bandwidth: what a link would have to carry in the best case, so that figures compare."""

from fractions import Fraction

import numpy as np

from solvers.schedules.collective import DEMANDED, Collective, demand_of
from solvers.schedules.moe import busiest

PARTS = frozenset({"all_gather", "reduce_scatter", "all_to_all", "gather", "scatter"})


def factor(collective: Collective) -> Fraction:
    """Give busbw / algbw; 0 where there is nobody to talk to.

    Of an all_to_allv it is the most that a rank sends to, or gets from, others, over the size; of
    a dispatch or combine a rank's tokens count once, and so does what visits a rank.

    Source: nccl-tests, doc/PERFORMANCE.md, Bus bandwidth.
    """
    n = len(collective.ranks)
    if collective.name == "all_reduce":
        return Fraction(2 * (n - 1), n)
    if collective.name == "all_to_allv":
        moving = np.array(demand_of(collective))
        np.fill_diagonal(moving, 0)
        return Fraction(int(max(moving.sum(0).max(), moving.sum(1).max())), collective.total)
    if collective.name in DEMANDED:
        return busiest(collective)
    if collective.name in PARTS:
        return Fraction(n - 1, n)
    return Fraction(min(n - 1, 1))
