"""A machine seen through a group: one rank, one link, one path for each orbit."""

from dataclasses import dataclass, field

import numpy as np

from solvers.certify.multigraph import dijkstra, shortest, simplify
from solvers.schedules.capabilities import mark_branching
from topologies.model.cached import cached_property
from topologies.model.topology import BoolArray, FloatArray, IntArray, Topology, frozen, integers
from topologies.symmetry.group import Group, link_images, orbits


@dataclass(frozen=True, eq=False)
class Quotient:
    """A topology, the vertices where paths end (`members`, ascending), and a group that keeps both.

    Members are the ranks that take part, and `helpers`: others where trees may branch, so far as
    they copy or add (switches only with `in_network`). No tree needs a helper, and paths may pass
    through it; they do not pass through other members.

    Attributes:
        direct: nor through any rank, so that each path is one message.
        open: they pass through members as well, as these get nothing of what they pass on.
        mirror: the mate of each link, where what goes out comes back the other way round (see
            solvers/routing/reversal.py); a link and its mate then are of one orbit.
    """

    topology: Topology
    members: IntArray
    group: Group
    helpers: IntArray = field(default_factory=lambda: integers([]))
    in_network: bool = False
    direct: bool = False
    mirror: IntArray | None = None
    open: bool = False

    @cached_property
    def needed(self) -> BoolArray:
        """Mark the members that every tree reaches: (members,)."""
        return frozen(~np.isin(self.members, self.helpers))

    @cached_property
    def blocked(self) -> BoolArray:
        """Mark the vertices that no path passes through: (vertices,)."""
        marks = np.zeros(self.topology.vertices, dtype=np.bool_)
        marks[self.members[self.needed]] = not self.open
        if self.direct:
            marks[: self.topology.ranks] = True
        return frozen(marks)

    def usable(self, inward: bool) -> BoolArray:
        """Mark the members where trees out of a root (or into it) may branch: (members,)."""
        copies, adds = mark_branching(self.topology, (), "all", in_network=self.in_network)
        return frozen((adds if inward else copies)[self.members])

    @cached_property
    def link_orbit(self) -> IntArray:
        """Number the orbit of each link."""
        images = link_images(self.topology, self.group.generators)
        if self.mirror is not None:
            images = np.vstack([images, self.mirror])
        return orbits(images, self.topology.links)

    @cached_property
    def orbit_size(self) -> IntArray:
        """Count the links of each orbit."""
        return frozen(np.bincount(self.link_orbit))

    @cached_property
    def repeats(self) -> IntArray:
        """Count how often all images of a crossing cross one link of each orbit.

        With a mirror, what crosses the link or its mate counts.
        """
        paths = 1 if self.mirror is None else 2
        return frozen(self.group.order * paths // self.orbit_size)

    @cached_property
    def orbit_capacity(self) -> IntArray:
        """Compute the capacity of one link of each orbit, in units of the topology."""
        capacity = np.zeros(len(self.orbit_size), dtype=np.int64)
        capacity[self.link_orbit] = self.topology.capacity
        return frozen(capacity)

    @cached_property
    def roots(self) -> IntArray:
        """Pick the least member of each orbit of members."""
        label = orbits(self.group.generators, self.topology.vertices)[self.members]
        return frozen(self.members[np.sort(np.unique(label, return_index=True)[1])])

    @cached_property
    def from_root(self) -> tuple[IntArray, IntArray]:
        """Compute for each vertex the place in `roots` of its root and an element that leads there.

        Only members have an entry; the others hold -1.
        """
        root = np.full(self.topology.vertices, -1, dtype=np.int64)
        element = root.copy()
        for i, r in enumerate(self.roots):
            image = self.group.column(int(r))[::-1]
            root[image], element[image] = i, np.arange(self.group.order)[::-1]
        return frozen(root), frozen(element)

    def orbit_of(self, root: int) -> int:
        """Count the images of a member."""
        return len(np.unique(self.group.column(root)))

    def distances(self, weight: FloatArray, *, quick: bool = False) -> tuple[FloatArray, IntArray]:
        """Price the cheapest paths from each root through vertices that are not `blocked`.

        Args:
            weight: per link, positive.
            quick: where the machine is small, search without SciPy, which may find other paths of
                the same lengths.

        Returns:
            (roots, vertices) lengths, inf where no path leads, and the link by which each vertex is
            entered, -1 for none. Complexity: Dijkstra for each root.
        """
        vertices = self.topology.vertices
        # A member's out-links start at a copy of it, so that no path passes through a member.
        tail = np.where(self.blocked[self.topology.src], vertices, 0) + self.topology.src
        graph, first = simplify(tail, self.topology.dst, weight, 2 * vertices)
        starts = self.roots + np.where(self.blocked[self.roots], vertices, 0)
        if quick:
            length, before = shortest(graph, starts)
        else:
            length, before = dijkstra(graph, indices=starts, return_predecessors=True)
        entry = np.full((len(self.roots), vertices), -1, dtype=np.int64)
        row, vertex = np.nonzero(before[:, :vertices] >= 0)
        pairs = tail[first] * vertices + self.topology.dst[first]
        place = np.searchsorted(pairs, before[row, vertex] * vertices + vertex)
        entry[row, vertex] = first[place]
        return length[:, :vertices], frozen(entry)

    def between_members(self, from_roots: FloatArray) -> FloatArray:
        """Translate (roots, vertices) lengths to all pairs: result[i, j] from member i to j."""
        root, target = self._between
        return np.asarray(from_roots[root[:, None], target])

    @cached_property
    def _between(self) -> tuple[IntArray, IntArray]:
        """Move each pair of members to a root: its place (by first member), and the target."""
        root, element = (column[self.members] for column in self.from_root)
        target = self.group.origins(element[:, None], self.members[None])
        return frozen(root), frozen(target)


def trace(quotient: Quotient, root: int, entry: IntArray, target: int) -> tuple[int, ...]:
    """Walk back over the entering links to the root."""
    path = [int(entry[target])]
    while True:
        tail = int(quotient.topology.src[path[0]])
        if tail == quotient.roots[root]:
            return tuple(path)
        path.insert(0, int(entry[tail]))
