"""Trees of machines too large for programs over all pairs of ranks: one order, and kinds of ranks.

Statement. Each root has one order (see `FewParents`); any choice of one candidate for each rank is
a tree. Ranks whose candidates are of the same kinds count as one row: a linear program says how
many of them take which kind of path so that the largest load is least. Whole numbers of them are
dealt out in the order; what is left over of a few ranks is split, and the trees are cut where the
splits are. The same trees, the other way round, add up.

The machine must be given whole: all ranks take part. What comes out need not be optimal, but what
the bound says of it is exact.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

import numpy as np
from scipy.sparse import coo_array, csr_matrix

from solvers.bounds.cuts import cut_bound, rank_bound
from solvers.bounds.dual_certificate import certify
from solvers.certify.dual_bound import MOST_PAIRS as MOST_PAIRS
from solvers.lp.linear_program import NotFound, solve
from solvers.lp.min_max_load import LoadLP
from solvers.routing.quotient import Quotient
from solvers.routing.reversal import find_reversal
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective, Movement
from solvers.schedules.schedule import Schedule, Transfers, merge
from solvers.settings.deadline import Watch
from solvers.settings.options import LimitError, SolverOptions
from solvers.trees.few_parents import Choices, FewParents
from topologies.model.forests import depths
from topologies.model.ragged import within
from topologies.model.topology import IntArray, Topology, frozen, integers, reverse
from topologies.model.units import Share
from topologies.symmetry.group import Group, count_orbits, declared_group
from topologies.symmetry.refinement import refine

SEARCHED = 8192  # ranks up to which symmetry is searched for where it is not declared
MOST_TRANSFERS = 2**23  # that are written down: more take gigabytes, and minutes before that
FAMILIES = 64  # orbits of ranks, each with trees of its own, that are planned for
SLACK = 1e-9  # relative distance at which a bound counts as attained


@dataclass(frozen=True, eq=False)
class Tree:
    """A tree for so much of its root's data: of each rank the parent and the path, -1 at the root.

    The path is its number in the pool.
    """

    root: int
    share: Share
    parent: IntArray
    path: IntArray


def is_large(topology: Topology, collective: Collective, options: SolverOptions) -> bool:
    """Tell whether a collective is packed here: of all ranks of a large machine, without limits."""
    limited = options.max_height is not None or options.trees is not None or options.in_network
    everyone = len(collective.ranks) == topology.ranks
    return topology.ranks > MOST_PAIRS and everyone and not limited


def refuse_too_large(topology: Topology, collective: Collective, options: SolverOptions) -> None:
    """Refuse at once what nobody would want to wait for, on very large machines.

    Raises:
        LimitError: with the reason.
    """
    if topology.ranks <= SEARCHED or len(collective.ranks) < topology.ranks:
        return
    shape = collective.shape
    if shape.movement is Movement.PERSONALISED:
        return
    if not is_large(topology, collective, options):
        wanted = "heights, numbers of trees and switches that copy or add"
        raise LimitError(f"of more than {SEARCHED:,} ranks no {wanted} are planned for")
    orbits = count_orbits(declared_group(topology), topology.ranks)
    if orbits > (FAMILIES if shape.root is None else topology.ranks):
        raise LimitError(_too_many_orbits(topology, orbits))


def refuse_too_many_transfers(topology: Topology, collective: Collective) -> None:
    """Refuse at once an all_gather or reduce_scatter whose schedule would be too long to be made.

    The block of each rank is brought to all others, or collected from them; ranks that refinement
    tells apart are no images of each other, and the blocks of both are written down.

    Raises:
        LimitError: with the least number of transfers.
    """
    ranks = collective.ranks
    if collective.name not in ("all_gather", "reduce_scatter") or len(ranks) ** 2 <= MOST_TRANSFERS:
        return
    looks = refine(topology, np.zeros(topology.vertices, dtype=np.int64))
    different = len(np.unique(looks[list(ranks)]))
    if (least := different * (len(ranks) - 1)) > MOST_TRANSFERS:
        raise LimitError(
            f"{collective.name}: {different:,} ranks of {topology.name} differ, whose blocks take "
            f"{least:,} transfers or more, expected at most {MOST_TRANSFERS:,}"
        )


def pack_large(topology: Topology, collective: Collective, group: Group, watch: Watch) -> Schedule:
    """Pack trees for all_gather, reduce_scatter or all_reduce on a large machine.

    Args:
        topology: the machine.
        collective: of all of its ranks, with equal blocks.
        group: automorphisms that keep both.
        watch: says when to stop.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the machine has too little symmetry, or the time limit came first.
    """
    inward = collective.shape.inward
    machine = reverse(topology) if inward else topology
    both = collective.shape.movement is Movement.COPY_OF_SUM
    mates = find_reversal(topology, group, in_network=False) if both else None
    if both and mates is None:
        raise NotFound("links of this machine have no mates, and it is too large for other trees")
    quotient = Quotient(machine, integers(collective.ranks), group, mirror=mates)
    if len(quotient.roots) > FAMILIES:
        raise NotFound(_too_many_orbits(topology, len(quotient.roots)))
    packer = _Packer(quotient, watch)
    trees = packer.trees()
    rows = [packer.transfers(tree, i) for i, tree in enumerate(trees)]
    if both:
        rows = [_with_sums(row, mates) for row in rows]
    elif inward:
        rows = [send_back(row, reduce=True) for row in rows]
    share = [tree.share * packer.part(tree.root) for tree in trees]
    block = [0 if both else _block(collective, tree.root) for tree in trees]
    if both:
        share = [each / topology.ranks for each in share]
    return Schedule(
        topology,
        collective,
        integers(block),
        tuple(share),
        merge(rows),
        group,
        _tightest(packer, topology, collective, watch),
    )


def _too_many_orbits(topology: Topology, orbits: int) -> str:
    return (
        f"{topology.ranks:,} ranks of which {orbits:,} differ: of more than {MOST_PAIRS:,} ranks "
        f"at most {FAMILIES} may differ by the symmetry of the machine"
    )


def _block(collective: Collective, root: int) -> int:
    """Find the block that a rank alone holds, or alone wants."""
    buffers = collective.outputs if collective.shape.inward else collective.inputs
    return int(buffers[collective.place[root]][0])


def _tightest(packer: "_Packer", topology: Topology, collective: Collective, watch: Watch) -> Bound:
    """Bound by a single rank where that is attained, else by prices or the tightest cut."""
    rate = packer.rate(topology)
    sums = collective.shape.movement is Movement.COPY_OF_SUM
    quick = packer.proved(collective, rate) if sums else rank_bound(topology, collective)
    if quick and quick.algbw is not None and rate >= float(quick.algbw) * (1 - SLACK):
        return quick
    found = [cut_bound(topology, collective, watch), *([quick] if quick else [])]
    return min(found, key=lambda bound: bound.algbw or Fraction(0))


class _Packer:
    """The linear program over kinds, and the trees of its solution."""

    def __init__(self, quotient: Quotient, watch: Watch) -> None:
        self.quotient, self.watch = quotient, watch
        self.near = FewParents(quotient, watch)
        self.choices = [self.near.choices(root) for root in quotient.roots.tolist()]
        self.kinds = [_kinds(each) for each in self.choices]
        self.lp, self.columns = self._program()
        self.scale = self._rough_time()
        watch.tell("packing trees")
        self.optimum = solve(self.lp.program(self.scale), watch)

    def part(self, root: int) -> Share:
        """Compute the part of a root's data that one image of its trees carries."""
        return Fraction(self.quotient.orbit_of(root), self.quotient.group.order)

    def _program(self) -> tuple[LoadLP, IntArray]:
        """Write the program down, and what its columns stand for: (family, kind, vector).

        A row for each kind of children: as many as there are. Loads are those of all images, times
        the order of the group.
        """
        rows = []
        for f, (choices, kind) in enumerate(zip(self.choices, self.kinds, strict=True)):
            pairs = np.unique(np.stack([kind[choices.child], choices.vector]), axis=1)
            rows.append(np.vstack([np.full(pairs.shape[1], f), pairs]))
        columns = np.concatenate(rows, axis=1)
        places, row = np.unique(columns[:2], axis=1, return_inverse=True)
        row = row.reshape(-1)
        totals = tuple(
            Fraction(int((self.kinds[f] == kind).sum())) for f, kind in places.T.tolist()
        )
        times = [self.quotient.orbit_of(root) for root in self.quotient.roots.tolist()]
        crossings = self.near.crossings()
        entries = [(row, np.arange(len(row)), np.ones(len(row), dtype=np.int64))]
        for column, (family, _, vector) in enumerate(columns.T.tolist()):
            orbit = np.array(crossings[vector], dtype=np.int64)
            load = self.quotient.repeats[orbit] * times[family]
            entries.append((len(totals) + orbit, np.full(len(orbit), column), load))
        orbits = np.arange(len(self.quotient.orbit_size))
        last = np.full(len(orbits), len(row))
        entries.append((len(totals) + orbits, last, -self.quotient.orbit_capacity))
        at, of, data = (np.concatenate(part) for part in zip(*entries, strict=True))
        shape = (len(totals) + len(orbits), len(row) + 1)
        matrix = csr_matrix(coo_array((data, (at, of)), shape=shape))
        return LoadLP(matrix, totals), columns

    def _rough_time(self) -> float:
        """Work out the time of an even choice, for the scale."""
        even = np.ones(self.columns.shape[1])
        rows = self.lp.matrix[: self.lp.equalities, :-1]
        even *= rows.T @ (np.array([float(t) for t in self.lp.totals]) / (rows @ even))
        load = self.lp.matrix[self.lp.equalities :, :-1] @ even
        return float((load / self.quotient.orbit_capacity).max())

    def rate(self, topology: Topology) -> float:
        """Compute size / time in bytes per second: the time is that of blocks of one unit."""
        blocks = topology.ranks * self.quotient.group.order
        return float(topology.unit) * blocks / (self.optimum.cost * self.scale)

    def proved(self, collective: Collective, rate: float) -> Bound | None:
        """Work out what the prices of the optimum prove."""
        prices = self.lp.prices(self.optimum, self.scale) * self.quotient.repeats
        return certify(self.quotient, collective, prices, rate)

    def trees(self) -> list[Tree]:
        """Deal the optimum out to ranks."""
        x = self.optimum.x[:-1]
        amount, _ = self.lp.exact(x, self.optimum.cost * self.scale, None, self.watch)
        found: list[Tree] = []
        for f, choices in enumerate(self.choices):
            mine = np.flatnonzero(self.columns[0] == f)
            taken = {(k, v): amount[c] for c in mine.tolist() for k, v in [self._key(c)]}
            found += _deal_out(choices, self.kinds[f], taken)
        return found

    def _key(self, column: int) -> tuple[int, int]:
        _, kind, vector = self.columns[:, column].tolist()
        return kind, vector

    def transfers(self, tree: Tree, piece: int) -> Transfers:
        """Send from the root to everyone."""
        return send_out(
            tree.parent, piece, lambda child: self.near.routes(tree.parent[child], tree.path[child])
        )


