"""What trees of bounded height cost at least.

Statement. Copy every vertex but the root into layers 1 .. h; an arc u -> v leads from each layer of
u to the next layer of v, and from the root to the first. A tree of height at most h is a Steiner
arborescence there that reaches each needed vertex in some layer, so what those cost at least, the
trees do too. Dual ascent: let W be what reaches one needed vertex over arcs that are paid in full;
while W lacks the root, pay for all arcs into W until one more is paid in full. Every arborescence
enters every such W, so the payments add up to a lower bound. They are whole where the costs are.

Complexity: O(n·h) arcs are paid at least one a step; a step takes O(n²·h).

Source: Gouveia, Simonetti and Uchoa, Modeling hop-constrained and diameter-constrained minimum
spanning tree problems as Steiner tree problems over layered graphs, Mathematical Programming 128
(2011); Wong, A dual ascent approach for Steiner tree problems on a directed graph, Mathematical
Programming 28 (1984).
"""

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.certify.arborescence import Costs, Total
from solvers.certify.steiner import steiner_bound
from topologies.model.topology import BoolArray

TRIED = 2**12  # assignments of levels up to which all are tried
PAID = 2**18  # arcs of the layers up to which they are paid for


def hop_constrained_bound(cost: Costs, root: int, needed: BoolArray, height: int) -> Any:  # noqa: ANN401 (of the costs' kind)
    """Compute a lower bound on the price of every tree of at most so many levels below the root.

    Args:
        cost: (n, n), whole numbers, those of missing arcs beyond what a tree costs; exact.
        root: a vertex.
        needed: marks the vertices that a tree must reach.
        height: levels below the root, at most.
    """
    n = len(cost)
    if height >= n - 1 or needed.sum() <= 1:
        return steiner_bound(cost, root, needed)
    if height == 1:
        return sum(cost[root, needed & (np.arange(n) != root)].tolist())
    if (height + 1) ** (n - 1) <= TRIED:
        return _exact(cost, root, needed, height)
    bound = steiner_bound(cost, root, needed)
    if n * n * height <= PAID:
        bound = max(bound, _Ascent(cost, root, needed, height).bound())
    return bound


def _exact(cost: Costs, root: int, needed: BoolArray, height: int) -> Total:
    """Try all levels; a vertex that is left out has one level more."""
    n = len(cost)
    others = np.flatnonzero(np.arange(n) != root)
    choices = [range(1, height + 1 + (not needed[v])) for v in others]
    best = None
    for chosen in product(*choices):
        level = np.zeros(n, dtype=np.int64)
        level[others] = chosen
        inside = np.flatnonzero((level <= height) & (level > 0))
        total = sum(cost[level < level[v], v].min() for v in inside)
        best = total if best is None or total < best else best
    return best


class _Ascent:
    """The dual ascent: what is left to pay of each arc, and what was paid so far.

    first[v]: of the arc from the root to layer 1; later[l, u, v]: from layer l + 1 to layer l + 2.
    """

    def __init__(self, cost: Costs, root: int, needed: BoolArray, height: int) -> None:
        self.ends = np.flatnonzero(needed & (np.arange(len(cost)) != root)).tolist()
        self.first = np.array(cost[root], copy=True)
        later = np.array(cost, copy=True)
        # No arc leads back to the root, or from it later on, or from a vertex to itself.
        never = max(int(cost.max()), 0) * len(cost) + 1
        later[root, :] = later[:, root] = never
        np.fill_diagonal(later, never)
        self.first[root] = never
        self.later = np.repeat(later[None], height - 1, axis=0)

    def bound(self) -> Total:
        """Pay for one end after the other, that with the fewest vertices behind it first."""
        paid = 0
        waiting = dict.fromkeys(self.ends, 0)
        while waiting:
            end = min(waiting, key=lambda v: (waiting[v], v))
            reaching = self._reaching(end)
            if (self.first[reaching[0]] == 0).any():
                del waiting[end]
                continue
            size = int(reaching.sum())
            if size > waiting[end] and len(waiting) > 1:
                waiting[end] = size
                if size > min(waiting.values()):
                    continue
            paid += self._pay(reaching)
        return paid

    def _reaching(self, end: int) -> BoolArray:
        """Mark what reaches an end over arcs that are paid in full: (layers, vertices)."""
        layers = len(self.later) + 1
        marks = np.zeros((layers, len(self.first)), dtype=np.bool_)
        marks[:, end] = True
        for layer in reversed(range(layers - 1)):
            after = np.flatnonzero(marks[layer + 1])
            marks[layer] |= (self.later[layer][:, after] == 0).any(axis=1)
        return marks

    def _pay(self, reaching: BoolArray) -> Total:
        """Pay for all arcs into a set until one is paid in full; give how much for each."""
        entering: list[tuple[NDArray[Any], ...]] = []
        least_left = self.first[reaching[0]].min()
        for layer, left in enumerate(self.later):
            arcs = np.ix_(np.flatnonzero(~reaching[layer]), np.flatnonzero(reaching[layer + 1]))
            entering.append(arcs)
            if left[arcs].size:
                least_left = min(least_left, left[arcs].min())
        self.first[reaching[0]] -= least_left
        for left, arcs in zip(self.later, entering, strict=True):
            left[arcs] -= least_left
        return int(least_left)
