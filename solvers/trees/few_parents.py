"""Trees for machines too large to look at all pairs of ranks: each rank chooses from few parents.

Statement. An order of the ranks starts at the root. A rank's candidates are earlier ranks near it,
and for each distance the first rank of all that are so near to each other: the first of a box, of a
supernode, of the machine. Pairs are images of pairs that start at a root of the quotient, so that
near ranks and paths are looked for once for each orbit. Ranks whose candidates are reached over the
same orbits of links are alike, and one linear program with a row for each kind says how many take
which (`solvers/trees/large.py`): its size is that of the kinds, not of the machine.

Complexity: ranks × candidates × log, and a shortest path tree for each orbit of ranks.
"""

from dataclasses import dataclass

import numpy as np

from solvers.certify.multigraph import dijkstra, simplify
from solvers.lp.linear_program import Infeasible
from solvers.packing.order_lp import start_at_roots
from solvers.routing.path_pool import HOP, PathPool
from solvers.routing.quotient import Quotient
from solvers.settings.deadline import NO_DEADLINE, Watch
from topologies.model.cached import cached_property
from topologies.model.ragged import starts, stretches
from topologies.model.reachability import parts
from topologies.model.topology import FloatArray, IntArray, frozen
from topologies.symmetry.group import moved_links

NEAR = 16  # ranks at each distance that are candidates
SAME = 10**9  # parts of the greatest distance to which distances are told apart
COARSE = 10**6  # the same for distances from the root


@dataclass(frozen=True, eq=False)
class Choices:
    """What the ranks of one tree may choose from: columns, by child and then by kind of path.

    child, parent: vertices. path: its number in the pool. vector: its kind, by the orbits of links
    that it crosses. place: of each rank in the order, the root first.
    """

    root: int
    place: IntArray
    child: IntArray
    parent: IntArray
    path: IntArray
    vector: IntArray


