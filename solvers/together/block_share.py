"""One task of a set whose blocks are unlike: a tree or path for each block, as a linear program.

Statement. A block of an all_to_allv goes from one rank to one; of a dispatch from one to those that
it visits; of a combine as a sum from these to its home. Let x(t) be the amount that takes tree t;
those of a block add up to its size, and all together load the links. With all trees as columns that
is the program over all ways to do it; trees come in as prices of the links ask for them, by
cheapest paths and cheapest arborescences over the block's ranks, then over other ranks of the
collective too (`solvers/certify/steiner.py`: exactly where these are few). Of blocks that the
symmetry of the task carries into each other one is written down.

Complexity: for each round, Dijkstra from each rank and a small arborescence for each block.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_matrix

from solvers.arborescences.prune import Branch, HopLinks, prune
from solvers.certify.multigraph import dijkstra, simplify
from solvers.certify.steiner import steiner_tree
from solvers.lp.linear_program import Infeasible
from solvers.lp.min_max_load import LoadLP
from solvers.packing.rounding import round_parts
from solvers.routing.quotient import Quotient
from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.collective import Collective, CollectiveError
from solvers.schedules.ensembles.ensemble import Task
from solvers.schedules.ensembles.given import image_of
from solvers.schedules.kinds import DEMAND, TOKENS, has_blocks, kind_of
from solvers.schedules.schedule import Schedule, Transfer, schedule
from solvers.settings.deadline import Watch
from solvers.together.shares import LEAST, Priced, TaskPart, on_whole
from solvers.trees.extract import send_inward, send_outward
from topologies.model.cached import cached_property
from topologies.model.topology import BoolArray, FloatArray, IntArray, Topology, integers
from topologies.symmetry.group import Group

MOST_BLOCKS = 8192  # of unlike ones, in a task
GAIN = 1e-9  # of what the task pays, that a tree must be cheaper by
RANKS_TRIED = 24  # of a collective, up to which trees may branch at ranks that want nothing


def has_unlike_blocks(task: Task) -> bool:
    """Tell whether the blocks of a task go each its own way."""
    kind = kind_of(task.collective)
    return kind is not None and (
        kind.given in (DEMAND, TOKENS) or (kind.rooted and has_blocks(task.collective))
    )


class Block(NamedTuple):
    """A block that stands for `images`: it goes from its root to the ends, or from them to it."""

    number: int
    root: int
    ends: tuple[int, ...]
    images: int


class Tree(NamedTuple):
    """A way of a block: how each vertex hangs on its parent. Nothing where all stays."""

    block: int
    branches: tuple[tuple[int, Branch], ...]

    def links(self) -> list[int]:
        """List the links that it crosses."""
        return [link for _, branch in self.branches for hop in branch.hops for link in hop[2]]


class BlockShare(TaskPart):
    """The part of a task of unlike blocks in the program of all: as `Share`, by trees of blocks."""

    def __init__(
        self, topology: Topology, task: Task, group: Group, relays: Relays, watch: Watch
    ) -> None:
        super().__init__(topology, task, group, relays, watch)
        what = task.collective
        members = integers(what.ranks)
        self.quotient = Quotient(self.machine, members, group, open=True)
        self.inward = what.name in ("combine", "gatherv")
        self.blocks = list_blocks(what, group, self.inward)
        self.unit = int(max((what.sizes[each.number] for each in self.blocks), default=1))
        self.amount = Fraction(task.size * self.unit, what.total)
        self.trees: list[Tree] = []
        self._known: set[Tree] = set()
        self._begin()

    @property
    def held(self) -> tuple[Tree, ...]:
        """Give the columns that there are."""
        return tuple(self.trees)

    def totals(self) -> list[Fraction]:
        """Give what the amounts of each block add up to."""
        sizes, order = self.task.collective.sizes, self.group.order
        return [
            Fraction(int(sizes[each.number]) * each.images, order * self.unit)
            for each in self.blocks
        ]

    def lp(self) -> LoadLP:
        """Write the program of the task alone down."""
        blocks, orbits = len(self.blocks), len(self.quotient.orbit_size)
        crossed = [self.quotient.link_orbit[tree.links()] for tree in self.trees]
        row = np.concatenate([*crossed, np.zeros(0, dtype=np.int64)]).astype(np.int64)
        column = np.repeat(np.arange(len(crossed)), [len(each) for each in crossed])
        entries = [
            (np.ones(len(self.trees)), self._of_block(), np.arange(len(self.trees))),
            (self.quotient.repeats[row], blocks + row, column),
            (
                -self.quotient.orbit_capacity,
                blocks + np.arange(orbits),
                np.full(orbits, len(self.trees)),
            ),
        ]
        data, rows, columns = (np.concatenate(part) for part in zip(*entries, strict=True))
        shape = (blocks + orbits, len(self.trees) + 1)
        matrix = coo_array((data.astype(np.int64), (rows, columns)), shape=shape)
        return LoadLP(csr_matrix(matrix), tuple(self.totals()))

    def price(self, prices: FloatArray, cost: float) -> Priced:
        """Take in what the prices ask for, where that is cheaper than what is in use.

        Args:
            prices: of all links of the whole machine, what a crossing costs.
            cost: what the amounts in use pay.
        """
        own = prices[self.first_link]
        if own.max(initial=0.0) <= 0:
            return Priced(False, 0.0)
        paths = Paths(self.machine, (own + LEAST * own.max())[self.quotient.link_orbit])
        grown = self._grow(paths, own, cost, wide=False)[0]
        if grown:
            return Priced(True, 0.0)
        wide = not self._single and len(self.task.collective.ranks) <= RANKS_TRIED
        return Priced(*self._grow(paths, own, cost, wide=wide))

    def prune(self, held: Sequence[Tree], _: FloatArray, kept: BoolArray) -> None:
        """Drop trees that are not worth keeping.

        Args:
            held: those that an optimum had; what came in since then stays.
            kept: those that are worth it.
        """
        fresh = self.trees[len(held) :]
        stay = [tree for tree, worth in zip(held, kept.tolist(), strict=False) if worth]
        self.trees = stay + fresh
        self._known = set(self.trees)

    def restore(self, held: Sequence[Tree]) -> None:
        """Take back the trees of an optimum."""
        self.trees = list(held)
        self._known = set(held)

    def lateness(self) -> FloatArray:
        """Guess how late each of the amounts comes to where it is wanted: byte-seconds."""
        alpha = self.machine.alpha
        late = [float(alpha[tree.links()].sum()) + len(tree.branches) for tree in self.trees]
        return np.array(late) * float(self.amount) / max(max(late, default=1.0), 1.0)

    def pack(self, share: tuple[Fraction, ...] | None, x: FloatArray) -> Schedule:
        """Make the schedule of exact amounts, or of rounded ones where there are none.

        Args:
            share: the amounts.
            x: the same in floats.
        """
        what = self.task.collective
        amounts = self._rounded(x) if share is None else share
        pieces: list[tuple[int, Fraction]] = []
        transfers: list[Transfer] = []
        for tree, amount in zip(self.trees, amounts, strict=True):
            if not amount:
                continue
            block = self.blocks[tree.block]
            branches = dict(tree.branches)
            send = send_inward if self.inward else send_outward
            transfers += send(branches, block.root, len(pieces)) if branches else []
            part = amount * self.unit / int(what.sizes[block.number])
            pieces.append((block.number, part))
        made = schedule(self.machine, what, pieces, transfers, UNPROVED, self.group)
        return on_whole(made, self.whole, self.links)

    @cached_property
    def _single(self) -> bool:
        """Tell whether each block goes to one rank, or comes from one."""
        return all(len(block.ends) == 1 for block in self.blocks)

    def _of_block(self) -> IntArray:
        return integers(tree.block for tree in self.trees)

    def _rounded(self, x: FloatArray) -> list[Fraction]:
        """Round amounts so that those of each block add up to its size."""
        found = [Fraction(0)] * len(self.trees)
        of_block = self._of_block()
        for number, total in enumerate(self.totals()):
            own = np.flatnonzero(of_block == number)
            for column, part in zip(own.tolist(), round_parts(x[own]), strict=True):
                found[column] = total * part
        return found

    def _begin(self) -> None:
        """Take in a tree of fewest links for each block.

        Raises:
            Infeasible: some rank cannot be reached.
        """
        ones = 1.0 / self.machine.capacity
        self._grow(Paths(self.machine, ones), ones, 0.0, wide=False, every=True)

    def _grow(
        self, paths: "Paths", own: FloatArray, cost: float, *, wide: bool, every: bool = False
    ) -> tuple[bool, float]:
        """Take in each block's cheapest tree, where it is cheaper than those in use.

        Returns:
            whether any came in, and what all blocks pay at least.
        """
        due, grown = 0.0, False
        least = np.full(len(self.blocks), np.inf)
        if not every:
            paid = [float(own[self.quotient.link_orbit[t.links()]].sum()) for t in self.trees]
            np.minimum.at(least, self._of_block(), paid)
        slack = GAIN * cost / max(len(self.blocks), 1)
        for number, (block, total) in enumerate(zip(self.blocks, self.totals(), strict=True)):
            self.watch.check()
            price, tree = self._cheapest(paths, number, block, wide=wide)
            due += float(total) * min(price, least[number])
            if every or float(total) * (least[number] - price) > slack:
                grown |= tree not in self._known
                self._take(tree)
        return grown, due

    def _take(self, tree: Tree) -> None:
        if tree not in self._known:
            self._known.add(tree)
            self.trees.append(tree)

    def _cheapest(
        self, paths: "Paths", number: int, block: Block, *, wide: bool
    ) -> tuple[float, Tree]:
        """Find a block's cheapest tree: its price, and how it runs.

        Raises:
            Infeasible: some rank cannot be reached.
        """
        others = set(block.ends) - {block.root}
        if not others:
            return 0.0, Tree(number, ())
        must = sorted({*others, block.root})
        members = sorted(self.task.collective.ranks) if wide else must
        reach = paths.between(members, self.inward)
        needed = np.isin(members, must)
        total, above = steiner_tree(reach, members.index(block.root), needed)
        if total >= paths.never:
            raise Infeasible(f"{self.task.collective.name}: no path leads to every rank")
        branches = {
            members[v]: Branch(members[u], paths.hops(members[u], members[v], self.inward))
            for v, u in enumerate(above.tolist())
            if u >= 0
        }
        helpers = frozenset(members) - frozenset(must)
        made = prune(branches, helpers, self.machine.ranks, inward=self.inward)
        return float(total), Tree(number, tuple(sorted(made.items())))


class Paths:
    """The cheapest paths between ranks, under prices of the links."""

    def __init__(self, machine: Topology, price: FloatArray) -> None:
        self.machine = machine
        graph, self.first = simplify(machine.src, machine.dst, price, machine.vertices)
        starts = np.arange(machine.ranks)
        self.length, self.before = dijkstra(graph, indices=starts, return_predecessors=True)
        pairs = machine.src[self.first].astype(np.int64) * machine.vertices
        self.link = dict(zip((pairs + machine.dst[self.first]).tolist(), self.first, strict=True))
        reached = self.length[np.isfinite(self.length)]
        self.never = 2.0 * machine.ranks * float(reached.max(initial=1.0))
        self._hops: dict[tuple[int, int], tuple[HopLinks, ...]] = {}

    def between(self, members: Sequence[int], inward: bool) -> FloatArray:
        """Give the price of each arc of a tree out of a root, or into it."""
        found = np.minimum(self.length[np.ix_(members, members)], self.never)
        return np.asarray(found.T if inward else found)

    def hops(self, parent: int, child: int, inward: bool) -> tuple[HopLinks, ...]:
        """Give the hops from a parent to its child, or from the child to it."""
        src, dst = (child, parent) if inward else (parent, child)
        if (src, dst) not in self._hops:
            self._hops[src, dst] = self._cut(src, dst)
        return self._hops[src, dst]

    def _cut(self, src: int, dst: int) -> tuple[HopLinks, ...]:
        """Walk back from the end, and cut the path at the ranks that it passes."""
        way = [dst]
        while way[-1] != src:
            way.append(int(self.before[src, way[-1]]))
        way.reverse()
        found: list[HopLinks] = []
        start, links = src, list[int]()
        for tail, head in pairwise(way):
            links.append(int(self.link[tail * self.machine.vertices + head]))
            if head < self.machine.ranks:
                found.append((start, head, tuple(links)))
                start, links = head, []
        return tuple(found)


def list_blocks(what: Collective, group: Group, inward: bool) -> list[Block]:
    """List a block of each orbit under a group that keeps the collective, with what it stands for.

    Raises:
        CollectiveError: they are too many.
    """
    label = np.arange(what.blocks)
    images = [image_of(what, row).block for row in group.generators]
    while True:
        least = label.copy()
        for image in images:
            np.minimum.at(least, image, label)
            least = np.minimum(least, least[image])
        if (least == label).all():
            break
        label = least
    leads, count = np.unique(label, return_counts=True)
    if len(leads) > MOST_BLOCKS:
        raise CollectiveError(
            f"{what.name}: {len(leads):,} unlike blocks, expected in a set at most {MOST_BLOCKS:,}"
        )
    roots, ends = (what.wanters, what.holders) if inward else (what.holders, what.wanters)
    return [
        Block(block, int(roots[block][0]), tuple(ends[block].tolist()), images)
        for block, images in zip(leads.tolist(), count.tolist(), strict=True)
    ]
