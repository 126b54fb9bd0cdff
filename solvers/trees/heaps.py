"""Trees out of one root on large machines of boxes: binary heaps of boxes, boxes of boxes.

Statement. Ranks that are near each other are a part, such as a box, and parts that are near are a
larger part. In a tree each part is entered once, by one of its ranks, which hands on to the others
of the smallest parts itself. The parts within a larger one form a heap: each in the first half of
them sends to two, the others to none; in a second tree the halves change places, so that each part
sends as much as it receives. Trees of one box enter it at each of its ranks in turn, and over each
kind of path in turn. Which sizes of parts count is tried, and judged by the loads.

Complexity: for each choice of parts, trees × ranks × length of paths.

Source: Sanders, Speck and Träff, Two-tree algorithms for full bandwidth broadcast, reduction and
scan, Parallel Computing 35 (2009).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, pairwise

import numpy as np

from solvers.lp.linear_program import NotFound
from solvers.packing.order_lp import start_at_roots
from solvers.trees.few_parents import FewParents
from topologies.model.topology import FloatArray, IntArray, frozen

BOX = 64  # ranks of the smallest parts, above which each rank is a part
KINDS = 16  # of paths, over each of which there are trees
TREES = 128  # at most


@dataclass(frozen=True, eq=False)
class HeapTree:
    """A tree: the parent of each rank, and the number of the path from there; -1 at the root."""

    parent: IntArray
    path: IntArray


def heap_trees(near: FewParents, root: int) -> list[HeapTree]:
    """Make trees of equal shares out of a root, over the parts whose loads are evenest.

    Raises:
        NotFound: near ranks do not make up parts, as in a torus.
    """
    parts = _parts(near)
    best: tuple[float, list[HeapTree]] | None = None
    for chosen in _choices(parts):
        found = list(_Heaps(near, root, chosen).trees())
        time = _time(near, found)
        if best is None or time < best[0]:
            best = time, found
    assert best is not None
    return best[1]


def _parts(near: FewParents) -> list[IntArray]:
    """Label the ranks by the parts of each size; the smallest are ranks where boxes are large."""
    found = [label for tier, label in enumerate(near.parts) if _is_complete(near, tier, label)]
    if not found or found[-1].max() > 0:
        raise NotFound("near ranks do not make up boxes, whose ranks all reach each other")
    if np.bincount(found[0]).max() <= BOX and len(found) > 1:
        return found
    return [np.arange(near.ranks), *found]


def _is_complete(near: FewParents, tier: int, label: IntArray) -> bool:
    """Tell whether all ranks of a part are as near to each other as the tier says."""
    for i, root in enumerate(near.quotient.roots.tolist()):
        reached = int(((near.tier[i] >= 0) & (near.tier[i] <= tier)).sum())
        if reached != int((label == label[root]).sum()) - 1:
            return False
    return True


def _choices(parts: list[IntArray]) -> Iterator[list[IntArray]]:
    """List which parts to use: the smallest and the whole, and any between."""
    first, *between, last = parts
    for count in range(len(between) + 1):
        for some in combinations(between, count):
            yield [first, *some, last]


def _time(near: FewParents, trees: Sequence[HeapTree]) -> float:
    """Compute the time that the busiest link takes for trees of one unit each."""
    topology = near.quotient.topology
    load: FloatArray = np.zeros(topology.links)
    for tree in trees:
        child = np.flatnonzero(tree.parent >= 0)
        route = near.routes(tree.parent[child], tree.path[child])[1]
        load += np.bincount(route, minlength=topology.links)
    return float((load / topology.capacity).max()) / len(trees)


class _Heaps:
    """The trees for one choice of parts, labels from the smallest to the whole."""

    def __init__(self, near: FewParents, root: int, parts: list[IntArray]) -> None:
        self.near, self.root = near, root
        box, self.first, which = np.unique(parts[0], return_index=True, return_inverse=True)
        self.box_of = which.reshape(-1)
        by_box = np.argsort(self.box_of, kind="stable")
        ends = np.searchsorted(self.box_of[by_box], np.arange(1, len(box)))
        self.boxes = np.split(by_box, ends)
        self.rails = max(map(len, self.boxes))
        # Of each larger size: the parts of the next smaller size in each, by their first box.
        labels = [np.arange(len(box)), *(label[self.first] for label in parts[1:])]
        self.levels = [self._inner(small, large) for small, large in pairwise(labels)]

    @staticmethod
    def _inner(small: IntArray, large: IntArray) -> list[list[list[int]]]:
        """List the parts of each larger part, each by its boxes."""
        found: dict[int, dict[int, list[int]]] = {}
        for box, (inner, outer) in enumerate(zip(small.tolist(), large.tolist(), strict=True)):
            found.setdefault(outer, {}).setdefault(inner, []).append(box)
        return [list(parts.values()) for parts in found.values()]

    def trees(self) -> Iterator[HeapTree]:
        """Make a tree for each half, each place in a box and each kind of path."""
        kinds = min(self._count_kinds(), KINDS, max(TREES // 2 // self.rails, 1))
        number = 0
        for half in (0, 1):
            for rail in range(self.rails):
                for kind in range(kinds):
                    yield self._tree(half, rail, kind, number)
                    number += 1

    def _count_kinds(self) -> int:
        """Count the kinds of paths between the first two boxes."""
        if len(self.boxes) < 2:
            return 1
        ends = [np.array([box[0]]) for box in self.boxes[:2]]
        root, target = start_at_roots(self.near.quotient, *ends)
        self.near.paths.ask(root, target)
        return len(self.near.paths.between(int(root[0]), int(target[0])))

    def _tree(self, half: int, rail: int, kind: int, number: int) -> HeapTree:
        """Join boxes by heaps, from the whole inwards, and then the ranks of each box."""
        home = int(self.box_of[self.root])
        entry: dict[int, int] = {}  # of each part already entered, by its first box: the box there
        above = np.full(len(self.boxes), -1)
        entry[0] = home
        for level in reversed(range(len(self.levels))):
            entered: dict[int, int] = {}
            for parts in self.levels[level]:
                start = entry[min(chain.from_iterable(parts))]
                entered |= self._join(parts, start, home, above, half, number, level)
            entry = entered
        parent = np.full(self.near.ranks, -1)
        for box, ranks in enumerate(self.boxes):
            if box == home:
                self._at_home(ranks, rail, parent)
                continue
            enters = int(ranks[rail % len(ranks)])
            ranks_above = self.boxes[above[box]]
            parent[ranks] = enters
            parent[enters] = ranks_above[rail % len(ranks_above)]
        return HeapTree(frozen(parent), self._paths(parent, kind))

    def _at_home(self, ranks: IntArray, rail: int, parent: IntArray) -> None:
        """Let the root send to one rank of its box, which hands on: that whose turn it is."""
        others = ranks[ranks != self.root]
        if len(others):
            turn = int(ranks[rail % len(ranks)])
            hub = int(others[rail % len(others)]) if turn == self.root else turn
            parent[others], parent[hub] = hub, self.root

    @staticmethod
    def _join(
        parts: list[list[int]],
        start: int,
        home: int,
        above: IntArray,
        half: int,
        number: int,
        level: int,
    ) -> dict[int, int]:
        """Make a heap of the parts of one; give the box where each is entered, by its first box.

        The root's part sends to one, and the others form the heap; elsewhere the part that is
        entered is the top of the heap, one of the half that sends.
        """
        own = next(i for i, part in enumerate(parts) if start in part)
        others = [part for i, part in enumerate(parts) if i != own]
        middle = (len(others) + (start != home)) // 2
        turned = others[half * middle :] + others[: half * middle]
        sequence, boxes = [parts[own], *turned], [start]
        for part in turned:
            # Boxes of the half that sends, each in turn.
            span = max(len(part) // 2, 1)
            place = half * (len(part) - span) + number * (span // TREES + 1) % span
            boxes.append(part[place] if level else part[0])
        top = 1 if start == home else 0
        count = len(sequence) - top
        if top and count > 0:  # not always over the links of the root's own box
            above[boxes[1]] = parts[own][number * 7 % len(parts[own])] if level else start
        single = 1 if count % 2 == 0 else 0  # the top has one child where that comes out even
        for i in range(1, count):
            before = max(i - 1 - single, 0) // 2 + (single if i > 1 else 0)
            above[boxes[top + i]] = boxes[top + before]
        return {min(part): box for part, box in zip(sequence, boxes, strict=True)}

    def _paths(self, parent: IntArray, kind: int) -> IntArray:
        """Choose a path of a kind from each parent."""
        child = np.flatnonzero(parent >= 0)
        root, target = start_at_roots(self.near.quotient, parent[child], child)
        pair, which = np.unique(root * self.near.ranks + target, return_inverse=True)
        self.near.paths.ask(*np.divmod(pair, self.near.ranks))
        chosen = []
        for key in pair.tolist():
            options = self.near.paths.between(*divmod(key, self.near.ranks))
            chosen.append(options[kind % len(options)])
        path = np.full(self.near.ranks, -1)
        path[child] = np.array(chosen)[which.reshape(-1)]
        return frozen(path)
