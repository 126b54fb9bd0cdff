"""Bus bandwidth: what a link would have to carry in the best case, so that figures compare."""

from fractions import Fraction

from solvers.collective import Collective

PARTS = frozenset({"all_gather", "reduce_scatter", "all_to_all", "gather", "scatter"})


def factor(collective: Collective) -> Fraction:
    """Give busbw / algbw; 0 where there is nobody to talk to.

    Source: nccl-tests, doc/PERFORMANCE.md, Bus bandwidth.
    """
    n = len(collective.ranks)
    if collective.name == "all_reduce":
        return Fraction(2 * (n - 1), n)
    if collective.name in PARTS:
        return Fraction(n - 1, n)
    return Fraction(min(n - 1, 1))
