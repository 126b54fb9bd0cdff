"""Do the images of a schedule make sense: is the group one, and are all blocks covered."""

from collections.abc import Iterator
from fractions import Fraction
from math import lcm

import numpy as np

from runtime.verify import exchange
from solvers.schedules.collective import Collective, CollectiveError
from solvers.schedules.computed.exchange import Exchange
from solvers.schedules.owners import Everyone, Side, is_kept
from solvers.schedules.schedule import IntegerColumn, Schedule
from topologies.model.topology import IntArray
from topologies.symmetry.group import Group, SymmetryError, link_images

AT_ONCE = 2**22  # images that are found together: arrays of 32 MB


def faults(schedule: Schedule) -> list[str]:
    """List what is wrong with the group, or, if it is right, with the shares of its images."""
    if found := list(_group(schedule)):
        return found
    if isinstance(schedule.collective, Exchange):
        return list(exchange.faults(schedule, schedule.collective))
    return list(_cover(schedule) if schedule.group.order > 1 else _add_up(schedule))


def _group(schedule: Schedule) -> Iterator[str]:
    """Check that every generator keeps the machine, the collective's ranks and the root."""
    generators, topology = schedule.group.generators, schedule.topology
    everything = np.arange(topology.vertices)
    if generators.ndim != 2 or generators.shape[1] != topology.vertices:
        yield f"group: generators of shape {generators.shape} for {topology.vertices} vertices"
        return
    for i in np.flatnonzero((np.sort(generators, axis=1) != everything).any(axis=1)).tolist():
        yield f"group: generator {i} is not a permutation"
        return
    try:
        link_images(topology, generators)
        schedule.group.order  # noqa: B018 - lists them, if they are not too many
    except SymmetryError as error:
        yield f"group: {error}"
        return
    what = schedule.collective
    ranks = np.array(what.ranks)
    for i, generator in enumerate(generators):
        if not np.isin(generator[ranks], ranks).all():
            yield f"group: generator {i} moves ranks out of the collective"
        if what.root is not None and generator[what.root] != what.root:
            yield f"group: generator {i} moves the root, rank {what.root}"


def _add_up(schedule: Schedule) -> Iterator[str]:
    """Check that the shares of the pieces add up to 1 for every block; each is its only image.

    Shares of different blocks may have nothing in common, so that each block is added up alone.
    """
    above, below = [0] * schedule.collective.blocks, [1] * schedule.collective.blocks
    for block, share in zip(schedule.block.tolist(), schedule.share, strict=True):
        part, of = share.numerator, share.denominator
        if of != below[block]:
            common = lcm(of, below[block])
            above[block] *= common // below[block]
            part *= common // of
            below[block] = common
        above[block] += part
    for block, (part, of) in enumerate(zip(above, below, strict=True)):
        if part != of:
            yield f"block {block}: the shares of its pieces add up to {Fraction(part, of)}"


def _cover(schedule: Schedule) -> Iterator[str]:
    """Check that the shares of all images of all pieces add up to 1 for every block."""
    what = schedule.collective
    parts, unit = schedule.parts
    given = np.zeros(what.blocks, dtype=parts.dtype)
    np.add.at(given, schedule.block, parts)
    try:
        covered = given if schedule.group.order == 1 else _by_images(schedule, given)
    except CollectiveError as error:
        yield f"group: {error}"
        return
    for block in np.flatnonzero(covered != unit).tolist():
        part = Fraction(int(covered[block]), unit)
        yield f"block {block}: the shares of its pieces add up to {part}"


