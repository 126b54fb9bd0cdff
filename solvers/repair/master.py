"""The linear program of a repair: old trees that stay, and orders of those that are changed.

Statement. Trees that nothing befell keep their arcs, and their weights where there are many of
them; where there are few, their weights may change too. Of a tree that lost something there are
variants: its arcs as they are put together again, of which some are open. A rank whose arc is open
takes shares of parents that come before it in the order of the variant, over any path: any such
choice is a tree (see solvers/packing/order_lp.py). All variants of one root and one direction
together carry what the trees carried that they stand for; or, with free weights, as much as all
trees of the root have to, and where sums come in and go out again both the same.

The program minimises the time in which all links carry their loads, as the order LP does; and a
second one, at the least time, the number of arcs that are other than before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
from scipy.sparse import coo_array, csr_array, csr_matrix

from solvers.lp.min_max_load import LoadLP
from solvers.packing.order_lp import path_loads
from solvers.repair.expand import OldTrees
from solvers.routing.path_pool import PathPool
from solvers.settings.deadline import NotFound
from topologies.model.topology import FloatArray, IntArray

ENTRIES = 300_000  # of all trees that stay, up to which their weights are free
WORD = 2**52


@dataclass(frozen=True, eq=False)
class Variant:
    """A tree of a root, some of whose arcs are open.

    Attributes:
        root: a rank.
        inward: sums flow to the root.
        parent: of each rank, -1 at the root.
        row: of each rank the old transfer that is its arc, -1 where its arc is new or open.
        path: of each rank the path of its arc, where that is new; -1 elsewhere.
        place: of each rank in an order in which parents come before their children.
        open: ranks whose arcs are open.
        old: of each rank its old parent, -1 where that is gone.
    """

    root: int
    inward: bool
    parent: IntArray
    row: IntArray
    path: IntArray
    place: IntArray
    open: IntArray
    old: IntArray

    @property
    def side(self) -> tuple[int, bool]:
        """Give what variants have in common that may take each other's place."""
        return self.root, self.inward

    @property
    def key(self) -> tuple[int, bool, bytes, bytes]:
        """Give what no two variants have in common."""
        arcs = self.row.tobytes() + self.path.tobytes()
        return self.root, self.inward, self.parent.tobytes(), arcs


@dataclass(frozen=True)
class Choice:
    """An open arc that is closed: variant, child, its parent, and the path between them."""

    variant: int
    child: int
    parent: int
    path: int


