"""Few pairs of trees for an all_reduce in which ranks outside copy and add.

Statement. Sums go into a rank outside and come back from there, over Steiner trees: members are
their leaves where possible, and whoever stands where branches meet adds or copies. Which trees are
the best packing is a hard question; but where ranks outside are many, the links at the members are
all that is scarce. So for each number of pairs of equal share there is a rate for which those
suffice. Each pair gets an outside rank near all members as its root, and the trees negotiate: each
in turn is taken up and laid anew by cheapest paths, where a link costs more the more it is overfull
and the longer it has been, until none is. Where that does not come to an end, the next rate is half
way down to those that are reached.

Complexity: for each tree and sweep a search from one root.

Source: McMurchie and Ebeling, PathFinder: a negotiation-based performance-driven router for FPGAs,
International Symposium on Field-Programmable Gate Arrays (1995).
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import inf

import numpy as np

from solvers.arborescences.prune import Branch, prune
from solvers.certify.multigraph import dijkstra, simplify
from solvers.routing.shortest_path_trees import TreeFinder, Trees
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule, Transfer, schedule
from solvers.settings.deadline import NotFound, Watch
from solvers.trees.extract import send_inward, send_outward
from topologies.model.topology import FloatArray, IntArray, Topology, reverse

MOST_PAIRS = 32  # of trees
FULLEST = 8  # trees on a link of the usual capacity
SWEEPS = 30
PATIENCE = 8  # sweeps that leave as many trees too many
NEAR = 2  # roots to choose from, for each pair
UNEVEN = 0.1  # by which prices differ at random, so that not all trees take the same of equal paths
HISTORY = 0.5  # by which a link that is overfull costs more from then on, for each tree too many
WORK = 3e-7  # of a search, for each link
SLACK = 1e-9  # of capacities in floats


@dataclass(frozen=True, eq=False)
class _Laid:
    """Pairs of trees: the root of each, its trees out and in, and the time they take.

    Attributes:
        time: in units of a pair's share for each unit of capacity.
    """

    roots: IntArray
    trees: tuple[tuple[Trees, Trees], ...]
    time: Fraction

    @property
    def rate(self) -> Fraction:
        """Compute what is reached, in capacity units."""
        return len(self.roots) / self.time


def pack_steiner_pairs(
    topology: Topology, collective: Collective, bound: Bound, watch: Watch
) -> Schedule:
    """Search for an all_reduce over few pairs of trees with roots outside; of direct links only.

    Paths over switches share the link into the switch without any copying there, which prices of
    links do not tell.

    Args:
        topology: the machine.
        collective: an all_reduce of some of its ranks.
        bound: what nothing beats, and the search ends where it is attained.
        watch: says when to stop.

    Raises:
        NotFound: there are switches, or no number of pairs suits the links at the members, or the
            time is over.
        Infeasible: a member cannot be reached.
    """
    if topology.vertices > topology.ranks:
        raise NotFound("trees negotiate over direct links only")
    best: _Laid | None = None
    known = None if bound.algbw is None else bound.algbw / topology.unit
    numbers = _numbers(topology, collective, known)
    first, last, middle = 0, len(numbers) - 1, len(numbers) - 1
    while first <= last and not watch.over:
        rate, counts = numbers[middle]
        for pairs in counts:
            found = _Negotiation(topology, collective, pairs, rate, watch).run()
            best = found if best is None or found.rate > best.rate else best
            if reached := found.rate >= rate * (1 - SLACK):
                break
        first, last = (middle + 1, last) if reached else (first, middle - 1)
        middle = (first + last + 1) // 2
    if best is None:
        raise NotFound("no number of trees suits the links at the ranks")
    rows: list[Transfer] = []
    for piece in range(len(best.roots)):
        rows += _transfers(topology, collective, best, piece)
    pieces = [(0, Fraction(1, len(best.roots)))] * len(best.roots)
    return schedule(topology, collective, pieces, rows, bound, solver="negotiated trees")


def _numbers(
    topology: Topology, collective: Collective, bound: Fraction | None
) -> list[tuple[float, list[int]]]:
    """List the rates that the links at the members allow to a number of pairs, ascending.

    With each there are the least number of pairs that it is allowed to, and the largest: few trees
    are less to send, and with many there are more ways to share links.
    """
    most = float(bound or inf) * (1 + SLACK)
    numbers: dict[float, list[int]] = {}
    capacities = np.unique(topology.capacity).tolist()
    for pairs in range(2, MOST_PAIRS + 1):
        rates = {each * pairs / full for each in capacities for full in range(1, FULLEST + 1)}
        for rate in sorted((rate for rate in rates if rate <= most), reverse=True):
            if _suits(topology, collective, pairs, rate):
                numbers.setdefault(rate, []).append(pairs)
                break
    return [(rate, sorted({min(some), max(some)})) for rate, some in sorted(numbers.items())]


def _suits(topology: Topology, collective: Collective, pairs: int, rate: float) -> bool:
    """Tell whether each member can send and hear as many trees as there are."""
    room, members = _room(topology, pairs, rate), list(collective.ranks)
    return all(
        np.bincount(ends, room, topology.vertices)[members].min() >= pairs
        for ends in (topology.src, topology.dst)
    )


def _room(topology: Topology, pairs: int, rate: float) -> FloatArray:
    """Compute how many trees each link has room for, where so many pairs reach a rate."""
    return np.asarray(np.floor(topology.capacity * (pairs / rate) + SLACK))


class _Negotiation:
    """Trees that give way to each other, until no link has more than it has room for."""

    def __init__(
        self, topology: Topology, collective: Collective, pairs: int, rate: float, watch: Watch
    ) -> None:
        self.topology, self.pairs, self.watch = topology, pairs, watch
        self.members = np.array(collective.ranks)
        self.finders = TreeFinder(topology), TreeFinder(reverse(topology))
        self.room = _room(topology, pairs, rate)
        self.draw = np.random.default_rng(0)
        self.roots = self._choose_roots()
        self.load = np.zeros(topology.links)
        self.history = np.ones(topology.links)
        self.trees: dict[tuple[int, int], Trees] = {}

    def run(self) -> _Laid:
        """Lay all trees again and again; what took the least time is the answer."""
        best: _Laid | None = None
        least, last = inf, 0
        for sweep in range(SWEEPS):
            places = list(product(range(self.pairs), (0, 1)))
            for place in self.draw.permutation(len(places)).tolist():
                self.watch.check(WORK * self.topology.links)
                pair, way = places[place]
                self._lay(pair, way, sweep + 1)
            made = self._laid()
            best = made if best is None or made.time < best.time else best
            over = np.maximum(self.load - self.room, 0)
            if over.sum() < least:
                least, last = over.sum(), sweep
            if not least or sweep - last >= PATIENCE:
                break
            self.history += HISTORY * over
        assert best is not None
        return best

    def _choose_roots(self) -> IntArray:
        """Choose ranks outside for which the paths to all members together are short."""
        topology, hops = self.topology, np.ones(self.topology.links)
        outside = np.setdiff1d(np.arange(topology.ranks), self.members)
        graph = simplify(topology.src, topology.dst, hops, topology.vertices)[0]
        far = np.asarray(dijkstra(graph, indices=self.members))[:, outside].sum(axis=0)
        near = outside[np.argsort(far, kind="stable")][: NEAR * self.pairs]
        return np.resize(self.draw.permutation(near), self.pairs)

    def _lay(self, pair: int, way: int, steep: int) -> None:
        """Take a tree up, and lay it anew: out of its root, or into it on reversed links."""
        if (pair, way) in self.trees:
            np.add.at(self.load, self.trees[pair, way].route, -1)
        over = np.maximum(self.load + 1 - self.room, 0)
        uneven = 1 + UNEVEN * self.draw.random(self.topology.links)
        price = uneven * self.history * (1 + steep * over)
        root = self.roots[pair : pair + 1]
        found = self.finders[way].trees(root, self.members, price, lambda _: price)
        self.trees[pair, way] = found
        np.add.at(self.load, found.route, 1)

    def _laid(self) -> _Laid:
        capacity = self.topology.capacity
        fullest = int(np.argmax(self.load / capacity))
        time = Fraction(int(self.load[fullest]), int(capacity[fullest]))
        pairs = [(self.trees[pair, 0], self.trees[pair, 1]) for pair in range(self.pairs)]
        return _Laid(self.roots, tuple(pairs), time)


def _transfers(
    topology: Topology, collective: Collective, laid: _Laid, piece: int
) -> list[Transfer]:
    """Send along a pair of trees: sums to the root, and then the whole from there."""
    root, (out, into) = int(laid.roots[piece]), laid.trees[piece]
    helpers = frozenset(range(topology.ranks)) - {*collective.ranks, root}
    sums = send_inward(
        prune(_branches(into, inward=True), helpers, topology.ranks, inward=True), root, piece
    )
    start = max(each.step for each in sums) + 1
    whole = prune(_branches(out, inward=False), helpers, topology.ranks, inward=False)
    return sums + send_outward(whole, root, piece, start)


def _branches(found: Trees, *, inward: bool) -> dict[int, Branch]:
    """Hang each rank of a tree on the one above it; inward trees were found on reversed links."""
    branches = {}
    for row, (above, child) in enumerate(
        zip(found.parent.tolist(), found.child.tolist(), strict=True)
    ):
        links = tuple(found.route[found.route_start[row] : found.route_start[row + 1]].tolist())
        hop = (child, above, links[::-1]) if inward else (above, child, links)
        branches[child] = Branch(above, (hop,))
    return branches
