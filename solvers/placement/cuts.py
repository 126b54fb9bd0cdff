"""Cuts of a machine that placements are judged by: boxes of ranks, and what joins them to the rest.

Statement. Let a set S of vertices have links of C bytes a second that leave it, and let groups of
ranks run a collective of M bytes at the same time, group G with m of its n ranks in S. Then S sends
at least

    all_gather m M / n   reduce_scatter (n - m) M / n   all_to_all m (n - m) M / n   all_reduce M
    broadcast M if the root is in S, reduce M if it is not, send M for each pair that leaves S

bytes for each group that is partly in S, and takes in as much as the reverse says; so all of them
take at least the sum over the groups, divided by C. The most of that over any family of sets is a
lower bound, and on trees of tiers without blocking inside boxes the greatest of all cuts is among
the boxes, the ranks alone included.

Without switches that add, the trees of an all_reduce of a group over k boxes leave boxes 2 (k - 1)
times: k - 1 times to the root and as often back. Roots that are spread evenly over the boxes load
each with 2 (k - 1) M / k, which is what is counted; no scheme of reduce-broadcast trees loads all
boxes less.

The family has: ranks alone, the boxes of each tier (what stays together without the slower or
outer links, or below switches that are farther from ranks), and of declared symmetries the orbits
of some of the generators (rows and columns of grids), on machines without switches halves of such
grids too. A set of several sets of the family without links among each other says nothing that
those do not, as these loads are subadditive.

Where ranks do not forward for groups that they are not in, a link of a rank is of use to its group
only, and one between two ranks only if both are in it. So every set has less, and each group that
is partly in it sends its own bytes over the links of its own ranks and those between switches,
which all share. Where ranks do forward, let a link inside a group cost 1 and every other one 1/2:
each path between two members costs at least 1, so that what is delivered to all ranks, with the
cost of all links, is a bound as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from solvers.routing.partitions import label_tiers
from topologies.model.cached import cached_property
from topologies.model.reachability import connected_parts
from topologies.model.topology import BoolArray, FloatArray, IntArray, Topology, frozen, integers
from topologies.symmetry.group import orbits

MOST_GENERATORS = 6  # subsets of more are not formed
TOGETHER = 1e-9  # of a capacity, that two sums may differ by


@dataclass(frozen=True, eq=False)
class Family:
    """Sets of ranks that do not meet, and the bytes a second that leave and enter each.

    Attributes:
        label: for each rank of the machine the set it is in.
        out, into: for each set, over all links.
        shared: the same two over the links out of a set that begin at a switch, and into it that
            end at one: any group may use them.
        own: for each rank the same two over its links to and from switches outside its set.
        direct: links between ranks, that cross.
        tier: whether the sets are boxes of a tier.
    """

    label: IntArray
    out: FloatArray
    into: FloatArray
    shared: tuple[FloatArray, FloatArray]
    own: tuple[FloatArray, FloatArray]
    direct: IntArray
    tier: bool

    @property
    def count(self) -> int:
        """Count the sets."""
        return len(self.out)

    @cached_property
    def parted(self) -> bool:
        """Tell whether links that cross are of use to one group only, as they end at ranks."""
        return len(self.direct) > 0 or any(bool(each.any()) for each in self.own)


@lru_cache(maxsize=4)
def singles(topology: Topology) -> Family:
    """Give each rank alone."""
    return _family(topology, np.arange(topology.vertices), False)


@lru_cache(maxsize=4)
def families(topology: Topology) -> list[Family]:
    """List families of cuts, coarse ones first, those that say nothing left out.

    Complexity: links for each tier, and for each subset of the declared generators.
    """
    found: dict[bytes, Family] = {}
    for label in (*label_tiers(topology), *_by_hops(topology)):
        family = _family(topology, label, True)
        found.setdefault(family.label.tobytes(), family)
    finer = [singles(topology), *found.values()]
    for label in _slices(topology):
        family = _family(topology, _with_switches(topology, label), False)
        if family.count > 1 and all(_says_more(family, each) for each in finer):
            found.setdefault(family.label.tobytes(), family)
    return sorted(found.values(), key=lambda family: (not family.tier, family.count))


def _family(topology: Topology, label: IntArray, tier: bool) -> Family:
    """Add up what leaves and enters the sets that have ranks; -1 is no set."""
    own, place = np.unique(label[: topology.ranks], return_inverse=True)
    number = np.full(int(label.max()) + 2, -1)
    number[own] = np.arange(len(own))
    sets = number[label[topology.src]], number[label[topology.dst]]
    crossing = sets[0] != sets[1]
    ranked = topology.src < topology.ranks, topology.dst < topology.ranks
    ends = topology.src, topology.dst

    out, into = (_add(topology, at, crossing & (at >= 0), len(own)) for at in sets)
    shared = [
        _add(topology, at, crossing & (at >= 0) & ~end, len(own))
        for at, end in zip(sets, ranked, strict=True)
    ]
    alone = [
        _add(topology, at, crossing & end & ~far, topology.ranks)
        for at, end, far in zip(ends, ranked, ranked[::-1], strict=True)
    ]
    direct = integers(np.flatnonzero(crossing & ranked[0] & ranked[1]))
    return Family(
        integers(place.ravel()),
        out,
        into,
        (shared[0], shared[1]),
        (alone[0], alone[1]),
        direct,
        tier,
    )


def _add(topology: Topology, at: IntArray, used: BoolArray, count: int) -> FloatArray:
    """Add up the bandwidth of the links that are used, by their end."""
    return frozen(np.bincount(at[used], topology.bandwidth[used], count).astype(np.float64))


def _by_hops(topology: Topology) -> Iterator[IntArray]:
    """Label vertices by what stays together below switches of so many hops from the nearest rank.

    It finds boxes whose way out is wider than a rank's own, which no slow link tells.
    """
    hops = np.where(np.arange(topology.vertices) < topology.ranks, 0, topology.vertices)
    for _ in range(topology.vertices):
        before = hops.copy()
        np.minimum.at(hops, topology.dst, before[topology.src] + 1)
        if (hops == before).all():
            break
    for most in range(1, int(hops[hops < topology.vertices].max(initial=0)) + 1):
        near = hops <= most
        label = connected_parts(topology, near[topology.src] & near[topology.dst], strong=True)
        if 1 < len(np.unique(label[: topology.ranks])) < topology.ranks:
            yield label


def _slices(topology: Topology) -> Iterator[IntArray]:
    """Label ranks by their orbits under some of the generators, and by halves of those."""
    rows = topology.symmetry
    if not 1 < len(rows) <= MOST_GENERATORS:
        return
    count = topology.ranks
    for size in range(1, len(rows)):
        for some in combinations(range(len(rows)), size):
            yield orbits(rows[list(some)], topology.vertices)[:count]
    if topology.vertices == count:
        for one in range(len(rows)):
            others = [row for row in range(len(rows)) if row != one]
            yield from _halves(orbits(rows[others], count), rows[one])


def _halves(label: IntArray, turn: IntArray) -> Iterator[IntArray]:
    """Label ranks by the half that they are in, of slices that a generator turns round."""
    order, at = [int(label[0])], int(turn[0])
    while label[at] != order[0] and len(order) <= len(label):
        order.append(int(label[at]))
        at = int(turn[at])
    if len(order) < 4 or len(order) != len(np.unique(label)):
        return
    place = np.zeros(int(label.max()) + 1, dtype=np.int64)
    place[order] = np.arange(len(order))
    for first in range(len(order) // 2):
        yield ((place[label] - first) % len(order) < len(order) // 2).astype(np.int64)


def _with_switches(topology: Topology, label: IntArray) -> IntArray:
    """Put a switch into the set that all its neighbours are in; the others are in none."""
    count = int(label.max()) + 1
    whole = np.full(topology.vertices, count)
    whole[: topology.ranks] = label
    for _ in range(3):  # switches above switches
        for ends, others in ((topology.src, topology.dst),):
            near = whole[others]
            least, most = np.full(topology.vertices, count), np.full(topology.vertices, -1)
            np.minimum.at(least, ends, near)
            np.maximum.at(most, ends, near)
            inside = (least == most) & (most < count)
            inside[: topology.ranks] = False
            whole[inside] = least[inside]
    return np.where(whole == count, -1, whole)


def _says_more(family: Family, finer: Family) -> bool:
    """Tell whether some sets have links between the sets of a finer family that they consist of."""
    owner = np.zeros(finer.count, dtype=np.int64)
    owner[finer.label] = family.label
    if (owner[finer.label] != family.label).any():
        return True  # it is not finer
    sums = np.bincount(owner, finer.out, minlength=family.count)
    return bool((family.out < sums * (1 - TOGETHER)).any())