class Master:
    """The program of one repair; grows by variants and choices.

    Args:
        trees: as they were.
        kept: pieces that nothing befell.
        free: the roots' shares are variables too.
    """

    def __init__(self, trees: OldTrees, kept: IntArray, paths: PathPool, *, free: bool) -> None:
        self.trees, self.kept, self.paths, self.free = trees, kept, paths, free
        self.quotient = trees.quotient
        self.images = trees.quotient.group.order
        self.rows = trees.loads()
        count = np.isin(trees.rows.piece, kept)
        place = np.searchsorted(kept, trees.rows.piece[count])
        sums = csr_array(
            (np.ones(len(place)), (place, np.flatnonzero(count))),
            shape=(len(kept), len(trees.rows)),
        )
        self.loads = csr_array(sums @ self.rows).astype(np.int64)
        self.weighted = self.loads.nnz <= ENTRIES
        self.variants: list[Variant] = []
        self.choices: list[Choice] = []
        self._known: set[object] = set()

    def add(self, variant: Variant) -> int | None:
        """Take in a variant, unless it is known; give its number."""
        if variant.key in self._known:
            return None
        self._known.add(variant.key)
        self.variants.append(variant)
        return len(self.variants) - 1

    def choose(self, choice: Choice) -> bool:
        """Take in a choice, unless it is known."""
        if choice in self._known:
            return False
        self._known.add(choice)
        self.choices.append(choice)
        return True

    def program(self) -> LoadLP:
        """Write the program down: kept trees, variants, choices, and the time.

        Amounts, and the time, count `images` times: else they are so small that solvers in floats
        take them for nothing.
        """
        first = len(self.kept) if self.weighted else 1
        second = first + len(self.variants)
        last = second + len(self.choices)
        entries, totals = self._equalities(first, second)
        loads = [(0, self._base())] if not self.weighted else [(0, self.loads)]
        loads += [(first, self._fixed()), (second, self._open())]
        for start, part in loads:
            found = part.tocoo()
            entries.append((found.data, len(totals) + found.col, start + found.row))
        orbits = np.arange(len(self.quotient.orbit_size))
        entries.append((-self.quotient.orbit_capacity, len(totals) + orbits, orbits * 0 + last))
        data, row, column = (np.concatenate(part) for part in zip(*entries, strict=True))
        shape = (len(totals) + len(orbits), last + 1)
        matrix = coo_array((data.astype(np.int64), (row, column)), shape=shape)
        return LoadLP(csr_matrix(matrix), tuple(total * self.images for total in totals))

    def split(self, x: Sequence[Fraction]) -> tuple[list[Fraction], list[Fraction], list[Fraction]]:
        """Take a solution apart: weights of kept trees, of variants, of choices."""
        x = [each / self.images if each else each for each in x]
        first = len(self.kept) if self.weighted else 1
        second = first + len(self.variants)
        weights = list(x[:first]) if self.weighted else [self.trees.weight[k] for k in self.kept]
        return weights, list(x[first:second]), list(x[second:])

    def changes(self) -> FloatArray:
        """Count the arcs of each column that are other than before, times how late they are."""
        first = len(self.kept) if self.weighted else 1
        new = [float((v.path >= 0).sum()) for v in self.variants]
        members = self.trees.members
        arcs = []
        for choice in self.choices:
            variant = self.variants[choice.variant]
            other = choice.parent != variant.old[choice.child]
            arcs.append(0.1 + other + variant.place[choice.parent] / members / 4)
        return np.array([*([0.0] * first), *new, *arcs])

    def _equalities(
        self, first: int, second: int
    ) -> tuple[list[tuple[IntArray, IntArray, IntArray]], list[Fraction]]:
        """Write down who carries how much in total."""
        entries: list[tuple[IntArray, IntArray, IntArray]] = []
        totals: list[Fraction] = []

        def add(columns: Iterable[int], signs: Iterable[int], total: Fraction) -> None:
            own, values = np.array(list(columns), dtype=np.int64), np.array(list(signs))
            entries.append((values, own * 0 + len(totals), own))
            totals.append(total)

        for columns, signs, total in self._budgets(first):
            add(columns, signs, total)
        mine: dict[tuple[int, int], list[int]] = {
            (i, int(child)): [] for i, v in enumerate(self.variants) for child in v.open
        }
        for number, choice in enumerate(self.choices):
            mine[choice.variant, choice.child].append(second + number)
        for (variant, _), own in mine.items():
            add([*own, first + variant], [*([1] * len(own)), -1], Fraction(0))
        return entries, totals

    def _budgets(self, first: int) -> Iterable[tuple[list[int], list[int], Fraction]]:
        trees, sides = self.trees, self.trees.sides
        of_side: dict[tuple[int, bool], list[int]] = {}
        for i, variant in enumerate(self.variants):
            of_side.setdefault(variant.side, []).append(first + i)
        total, stays = self._totals()
        if not self.weighted:
            yield [0], [1], self._share()
            for root in total:
                for inward in sides:
                    own = of_side.get((root, inward), [])
                    if total[root] != stays[root]:
                        yield own, [1] * len(own), total[root] - stays[root]
            return
        kept: dict[int, list[int]] = {root: [] for root in total}
        for column, piece in enumerate(self.kept.tolist()):
            kept[int(trees.root[piece])].append(column)
        if self.free:
            for root in total:
                if len(sides) == 2 and ((root, False) in of_side or (root, True) in of_side):
                    out, into = (of_side.get((root, side), []) for side in sides)
                    yield [*out, *into], [1] * len(out) + [-1] * len(into), Fraction(0)
            columns = [*range(first)]
            columns += [c for (_, side), own in of_side.items() if side == sides[0] for c in own]
            yield columns, [1] * len(columns), sum(total.values(), Fraction(0))
            return
        for root, own in kept.items():
            columns = [*own, *of_side.get((root, sides[0]), [])]
            yield columns, [1] * len(columns), total[root]

    def _totals(self) -> tuple[dict[int, Fraction], dict[int, Fraction]]:
        """Add up what the trees of each root carry, and of these what those that stay do."""
        total: dict[int, Fraction] = {}
        stays: dict[int, Fraction] = {}
        kept = set(self.kept.tolist())
        for piece, root in enumerate(self.trees.root.tolist()):
            weight = self.trees.weight[piece]
            total[root] = total.get(root, Fraction(0)) + weight
            stays[root] = stays.get(root, Fraction(0)) + (weight if piece in kept else 0)
        if self.free:
            whole = Fraction(1, self.quotient.group.order) / sum(total.values(), Fraction(0))
            if whole != 1:
                total = {root: value * whole for root, value in total.items()}
        return total, stays

    def _share(self) -> Fraction:
        """Give the share that all weights of kept trees are whole multiples of."""
        below = lcm(*{self.trees.weight[k].denominator for k in self.kept.tolist()}, 1)
        return Fraction(1, below)

    def _base(self) -> csr_array:
        """Add up the loads of the trees that stay, in units of `_share`."""
        unit = self._share()
        known = {id(w): w for w in self.trees.weight}
        whole = {key: int(weight / unit) for key, weight in known.items()}
        times = np.array([whole[id(self.trees.weight[k])] for k in self.kept.tolist()])
        if float(times.max(initial=0)) * float(self.loads.sum()) > WORD:
            raise NotFound("the weights of the old trees have too many digits")
        return csr_array(times.astype(np.int64).reshape(1, -1) @ self.loads)

    def _fixed(self) -> csr_array:
        """Add up the loads of the arcs of each variant that are not open."""
        rows = [v.row[v.row >= 0] for v in self.variants]
        paths = [v.path[v.path >= 0] for v in self.variants]
        return csr_array(
            _sums(rows, self.rows.shape[0]) @ self.rows
            + _sums(paths, len(self.paths)) @ path_loads(self.quotient, self.paths)
        )

    def _open(self) -> csr_array:
        """Give the load of each choice."""
        loads = path_loads(self.quotient, self.paths)
        return csr_array(loads[[choice.path for choice in self.choices]])


def _sums(rows: Sequence[IntArray], size: int) -> csr_array:
    """Write down which numbers each row adds up."""
    of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    column = np.concatenate([np.zeros(0, dtype=np.int64), *rows])
    shape = (len(rows), size)
    return csr_array((np.ones(len(of), dtype=np.int64), (of, column)), shape=shape)
