"""A number of bytes for each rank: written out, or in a file of one row."""

from solvers.demands import files
from solvers.demands.files import DemandError
from solvers.schedules.unequal import BYTES_LIMIT
from topologies.model.messages import one_line
from topologies.model.topology import IntArray, integers
from topologies.model.units import size


def read_blocks(text: str, ranks: int) -> IntArray:
    """Read `1000,0,64KiB`: the bytes of each rank's block.

    Raises:
        DemandError: a word that is no number of bytes, another count of them, or all are 0.
    """
    words = text.split(",")
    if len(words) != ranks:
        raise DemandError(f"blocks: found {len(words)}, expected {ranks}, one for each rank")
    return _check("blocks", integers(_bytes(place, word) for place, word in enumerate(words)))


def load(path: str, ranks: int) -> IntArray:
    """Read a file of one row: the bytes of each rank's block.

    Raises:
        DemandError: it cannot be read, or does not hold one number for each rank.
    """
    rows = files.load(path)
    if rows.shape != (1, ranks):
        found = " x ".join(map(str, rows.shape))
        raise DemandError(one_line(f"{path}: found {found} entries, expected 1 x {ranks}"))
    return _check(path, rows[0])


def _bytes(place: int, word: str) -> int:
    if word.strip() == "0":
        return 0
    try:
        return size(word.strip())
    except ValueError as error:
        raise DemandError(one_line(f"blocks: block {place + 1}: {error}")) from None


def _check(place: str, found: IntArray) -> IntArray:
    wrong = [i for i, each in enumerate(found.tolist()) if not 0 <= each <= BYTES_LIMIT]
    if wrong:
        fault = f"block {wrong[0] + 1}: found {found[wrong[0]]}, expected 0 to {BYTES_LIMIT} bytes"
        raise DemandError(one_line(f"{place}: {fault}"))
    if not found.any():
        raise DemandError(one_line(f"{place}: all blocks are 0, expected something to send"))
    return found
