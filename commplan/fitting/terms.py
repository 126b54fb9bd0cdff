"""What the time of a library's collective is made of, before any figure is known."""

from collections.abc import Sequence

import numpy as np

from commplan.measurements.rows import Measured
from topologies.model.topology import FloatArray

TERMS = ("start", "hop", "middle", "ends")
PAIRWISE = frozenset({"all_to_all", "gather", "scatter"})
CHAINS = frozenset({"broadcast", "reduce"})


def terms(rows: Sequence[Measured]) -> FloatArray:
    """Count for each row the start, the hops in a row, and bytes that pass in the middle and ends.

    A ring of n ranks has n - 1 hops, an all_reduce twice as many. Each rank deals with n shares of
    1 / n of the size: the first it only sends, the last it only receives (ends), all others it
    receives, adds or keeps, and sends at once (middle). An exchange sends to n - 1 others and
    copies its own share (ends); what goes along a chain passes whole.

    Returns:
        (rows, 4) in the order of TERMS: 1, hops, bytes, bytes.
    """
    return np.array([_terms(row) for row in rows], dtype=np.float64).reshape(-1, len(TERMS))


def _terms(row: Measured) -> tuple[float, float, float, float]:
    n = row.ranks
    if row.collective == "all_reduce":
        middle, ends, hops = (2 * n - 3) / n, 2 / n, 2 * (n - 1)
    elif row.collective in PAIRWISE:
        middle, ends, hops = (n - 1) / n, 1 / n, n - 1
    elif row.collective in CHAINS:
        middle, ends, hops = 1.0, 0.0, n - 1
    else:
        middle, ends, hops = (n - 2) / n, 2 / n, n - 1
    return 1.0, hops, row.size * middle, row.size * ends


def added_in_switches(rows: Sequence[Measured]) -> FloatArray:
    """Give the same for an all_reduce that switches add up: one start, and (n + 1) / n sizes.

    Each rank sends its data and receives sums, and one share of them goes by way of its memory.
    """
    bytes_through = [row.size * (row.ranks + 1) / row.ranks for row in rows]
    return np.array([(1.0, 0.0, through, 0.0) for through in bytes_through]).reshape(-1, 4)
