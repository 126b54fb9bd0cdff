"""From a packing of trees to the pieces and transfers of a schedule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from solvers.arborescences.prune import Branch, HopLinks, prune
from solvers.packing.column_generation import Packing
from solvers.packing.families import Family
from solvers.routing.quotient import Quotient
from solvers.schedules.schedule import Transfer
from topologies.model.topology import IntArray, integers
from topologies.model.units import Share
from topologies.symmetry.group import moved_links


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree of a packing: its share, and for each member the column that gives its parent.

    column is -1 at the root, and at helpers that are not in the tree. share counts in units of
    the block.
    """

    family: Family
    share: Share
    column: IntArray


def extract_trees(quotient: Quotient, packing: Packing) -> dict[Family, list[Tree]]:
    """Read the trees of each family off the parents laid end to end.

    Within a member the larger shares come first, so that breakpoints tend to coincide.
    """
    found: dict[Family, list[Tree]] = {}
    for k, order in enumerate(packing.orders):
        family = Family(int(quotient.members[order.root]), order.inward)
        found.setdefault(family, []).extend(_of_order(packing, k, family))
    return found


def _of_order(packing: Packing, k: int, family: Family) -> Iterator[Tree]:
    """Cut one order at its breakpoints."""
    stacks = _stacks(packing, k)
    breaks = sorted({end for stack in stacks.values() for end, _ in stack} | {Fraction(0)})
    place = {end: number for number, end in enumerate(breaks)}
    column = np.full((len(breaks) - 1, len(packing.orders[k].place)), -1, dtype=np.int64)
    for child, stack in stacks.items():
        ends = np.array([0, *(place[end] for end, _ in stack)])
        column[:, child] = np.repeat([number for _, number in stack], np.diff(ends))
    for (start, end), row in zip(pairwise(breaks), column, strict=True):
        yield Tree(family, end - start, row)


def _stacks(packing: Packing, k: int) -> dict[int, list[tuple[Fraction, int]]]:
    """Lay the parents of each member end to end: (end, column) in ascending order."""
    chosen: dict[int, list[int]] = {}
    for column in np.flatnonzero(packing.columns.order == k).tolist():
        if packing.share[column]:
            chosen.setdefault(int(packing.columns.child[column]), []).append(column)
    stacks = {}
    for child, columns in chosen.items():
        end, stack = Fraction(0), []
        for column in sorted(columns, key=lambda c: (-packing.share[c], c)):
            end += packing.share[column]
            stack.append((end, column))
        stacks[child] = stack
    return stacks


def pair_trees(
    first: Sequence[Tree], second: Sequence[Tree]
) -> Iterator[tuple[Fraction, Tree, Tree]]:
    """Cut two sequences of trees of equal total share into common pieces."""
    ends = [sorted(_ends(side)) for side in (first, second)]
    at = [0, 0]
    start = Fraction(0)
    for end in sorted({*ends[0], *ends[1]}):
        yield end - start, first[at[0]], second[at[1]]
        at = [i + (ends[side][i] == end) for side, i in enumerate(at)]
        start = end


def _ends(side: Sequence[Tree]) -> list[Fraction]:
    ends, end = [], Fraction(0)
    for tree in side:
        end += tree.share
        ends.append(end)
    return ends


