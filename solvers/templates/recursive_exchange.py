"""Exchanges with partners at distances that are powers of two."""

import numpy as np

from solvers.templates.layout import Sends, mirror
from topologies.model.topology import IntArray


def power_below(n: int) -> int:
    """Compute the largest power of two that is at most n."""
    return 1 << (n.bit_length() - 1)


def distances(n: int) -> list[int]:
    """List the powers of two below n, which is a power of two itself, ascending."""
    return [1 << bit for bit in range(n.bit_length() - 1)]


def halving(ranks: IntArray, first_round: int = 0) -> list[Sends]:
    """Add up: each rank sends half of the pieces that are left to it, piece p going to ranks[p].

    Distances fall, so the far messages come first.

    Args:
        ranks: as many as a power of two.
        first_round: the number of the first round.
    """
    return [
        _exchange(first_round + i, ranks, distance)
        for i, distance in enumerate(reversed(distances(len(ranks))))
    ]


def doubling(ranks: IntArray, first_round: int = 0) -> list[Sends]:
    """Hand out: `halving` in the mirror, ranks[p] having piece p in the beginning."""
    return [s.later(first_round) for s in mirror(halving(ranks), reduce=False)]


def _exchange(number: int, ranks: IntArray, distance: int) -> Sends:
    """Send from each rank the pieces of its partner's half, among those of their common group."""
    place, piece = (grid.reshape(-1) for grid in np.indices((len(ranks),) * 2))
    common = place // (2 * distance) == piece // (2 * distance)
    chosen = common & (((place ^ piece) & distance) != 0)
    place, piece = place[chosen], piece[chosen]
    return Sends(number, piece, ranks[place], ranks[place ^ distance], True)
