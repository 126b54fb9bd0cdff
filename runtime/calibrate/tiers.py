"""Which ranks are joined without a bottleneck between them: groups, found from full load.

When all ranks send at once, each to another one, those that a shared uplink joins slow each other,
and those at one switch do not. Let out_A and in_B be the most that unit A sent and unit B received,
what was seen once left out. A flow A to B that carries clearly less than min(out_A, in_B) shows
that something between them is shared, or slower than they are: they are apart. Chance decides which
rounds load an uplink fully, so that one fast round proves nothing: units are joined whose pairs
were apart in few of the rounds in which they were looked at (average linkage, Sokal and Michener,
1958). The groups are the units of the next tier, until one is left.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from topologies.model.topology import FloatArray, IntArray

SLOW = 0.85  # of what both ends can do, below which a flow is slowed
RARE = 200  # looks of which one more may be wrong
MOST_EQUALS = 1000  # pairs among which the most alike is looked for
APART = 0.12  # of the looks at two groups, in which they may seem apart and be joined


class Look(NamedTuple):
    """What one unit sent to another one while all others sent too: bytes per second."""

    src: int
    dst: int
    rate: float


def groups(count: int, looks: Sequence[Look]) -> list[tuple[int, ...]]:
    """Join units that nothing shared lies between.

    Args:
        count: of units.
        looks: from as many rounds as there is time for.

    Returns:
        Groups of units, each in ascending order; one group of all where nothing is shared. Units
        of which every pair is apart from every other are one group as well: of a level on which
        all is alike, nothing is to be told.
    """
    slowed, seen = _count(count, looks)
    found = _link(slowed + slowed.T, seen + seen.T)
    return [tuple(range(count))] if len(found) == count else found


def _count(count: int, looks: Sequence[Look]) -> tuple[FloatArray, FloatArray]:
    """Count for each two units how often they were slowed, and how often looked at."""
    src, dst = (np.array([look[i] for look in looks], dtype=np.int64) for i in (0, 1))
    rate = np.array([look.rate for look in looks])
    sent, received = (_can(count, end, rate) for end in (src, dst))
    is_slow = rate < SLOW * np.minimum(sent[src], received[dst])
    slowed, seen = np.zeros((count, count)), np.zeros((count, count))
    np.add.at(slowed, (src, dst), is_slow)
    np.add.at(seen, (src, dst), 1.0)
    return slowed, seen


def _can(count: int, unit: IntArray, rate: FloatArray) -> FloatArray:
    """Give the most that each unit did, but for what was seen once: it may be a mistake."""
    found = np.zeros(count)
    for each in range(count):
        own = np.sort(rate[unit == each])[::-1]
        if len(own):
            found[each] = own[min(1 + len(own) // RARE, len(own) - 1)]
    return found


def _link(slowed: FloatArray, seen: FloatArray) -> list[tuple[int, ...]]:
    """Join the two groups that are apart in the smallest part of the looks, while it is small.

    Groups that were never looked at stay apart. Complexity: units³ at worst.
    """
    members: list[tuple[int, ...]] = [(unit,) for unit in range(len(slowed))]
    slowed, seen = slowed.copy(), seen.copy()
    while len(members) > 1:
        part = np.divide(slowed, seen, out=np.full(slowed.shape, np.inf), where=seen > 0)
        np.fill_diagonal(part, np.inf)
        a, b = sorted(int(i) for i in np.unravel_index(_best(part), part.shape))
        if part[a, b] > APART:
            break
        members[a] = tuple(sorted((*members[a], *members.pop(b))))
        slowed, seen = _merge(slowed, a, b), _merge(seen, a, b)
    return sorted(members)


def _best(part: FloatArray) -> int:
    """Choose the pair that is least apart; of equals the one that is so from the same others."""
    least = np.argwhere(part <= part.min())[:MOST_EQUALS]
    known = np.where(np.isfinite(part), part, 0.5)
    unlike = [np.abs(known[a] - known[b]).sum() - 2 * known[a, b] for a, b in least]
    a, b = least[int(np.argmin(unlike))]
    return int(a * len(part) + b)


def _merge(table: FloatArray, a: int, b: int) -> FloatArray:
    """Add the row and the column of b to those of a."""
    table[a] += table[b]
    table[:, a] += table[:, b]
    keep: IntArray = np.delete(np.arange(len(table)), b)
    return table[np.ix_(keep, keep)]
