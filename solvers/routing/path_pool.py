"""Paths between members through everything that is no member, by orbits of pairs."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from solvers.certify.multigraph import lengths, simplify
from solvers.routing.quotient import Quotient
from solvers.settings.deadline import NO_DEADLINE, Watch
from topologies.model.topology import FloatArray, IntArray, integers

HOP = 1e-12  # seconds; breaks ties between paths of equal alpha towards fewer links
WALK = 1e-4  # work for the paths of a pair
MANY, FEW = 1500, 2  # of more pairs each has paths over so many first links, and last links
SAME = 1e-9  # relative difference below which two paths are equally long


class PathPool:
    """A growing collection of paths from the roots of a quotient.

    Path w leads from roots[root[w]] to the vertex target[w] over links[w]; paths between other
    members are their images. asked: (roots, vertices), the pairs whose shortest paths are known.
    Only adding is possible, so that numbers stay valid.
    """

    def __init__(self, quotient: Quotient, watch: Watch = NO_DEADLINE) -> None:
        self.quotient, self.watch = quotient, watch
        self.root: list[int] = []
        self.target: list[int] = []
        self.links: list[tuple[int, ...]] = []
        self.asked = np.zeros((len(quotient.roots), quotient.topology.vertices), dtype=np.bool_)
        self._known: dict[tuple[int, ...], int] = {}
        self._between: dict[tuple[int, int], list[int]] = {}
        self._walk = _Walk(quotient)

    def __len__(self) -> int:
        return len(self.links)

    def add(self, root: int, links: tuple[int, ...]) -> int:
        """Take in a path, unless it is known; give its number."""
        if links in self._known:
            return self._known[links]
        target = int(self.quotient.topology.dst[links[-1]])
        self._known[links] = len(self.links)
        self._between.setdefault((root, target), []).append(len(self.links))
        self.root.append(root)
        self.target.append(target)
        self.links.append(links)
        return self._known[links]

    def ask(self, root: IntArray, target: IntArray) -> None:
        """Collect for each pair, unless asked before, one shortest path over each first link.

        Lengths are alphas, then numbers of links. Where several links lead on equally well, the
        one that was used least for its capacity is taken, so that paths spread evenly.
        Complexity: pairs × degree × length.
        """
        new = ~self.asked[root, target]
        pairs = np.unique(np.stack([root[new], target[new]], axis=1), axis=0)
        for i, v in pairs.tolist():
            self.watch.check(WALK)
            for path in self._walk.shortest(i, v):
                self.add(i, path)
        self.asked[root, target] = True

    def ask_ports(self, root: IntArray, target: IntArray) -> None:
        """Collect for each pair paths over links out of the root, and over links into the target.

        Of many pairs only over those least used so far. Each is the shortest over its link; others
        may be shorter. Complexity: as of `ask`.
        """
        pairs = dict.fromkeys(zip(root.tolist(), target.tolist(), strict=True))
        most = FEW if len(root) > MANY else self.quotient.topology.links
        for i, v in pairs:
            self.watch.check()
            for path in self._walk.over_ports(i, v, most):
                self.add(i, path)

    def between(self, root: int, target: int) -> list[int]:
        """List the paths from a root (its place) to a target."""
        return self._between.get((root, target), [])

    def crossings(self) -> csr_array:
        """Count how often each path crosses each orbit of links: (paths, orbits)."""
        lengths = [len(path) for path in self.links]
        link = integers(e for path in self.links for e in path)
        path = np.repeat(np.arange(len(self.links)), lengths)
        shape = (len(self.links), len(self.quotient.orbit_size))
        ones = np.ones(len(link), dtype=np.int64)
        return csr_array((ones, (path, self.quotient.link_orbit[link])), shape=shape)


class _Walk:
    """Walks from first links to targets over shortest paths, least used links first."""

    def __init__(self, quotient: Quotient) -> None:
        topology = quotient.topology
        self.quotient = quotient
        self.weight = topology.alpha + HOP
        self.orbit = quotient.link_orbit.tolist()
        self.share = (1.0 / (quotient.orbit_capacity * quotient.orbit_size)).tolist()
        self.used = [0.0] * len(quotient.orbit_size)
        self.src, self.head = topology.src.tolist(), topology.dst.tolist()
        self._last: dict[tuple[int, int], list[int]] = {}
        self.inner = ~quotient.blocked[topology.src]
        by_end = np.argsort(topology.dst, kind="stable")
        by_end = by_end[self.inner[by_end]]
        self.entering = np.split(
            by_end, np.searchsorted(topology.dst[by_end], np.arange(1, topology.vertices))
        )
        self.starts = [np.flatnonzero(topology.src == root) for root in quotient.roots]
        heads = np.unique(topology.dst[np.isin(topology.src, quotient.roots)])
        self.row = np.full(topology.vertices, -1)
        self.row[heads] = np.arange(len(heads))
        self.length = lengths(self._graph(), heads)

    def _graph(self) -> csr_array:
        """Keep the lightest link of each pair, and none that leaves a member."""
        topology, inner = self.quotient.topology, self.inner
        src, dst, weight = topology.src[inner], topology.dst[inner], self.weight[inner]
        return simplify(src, dst, weight, topology.vertices)[0]

    def shortest(self, root: int, target: int) -> Iterator[tuple[int, ...]]:
        """Walk one path over each first link that begins a shortest one."""
        starts = self.starts[root]
        total = self.weight[starts] + self.lengths(starts, target)
        if np.isfinite(least := total.min(initial=np.inf)):
            for start in starts[total <= least * (1 + SAME)]:
                yield self.follow(int(start), target)

    def over_ports(self, root: int, target: int, most: int) -> Iterator[tuple[int, ...]]:
        """Walk paths over so many first links, and last links, those least used so far."""
        starts = self.starts[root]
        paths = starts[np.isfinite(self.lengths(starts, target))].tolist()
        for start in self._least_used(paths, most):
            yield self.follow(start, target)
        for last in self._least_used(self.entering[target].tolist(), most):
            before = self.src[last]
            total = self.weight[starts] + self.lengths(starts, before)
            if np.isfinite(total.min(initial=np.inf)):
                near = starts[total <= total.min() * (1 + SAME)].tolist()
                start = min(near, key=lambda e: self.used[self.orbit[e]])
                yield (*self.follow(start, before), last)

    def _least_used(self, links: list[int], most: int) -> list[int]:
        if len(links) <= most:
            return links
        return sorted(links, key=lambda e: self.used[self.orbit[e]])[:most]

    def lengths(self, starts: IntArray, target: int) -> FloatArray:
        """Measure from the ends of first links on to a target; inf where a member is in the way."""
        return np.asarray(self.length[self.row[self.quotient.topology.dst[starts]], target])

    def follow(self, start: int, target: int) -> tuple[int, ...]:
        """Walk back from the target to a first link, and note the use of the links."""
        head, path = self.head[start], [start]
        while target != head:
            path.append(min(self._into(head, target), key=lambda e: self.used[self.orbit[e]]))
            target = self.src[path[-1]]
        path[1:] = path[:0:-1]
        for orbit in [self.orbit[link] for link in path]:
            self.used[orbit] += self.share[orbit]
        return tuple(path)

    def _into(self, head: int, target: int) -> list[int]:
        """List the last links of the shortest paths from the end of a first link to a target."""
        if (head, target) not in self._last:
            length, entering = self.length[self.row[head]], self.entering[target]
            tails = self.quotient.topology.src[entering]
            slack = length[tails] + self.weight[entering] - length[target]
            self._last[head, target] = entering[slack <= length[target] * SAME].tolist()
        return self._last[head, target]
