"""Trees out of one root over joined pods that reach the cut around a pair of ranks exactly.

Statement. What enters a pair comes over its ports on the planes and its ports on the rails, and
trees are to use all of both. For each plane and side of the pairs there are two trees, each of half
a port. In a pod such a tree enters one box, goes through its pairs in turn, and from each pair on
to the pairs at the same place of all other boxes, by a heap whose inner boxes are one half of all;
the second tree has the other half, so that each port sends as much as it receives. A chip serves
one place, so that uplinks do not meet. For each side there are also heaps over the rails alone, of
all pairs, with half of them sending.

A tree of a plane enters a pod over a rail, whose port is full. So it changes places there with a
heap of the same share, which that pair gets over the plane instead, from the last of the box's
pairs, which has that half of a port to spare. Whoever would have sent it the heap sends it the
tree, and is in a pod entered before.

Of the root's pair, the root's link to its mate does not carry everything: trees of its own side
come to its mate from the pod, over ports of the mate that nothing else comes in by, from the two
halves of ports that are left there, as the root itself sends each tree once.

Complexity: trees × ranks. After Sanders, Speck and Träff's two trees (2009), one level at a time.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from solvers.lp.linear_program import NotFound
from solvers.routing.joined_wiring import Wiring, read_wiring
from topologies.model.ragged import starts
from topologies.model.topology import IntArray, Topology
from topologies.model.units import Share

BETWEEN = 3  # vertices between the ends of a message, at most


@dataclass(frozen=True, eq=False)
class PodTree:
    """A tree: of each rank the parent, -1 at the root, and the vertices on the way from there."""

    share: Share
    parent: IntArray
    between: IntArray


class LinksBetween:
    """The links of a machine by the vertices at their ends."""

    def __init__(self, topology: Topology) -> None:
        self.vertices = topology.vertices
        key = topology.src * topology.vertices + topology.dst
        self.order = np.argsort(key)
        self.key = key[self.order]

    def routes(self, tree: PodTree, child: IntArray) -> tuple[IntArray, IntArray]:
        """Write out the links into some ranks of a tree: where each route begins, and all."""
        stops = np.column_stack([tree.parent[child], tree.between[child], child])
        there = stops >= 0
        flat, count = stops[there], there.sum(axis=1)
        goes_on = np.ones(len(flat), dtype=np.bool_)
        goes_on[np.cumsum(count) - 1] = False
        at = np.flatnonzero(goes_on)
        wanted = flat[at] * self.vertices + flat[at + 1]
        return starts(count - 1), self.order[np.searchsorted(self.key, wanted)]


def joined_pod_trees(topology: Topology, root: int) -> list[PodTree]:
    """Make trees out of a root whose shares add up to one.

    Raises:
        NotFound: the machine is another one, or too small or uneven for these trees.
    """
    return _Planting(read_wiring(topology, root), topology.ranks).trees()


class _Planting:
    """The trees of a wiring."""

    def __init__(self, wiring: Wiring, ranks: int) -> None:
        self.wiring, self.count = wiring, ranks
        self.pods, self.boxes, self.pairs, _ = wiring.ranks.shape
        self.planes = wiring.leaf.shape[2]
        self.half = self.boxes // 2
        self.place = np.empty((ranks, 2), dtype=np.int64)  # pod and box of each rank
        for axis in (0, 1):
            index = np.arange(wiring.ranks.shape[axis]).reshape(-1, *[1] * (3 - axis))
            self.place[wiring.ranks, axis] = np.broadcast_to(index, wiring.ranks.shape)
        self._refuse_others()

    def _refuse_others(self) -> None:
        """Refuse what leaves no room for places to change, or for what the pair's link carries."""
        wiring, planes = self.wiring, self.planes
        through = planes * wiring.port + 2 * wiring.rail_port
        room = wiring.port <= 2 * wiring.rail_port and through <= wiring.pair_link
        even = self.boxes % 2 == 0 and self.pairs % 2 == 0
        if not (
            room and even and 2 * planes <= self.half and wiring.chip.shape[2] // 2 == self.pairs
        ):
            raise NotFound("the ports of this machine do not suit trees that change places")

    def trees(self) -> list[PodTree]:
        """Make the heaps over the rails, and then the trees of the planes."""
        wiring = self.wiring
        total = 2 * (self.planes * wiring.port + wiring.rail_port)
        share = Fraction(wiring.port, 2 * total)
        rest = Fraction(wiring.rail_port, total) - share
        found, sender = [], np.full(self.count, -1)
        for side in (0, 1):
            found.append(self._rail_heap(side, share, sender))
            if rest:
                found.append(self._rail_heap(side, rest, None))
            for plane, half in product(range(self.planes), (0, 1)):
                found.append(self._plane_tree(plane, side, half, share, sender))
        return found

    def _entry(self, plane: int, side: int, half: int) -> tuple[int, int]:
        """Choose the box and the pair where a tree enters a pod: another box for each tree."""
        return half * self.half + 2 * plane + side, 1 - side

    def _plane_tree(
        self, plane: int, side: int, half: int, share: Share, sender: IntArray
    ) -> PodTree:
        """Enter each pod once, spread within it, and hand on within each pair."""
        growth = _Growth(self)
        box, pair = self._entry(plane, side, half)
        for pod in range(self.pods):
            at = self.wiring.ranks[pod, :, :, side]
            if pod:
                growth.over_rail(sender[at[box, pair]], at[box, pair])
                self._spread(growth, at, box, pair, (plane, side, half))
            elif half:
                growth.over_plane(at[0, 0], at[box, 0], plane, side)
                above = self._spread(growth, at, box, 0, (plane, side, half))
                self._feed_mate(growth, at[above, 0], plane, side)
            else:
                boxes = self._spread(growth, at, 0, 0, (plane, side, half), spare=True)
                growth.over_plane(at[0, -1], at[boxes, 0], plane, side)
                other = self._entry(plane, side, 1)[0]
                self._feed_mate(growth, at[other, -1], plane, side)
        return growth.finish(side, share)

    def _spread(
        self,
        growth: "_Growth",
        at: IntArray,
        top: int,
        first: int,
        tree: tuple[int, int, int],
        *,
        spare: bool = False,
    ) -> int:
        """Go through the pairs of a box, and from each to those at its place in the other boxes.

        Returns:
            The box that sends to the last one; with `spare`, the first box below the top.
        """
        plane, side, half = tree
        chain = (first + np.arange(self.pairs)) % self.pairs
        growth.over_plane(at[top, chain[:-1]], at[top, chain[1:]], plane, side)
        inner = half * self.half + np.arange(self.half)
        outer = (1 - half) * self.half + (1 + np.arange(self.half)) % self.half
        boxes = np.concatenate([inner[inner != top], outer])
        above = np.concatenate([[top], boxes[np.arange(len(boxes) - 1) // 2]])
        for pair in range(self.pairs):
            growth.over_plane(at[above, pair], at[boxes, pair], plane, 2 * pair + side)
        return int(boxes[0] if spare else above[-1])

    def _feed_mate(self, growth: "_Growth", feeder: IntArray, plane: int, side: int) -> None:
        """Send a tree of the root's side to the root's mate."""
        if side == 0:
            growth.over_plane(feeder, self.wiring.ranks[0, 0, 0, 1], plane, 0)

    def _rail_heap(self, side: int, share: Share, sender: IntArray | None) -> PodTree:
        """Make a heap of all pairs, in which the pairs at even or odd places send, each rank once.

        With `sender`, pairs where trees enter get it over the plane; noted is who would have sent.
        """
        growth, ranks = _Growth(self), self.wiring.ranks
        senders = ranks[:, :, side::2].transpose(1, 2, 0, 3).reshape(-1, 2)
        inner = senders[(senders != ranks[0, 0, 0, 0]).all(axis=1)]
        growth.over_rail(ranks[0, 0, 0, side], inner[0, side])
        slots = inner.reshape(-1)  # a child for each rank of each
        children = inner[1:, side]
        growth.over_rail(slots[: len(children)], children)
        entries = self._entries(side) if sender is not None else np.empty((0, 4), dtype=np.int64)
        left = slots[len(children) :]
        chosen = self._choose(left, entries)
        if sender is not None:
            sender[entries[:, 2]] = left[chosen]
        for plane, _, child, parent in entries.tolist():
            growth.over_plane(np.array(parent), np.array(child), plane, side)
        leaves = ranks[:, :, 1 - side :: 2, side].reshape(-1)
        leaves = leaves[~np.isin(leaves, [*entries[:, 2], ranks[0, 0, 0, side]])]
        growth.over_rail(np.delete(left, chosen)[: len(leaves)], leaves)
        return growth.finish(side, share)

    def _entries(self, side: int) -> IntArray:
        """List where trees enter pods: (plane, pod, rank, who has half a port to spare there)."""
        rows = []
        for plane, half, pod in product(range(self.planes), (0, 1), range(1, self.pods)):
            box, pair = self._entry(plane, side, half)
            at = self.wiring.ranks[pod, box, :, side]
            rows.append((plane, pod, at[pair], at[pair - 1]))
        return np.array(rows)

    def _choose(self, slots: IntArray, entries: IntArray) -> IntArray:
        """Choose for each entry one of the slots in the pod that comes before its pod."""
        pod = self.place[slots, 0]
        fan = int(np.bincount(pod, minlength=self.pods).min()) // (2 * self.planes)
        if not fan:
            raise NotFound("too few ranks in a pod for all trees that leave it")
        free = [np.flatnonzero(pod == each).tolist() for each in range(self.pods)]
        return np.array([free[(at - 1) // fan].pop(0) for at in entries[:, 1]], dtype=np.int64)


class _Growth:
    """A tree that is being made."""

    def __init__(self, planting: _Planting) -> None:
        self.wiring, self.place = planting.wiring, planting.place
        self.parent = np.full(planting.count, -1)
        self.between = np.full((planting.count, BETWEEN), -1)

    def over_plane(self, parent: IntArray, child: IntArray, plane: int, chip: int) -> None:
        """Send over the leaf of a box, or to another one over a chip."""
        (pod, there), (_, here) = self.place[parent].T, self.place[child].T
        self.parent[child] = parent
        self.between[child, 0] = self.wiring.leaf[pod, there, plane]
        apart = there != here
        self.between[child, 1] = np.where(apart, self.wiring.chip[pod, plane, chip], -1)
        self.between[child, 2] = np.where(apart, self.wiring.leaf[pod, here, plane], -1)

    def over_rail(self, parent: IntArray, child: IntArray) -> None:
        """Send over a rail, and to another one over the spine."""
        there, here = self.wiring.rail[parent], self.wiring.rail[child]
        self.parent[child] = parent
        self.between[child, 0] = there
        self.between[child, 1] = np.where(there != here, self.wiring.spine, -1)
        self.between[child, 2] = np.where(there != here, here, -1)

    def finish(self, side: int, share: Share) -> PodTree:
        """Hand on within each pair what came to the rank of one side."""
        ranks = self.wiring.ranks.reshape(-1, 2)
        one, other = ranks[:, side], ranks[:, 1 - side]
        root, mate = ranks[0]
        open_ = self.parent[other] < 0
        self.parent[other[open_]] = one[open_]
        if side:
            self.parent[mate] = root
            self.between[mate] = -1
        self.parent[root] = -1
        self.between[root] = -1
        return PodTree(share, self.parent, self.between)
