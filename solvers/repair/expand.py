"""The trees of an old schedule on what is left of its machine, one of each orbit of a new group.

The images of the old trees at the first root of each orbit are written out. Under a group that
keeps the old schedule they stand for all of it. Under another one that keeps what is left they
stand for the mean of its images, which loads the links of an orbit as the old schedule does, added
up over the orbit; so it is a good one to begin with as well.

Complexity: transfers that are written out × log of the links.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.sparse import csr_array

from solvers.routing.quotient import Quotient
from solvers.schedules.collective import Collective, Movement
from solvers.schedules.schedule import Schedule, Transfers
from solvers.settings.deadline import NotFound
from topologies.derive.part import Submachine
from topologies.model.ragged import starts, stretches
from topologies.model.topology import BoolArray, IntArray, Topology, frozen
from topologies.symmetry.group import Group, moved_links

SAMPLE = 96  # trees of an orbit of roots that are written out, of which the program chooses
AT_FIRST = 2**20  # arcs that are written out, where fewer trees may do
ALONE = 2**18  # arcs of a root that no group joins with others, all of whose trees are wanted
ROUNDING = 1e-12  # relative difference of bandwidths that are equal
MARKS = 2**26  # pieces × vertices, above which trees are not looked through


@dataclass(frozen=True, eq=False)
class OldTrees:
    """Trees as they were, in the numbers of what is left; -1 where something is gone.

    Attributes:
        what: over all ranks of what is left, which are its first vertices.
        root: of each piece.
        block: of each piece.
        weight: of each image of a piece, in units of the block sizes.
        rows: transfers, by pieces; those to ranks that are gone are left out.
        broken: for each row, whether its route or its other end is gone.
        slower: for each row, whether a link of its route is slower than it was.
    """

    quotient: Quotient
    what: Collective
    root: IntArray
    block: IntArray
    weight: tuple[Fraction, ...]
    rows: Transfers
    broken: BoolArray
    slower: BoolArray

    @property
    def members(self) -> int:
        """Count the ranks, all of which take part."""
        return len(self.what.ranks)

    @property
    def child(self) -> IntArray:
        """Look up for each row the end that is farther from the root."""
        return np.where(self.rows.reduce, self.rows.src, self.rows.dst)

    @property
    def parent(self) -> IntArray:
        """Look up for each row the end that is nearer to the root, -1 where it is gone."""
        return np.where(self.rows.reduce, self.rows.dst, self.rows.src)

    def touched(self) -> BoolArray:
        """Mark the pieces that something befell."""
        marks = np.zeros(len(self.root), dtype=np.bool_)
        marks[self.rows.piece[self.broken | self.slower]] = True
        sides = len(self.sides)
        count = np.bincount(self.rows.piece, minlength=len(self.root))
        return np.asarray(marks | (count != sides * (self.members - 1)), dtype=np.bool_)

    @property
    def sides(self) -> tuple[bool, ...]:
        """List which trees a piece has: outward (False), inward (True), or both."""
        if self.what.shape.movement is Movement.COPY_OF_SUM:
            return False, True
        return (self.what.shape.inward,)

    def loads(self) -> csr_array:
        """Count how often all images of each row cross one link of each orbit: (rows, orbits)."""
        length = np.diff(self.rows.route_start)
        whole = self.rows.route >= 0
        row = np.repeat(np.arange(len(self.rows)), length)[whole]
        orbit = self.quotient.link_orbit[self.rows.route[whole]]
        shape = (len(self.rows), len(self.quotient.orbit_size))
        return csr_array((self.quotient.repeats[orbit], (row, orbit)), shape=shape)


def roots_of(schedule: Schedule) -> IntArray:
    """Find the root of each piece of a schedule of trees that reach all ranks.

    Raises:
        NotFound: it is none.
    """
    topology, what, rows = schedule.topology, schedule.collective, schedule.transfers
    whole = len(what.ranks) == topology.ranks and what.shape.everyone
    if not whole or schedule.in_network or schedule.pieces * topology.ranks > MARKS:
        raise NotFound("no schedule of trees over all ranks")
    both = what.shape.movement is Movement.COPY_OF_SUM
    found = []
    for inward in (False, True) if both else (what.shape.inward,):
        mine = rows.reduce == inward
        child = (rows.src if inward else rows.dst)[mine]
        count = np.zeros((schedule.pieces, topology.vertices), dtype=np.int64)
        np.add.at(count, (rows.piece[mine], child), 1)
        if (np.sort(count[:, : topology.ranks], axis=1) != _once(topology.ranks)).any():
            raise NotFound("its pieces do not move along trees")
        found.append(np.argmin(count[:, : topology.ranks], axis=1))
    sides = len(found) * (topology.ranks - 1)
    if (found[0] != found[-1]).any() or len(rows) != sides * schedule.pieces:
        raise NotFound("its pieces do not move along trees")
    return np.asarray(found[0])


def _once(ranks: int) -> IntArray:
    """Give what is counted of a tree: nothing at its root, one at all others."""
    return np.asarray(np.arange(ranks) > 0, dtype=np.int64)


def samples(quotient: Quotient) -> tuple[int, ...]:
    """Say how many trees of an orbit of roots to write out: a few, and if they do not do, more."""
    few = max(3, AT_FIRST // (len(quotient.roots) * len(quotient.members)))
    return (few, SAMPLE) if few < SAMPLE else (SAMPLE,)


def expand(
    schedule: Schedule,
    roots: IntArray,
    left: Submachine,
    what: Collective,
    quotient: Quotient,
    sample: int = SAMPLE,
) -> OldTrees:
    """Write out the old trees of the first root of each orbit, on what is left.

    Args:
        schedule: for the whole machine.
        roots: of its pieces.
        left: of the machine.
        what: the collective on what is left.
        quotient: what is left, all ranks its members, folded by a group that keeps both.
        sample: trees of an orbit of roots, at most.

    Raises:
        NotFound: a root has several blocks.
    """
    old, group = schedule.topology, schedule.group
    vertex, link = _numbers(old.vertices, left.vertices), _numbers(old.links, left.links)
    images = group.images(np.arange(group.order)[:, None], roots[None])
    element, piece, times = _sample(schedule, vertex[images], quotient, sample)
    place, back = (column[vertex[images[element, piece]]] for column in quotient.from_root)
    root = quotient.roots[place]
    block = blocks_of(what)[root]
    rows = schedule.transfers
    ends = np.searchsorted(rows.piece, np.arange(schedule.pieces + 1))
    count = np.diff(ends)[piece]
    copies = rows.rows(stretches(ends[piece], count))
    image = np.repeat(np.arange(len(piece)), count)
    hop = np.repeat(image, np.diff(copies.route_start))
    route = link[moved_links(old, copies.route, group, element[hop])]
    returning = _Backward(quotient.group.generators, quotient.group)
    route = _moved(left, route, returning, back[hop])
    src, dst = (vertex[group.images(element[image], end)] for end in (copies.src, copies.dst))
    src, dst = (np.where(end < 0, -1, returning.images(back[image], end)) for end in (src, dst))
    transfers = _kept(copies, image, src, dst, route)
    broken, slower = _harm(transfers, old, left)
    weight = _weights(schedule, piece, what.sizes[block], times)
    return OldTrees(quotient, what, frozen(root), frozen(block), weight, transfers, broken, slower)


def _kept(
    copies: Transfers, image: IntArray, src: IntArray, dst: IntArray, route: IntArray
) -> Transfers:
    """Write down the transfers whose ranks farther from the root are left."""
    kept = np.flatnonzero(np.where(copies.reduce, src, dst) >= 0)
    length = np.diff(copies.route_start)[kept]
    return Transfers(
        frozen(image[kept]),
        frozen(copies.step[kept]),
        frozen(src[kept]),
        frozen(dst[kept]),
        frozen(copies.reduce[kept]),
        frozen(starts(length)),
        frozen(route[stretches(copies.route_start[kept], length)]),
    )


def _harm(transfers: Transfers, old: Topology, left: Submachine) -> tuple[BoolArray, BoolArray]:
    """Mark the transfers that have lost something, and those over slower links."""
    count = len(transfers)
    row = np.repeat(np.arange(count), np.diff(transfers.route_start))
    parent = np.where(transfers.reduce, transfers.dst, transfers.src)
    broken = (parent < 0) | _any(row, transfers.route < 0, count)
    now, before = left.topology.bandwidth, old.bandwidth[left.links]
    slow = np.append(now < before * (1 - ROUNDING), np.False_)[transfers.route]
    return broken, _any(row, slow, count) & ~broken


def _sample(
    schedule: Schedule, root: IntArray, quotient: Quotient, sample: int
) -> tuple[IntArray, IntArray, list[Fraction]]:
    """Choose images of old pieces: many where no group joins their roots, else some of each orbit.

    Args:
        schedule: the old one.
        root: of each image (element, piece) of the old pieces, -1 where it is gone.
        quotient: what is left.
        sample: of an orbit, at most.

    Returns:
        element and piece of those chosen, and how many images under the old group, for each one
        under the new one, each of them stands for.
    """
    orbit = np.where(root < 0, -1, quotient.from_root[0][root])
    elements, pieces, times = [], [], list[Fraction]()
    for number in range(len(quotient.roots)):
        element, piece = np.nonzero(orbit == number)
        if not len(piece):
            continue
        size = len(np.unique(root[element, piece]))
        most = sample if size > 1 else max(sample, ALONE // len(quotient.members))
        some = np.unique(np.linspace(0, len(piece) - 1, min(most, len(piece))).astype(np.int64))
        elements.append(element[some])
        pieces.append(piece[some])
        whole, part = (_carried(schedule, own) for own in (piece, piece[some]))
        times += [whole / part / quotient.group.order] * len(some)
    return np.concatenate(elements), np.concatenate(pieces), times


def _carried(schedule: Schedule, pieces: IntArray) -> Fraction:
    """Add up the shares of pieces, each as often as it is named."""
    count = np.bincount(pieces, minlength=schedule.pieces).tolist()
    return sum((s * n for s, n in zip(schedule.share, count, strict=True) if n), Fraction(0))


@dataclass(frozen=True, eq=False)
class _Backward(Group):
    """A group whose elements, by number, are the inverses of those of another one."""

    of: Group

    def images(self, element: IntArray, vertex: IntArray) -> IntArray:
        """Compute where the inverses send vertices, entry by entry."""
        return self.of.origins(element, vertex)


def _moved(left: Submachine, route: IntArray, group: Group, element: IntArray) -> IntArray:
    """Translate links that are left by elements of a group."""
    found = route.copy()
    whole = np.flatnonzero(route >= 0)
    found[whole] = moved_links(left.topology, route[whole], group, element[whole])
    return found


def _weights(
    schedule: Schedule, piece: IntArray, sizes: IntArray, times: list[Fraction]
) -> tuple[Fraction, ...]:
    """Compute how much each image carries, in units of the block sizes.

    What was chosen of an orbit carries as much as all of it did.
    """
    known: dict[tuple[int, int, Fraction], Fraction] = {}
    for key in dict.fromkeys(zip(piece.tolist(), sizes.tolist(), times, strict=True)):
        known[key] = schedule.share[key[0]] * key[1] * key[2]
    return tuple(known[key] for key in zip(piece.tolist(), sizes.tolist(), times, strict=True))


def blocks_of(what: Collective) -> IntArray:
    """Give the block of each root."""
    if what.shape.movement is Movement.COPY_OF_SUM:
        return np.zeros(len(what.ranks), dtype=np.int64)
    owned = what.outputs if what.shape.inward else what.inputs
    if any(len(blocks) > 1 for blocks in owned):
        raise NotFound("a root has several blocks")
    return np.array([int(blocks[0]) if len(blocks) else -1 for blocks in owned])


def _numbers(points: int, kept: IntArray) -> IntArray:
    """Give each point its new number, -1 where it is gone."""
    found = np.full(points, -1, dtype=np.int64)
    found[kept] = np.arange(len(kept))
    return found


def _any(row: IntArray, marks: BoolArray, rows: int) -> BoolArray:
    """Mark the rows of which an entry is marked."""
    found = np.zeros(rows, dtype=np.bool_)
    found[row[marks]] = True
    return found
