"""Exchanges within groups of ranks whose numbers differ in one digit."""

from collections.abc import Sequence
from functools import cache
from math import prod

import numpy as np

from solvers.templates.layout import Sends, mirror
from topologies.model.topology import IntArray
from topologies.model.units import Bytes


def radices(n: int, most: int) -> tuple[int, ...]:
    """Search for sizes of groups, at most `most` each, with the largest product up to n.

    Of several with that product those that take the fewest rounds, the largest last, so that the
    groups of neighbours are small.
    """
    core = next(m for m in range(n, 0, -1) if _factors(m, most) is not None)
    found = _factors(core, most)
    assert found is not None
    return found


@cache
def _factors(n: int, most: int) -> tuple[int, ...] | None:
    """Search for the fewest factors from 2 to `most`, ascending; None where there are none."""
    if n == 1:
        return ()
    rests = ((f, _factors(n // f, most)) for f in range(2, most + 1) if n % f == 0)
    found = [tuple(sorted((f, *rest))) for f, rest in rests if rest is not None]
    return min(found, key=lambda factors: (len(factors), factors[::-1]), default=None)


def distances(groups: Sequence[int]) -> list[int]:
    """Compute how far apart neighbours in a group are, round after round."""
    return [prod(groups[:i]) for i in range(len(groups))]


def halving(ranks: IntArray, groups: Sequence[int], first_round: int = 0) -> list[Sends]:
    """Add up: each rank keeps its share of the pieces left to it, piece p going to ranks[p].

    Distances fall, so the far messages come first.

    Args:
        ranks: as many as the product of the groups.
        groups: the sizes of groups, round after round of `doubling`.
        first_round: the number of the first round.
    """
    rounds = list(zip(distances(groups), groups, strict=True))[::-1]
    return [
        _exchange(first_round + i, ranks, distance, size)
        for i, (distance, size) in enumerate(rounds)
    ]


def doubling(ranks: IntArray, groups: Sequence[int], first_round: int = 0) -> list[Sends]:
    """Hand out: `halving` in the mirror, ranks[p] having piece p in the beginning."""
    return [s.later(first_round) for s in mirror(halving(ranks, groups), reduce=False)]


def _exchange(number: int, ranks: IntArray, distance: int, size: Bytes) -> Sends:
    """Send from each rank to the others of its group the pieces that are to be theirs."""
    place, piece = (grid.reshape(-1) for grid in np.indices((len(ranks),) * 2))
    own, theirs = place // distance % size, piece // distance % size
    span = distance * size
    chosen = (place // span == piece // span) & (own != theirs)
    partner = place + (theirs - own) * distance
    return Sends(number, piece[chosen], ranks[place[chosen]], ranks[partner[chosen]], True)
