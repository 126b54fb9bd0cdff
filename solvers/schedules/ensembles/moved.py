"""A schedule as an automorphism of its machine makes another one of it."""

from dataclasses import replace

import numpy as np

from solvers.schedules.certificate import UNPROVED
from solvers.schedules.collective import Collective, CollectiveError
from solvers.schedules.ensembles.given import image_of, is_given
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from topologies.model.topology import IntArray, frozen
from topologies.symmetry.group import Group, link_images


def moved(schedule: Schedule, permutation: IntArray) -> Schedule:
    """Replace each vertex, link and block by its image; no bound is claimed of that.

    Complexity: links × log.

    Args:
        schedule: of a collective that some kind makes.
        permutation: of the vertices, an automorphism of the machine.

    Raises:
        SymmetryError: it is none.
        CollectiveError: the collective has a layout of its own.
    """
    what, rows = schedule.collective, schedule.transfers
    image, block = image_of(what, permutation) if is_given(what) else _plain(what, permutation)
    links = link_images(schedule.topology, permutation[None])[0]
    back = np.argsort(permutation)
    return replace(
        schedule,
        collective=image,
        block=frozen(block[schedule.block]),
        transfers=replace(
            rows,
            src=frozen(permutation[rows.src]),
            dst=frozen(permutation[rows.dst]),
            route=frozen(links[rows.route]),
        ),
        bound=UNPROVED,
        group=Group(frozen(permutation[schedule.group.generators[:, back]])),
    )


def _plain(what: Collective, permutation: IntArray) -> tuple[Collective, IntArray]:
    """Give the image of a collective, and of each block: of one, one a rank, or one a pair."""
    n = len(what.ranks)
    root = None if what.root is None else int(permutation[what.root])
    image = collective(what.name, [int(permutation[rank]) for rank in what.ranks], root)
    if image.blocks != what.blocks or what.blocks not in (1, n, n * n):
        raise CollectiveError(f"{what.name}: its blocks are not told by its name")
    place = np.array([image.place[int(permutation[rank])] for rank in what.ranks])
    if what.blocks == 1:
        return image, np.zeros(1, dtype=np.int64)
    if what.blocks == n:
        return image, np.asarray(place, dtype=np.int64)
    pairs = (place[:, None] * n + place[None, :]).reshape(-1)
    return image, np.asarray(pairs, dtype=np.int64)
