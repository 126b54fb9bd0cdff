"""An order of the ranks in which neighbours are near, for patterns that go around."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

import numpy as np

from solvers.routing.router import Router

STEPS_FOR_EACH_RANK = 64


def ring_order(routes: Router, ranks: Sequence[int]) -> list[int]:
    """Order the ranks, beginning with the first, so that each is near to the next around a circle.

    On machines where each rank reaches each through switches the next is the nearest one left.
    Elsewhere this looks for a circle without relays, by depth-first search that takes first the
    rank with the fewest paths on (Warnsdorff's rule), and stops after a number of steps; then the
    longest path is taken and the ranks that it leaves out follow in order.
    Complexity: ranks², and a shortest-path search for each rank.
    """
    near = _Near(routes, ranks)
    path, choices = [0], [near.onward(0, {0})]
    left = {0}
    longest = path[:]
    for _ in range(STEPS_FOR_EACH_RANK * len(ranks)):
        if len(path) == len(ranks) and near.joined[path[-1], 0]:
            return [ranks[i] for i in path]
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
    rest = [i for i in range(len(ranks)) if i not in set(longest)]
    return [ranks[i] for i in longest + rest]


def spread_rings(routes: Router, order: Sequence[int]) -> list[list[int]]:
    """Make several rings of one where boxes have more ways out than a ring takes, as libraries do.

    Ring k begins in each box at its k-th rank, and goes through every other box backwards, so that
    it leaves a box at the place at which it enters the next one: over one rail. There are as many
    rings as make the ways out as fast as those inside, but one for each rank of a box at most.

    Args:
        routes: the paths to send over.
        order: of one ring, in which boxes are runs of near ranks.
    """
    breaks = _breaks(routes, order)
    boxes = [sorted(order[a:b]) for a, b in pairwise([0, *breaks]) if b > a]
    if len(boxes) < 2 or {len(box) for box in boxes} != {len(boxes[0])} or len(boxes[0]) < 2:
        return [list(order)]
    inside, out = (_rate(routes, boxes[0][0], box[1]) for box in boxes[:2])
    count = min(len(boxes[0]), max(1, ceil(inside / out)))
    return [
        [rank for b, box in enumerate(boxes) for rank in (box[k:] + box[:k])[:: 1 - 2 * (b % 2)]]
        for k in range(count)
    ]


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


class _Near:
    """Which ranks reach which through switches only, and how far they are."""

    def __init__(self, routes: Router, ranks: Sequence[int]) -> None:
        self.length = np.array([[routes.lengths(a)[b] for b in ranks] for a in ranks])
        # Passing one rank costs more than twice the vertices.
        self.joined = self.length < 4.0 * routes.topology.vertices
        np.fill_diagonal(self.joined, len(ranks) == 1)

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