class FewParents:
    """The candidates of a quotient whose members are all ranks of a machine."""

    def __init__(self, quotient: Quotient, watch: Watch = NO_DEADLINE) -> None:
        self.quotient, self.watch = quotient, watch
        self.ranks = quotient.topology.ranks
        self.paths = PathPool(quotient, watch)
        length = quotient.distances(quotient.topology.alpha + HOP)[0][:, : self.ranks]
        self.length = length.copy()
        self.length[np.arange(len(length)), quotient.roots] = np.inf
        finite = np.isfinite(self.length)
        if not finite.any():
            raise Infeasible("no rank reaches another")
        coarse = np.round(self.length[finite] / self.length[finite].max() * SAME)
        self.tier = np.full(self.length.shape, -1)
        self.tier[finite] = np.unique(coarse, return_inverse=True)[1].reshape(-1)
        self._vectors: dict[tuple[int, ...], int] = {}

    @cached_property
    def arcs(self) -> tuple[IntArray, IntArray, IntArray]:
        """List (parent, child, tier) of near ranks: images of the nearest, and some of the rest."""
        found = []
        for i, root in enumerate(self.quotient.roots.tolist()):
            from_root = self.quotient.group.column(root)
            for tier in range(int(self.tier[i].max()) + 1):
                targets = np.flatnonzero(self.tier[i] == tier)
                some = np.unique(np.linspace(0, max(len(targets) - 1, 0), NEAR).astype(np.int64))
                for target in targets[some[: len(targets)]].tolist():
                    to = self.quotient.group.column(target)
                    found.append(np.stack([from_root, to, np.full(len(to), tier)]))
        parent, child, tier = np.concatenate(found, axis=1)
        kept = np.unique(parent * self.ranks + child, return_index=True)[1]
        return parent[kept], child[kept], tier[kept]

    @cached_property
    def parts(self) -> list[IntArray]:
        """Label the ranks, for each tier, by what is joined by arcs of that tier and below."""
        parent, child, tier = self.arcs
        found = []
        for most in range(int(tier.max()) + 1):
            near = tier <= most
            found.append(parts(self.ranks, parent[near], child[near]))
        return found

    def choices(self, root: int) -> Choices:
        """List what the ranks may choose from in an order that starts at a root of the quotient.

        Raises:
            Infeasible: some rank cannot be reached.
        """
        self.watch.check()
        level, place = self._order(root)
        parent, child = self._candidates(level, place)
        return self._with_paths(root, place, parent, child)

    def _order(self, root: int) -> tuple[IntArray, IntArray]:
        """Order the ranks by distance from the root, those of its own orbit first."""
        parent, child, _ = self.arcs
        i = int(np.searchsorted(self.quotient.roots, root))
        direct = np.flatnonzero(np.isfinite(self.length[i]))
        tail = np.concatenate([parent, np.full(len(direct), root)])
        head = np.concatenate([child, direct])
        weight = np.concatenate([self._lengths(parent, child), self.length[i, direct]])
        distance = dijkstra(simplify(tail, head, weight, self.ranks)[0], indices=root)
        if not np.isfinite(distance).all():
            raise Infeasible("some rank cannot be reached from another")
        coarse = np.round(distance / distance.max() * COARSE)
        level = np.unique(coarse, return_inverse=True)[1].reshape(-1)
        orbit = self.quotient.from_root[0][: self.ranks]
        turned = (orbit - orbit[root]) % len(self.quotient.roots)
        place = np.empty(self.ranks, dtype=np.int64)
        place[np.lexsort((np.arange(self.ranks), turned, level))] = np.arange(self.ranks)
        return level, frozen(place)

    def _lengths(self, parent: IntArray, child: IntArray) -> FloatArray:
        root, target = start_at_roots(self.quotient, parent, child)
        return np.asarray(self.length[root, target])

    def _candidates(self, level: IntArray, place: IntArray) -> tuple[IntArray, IntArray]:
        """List (parent, child), the first ranks of what is near before those that are nearer."""
        parents, children = [], []
        everyone = np.arange(self.ranks)
        for tier, part in enumerate(self.parts):
            by_place = np.argsort(place)
            first = by_place[np.unique(part[by_place], return_index=True)[1]][part]
            root, target = start_at_roots(self.quotient, first, everyone)
            reached = (first != everyone) & (self.tier[root, target] == tier)
            parents.append(first[reached])
            children.append(everyone[reached])
        parent, child, _ = self.arcs
        lower, earlier = level[parent] < level[child], place[parent] < place[child]
        known = np.zeros(self.ranks, dtype=np.bool_)
        known[np.concatenate([*children, child[lower]])] = True
        some = lower | (earlier & ~known[child])
        return (
            np.concatenate([*parents, parent[some]]),
            np.concatenate([*children, child[some]]),
        )

    def _with_paths(
        self, start: int, place: IntArray, parent: IntArray, child: IntArray
    ) -> Choices:
        """Give each pair its paths, and each child one of each kind."""
        root, target = start_at_roots(self.quotient, parent, child)
        pair, which = np.unique(root * self.ranks + target, return_inverse=True)
        self.paths.ask(*np.divmod(pair, self.ranks))
        options = [self.paths.between(*divmod(key, self.ranks)) for key in pair.tolist()]
        count = np.array([len(each) for each in options])
        flat = np.array([path for each in options for path in each], dtype=np.int64)
        vector = self._vector_of()[flat]
        row = np.repeat(np.arange(len(parent)), count[which.reshape(-1)])
        at = stretches(starts(count)[:-1][which.reshape(-1)], count[which.reshape(-1)])
        key = child[row] * (int(vector.max()) + 1) + vector[at]
        kept = np.unique(key, return_index=True)[1]
        row, at = row[kept], at[kept]
        return Choices(start, place, child[row], parent[row], flat[at], vector[at])

    def _vector_of(self) -> IntArray:
        """Give the paths of the pool numbers by the orbits of links that they cross."""
        orbit = self.quotient.link_orbit
        rows = [tuple(sorted(orbit[list(links)].tolist())) for links in self.paths.links]
        return np.array([self._vectors.setdefault(row, len(self._vectors)) for row in rows])

    def crossings(self) -> list[tuple[int, ...]]:
        """List the orbits of links that each kind of path crosses."""
        return list(self._vectors)

    def routes(self, parent: IntArray, path: IntArray) -> tuple[IntArray, IntArray]:
        """Write out the links of paths that start at given ranks: where each begins, and all."""
        links = [self.paths.links[p] for p in path.tolist()]
        length = np.array([len(each) for each in links])
        flat = np.array([link for each in links for link in each], dtype=np.int64)
        element = np.repeat(self.quotient.from_root[1][parent], length)
        quotient = self.quotient
        return starts(length), moved_links(quotient.topology, flat, quotient.group, element)
