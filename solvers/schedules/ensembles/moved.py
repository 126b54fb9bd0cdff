"""A schedule as an automorphism of its machine makes another one of it."""

from dataclasses import replace

import numpy as np

from solvers.schedules.certificate import UNPROVED
from solvers.schedules.collective import Collective, CollectiveError
from solvers.schedules.kinds import BLOCKS, collective, has_blocks, kind_of
from solvers.schedules.schedule import Schedule
from topologies.model.topology import IntArray, frozen
from topologies.symmetry.group import Group, link_images


def moved(schedule: Schedule, permutation: IntArray) -> Schedule:
    """Replace each vertex, link and block by its image; no bound is claimed of that.

    Complexity: links × log.

    Args:
        schedule: of a collective whose name says all of it.
        permutation: of the vertices, an automorphism of the machine.

    Raises:
        SymmetryError: it is none.
        CollectiveError: the collective has a layout of its own.
    """
    what, rows = schedule.collective, schedule.transfers
    ranks = [int(permutation[rank]) for rank in what.ranks]
    root = None if what.root is None else int(permutation[what.root])
    kind = kind_of(what)
    given = kind.given.read(what) if kind and kind.given in BLOCKS else None
    image = collective(what.name, ranks, root, blocks=given)
    links = link_images(schedule.topology, permutation[None])[0]
    back = np.argsort(permutation)
    return replace(
        schedule,
        collective=image,
        block=frozen(_block_images(what, image, permutation)[schedule.block]),
        transfers=replace(
            rows,
            src=frozen(permutation[rows.src]),
            dst=frozen(permutation[rows.dst]),
            route=frozen(links[rows.route]),
        ),
        bound=UNPROVED,
        group=Group(frozen(permutation[schedule.group.generators[:, back]])),
    )


def _block_images(what: Collective, image: Collective, permutation: IntArray) -> IntArray:
    """Give the image of each block: there is one, or one for each rank, or for each pair.

    Where blocks are unequal, ranks may have none.
    """
    n = len(what.ranks)
    if has_blocks(what):
        return _unequal_images(what, image, permutation)
    if image.blocks != what.blocks or what.blocks not in (1, n, n * n):
        raise CollectiveError(f"{what.name}: its blocks are not told by its name")
    place = np.array([image.place[int(permutation[rank])] for rank in what.ranks])
    if what.blocks == 1:
        return np.zeros(1, dtype=np.int64)
    if what.blocks == n:
        return np.asarray(place, dtype=np.int64)
    return np.asarray((place[:, None] * n + place[None, :]).reshape(-1), dtype=np.int64)


def _unequal_images(what: Collective, image: Collective, permutation: IntArray) -> IntArray:
    """Give the image of each rank's own block."""
    side = "inputs" if what.name == "all_gatherv" else "outputs"
    found = np.zeros(what.blocks, dtype=np.int64)
    for rank, own in zip(what.ranks, getattr(what, side), strict=True):
        found[own] = getattr(image, side)[image.place[int(permutation[rank])]]
    return found