def send_out(
    parent: IntArray, piece: int, routes: Callable[[IntArray], tuple[IntArray, IntArray]]
) -> Transfers:
    """Send from the root of a tree to everyone, each rank on as soon as it has the piece.

    Args:
        parent: of each rank, -1 at the root.
        piece: its number.
        routes: gives where the links into some ranks from their parents begin, and all of them.
    """
    depth = depths(parent)
    child = np.flatnonzero(parent >= 0)
    child = child[np.argsort(depth[child], kind="stable")]
    start, route = routes(child)
    return Transfers(
        frozen(np.full(len(child), piece)),
        frozen(depth[child] - 1),
        frozen(parent[child]),
        frozen(child),
        frozen(np.zeros(len(child), dtype=np.bool_)),
        frozen(start),
        frozen(route),
    )


def _kinds(choices: Choices) -> IntArray:
    """Give ranks whose paths are of the same kinds one number, -1 to the root."""
    ranks = len(choices.place)
    words = np.random.default_rng(0).integers(0, 2**62, int(choices.vector.max()) + 1)
    total = np.zeros(ranks, dtype=np.int64)
    np.add.at(total, choices.child, words[choices.vector])
    present = np.bincount(choices.child, minlength=ranks) > 0
    kind = np.full(ranks, -1)
    kind[present] = np.unique(total[present], return_inverse=True)[1].reshape(-1)
    return frozen(kind)