def _by_images(schedule: Schedule, given: IntegerColumn) -> IntegerColumn:
    """Add up what all images of the pieces cover of each block.

    Raises:
        CollectiveError: an element of the group does not keep the collective.
    """
    what, group = schedule.collective, schedule.group
    small = sum(map(abs, given.tolist())) * group.order < 2**62
    covered = np.zeros(what.blocks, dtype=np.int64 if small else object)
    blocks = np.unique(schedule.block)
    alone = blocks[np.all([side.lengths[blocks] == 1 for side in what.owners], axis=0)]
    if len(alone):
        pairs = _Pairs(what, _points(group))
        for some in np.array_split(alone, len(alone) * group.order // AT_ONCE + 1):
            times = np.tile(given[some].astype(covered.dtype), group.order)
            np.add.at(covered, pairs.images(some, group).reshape(-1), times)
    for block in np.setdiff1d(blocks, alone).tolist():
        images = what.images(block, group)
        # The images were found by random words: believe nothing that can be compared.
        same_size = (what.sizes[images] == what.sizes[block]).all()
        if not same_size or not all(_follow(side, group, block, images) for side in what.owners):
            raise CollectiveError(f"{what.name}: the symmetry does not keep block {block}")
        image, count = np.unique(images, return_counts=True)
        covered[image] += int(given[block]) * count.astype(covered.dtype)
    return covered


def _points(group: Group) -> int:
    """Count the vertices that a group permutes."""
    return int(group.generators.shape[1])


def _follow(side: Side, group: Group, block: int, image: IntArray) -> bool:
    """Tell whether each element maps the owners of a block to those of its image."""
    if isinstance(side, Everyone):
        return is_kept(side.ranks, group)
    count, own = side.lengths, side.of(block)
    if (count[image] != len(own)).any():
        return False
    if len(own) == 1:
        return bool((side.rank[side.start[image]] == group.column(int(own[0]))).all())
    unique, which = np.unique(image, return_inverse=True)
    theirs = side.rank[side.start[unique][:, None] + np.arange(len(own))]
    # As many on both sides, and no two of them meet: so it is enough that each owns the image.
    owns = np.zeros((len(unique), _points(group)), dtype=bool)
    owns[np.arange(len(unique))[:, None], theirs] = True
    moved = group.images(np.arange(group.order)[:, None], own[None])
    return bool(owns[which[:, None], moved].all())


class _Pairs:
    """The blocks that go from one rank to one: known by their ends and their size.

    Those that agree in all are known by their order. Complexity: blocks × log.
    """

    def __init__(self, what: Collective, points: int) -> None:
        owners = what.owners
        block = np.flatnonzero(np.all([side.lengths == 1 for side in owners], axis=0))
        self.what, self.points = what, points
        self.ends = [_scatter(what, block, side.rank[side.start[block]]) for side in owners]
        sizes = np.unique(what.sizes[block], return_inverse=True)[1].reshape(-1)
        self.kind = _scatter(what, block, sizes)
        keys = self._keys(block, *(each[block] for each in self.ends))
        order = np.argsort(keys, kind="stable")
        self.keys, self.block = keys[order], block[order]
        twins = np.arange(len(block)) - np.searchsorted(self.keys, self.keys)
        self.twin = _scatter(what, self.block, twins)

    def _keys(self, block: IntArray, src: IntArray, dst: IntArray) -> IntArray:
        return np.asarray((self.kind[block] * self.points + src) * self.points + dst)

    def images(self, blocks: IntArray, group: Group) -> IntArray:
        """Find the images of such blocks: (elements, blocks).

        Raises:
            CollectiveError: an element of the group does not keep the collective.
        """
        every = np.arange(group.order)[:, None]
        src, dst = (group.images(every, end[blocks][None]) for end in self.ends)
        moved = self._keys(blocks, src, dst)
        place = np.searchsorted(self.keys, moved) + self.twin[blocks]
        place = np.minimum(place, len(self.keys) - 1)
        for block in blocks[(self.keys[place] != moved).any(axis=0)].tolist():
            raise CollectiveError(f"{self.what.name}: the symmetry does not keep block {block}")
        return np.asarray(self.block[place])


def _scatter(what: Collective, block: IntArray, value: IntArray) -> IntArray:
    """Put a value in the place of each block; others get 0."""
    placed = np.zeros(what.blocks, dtype=np.int64)
    placed[block] = value
    return placed
