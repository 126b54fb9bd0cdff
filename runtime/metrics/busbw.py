"""Bus bandwidth: what a link would have to carry in the best case, so that figures compare."""

from fractions import Fraction
from functools import lru_cache

from solvers.schedules.collective import Collective, Movement


@lru_cache(maxsize=4)
def factor(collective: Collective) -> Fraction:
    """Compute busbw / algbw; 0 where there is nobody to talk to.

    It is the most that must leave, or enter, one rank, over the size: of an all_gather of unequal
    blocks all but the least one. What is added up for everybody goes out and comes in again.

    Source: nccl-tests, doc/PERFORMANCE.md, Bus bandwidth.

    Example:
        >>> from solvers.schedules.kinds import collective
        >>> factor(collective("all_reduce", range(4)))
        Fraction(3, 2)
    """
    n = len(collective.ranks)
    if collective.shape.movement is Movement.COPY_OF_SUM and collective.shape.everyone:
        return Fraction(2 * (n - 1), n)
    return Fraction(collective.crossing, collective.total)
