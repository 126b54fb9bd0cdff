"""Trees out of one root on large machines of direct links, such as tori: each goes its own way.

Statement. Links fall into orbits, and each orbit has a mate that leads the other way. A tree takes
one of each such pair, as "right, up and back" in a torus, and so of the links into a rank as many
as there are pairs; over all choices each link is taken equally often. Trees start at ranks drawn at
random, to which a path leads from the root, so that the few ranks where a tree must turn aside
differ from tree to tree. As many paths leave over each link of the root. A rank comes as soon as it
is reached, over the link used least so far. Trees that start near the root are lower, but less
often even; where they are small, many are grown, and the lowest even ones taken.

Afterwards loads are evened out: a rank that is reached over a busy link takes an idler one, if that
comes from an earlier rank of the same tree. Ranks do not touch each other's links, so that all do
so at once. The rate is near that of the links into a rank, and need not reach it.

Complexity: trees × links, for each round of a tree and each sweep.
"""

from dataclasses import dataclass

import numpy as np

from solvers.certify.multigraph import dijkstra, simplify
from solvers.lp.linear_program import NotFound
from solvers.routing.reversal import find_reversal
from solvers.settings.deadline import Watch
from topologies.model.forests import depths
from topologies.model.topology import BoolArray, IntArray, Topology, frozen
from topologies.symmetry.group import Group, link_orbits

SWEEPS = 40  # over all trees, to even out the loads
BUSY = 50.0  # times the length that a link counts as where it has the load of all others
CLOSED = 1e9  # added to a link out of the root that has its part: the others shall get theirs


@dataclass(frozen=True, slots=True)
class Form:
    """How trees are wanted.

    Attributes:
        trees: how many, of equal shares.
        attempts: with other random starts, while some link still has too much.
        within: hops of the root in which trees start; None for anywhere.
        lowest: all attempts are made, and the lowest trees taken of those with the best loads.
    """

    trees: int
    attempts: int
    within: int | None = None
    lowest: bool = False


# So many that halves and thirds of a load are whole, and what one too much costs is little.
MANY = Form(trees=48, attempts=3)
# So few that messages are large in many chunks; a quarter of the attempts is even.
FEW = Form(trees=12, attempts=12, within=3, lowest=True)


@dataclass(frozen=True, eq=False)
class Way:
    """A tree: the link into each rank, -1 at the root, and the place of each rank in its order."""

    link: IntArray
    place: IntArray


def oriented_trees(
    topology: Topology, group: Group, root: int, watch: Watch, form: Form = MANY
) -> list[Way]:
    """Make trees of equal shares out of a root.

    Args:
        topology: the machine, of links between ranks alone.
        group: what the machine declares of its symmetry, with or without the root in its place.
        root: where the trees start.
        watch: says when to stop.
        form: how many, and which.

    Raises:
        NotFound: the machine has switches, or links without mates.
    """
    mate = find_reversal(topology, group, in_network=False)
    if topology.vertices > topology.ranks or mate is None:
        raise NotFound("there are switches, or links without mates")
    oriented = _orientations(link_orbits(topology, group), mate)
    best: tuple[tuple[int, int], list[Way]] | None = None
    for attempt in range(form.attempts):
        growth = _Growth(topology, oriented, root, form, attempt)
        found = growth.run(watch)
        rank = int(growth.load.max()), growth.height(found) if form.lowest else 0
        if best is None or rank < best[0]:
            best = rank, found
        if not (form.lowest or growth.busy().any()):
            break
    assert best is not None
    return best[1]


def _orientations(orbit: IntArray, mate: IntArray) -> IntArray:
    """Give each link the number of its pair of orbits, and its side of the pair: (2, links)."""
    low, high = np.minimum(orbit, orbit[mate]), np.maximum(orbit, orbit[mate])
    pair = np.unique(np.stack([low, high]), axis=1, return_inverse=True)[1].reshape(-1)
    return np.stack([pair, (orbit != low).astype(np.int64)])


def _starts(topology: Topology, root: int, within: int | None) -> IntArray:
    """Give the ranks at which trees may start, in ascending order."""
    near = np.arange(topology.ranks) == root
    if within is None:
        return np.flatnonzero(~near)
    for _ in range(within):
        near[topology.dst[near[topology.src]]] = True
    near[root] = False
    return np.flatnonzero(near)


