"""From the weights of a repair to the pieces and transfers of a schedule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from solvers.arborescences.prune import Branch
from solvers.repair.expand import OldTrees
from solvers.repair.master import Choice, Master, Variant
from solvers.schedules.schedule import Transfer, Transfers, columns, merge
from solvers.trees.extract import send_inward, send_outward
from topologies.model.ragged import starts
from topologies.model.topology import IntArray, frozen, integers
from topologies.symmetry.group import moved_links

Arcs = Mapping[int, tuple[int, tuple[int, ...]]]  # of each child its parent and the links between


@dataclass(frozen=True)
class _Tree:
    share: Fraction
    branches: Mapping[int, Branch]


def lay_down(master: Master, x: Sequence[Fraction]) -> tuple[list[tuple[int, Fraction]], Transfers]:
    """Make a piece of each tree that stays, and of each one that the program asks for.

    Complexity: transfers.
    """
    trees = master.trees
    stays, variants, choices = master.split(x)
    kept = [(k, w) for k, w in zip(master.kept.tolist(), stays, strict=True) if w]
    pieces = [(k, weight) for k, weight in kept]
    listed = [
        (int(trees.block[k]), weight / int(trees.what.sizes[trees.block[k]]))
        for k, weight in pieces
    ]
    parts = [_of_pieces(trees, integers(k for k, _ in kept))]
    new: list[Transfer] = []
    block = {int(r): int(b) for r, b in zip(trees.root, trees.block, strict=True)}
    for root, share, sides in _Trees(master, variants, choices):
        piece = len(listed)
        start = 0
        for inward, branches in sorted(sides.items(), reverse=True):
            if inward:
                sums = send_inward(branches, root, piece)
                new += sums
                start = max((t.step + 1 for t in sums), default=0)
            else:
                new += send_outward(branches, root, piece, start)
        listed.append((block[root], share / int(trees.what.sizes[block[root]])))
    if new:
        parts.append(columns(new))
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


class _Trees:
    """Reads off the trees of all variants: root, share, and the branches of each side."""

    def __init__(
        self, master: Master, variants: Sequence[Fraction], choices: Sequence[Fraction]
    ) -> None:
        self.master, self.trees = master, master.trees
        self.weights = variants
        self.shares = choices
        self.chosen: dict[int, list[int]] = {}
        for number, choice in enumerate(master.choices):
            if choices[number]:
                self.chosen.setdefault(choice.variant, []).append(number)
        self.links = self._links()

    def __iter__(self) -> Iterator[tuple[int, Fraction, dict[bool, Mapping[int, Branch]]]]:
        found: dict[int, dict[bool, list[_Tree]]] = {}
        for number, variant in enumerate(self.master.variants):
            if self.weights[number]:
                mine = found.setdefault(variant.root, {}).setdefault(variant.inward, [])
                mine += self._of(number, variant)
        for root, sides in found.items():
            for share, both in _side_by_side(sides):
                yield root, share, both

    def _of(self, number: int, variant: Variant) -> Iterator[_Tree]:
        """Cut a variant where an open arc changes."""
        stacks: dict[int, list[tuple[Fraction, int]]] = {}
        by_share = sorted(self.chosen.get(number, []), key=lambda c: (-self.shares[c], c))
        for choice in by_share:
            stack = stacks.setdefault(self.master.choices[choice].child, [])
            stack.append((self.shares[choice] + (stack[-1][0] if stack else 0), choice))
        fixed = self._fixed(variant)
        breaks = sorted({end for stack in stacks.values() for end, _ in stack})
        for start, end in pairwise([Fraction(0), *(breaks or [self.weights[number]])]):
            branches = dict(fixed)
            for child, stack in stacks.items():
                choice = next(c for until, c in stack if until > start)
                parent = self.master.choices[choice].parent
                branches[child] = self._branch(variant, child, parent, self.links[choice])
            yield _Tree(end - start, branches)

    def _fixed(self, variant: Variant) -> dict[int, Branch]:
        found, rows = {}, self.trees.rows
        for child in np.flatnonzero((variant.row >= 0) | (variant.path >= 0)).tolist():
            row, parent = int(variant.row[child]), int(variant.parent[child])
            if row >= 0:
                links = tuple(
                    rows.route[rows.route_start[row] : rows.route_start[row + 1]].tolist()
                )
            else:
                links = self._moved(variant, child, parent, int(variant.path[child]))
            found[child] = self._branch(variant, child, parent, links)
        return found

    def _branch(self, variant: Variant, child: int, parent: int, links: tuple[int, ...]) -> Branch:
        src, dst = (child, parent) if variant.inward else (parent, child)
        return Branch(parent, ((src, dst, links),))

    def _moved(self, variant: Variant, child: int, parent: int, path: int) -> tuple[int, ...]:
        return self._translate([(child if variant.inward else parent, path)])[0]

    def _links(self) -> dict[int, tuple[int, ...]]:
        """Translate the paths of all choices in use to where they start."""
        used = [c for own in self.chosen.values() for c in own]
        asked = []
        for number in used:
            choice: Choice = self.master.choices[number]
            inward = self.master.variants[choice.variant].inward
            asked.append((choice.child if inward else choice.parent, choice.path))
        return dict(zip(used, self._translate(asked), strict=True))

    def _translate(self, asked: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
        quotient, paths = self.master.quotient, self.master.paths
        routes = [paths.links[path] for _, path in asked]
        length = np.array([len(route) for route in routes], dtype=np.int64)
        element = quotient.from_root[1][[start for start, _ in asked]].astype(np.int64)
        links = integers(link for route in routes for link in route)
        moved = moved_links(
            quotient.topology, links, quotient.group, np.repeat(element, length)
        ).tolist()
        ends = starts(length).tolist()
        return [tuple(moved[a:b]) for a, b in pairwise(ends)]


def _side_by_side(
    sides: Mapping[bool, Sequence[_Tree]],
) -> Iterator[tuple[Fraction, dict[bool, Mapping[int, Branch]]]]:
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
        yield end - start, {side: sides[side][at[side]].branches for side in sides}
        at = {side: at[side] + (ends[side][at[side]] == end) for side in sides}
        start = end
