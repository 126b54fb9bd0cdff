"""What the pieces of a schedule amount to, as columns of whole numbers: exact, without fractions.

A schedule may have hundreds of thousands of pieces, and is asked again and again while candidates
are compared.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from weakref import WeakKeyDictionary

import numpy as np

from solvers.schedules.schedule import IntegerColumn, Schedule, Transfers
from topologies.model.topology import FloatArray, IntArray

EXACT = 2**53  # below which whole numbers are floats
SMALL = 2**62  # below which sums of two are of 64 bits

_KNOWN: WeakKeyDictionary[
    Transfers, tuple[tuple[Fraction, ...], tuple[IntegerColumn, IntegerColumn]]
] = WeakKeyDictionary()


def shares(schedule: Schedule) -> tuple[IntegerColumn, IntegerColumn]:
    """Give the numerators and denominators of the shares, of 64 bits where they fit, else Python's.

    They are looked up where the same shares go with the same transfers, as at other pacings.
    """
    known = _KNOWN.get(schedule.transfers)
    if known is None or known[0] is not schedule.share:
        columns = as_columns(schedule.share)
        known = _KNOWN[schedule.transfers] = schedule.share, columns
    return known[1]


def as_columns(given: Sequence[Fraction]) -> tuple[IntegerColumn, IntegerColumn]:
    """Lay out numerators and denominators in columns."""
    above, below = ([getattr(s, name) for s in given] for name in ("numerator", "denominator"))
    small = max(map(abs, above), default=0) < SMALL and max(below, default=1) < SMALL
    kind = np.int64 if small else object
    return np.array(above, dtype=kind), np.array(below, dtype=kind)


def floats(above: IntegerColumn, below: IntegerColumn | int) -> FloatArray:
    """Divide whole numbers, each quotient rounded once, as Python rounds it."""
    below = np.broadcast_to(np.asarray(below, dtype=above.dtype), above.shape)
    if above.dtype != object and max(_most(above), _most(below)) < EXACT:
        return np.asarray(above / below, dtype=np.float64)
    pairs = zip(above.tolist(), below.tolist(), strict=True)
    return np.array([a / b for a, b in pairs], dtype=np.float64)


def share_floats(schedule: Schedule) -> FloatArray:
    """Compute the shares in floats."""
    return floats(*shares(schedule))


def amounts(schedule: Schedule) -> tuple[IntegerColumn, IntegerColumn]:
    """Compute the amount of each piece, in units of the collective's sizes, as reduced fractions.

    Returns:
        numerators and denominators.
    """
    above, below = shares(schedule)
    sizes: IntArray = schedule.collective.sizes[schedule.block]
    if above.dtype == object or _most(above) * _most(sizes) >= SMALL:
        above, below, sizes = (np.asarray(each, dtype=object) for each in (above, below, sizes))
    above = above * sizes
    common = np.gcd(above, below)
    return above // common, below // common


def amount_floats(schedule: Schedule) -> FloatArray:
    """Compute the amount of each piece in floats."""
    return floats(*amounts(schedule))


def whole_amounts(schedule: Schedule) -> tuple[IntegerColumn, int]:
    """Compute the amounts in multiples of one unit, and how many of these a unit of size has.

    Amounts, not shares, are brought to one denominator: shares of blocks of different sizes may
    have none that is of use. The numbers are of 64 bits where they fit into 62, else Python's.
    """
    above, below = amounts(schedule)
    unit = lcm(*set(below.tolist()))
    if above.dtype == object or _most(above) * unit >= SMALL:
        above, below = above.astype(object), below.astype(object)
    return above * (unit // below), unit


def _most(column: IntegerColumn) -> int:
    return int(max(abs(column.max(initial=0)), abs(column.min(initial=0))))