class _Growth:
    """The loads of the links, and trees that avoid them."""

    def __init__(
        self, topology: Topology, oriented: IntArray, root: int, form: Form, seed: int
    ) -> None:
        self.topology, self.oriented, self.root, self.form = topology, oriented, root, form
        self.load = np.zeros(topology.links, dtype=np.int64)
        self.draw = np.random.default_rng(seed)
        self.out = topology.src != root
        self.starts = _starts(topology, root, form.within)
        self.even = -(-form.trees // np.bincount(topology.dst, minlength=topology.ranks))

    def run(self, watch: Watch) -> list[Way]:
        """Grow all trees, and even out their loads."""
        found = []
        for number in range(self.form.trees):
            watch.check()
            found.append(self.grow(number))
        for _ in range(SWEEPS):
            watch.check()
            if not self.busy().any():
                break
            found = [self.even_out(way) for way in found]
        return found

    def busy(self) -> BoolArray:
        """Mark the ranks with a link that has more than its part: (ranks,)."""
        dst = self.topology.dst
        marks = np.zeros(self.topology.ranks, dtype=np.bool_)
        marks[dst[self.load > self.even[dst]]] = True
        return marks

    def height(self, found: list[Way]) -> int:
        """Count the links of the longest way from the root."""
        parents = (np.where(way.link >= 0, self.topology.src[way.link], -1) for way in found)
        return max(int(depths(parent).max()) for parent in parents)

    def grow(self, number: int) -> Way:
        """Grow the tree with a number, whose digits say which way it goes."""
        pair, side = self.oriented
        taken = ((number >> pair) & 1) == side
        link = np.full(self.topology.ranks, -1)
        place = np.full(self.topology.ranks, -1)
        place[self.root] = 0
        start = self._lead(link, place)
        passed = np.zeros(self.topology.ranks, dtype=np.bool_)
        passed[start] = True
        for chosen in (taken & self.out, self.out):  # what is left is reached any way
            self._spread(np.flatnonzero(chosen), link, place, passed)
            passed = place > 0
        if (place < 0).any():
            raise NotFound("some rank cannot be reached but over the root")
        return Way(frozen(link), frozen(place))

    def _lead(self, link: IntArray, place: IntArray) -> int:
        """Lead from the root to a rank drawn at random, around busy links."""
        ranks, topology = self.topology.ranks, self.topology
        start = int(self.starts[self.draw.integers(len(self.starts))])
        weight = 1.0 + BUSY * self.load / max(int(self.load.max()), 1)
        weight[~self.out & (self.load >= self.even[topology.dst])] += CLOSED
        graph, kept = simplify(topology.src, topology.dst, weight, ranks)
        before = dijkstra(graph, indices=self.root, return_predecessors=True)[1]
        pairs = topology.src[kept] * ranks + topology.dst[kept]
        way = [start]
        while way[-1] != self.root:
            way.append(int(before[way[-1]]))
        way.reverse()
        for step in range(1, len(way)):
            link[way[step]] = kept[np.searchsorted(pairs, way[step - 1] * ranks + way[step])]
            place[way[step]] = step
        self.load[link[way[1:]]] += 1
        return start

    def _spread(self, links: IntArray, link: IntArray, place: IntArray, passed: BoolArray) -> None:
        """Reach ranks round after round, each over the link used least; mark those passed."""
        src, dst = self.topology.src[links], self.topology.dst[links]
        now = int(place.max())
        while True:
            near = np.flatnonzero(passed[src] & ~passed[dst])
            if not len(near):
                return
            fresh = near[place[dst[near]] < 0]
            order = np.lexsort((self.draw.random(len(fresh)), -self.load[links[fresh]]))
            chosen = np.full(len(place), -1)
            chosen[dst[fresh[order]]] = links[fresh[order]]
            reached = np.flatnonzero(chosen >= 0)
            now += 1
            link[reached], place[reached] = chosen[reached], now
            self.load[chosen[reached]] += 1
            passed[dst[near]] = True

    def even_out(self, way: Way) -> Way:
        """Let busy ranks change to the idlest link from an earlier rank, as long as it is idler.

        That moves what a link has too much about until it meets one that has too little.
        """
        topology, link = self.topology, way.link.copy()
        links = np.flatnonzero(self.out & self.busy()[topology.dst])
        links = links[way.place[topology.src[links]] < way.place[topology.dst[links]]]
        links = links[np.lexsort((self.draw.random(len(links)), -self.load[links]))]
        idlest = np.full(topology.ranks, -1)
        idlest[topology.dst[links]] = links
        some = np.flatnonzero((link >= 0) & (idlest >= 0))
        some = some[topology.src[link[some]] != self.root]
        better = some[self.load[idlest[some]] < self.load[link[some]]]
        self.load[link[better]] -= 1
        self.load[idlest[better]] += 1
        link[better] = idlest[better]
        return Way(frozen(link), way.place)
