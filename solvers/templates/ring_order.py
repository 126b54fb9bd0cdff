"""An order of the ranks in which neighbours are near, for patterns that go around."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np

from solvers.routing.router import Router
from topologies.model.topology import BoolArray, FloatArray, Topology

STEPS_FOR_EACH_RANK = 64
LEAST_MESH, MOST_MESH = 4, 64  # ranks of a full mesh that has several rings
ATTEMPTS = 8  # at finding circles


def ring_order(routes: Router, ranks: Sequence[int]) -> list[int]:
    """Order the ranks, beginning with the first, so that each is near to the next around a circle.

    On machines where each rank reaches each through switches the next is the nearest one left.
    Elsewhere this looks for a circle without relays, by depth-first search that takes first the
    rank with the fewest paths on (Warnsdorff's rule), and stops after a number of steps; then the
    longest path is taken and the ranks that it leaves out follow in order.
    Complexity: ranks², and a shortest-path search for each rank.
    """
    length = np.array([[routes.lengths(a)[b] for b in ranks] for a in ranks])
    # Passing one rank costs more than twice the vertices.
    joined = length < 4.0 * routes.topology.vertices
    np.fill_diagonal(joined, len(ranks) == 1)
    path, _ = _walk(_Near(length, joined))
    rest = [i for i in range(len(ranks)) if i not in set(path)]
    return [ranks[i] for i in path + rest]


def _walk(near: "_Near") -> tuple[list[int], bool]:
    """Look for a circle through all places; else give the longest path that was seen."""
    count = len(near.joined)
    path, choices = [0], [near.onward(0, {0})]
    left = {0}
    longest = path[:]
    for _ in range(STEPS_FOR_EACH_RANK * count):
        if len(path) == count and near.joined[path[-1], 0]:
            return path, True
        if len(path) > len(longest):
            longest = path[:]
        if choices[-1]:
            path.append(choices[-1].pop(0))
            left.add(path[-1])
            choices.append(near.onward(path[-1], left))
        elif len(path) > 1:
            choices.pop()
            left.discard(path.pop())
        else:
            break
    return longest, False


def spread_rings(routes: Router, order: Sequence[int]) -> list[list[int]]:
    """Make several rings of one where boxes have more ways out than a ring takes, as libraries do.

    Ring k begins in each box at its k-th rank, and goes through every other box backwards, so that
    it leaves a box at the place at which it enters the next one: over one rail. There are as many
    rings as make the ways out as fast as those inside, but one for each rank of a box at most.
    Where the ranks of a box are all joined directly, each ring has links of its own there, and one
    box has as many rings as circles were found without a common link.

    Args:
        routes: the paths to send over.
        order: of one ring, in which boxes are runs of near ranks.
    """
    breaks = _breaks(routes, order)
    boxes = [sorted(order[a:b]) for a, b in pairwise([0, *breaks]) if b > a]
    if len(boxes) < 2:
        return _circles(order) if is_mesh(routes.topology, order) else [list(order)]
    size = len(boxes[0])
    if {len(box) for box in boxes} != {size} or size < 2:
        return [list(order)]
    if size % 2 == 0 and all(is_mesh(routes.topology, box) for box in boxes):
        ways = [_zigzag(size, k) for k in range(size)]
    else:
        inside, out = (_rate(routes, boxes[0][0], box[1]) for box in boxes[:2])
        count = min(size, max(1, ceil(inside / out)))
        ways = [[(k + i) % size for i in range(size)] for k in range(count)]
    return [
        [box[i] for b, box in enumerate(boxes) for i in way[:: 1 - 2 * (b % 2)]] for way in ways
    ]


def is_mesh(topology: Topology, ranks: Sequence[int]) -> bool:
    """Tell whether links of one rate join each of several ranks with each other one."""
    if not LEAST_MESH <= len(ranks) <= MOST_MESH:
        return False
    inside = np.isin(topology.src, ranks) & np.isin(topology.dst, ranks)
    ends = set(zip(topology.src[inside].tolist(), topology.dst[inside].tolist(), strict=True))
    even = len(set(topology.capacity[inside].tolist())) == 1
    return even and len(ends) == int(inside.sum()) == len(ranks) * (len(ranks) - 1)


def _circles(order: Sequence[int]) -> list[list[int]]:
    """Look for circles through all ranks of a full mesh of which no two have a link in common.

    There are n - 1 at most, and but for n = 4 and 6 as many (Tillson, A Hamiltonian decomposition
    of K*2m, 1980); this takes one after the other, in several orders, and may find a few less.
    """
    most: list[list[int]] = []
    for attempt in range(ATTEMPTS):
        draw = np.random.default_rng(attempt)
        found = list(_disjoint(len(order), draw))
        most = max(most, found, key=len)
        if len(most) == len(order) - 1:
            break
    return [[order[i] for i in circle] for circle in most]


def _disjoint(count: int, draw: np.random.Generator) -> Iterator[list[int]]:
    """Take one circle after the other of what the earlier ones have left."""
    joined = ~np.eye(count, dtype=np.bool_)
    mixed = np.arange(count)
    while True:
        path, closed = _walk(_Near(np.zeros((count, count)), joined[np.ix_(mixed, mixed)]))
        if not closed:
            return
        circle = mixed[path]
        yield circle.tolist()
        joined[circle, np.roll(circle, -1)] = False
        mixed = draw.permutation(count)


def _zigzag(count: int, start: int) -> list[int]:
    """Go from one place to all of an even number, so that no two starts use a way in common.

    Source: Walecki, in Lucas, Recreations mathematiques II, 1892.
    """
    return [(start + (i + 1) // 2 * (1 if i % 2 else -1)) % count for i in range(count)]


def _breaks(routes: Router, order: Sequence[int]) -> list[int]:
    """List the places of a ring after which another box begins.

    The way there is longer than those inside, or as long and less than half as fast: two ranks on
    a rail may be as near as two in a box.
    """
    steps = list(pairwise([*order, order[0]]))
    far = [float(routes.lengths(a)[b]) for a, b in steps]
    rates = [_rate(routes, a, b) for a, b in steps]
    fast = max(rate for rate, length in zip(rates, far, strict=True) if length == min(far))
    return [
        i + 1
        for i, (length, rate) in enumerate(zip(far, rates, strict=True))
        if length > min(far) or 2 * rate < fast
    ]


def _rate(routes: Router, src: int, dst: int) -> int:
    """Look up the capacity of the slowest link between two ranks."""
    links = [link for hop in routes.path(src, dst) for link in hop.route]
    return int(min(routes.topology.capacity[link] for link in links))


@dataclass(frozen=True, eq=False)
class _Near:
    """How far ranks are from each other, and which reach which through switches only."""

    length: FloatArray
    joined: BoolArray

    def onward(self, place: int, passed: set[int]) -> list[int]:
        """List the places to go to next, nearest first, then those with the fewest paths on."""
        ahead = [i for i in np.flatnonzero(self.joined[place]).tolist() if i not in passed]
        nearest = min((self.length[place, i] for i in ahead), default=0.0)
        free = np.ones(len(self.joined), dtype=np.bool_)
        free[list(passed)] = False
        ways_on = self.joined[ahead] @ free if len(ahead) < 16 else np.zeros(len(ahead))
        keys = {
            i: (round(self.length[place, i] - nearest, 4), int(paths), i)
            for i, paths in zip(ahead, ways_on, strict=True)
        }
        return sorted(ahead, key=keys.__getitem__)
