"""Members that are alike in an order: one stands for all.

Statement. With a group that keeps the root, members fall into orbits, and (parent, child) into
kinds: the orbits of both, and the distance. Two children of one orbit that have earlier parents of
the same kinds are alike: whatever shares the one gives its parents of each kind, the other may
give its own, and the loads, which are added up over all images, stay the same. So one of them has
columns, which count for all (`Order.like`), and a program for thousands of ranks has the size of
one for some dozens.

Afterwards each child gets parents of its own: the first ones of the kinds that the one has that
stood for it, so that the trees are low. What a kind leaves open shows then: where such a parent has
no path over links of the same orbits, an image of the parent has that stood for it; where that one
does not come before the child, the child has to stand for itself.

Complexity: members² for each order.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from solvers.packing.order_lp import Columns, Order, start_at_roots
from solvers.routing.path_pool import PathPool
from solvers.routing.quotient import Quotient
from topologies.model.topology import FloatArray, IntArray, frozen
from topologies.model.units import Share


class Kinds:
    """The kinds of (child, parent), by orbit and distance.

    orbit: of each member. Distances are numbered, the last number stands for infinite ones.

    Args:
        near: how far members are, [from, to].
    """

    def __init__(self, quotient: Quotient, near: FloatArray) -> None:
        self.quotient = quotient
        self.orbit = quotient.from_root[0][quotient.members]
        distances, far = np.unique(near, return_inverse=True)
        far = far.reshape(near.shape).astype(np.min_scalar_type(len(distances)))
        self._far = {False: np.ascontiguousarray(far.T), True: far}
        self._finite = int(np.isfinite(distances).sum())
        self._first: dict[tuple[bool, bytes], IntArray] = {}
        self._early: dict[tuple[bool, bytes, int, int], IntArray] = {}

    @property
    def orbits(self) -> int:
        """Count the orbits of members."""
        return len(self.quotient.roots)

    def early(self, order: Order, child: int, parent: int) -> IntArray:
        """Give each member the first of those that are a parent of a kind, -1 for none.

        That is the kind of a child and its parent. Complexity: members × those of the parent's
        orbit, once.
        """
        sequence, far = np.lexsort((order.place, self.orbit)), self._far[order.inward]
        number, orbit = int(far[child, parent]), int(self.orbit[parent])
        key = order.inward, sequence.tobytes(), number, orbit
        if key not in self._early:
            own = sequence[self.orbit[sequence] == orbit]
            first = own[np.argmax(far[:, own] == number, axis=1)]
            right = far[np.arange(len(sequence)), first] == number
            self._early[key] = np.where(right, first, -1)
        return self._early[key]

    def earliest(self, order: Order) -> IntArray:
        """Find each member's earliest parent of each kind: (members, kinds), -1 for none.

        Kinds come in the order of their distances. Complexity: members², unless the members of
        each orbit come in an order that was met before; then members × kinds.
        """
        sequence = np.lexsort((order.place, self.orbit))
        key = order.inward, sequence.tobytes()
        if key not in self._first:
            self._first[key] = self._first_of_all(sequence, inward=order.inward)
        first = self._first[key]
        # The first of all is the earliest, unless it is no earlier than the child itself.
        right = (first >= 0) & (order.place[first] < order.place[:, None])
        return np.where(right, first, -1)

    def nearest(self, order: Order) -> IntArray:
        """Give each member the earliest of its nearest parents, -1 where it has none."""
        earliest = self.earliest(order)
        kind = np.argmax(earliest >= 0, axis=1)
        return frozen(earliest[np.arange(len(kind)), kind])

    def _first_of_all(self, sequence: IntArray, *, inward: bool) -> IntArray:
        """Find for each member the first one of each kind in a sequence, -1 for none."""
        far, members = self._far[inward], np.arange(len(sequence))
        found = np.full((len(members), self._finite * self.orbits), -1, dtype=np.int64)
        for orbit in range(self.orbits):
            own = sequence[self.orbit[sequence] == orbit]
            distance = far[:, own]
            for number in np.unique(distance).tolist():
                if number < self._finite:
                    first = own[np.argmax(distance == number, axis=1)]
                    right = far[members, first] == number
                    found[right, number * self.orbits + orbit] = first[right]
        return found

    def lead(self, order: Order, earliest: IntArray) -> Order:
        """Let the first of the members that are alike stand for all of them."""
        members = np.arange(len(order.place))
        own = np.where(order.waiting, self.orbit, -1 - members)
        # Rows are compared as bytes: column by column takes far longer.
        keys = np.hstack([own[:, None].view(np.uint8), np.packbits(earliest >= 0, axis=1)])
        label = np.unique(keys.view(f"V{keys.shape[1]}"), return_inverse=True)[1].reshape(-1)
        by_place = np.argsort(order.place, kind="stable")
        leader = by_place[np.unique(label[by_place], return_index=True)[1]]
        return replace(order, like=frozen(leader[label]))


class Unfolding:
    """Gives the members that others stand for parents of their own."""

    def __init__(self, kinds: Kinds, paths: PathPool, orders: Sequence[Order]) -> None:
        self.kinds, self.paths, self.orders = kinds, paths, orders
        self.quotient = kinds.quotient
        self._links = _Links(self.quotient)
        self._known: dict[tuple[int, int, tuple[int, ...]], int] = {}

    def unfold(
        self, columns: Columns, share: Sequence[Share]
    ) -> tuple[Columns, tuple[Fraction, ...], list[tuple[int, IntArray]]]:
        """Write down the choices that have a share and the shares, for all members.

        Gives also for orders the children that have no parent alike.
        """
        rows: list[tuple[IntArray, IntArray, IntArray, IntArray]] = []
        shares: list[Fraction] = []
        amiss = []
        for c in [c for c, part in enumerate(share[: len(columns)]) if part]:
            k, path = int(columns.order[c]), int(columns.path[c])
            child, parent, paths = self._own(k, int(columns.parent[c]), int(columns.child[c]), path)
            if (paths < 0).any():
                amiss.append((k, child[paths < 0]))
            rows.append((np.full(len(child), k), parent, child, paths))
            shares += [share[c]] * len(child)
        whole = Columns(*(frozen(np.concatenate(part)) for part in zip(*rows, strict=True)))
        return whole, tuple(shares), amiss

    def _own(
        self, k: int, parent: int, child: int, path: int
    ) -> tuple[IntArray, IntArray, IntArray]:
        """Find all that a child stands for, with the parent of each and the path, -1 for none."""
        order = self.orders[k]
        like = np.arange(len(order.place)) if order.like is None else order.like
        children = np.flatnonzero(order.waiting & (like == child))
        parents = self.kinds.early(order, child, parent)[children]
        paths = self._match_paths(order, parents, children, path)
        if (paths < 0).any():
            moved = self._move(child, parent, children)
            moved = np.where(order.place[moved] < order.place[children], moved, parents)
            parents = np.where(paths < 0, moved, parents)
            paths = self._match_paths(order, parents, children, path)
        return children, parents, paths

    def _move(self, child: int, parent: int, children: IntArray) -> IntArray:
        """Move a parent, and the path to it, along as its child is moved to others of its orbit."""
        members, group = self.quotient.members, self.quotient.group
        element = self.quotient.from_root[1][members]
        vertex = group.origins(element[child], members[parent])
        return frozen(np.searchsorted(members, group.images(element[children], vertex)))

    def _match_paths(
        self, order: Order, parents: IntArray, children: IntArray, path: int
    ) -> IntArray:
        """Find paths between given ends over links of the orbits that a path uses; -1 for none."""
        ends = (children, parents) if order.inward else (parents, children)
        root, target = start_at_roots(self.quotient, *ends)
        orbits = tuple(self.quotient.link_orbit[list(self.paths.links[path])].tolist())
        found = [
            self._walk(*pair, orbits) for pair in zip(root.tolist(), target.tolist(), strict=True)
        ]
        return np.array(found, dtype=np.int64)

    def _walk(self, root: int, target: int, orbits: tuple[int, ...]) -> int:
        key = root, target, orbits
        if key not in self._known:
            links = self._links.between(int(self.quotient.roots[root]), target, orbits)
            self._known[key] = -1 if links is None else self.paths.add(root, links)
        return self._known[key]


class _Links:
    """Links by their ends and orbits."""

    def __init__(self, quotient: Quotient) -> None:
        self.blocked = quotient.blocked.tolist()
        self.src, self.dst = quotient.topology.src.tolist(), quotient.topology.dst.tolist()
        self.out: dict[tuple[int, int], list[int]] = {}
        self.into: dict[tuple[int, int], list[int]] = {}
        self.pair: dict[tuple[int, int, int], int] = {}
        ends = zip(self.src, self.dst, quotient.link_orbit.tolist(), strict=True)
        for link, (src, dst, orbit) in enumerate(ends):
            self.out.setdefault((src, orbit), []).append(link)
            self.into.setdefault((dst, orbit), []).append(link)
            self.pair.setdefault((src, dst, orbit), link)

    def between(self, at: int, target: int, orbits: tuple[int, ...]) -> tuple[int, ...] | None:
        """Find a path from vertex to vertex over links of given orbits, and through no member."""
        first, *others = orbits
        if not others:
            link = self.pair.get((at, target, first))
            return None if link is None else (link,)
        if len(others) == 1:
            for last in self.into.get((target, others[0]), ()):
                link = self.pair.get((at, self.src[last], first))
                if link is not None and not self.blocked[self.src[last]]:
                    return link, last
            return None
        for link in self.out.get((at, first), ()):
            if not self.blocked[self.dst[link]]:
                rest = self.between(self.dst[link], target, tuple(others))
                if rest is not None:
                    return link, *rest
        return None
