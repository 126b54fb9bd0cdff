"""Do the images of a schedule make sense: is the group one, and are all blocks covered."""

from collections.abc import Iterator
from fractions import Fraction
from math import lcm

import numpy as np

from solvers.collective import CollectiveError
from solvers.schedule import Schedule
from topologies.symmetry import SymmetryError, link_images
from topologies.topology import IntArray


def faults(schedule: Schedule) -> list[str]:
    """List what is wrong with the group, or, if it is right, with the shares of its images."""
    return list(_group(schedule)) or list(_cover(schedule))


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
        schedule.group.elements  # noqa: B018 - lists them, if they are not too many
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


def _cover(schedule: Schedule) -> Iterator[str]:
    """Check that the shares of all images of all pieces add up to 1 for every block."""
    what = schedule.collective
    unit = lcm(*{share.denominator for share in schedule.share})
    given: dict[int, int] = {}
    for block, share in zip(schedule.block.tolist(), schedule.share, strict=True):
        given[block] = given.get(block, 0) + int(share * unit)
    covered = np.zeros(what.blocks, dtype=object)
    owners = _Owners(what.holders), _Owners(what.wanters)
    elements = schedule.group.elements
    for block, part in given.items():
        try:
            images = what.images(block, elements)
        except CollectiveError as error:
            yield f"group: {error}"
            return
        # The images were found by random words: believe nothing that can be compared.
        same_size = (what.sizes[images] == what.sizes[block]).all()
        if not same_size or not all(side.follow(elements, block, images) for side in owners):
            yield f"group: {what.name}: the symmetry does not keep block {block}"
            return
        image, count = np.unique(images, return_counts=True)
        covered[image] += part * count.astype(object)
    for block in np.flatnonzero(covered != unit).tolist():
        yield f"block {block}: the shares of its pieces add up to {Fraction(covered[block], unit)}"


class _Owners:
    """The holders, or the wanters, of all blocks in one column."""

    def __init__(self, owners: tuple[IntArray, ...]) -> None:
        self.rank = np.concatenate(owners)
        self.count = np.array([len(ranks) for ranks in owners])
        self.start = np.cumsum(self.count) - self.count

    def follow(self, elements: IntArray, block: int, image: IntArray) -> bool:
        """Tell whether each element maps the owners of a block to those of its image."""
        count = int(self.count[block])
        if (self.count[image] != count).any():
            return False
        place = np.arange(count)
        own = self.rank[self.start[block] + place]
        theirs = self.rank[self.start[image][:, None] + place]
        return np.array_equal(np.sort(elements[:, own], axis=1), theirs)
