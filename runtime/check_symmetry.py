"""Do the images of a schedule make sense: is the group one, and are all blocks covered."""

from collections.abc import Iterator
from fractions import Fraction
from math import lcm

import numpy as np

from solvers.collective import Collective, CollectiveError
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
    for block, part in given.items():
        try:
            image, count = np.unique(_images(what, block, schedule), return_counts=True)
        except CollectiveError as error:
            yield f"group: {error}"
            return
        covered[image] += part * count.astype(object)
    for block in np.flatnonzero(covered != unit).tolist():
        yield f"block {block}: the shares of its pieces add up to {Fraction(covered[block], unit)}"


def _images(what: Collective, block: int, schedule: Schedule) -> IntArray:
    """Give the images of a block under all elements, having compared holders and wanters."""
    elements = schedule.group.elements
    image = what.images(block, elements)
    for owners in (what.holders, what.wanters):
        expected = np.sort(elements[:, owners[block]], axis=1)
        if any(not np.array_equal(owners[b], row) for b, row in zip(image, expected, strict=True)):
            raise CollectiveError(f"{what.name}: the symmetry does not keep block {block}")
    if (what.sizes[image] != what.sizes[block]).any():
        raise CollectiveError(f"{what.name}: the symmetry changes the size of block {block}")
    return image