def _deal_out(
    choices: Choices, kinds: IntArray, taken: dict[tuple[int, int], Fraction]
) -> list[Tree]:
    """Give each rank a candidate; a few have several, and the trees are cut where these change."""
    begin = np.searchsorted(choices.child, np.arange(len(kinds) + 1))
    whole = np.full(len(kinds), -1)
    split: dict[int, list[tuple[Fraction, int]]] = {}
    by_place = np.argsort(choices.place)
    for kind in range(int(kinds.max()) + 1):
        children = by_place[kinds[by_place] == kind]
        options = choices.vector[begin[children[0]] : begin[children[0] + 1]]
        amounts = [taken.get((kind, vector), Fraction(0)) for vector in options.tolist()]
        counts = [floor(amount) for amount in amounts]
        chosen = np.repeat(np.arange(len(options)), counts)
        whole[children[: len(chosen)]] = begin[children[: len(chosen)]] + chosen
        rest = [amount - count for amount, count in zip(amounts, counts, strict=True)]
        split |= _split(children[len(chosen) :], begin, rest)
    return _cut(choices, whole, split)


def _split(
    children: IntArray, begin: IntArray, rest: Sequence[Fraction]
) -> dict[int, list[tuple[Fraction, int]]]:
    """Fill each child with parts of what is left, largest first: (end, row of the choices)."""
    left = sorted(((part, i) for i, part in enumerate(rest) if part), reverse=True)
    found: dict[int, list[tuple[Fraction, int]]] = {}
    for child in children.tolist():
        end, stack = Fraction(0), []
        while end < 1:
            part, i = left.pop(0)
            now = min(part, 1 - end)
            end += now
            stack.append((end, int(begin[child]) + i))
            if part > now:
                left.insert(0, (part - now, i))
        found[child] = stack
    return found


