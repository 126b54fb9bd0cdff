"""From the weights of a repair to the pieces and transfers of a schedule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np

from solvers.repair.expand import OldTrees, blocks_of
from solvers.repair.master import Master, Variant
from solvers.schedules.schedule import Transfers, merge
from topologies.model.forests import depths
from topologies.model.ragged import starts, stretches
from topologies.model.topology import IntArray, frozen, integers
from topologies.symmetry.group import moved_links


@dataclass(frozen=True, eq=False)
class _Tree:
    """A share of a variant, whose open arcs are closed by choices: of each child its one."""

    share: Fraction
    variant: Variant
    closed: Mapping[int, int]


def lay_down(master: Master, x: Sequence[Fraction]) -> tuple[list[tuple[int, Fraction]], Transfers]:
    """Make a piece of each tree that stays, and of each one that the program asks for.

    Complexity: transfers, and for each tree its height.
    """
    trees = master.trees
    stays, variants, choices = master.split(x)
    kept = [(k, w) for k, w in zip(master.kept.tolist(), stays, strict=True) if w]
    listed = [
        (int(trees.block[k]), weight / int(trees.what.sizes[trees.block[k]])) for k, weight in kept
    ]
    parts = [_of_pieces(trees, integers(k for k, _ in kept))]
    block = blocks_of(trees.what).tolist()
    new = _Rows(master)
    for root, share, sides in _read_off(master, variants, choices):
        start = 0
        for inward, tree in sorted(sides.items(), reverse=True):
            start = new.send(len(listed), tree, start, inward=inward)
        listed.append((block[root], share / int(trees.what.sizes[block[root]])))
    if new.columns:
        parts.append(new.transfers())
    return listed, merge(parts)


def _of_pieces(trees: OldTrees, kept: IntArray) -> Transfers:
    """Give the old transfers of some pieces, numbered anew."""
    chosen = np.flatnonzero(np.isin(trees.rows.piece, kept))
    rows = trees.rows.rows(chosen)
    return Transfers(
        frozen(np.searchsorted(kept, rows.piece)),
        rows.step,
        rows.src,
        rows.dst,
        rows.reduce,
        rows.route_start,
        rows.route,
    )


@dataclass(frozen=True, eq=False)
class _Rows:
    """Transfers of new trees, collected as columns.

    Attributes:
        columns: of each side of a tree: piece, step, src, dst, whether it adds, the old transfer
            whose route it takes (-1 for none), and the path (-1 for none).
    """

    master: Master
    columns: list[tuple[IntArray, ...]] = field(default_factory=list)

    def send(self, piece: int, tree: _Tree, start: int, *, inward: bool) -> int:
        """Send a piece over a tree, each rank as soon as it can; give the step after the last."""
        variant, choices = tree.variant, self.master.choices
        parent, row, path = (c.copy() for c in (variant.parent, variant.row, variant.path))
        for place, choice in tree.closed.items():
            parent[place], path[place] = choices[choice].parent, choices[choice].path
        child = np.flatnonzero(parent >= 0)
        step = start + (heights(parent) if inward else depths(parent) - 1)[child]
        ends = (child, parent[child]) if inward else (parent[child], child)
        own, adds = np.full(len(child), piece), np.full(len(child), inward)
        self.columns.append((own, step, *ends, adds, row[child], path[child]))
        return int(step.max(initial=start - 1)) + 1

    def transfers(self) -> Transfers:
        """Lay all of them out, with their routes."""
        joined = [frozen(np.concatenate(each)) for each in zip(*self.columns, strict=True)]
        piece, step, src, dst, adds, row, path = joined
        old, new = row >= 0, row < 0
        rows, (start, links) = self.master.trees.rows, self._translate(src[new], path[new])
        first, length = (np.empty(len(row), dtype=np.int64) for _ in range(2))
        first[old], length[old] = rows.route_start[row[old]], np.diff(rows.route_start)[row[old]]
        first[new], length[new] = start[:-1] + len(rows.route), np.diff(start)
        route = np.concatenate([rows.route, links])[stretches(first, length)]
        whole = adds.astype(np.bool_)
        return Transfers(piece, step, src, dst, whole, frozen(starts(length)), frozen(route))

    def _translate(self, src: IntArray, path: IntArray) -> tuple[IntArray, IntArray]:
        """Translate paths to where they start: where each begins, and the links of all."""
        quotient, links = self.master.quotient, self.master.paths.links
        known, place = np.unique(path, return_inverse=True)
        length = np.array([len(links[each]) for each in known.tolist()], dtype=np.int64)
        whole = integers(link for each in known.tolist() for link in links[each])
        own = length[place]
        element = np.repeat(quotient.from_root[1][src], own)
        chosen = whole[stretches((np.cumsum(length) - length)[place], own)]
        return starts(own), moved_links(quotient.topology, chosen, quotient.group, element)


def heights(parent: IntArray) -> IntArray:
    """Count the arcs of the longest way up to each vertex."""
    height, depth = np.zeros_like(parent), depths(parent)
    order = np.argsort(-depth, kind="stable")
    for some in np.split(order, np.flatnonzero(np.diff(depth[order])) + 1)[:-1]:
        np.maximum.at(height, parent[some], height[some] + 1)
    return height


def _read_off(
    master: Master, weights: Sequence[Fraction], shares: Sequence[Fraction]
) -> Iterator[tuple[int, Fraction, dict[bool, _Tree]]]:
    """Read off the trees of all variants: root, share, and the tree of each side."""
    chosen: dict[int, list[int]] = {}
    for number, choice in enumerate(master.choices):
        if shares[number]:
            chosen.setdefault(choice.variant, []).append(number)
    found: dict[int, dict[bool, list[_Tree]]] = {}
    for number, variant in enumerate(master.variants):
        if weights[number]:
            mine = found.setdefault(variant.root, {}).setdefault(variant.inward, [])
            stacks = _stacks(master, chosen.get(number, []), shares)
            mine += _cut(variant, weights[number], stacks)
    for root, sides in found.items():
        for share, both in _side_by_side(sides):
            yield root, share, both


_Stacks = Mapping[int, Sequence[tuple[Fraction, int]]]  # of each child: until which share, by which


def _stacks(master: Master, chosen: Sequence[int], shares: Sequence[Fraction]) -> _Stacks:
    """Put the choices of each child one on the other, the largest first."""
    stacks: dict[int, list[tuple[Fraction, int]]] = {}
    for choice in sorted(chosen, key=lambda c: (-shares[c], c)):
        stack = stacks.setdefault(master.choices[choice].child, [])
        stack.append((shares[choice] + (stack[-1][0] if stack else 0), choice))
    return stacks


def _cut(variant: Variant, weight: Fraction, stacks: _Stacks) -> Iterator[_Tree]:
    """Cut a variant where an open arc changes."""
    breaks = sorted({end for stack in stacks.values() for end, _ in stack})
    for start, end in pairwise([Fraction(0), *(breaks or [weight])]):
        closed = {
            child: next(c for until, c in stack if until > start) for child, stack in stacks.items()
        }
        yield _Tree(end - start, variant, closed)


def _side_by_side(
    sides: Mapping[bool, Sequence[_Tree]],
) -> Iterator[tuple[Fraction, dict[bool, _Tree]]]:
    """Cut the trees of both sides at each other's ends."""
    ends: dict[bool, list[Fraction]] = {}
    for side, own in sides.items():
        end, ends[side] = Fraction(0), []
        for tree in own:
            end += tree.share
            ends[side].append(end)
    at = dict.fromkeys(sides, 0)
    start = Fraction(0)
    for end in sorted({e for own in ends.values() for e in own}):
        yield end - start, {side: sides[side][at[side]] for side in sides}
        at = {side: at[side] + (ends[side][at[side]] == end) for side in sides}
        start = end
