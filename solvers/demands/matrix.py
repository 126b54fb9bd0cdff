"""What each rank sends to each: a matrix of bytes, from a file or from a description."""

import numpy as np

from solvers.demands import files
from solvers.demands.distributions import DISTRIBUTIONS, draw
from solvers.demands.files import DemandError
from topologies.model.arguments import of, whole
from topologies.model.messages import one_line, unknown
from topologies.model.topology import IntArray
from topologies.model.units import Bytes

RANKS_LIMIT = 4096
BYTES_LIMIT = 2**38  # of one pair, so that the sum of RANKS_LIMIT² such entries is exact


def demand(text: str, ranks: int, token_bytes: Bytes | None = None) -> IntArray:
    """Make the matrix that a file or a description (`lognormal:sigma=1`) stands for.

    Args:
        text: the file or the description.
        ranks: how many.
        token_bytes: of a token, where the entries count tokens; they count bytes, if it is not
            given.

    Returns:
        bytes from each rank (row) to each (column).

    Raises:
        DemandError: no such file or description, or a matrix that cannot be a demand.
    """
    of("demand", text, str, "a file or a description", DemandError)
    if not 1 <= whole("ranks", ranks, error=DemandError) <= RANKS_LIMIT:
        raise DemandError(f"ranks: found {ranks}, expected 1 to {RANKS_LIMIT:,}")
    if token_bytes is not None:
        whole("token_bytes", token_bytes, 1, BYTES_LIMIT, DemandError)
    name = text.partition(":")[0]
    if name in DISTRIBUTIONS:
        units, unit = draw(text, ranks)
        return check_matrix(text[:100], units, ranks, token_bytes or unit)
    if files.is_name(text):
        return check_matrix(text, files.load(text), ranks, token_bytes or 1)
    raise DemandError(
        one_line(f"demand: {unknown('file and no distribution', name, DISTRIBUTIONS)}")
    )


def check_matrix(place: str, entries: IntArray, ranks: int, unit: int = 1) -> IntArray:
    """Check a matrix of whole numbers, and give it in bytes.

    Raises:
        DemandError: naming place, row and column; both count from 1.
    """
    if entries.shape != (ranks, ranks):
        found = " x ".join(map(str, entries.shape))
        raise DemandError(one_line(f"{place}: found {found} entries, expected {ranks} x {ranks}"))
    wrong = (entries < 0) | (entries > BYTES_LIMIT // unit)
    if wrong.any():
        i, j = (int(place[0]) for place in np.nonzero(wrong))
        found = f"found {entries[i, j]}{f' times {unit} bytes' if unit > 1 else ''}"
        raise DemandError(
            one_line(f"{place}: {cell(i, j)}: {found}, expected 0 to {BYTES_LIMIT} bytes")
        )
    if not entries.any():
        raise DemandError(one_line(f"{place}: all entries are 0, expected something to send"))
    bytes_ = np.ascontiguousarray(entries, dtype=np.int64) * unit
    bytes_.setflags(write=False)
    return bytes_


def cell(row: int, column: int) -> str:
    """Name an entry, for a person who counts from 1."""
    return files.cell(row, column)