def _cut(
    choices: Choices, whole: IntArray, split: dict[int, list[tuple[Fraction, int]]]
) -> list[Tree]:
    """Cut the trees at all ends of parts."""
    ends = sorted({end for stack in split.values() for end, _ in stack} | {Fraction(1)})
    found, start = [], Fraction(0)
    for end in ends:
        row = whole.copy()
        for child, stack in split.items():
            row[child] = next(i for until, i in stack if until >= end)
        parent, path = (
            np.where(row >= 0, each[row], -1) for each in (choices.parent, choices.path)
        )
        found.append(Tree(choices.root, end - start, frozen(parent), frozen(path)))
        start = end
    return found


def send_back(rows: Transfers, *, reduce: bool) -> Transfers:
    """Send back over the same links in the opposite order; the last step becomes the first."""
    start, length = rows.route_start, np.diff(rows.route_start)
    back = Transfers(
        rows.piece,
        frozen(rows.step.max() - rows.step),
        rows.dst,
        rows.src,
        frozen(np.full(len(rows), reduce)),
        start,
        frozen(rows.route[np.repeat(start[1:] - 1, length) - within(length)]),
    )
    return back.rows(np.argsort(back.step, kind="stable"))


def _with_sums(rows: Transfers, mates: IntArray | None) -> Transfers:
    """Add up towards the root over the mates of the links, and then send out."""
    assert mates is not None
    sums = send_back(rows, reduce=True)
    sums = replace(sums, route=frozen(mates[sums.route]))
    return merge([sums, replace(rows, step=frozen(rows.step + sums.step.max() + 1))])