class TransferBuilder:
    """Turns the choices of parents of a packing into transfers between ranks.

    branch: for each column in use the parent, and the path cut at the ranks that it passes.
    """

    def __init__(self, quotient: Quotient, packing: Packing) -> None:
        self.quotient, self.packing = quotient, packing
        used = np.array([c for c, share in enumerate(packing.share) if share], dtype=np.int64)
        self._members = quotient.members.tolist()
        above = quotient.members[packing.columns.parent[used]].tolist()
        hops = map(self._cut, self._links(used))
        self.branch = dict(zip(used.tolist(), map(Branch, above, hops), strict=True))

    def _links(self, used: IntArray) -> list[IntArray]:
        """Translate the path of each column to where it starts."""
        quotient, columns = self.quotient, self.packing.columns
        inward = np.array([order.inward for order in self.packing.orders])[columns.order[used]]
        start = np.where(inward, columns.child[used], columns.parent[used])
        paths = [self.packing.paths.links[path] for path in columns.path[used].tolist()]
        lengths = [len(path) for path in paths]
        links = integers(link for path in paths for link in path)
        element = np.repeat(quotient.from_root[1][quotient.members[start]], lengths)
        moved = moved_links(quotient.topology, links, quotient.group, element)
        return np.split(moved, np.cumsum(lengths)[:-1])

    def _cut(self, links: IntArray) -> tuple[HopLinks, ...]:
        """Cut a path at the ranks that it passes."""
        hops, first = [], 0
        path, ends = links.tolist(), self.quotient.topology.dst[links].tolist()
        src = int(self.quotient.topology.src[links[0]])
        for i, dst in enumerate(ends, 1):
            if dst < self.quotient.topology.ranks or i == len(path):
                hops.append((src, dst, tuple(path[first:i])))
                first, src = i, dst
        return tuple(hops)

    def outward(self, tree: Tree, piece: int, step: int = 0) -> list[Transfer]:
        """Send from the root to everyone, each vertex on as soon as it has the piece."""
        return send_outward(self._branches(tree), tree.family.root, piece, step)

    def inward(self, tree: Tree, piece: int) -> list[Transfer]:
        """Send sums to the root, each vertex as soon as its children's have come.

        A relay holds one sum at a time: it takes the next one when it sends the last one on.
        """
        return send_inward(self._branches(tree), tree.family.root, piece)

    def mirror(self, tree: Tree, mate: IntArray, piece: int) -> list[Transfer]:
        """Send sums to the root of an outward tree, the other way round, as `inward` does."""
        found = {
            vertex: Branch(
                branch.parent, tuple(_reverse_hop(hop, mate) for hop in branch.hops[::-1])
            )
            for vertex, branch in self._branches(tree).items()
        }
        return send_inward(found, tree.family.root, piece)

    def _branches(self, tree: Tree) -> dict[int, Branch]:
        """Give the path of each vertex to its parent, or from there."""
        branches = {
            member: self.branch[column]
            for member, column in zip(self._members, tree.column.tolist(), strict=True)
            if column >= 0
        }
        helpers = frozenset(self.quotient.helpers.tolist())
        if not helpers:
            return branches
        ranks = self.quotient.topology.ranks
        return prune(branches, helpers, ranks, inward=tree.family.inward)


def _reverse_hop(hop: HopLinks, mate: IntArray) -> HopLinks:
    src, dst, links = hop
    return dst, src, tuple(mate[list(links[::-1])].tolist())


def send_outward(
    branches: Mapping[int, Branch], root: int, piece: int, step: int = 0
) -> list[Transfer]:
    """Send from the root over outward branches, each vertex on as soon as it has the piece."""
    children = _children(branches)
    ready, transfers = {root: step}, []
    for vertex in _downwards(children, root):
        for child in children.get(vertex, []):
            now = ready[vertex]
            for src, dst, route in branches[child].hops:
                transfers.append(Transfer(piece, now, src, dst, route))
                now += 1
            ready[child] = now
    return transfers


def send_inward(branches: Mapping[int, Branch], root: int, piece: int) -> list[Transfer]:
    """Send sums to the root over inward branches, as soon as they are complete."""
    ready: dict[int, int] = {}
    passed: dict[int, int] = {}
    transfers = []
    for vertex in reversed(_downwards(_children(branches), root)):
        now = ready.get(vertex, 0)
        if vertex == root:
            break
        above, (*relays, last) = branches[vertex]
        for src, dst, route in relays:
            passed[src] = now = max(now, passed.get(dst, 0))
            transfers.append(Transfer(piece, now, src, dst, route))
            now += 1
        passed[last[0]] = now
        transfers.append(Transfer(piece, now, *last, reduce=True))
        ready[above] = max(ready.get(above, 0), now + 1)
    return transfers


def _children(branches: Mapping[int, Branch]) -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for child in sorted(branches):
        children.setdefault(branches[child].parent, []).append(child)
    return children


def _downwards(children: dict[int, list[int]], root: int) -> list[int]:
    """List the vertices of a tree, parents before children."""
    order = [root]
    for member in order:
        order += children.get(member, [])
    return order
