"""An order in which stations can be worked through, each with all that comes to it known."""

import numpy as np

from topologies.model.ragged import earlier
from topologies.model.reachability import parts
from topologies.model.topology import BoolArray, IntArray


def levels(message: IntArray, station: IntArray) -> list[BoolArray]:
    """Mark the visits of each level; rows lie in the order of messages and of their ways.

    A message's levels rise along its way. All visits to a station are of one level, the longest
    chain of stations that lead to it; where ways go around a circle of stations there is no such
    level, and the place on the way is taken instead.
    Complexity: visits × the longest chain.
    """
    last = np.diff(message, append=-1) != 0
    before, after = station[:-1][~last[:-1]], station[1:][~last[:-1]]
    used, place = np.unique(station, return_inverse=True)
    pairs = np.unique(np.stack([before, after]), axis=1)
    before, after = np.searchsorted(used, pairs)
    if _circular(before, after, len(used)):
        level = earlier(message)
    else:
        level = _longest_chains(before, after, len(used))[place]
    return [level == i for i in range(int(level.max(initial=-1)) + 1)]


def _circular(before: IntArray, after: IntArray, stations: int) -> bool:
    """Tell whether some chain of stations comes back to itself."""
    if (before == after).any():
        return True
    return int(parts(stations, before, after, strong=True).max(initial=-1)) + 1 < stations


def _longest_chains(before: IntArray, after: IntArray, stations: int) -> IntArray:
    level = np.zeros(stations, dtype=np.int64)
    while (level[after] <= level[before]).any():
        np.maximum.at(level, after, level[before] + 1)
    return level
