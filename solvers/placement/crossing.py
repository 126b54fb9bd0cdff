"""What groups send out of sets of ranks and take into them, and the links that they have for it."""

from dataclasses import dataclass

import numpy as np

from solvers.placement.cuts import Family
from topologies.model.topology import BoolArray, FloatArray, IntArray, Topology

Both = tuple[FloatArray, FloatArray]  # out of sets, and into them


@dataclass(frozen=True, eq=False)
class Capacity:
    """The bytes a second that leave and enter sets.

    Attributes:
        shared: of each set, for all groups.
        own: of each group that is partly in a set, for it alone; in the order of its crossing.
    """

    shared: Both
    own: Both | None = None


@dataclass(frozen=True, eq=False)
class Crossing:
    """What each group that is partly in a set of a family sends out of it, and takes into it.

    Attributes:
        key: the set times the number of groups, and the group; ascending.
        groups: their number.
        out, into: in parts of the bytes of the collective.
        turns: whether as much goes the other way at another time, as gradients do.
    """

    key: IntArray
    groups: int
    out: FloatArray
    into: FloatArray
    turns: bool = False

    def seconds(self, capacity: Capacity) -> float:
        """Compute the seconds for each byte of the collective that the capacities allow.

        Infinite where there is no way.
        """
        ways = ((self.out, self.into), (self.into, self.out)) if self.turns else None
        return max(
            self._longest(load, capacity, way)
            for each in ways or ((self.out, self.into),)
            for way, load in enumerate(each)
        )

    def _longest(self, load: FloatArray, capacity: Capacity, way: int) -> float:
        """Give the longest time of any set, for all groups together and for each."""
        boxes, shared = self.key // self.groups, capacity.shared[way]
        if capacity.own is None:
            return _most(_sums(boxes, load, len(shared)), shared)
        own = capacity.own[way]
        if not shared.any():  # no sum of groups needs longer than the slowest of them
            return _most(load, own)
        whole = shared + _sums(boxes, own, len(shared))
        each = _most(load, shared[boxes] + own)
        return max(each, _most(_sums(boxes, load, len(shared)), whole))


def _sums(at: IntArray, weight: FloatArray, count: int) -> FloatArray:
    return np.bincount(at, weight, minlength=count).astype(np.float64)


def _most(load: FloatArray, rate: FloatArray) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(load > 0, load / rate, 0.0).max(initial=0.0))


def cross(family: Family, placed: IntArray, collective: str, adds: bool) -> Crossing:
    """Find which groups are partly in which sets, and what they send and take in there.

    Complexity: ranks, with their logarithm.

    Args:
        family: the sets.
        placed: the machine's ranks of each group, a row for each.
        collective: that all groups run at the same time.
        adds: whether switches add.
    """
    label = family.label[placed]
    if collective == "send":
        return _sends(label)
    rows, n = label.shape
    key, m = np.unique(label * rows + np.arange(rows)[:, None], return_counts=True)
    spread = np.bincount(key % rows, minlength=rows)
    key, m = key[m < n], m[m < n]
    box, group = key // rows, key % rows
    rooted = box == label[group, 0]
    return Crossing(key, rows, *shares(collective, m, n, spread[group], rooted, adds))


def _sends(label: IntArray) -> Crossing:
    """Count the pairs of neighbours in pipelines that leave and enter each set."""
    rows = len(label)
    pipeline = np.arange(rows)[:, None]
    src, dst = label[:, :-1] * rows + pipeline, label[:, 1:] * rows + pipeline
    parted = src != dst
    key = np.unique(np.concatenate([src[parted], dst[parted]]))
    out, into = (
        np.bincount(np.searchsorted(key, ends[parted]), minlength=len(key)).astype(np.float64)
        for ends in (src, dst)
    )
    return Crossing(key, rows, out, into, turns=True)


def own_links(
    family: Family, owner: IntArray, inside: BoolArray, crossed: Crossing, machine: Topology
) -> Capacity:
    """Give what each group has of the links that cross: of its own ranks, and between them.

    Args:
        family: the sets.
        owner: for each rank of the machine the group it plays in; -1 is none.
        inside: whether both ends of each link are ranks of one group.
        crossed: the groups that are partly in sets.
        machine: whose links those of the family are.
    """
    ranks, rows = np.flatnonzero(owner >= 0), len(crossed.key)
    key = family.label[ranks] * crossed.groups + owner[ranks]
    place = np.full(len(owner), rows)  # of each rank, in the order of the crossing
    if not (family.count == len(owner) and rows == len(ranks)):
        found = np.searchsorted(crossed.key, key)
        there = crossed.key[np.minimum(found, rows - 1)] == key if rows else found < 0
        place[ranks] = np.where(there, found, rows)
    else:  # each rank by itself
        place[ranks] = np.arange(rows)
    used = family.direct[inside[family.direct]]
    rate = machine.bandwidth[used]
    out, into = (
        _sums(place, links, rows + 1) + _sums(place[ends[used]], rate, rows + 1)
        for links, ends in zip(family.own, (machine.src, machine.dst), strict=True)
    )
    return Capacity(family.shared, (out[:rows], into[:rows]))


def shares(
    collective: str, m: IntArray, n: int, boxes: IntArray, rooted: IntArray, adds: bool
) -> tuple[FloatArray, FloatArray]:
    """Compute what a group with m of n ranks in a set sends out of it and takes into it."""
    inside = np.asarray(m / n, dtype=np.float64)
    outside = np.asarray(1 - inside, dtype=np.float64)
    if collective == "all_gather":
        return inside, outside
    if collective == "reduce_scatter":
        return outside, inside
    if collective == "all_to_all":
        pairs = np.asarray(m * outside, dtype=np.float64)
        return pairs, pairs
    if collective in ("broadcast", "reduce"):
        here = np.asarray(rooted, dtype=np.float64)
        away = np.asarray(1.0 - here, dtype=np.float64)
        return (here, away) if collective == "broadcast" else (away, here)
    whole = np.asarray(1.0 if adds else 2 * (boxes - 1) / boxes, dtype=np.float64)
    return whole, whole
