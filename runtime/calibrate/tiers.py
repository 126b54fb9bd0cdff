"""Which ranks are joined without a bottleneck between them: groups, found from full load.

When all ranks send at once, each to another one, those that a shared uplink joins slow each other,
and those at one switch do not. Let out_A and in_B be the most that unit A sent and unit B received,
what was seen once left out. A flow A to B that carries clearly less than min(out_A, in_B) shows
that something between them is shared, or slower than they are: they seem apart. Chance decides
which rounds load an uplink fully. A flow that is fast while most others are slow tells much, one
that is fast as all others are tells nothing, and one that is slow by itself was held up for
another reason: a look weighs the square of the part of its round that was slow. Units are joined
that seem apart in a small part of what was looked at (average linkage, Sokal and Michener, 1958).
The groups are the units of the next tier, until one is left.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from topologies.model.topology import FloatArray, IntArray

SLOW = 0.85  # of what both ends can do, below which a flow is slowed
RARE = 200  # looks of which one more may be wrong
TRIFLE = 0.02  # the weight of a look in a round in which nothing was slow
MOST_EQUALS = 1000  # pairs among which the most alike is looked for
APART = 0.25  # of the looks at two groups, up to which they may seem apart and be joined


class Look(NamedTuple):
    """What one unit sent to another in a round, while all others sent too: bytes per second."""

    src: int
    dst: int
    rate: float
    round: int


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
    """Weigh for each two units how often they were slowed, and how often looked at."""
    src, dst = (np.array([look[i] for look in looks], dtype=np.int64) for i in (0, 1))
    rate = np.array([look.rate for look in looks])
    number = np.array([look.round for look in looks])
    sent, received = (_can(count, end, rate) for end in (src, dst))
    is_slow = rate < SLOW * np.minimum(sent[src], received[dst])
    weight = ((np.bincount(number, is_slow) / np.bincount(number)) ** 2)[number]
    slowed, seen = np.zeros((count, count)), np.zeros((count, count))
    np.add.at(slowed, (src, dst), is_slow * weight)
    np.add.at(seen, (src, dst), weight + TRIFLE)
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
