"""Which symmetries of a machine a collective keeps, so that one of many alike is solved for."""

import numpy as np

from solvers.schedules.collective import Collective
from solvers.schedules.kinds import is_alike
from solvers.settings.deadline import NO_DEADLINE, Watch
from solvers.settings.options import DEFAULT_OPTIONS, SolverOptions
from topologies.derive.part import Submachine
from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.group import (
    Group,
    SymmetryError,
    declared_group,
    link_images,
    orbits,
    subgroup,
    trivial,
)
from topologies.symmetry.refinement import refine
from topologies.symmetry.search import find_group
from topologies.symmetry.stabiliser import stabiliser

CLOSE = 2  # times the orbits of ranks that there are at least: no group with fewer is searched for


def find_symmetry(
    topology: Topology,
    collective: Collective,
    work: float = 5.0,
    options: SolverOptions = DEFAULT_OPTIONS,
    watch: Watch = NO_DEADLINE,
) -> Group:
    """Search for a group of automorphisms that keep what each rank holds and wants.

    It is the part of the declared group that does so, unless vertices look alike that it leaves
    apart, and a group with fewer orbits of ranks is guessed around the root (where there is one),
    or found in a search of so much work.

    Args:
        topology: the machine.
        collective: what is to be done.
        work: of the search, in units of about a second.
        options: whether symmetry is found, declared or not used.
        watch: says when to stop.

    Raises:
        SymmetryError: the declared symmetry is no symmetry.
    """
    # What each rank sends to each breaks the symmetry.
    if options.symmetry == "none" or not is_alike(collective):
        return trivial(topology)
    colours = colour_roles(topology, collective)
    group = declared_group(topology)
    if (colours[group.generators] != colours).any():
        group = subgroup(group, group.listing.marked(colours))
    kept = _rank_classes(topology, orbits(group.generators, topology.vertices))
    looks = refine(topology, colours)
    least = _rank_classes(topology, looks)
    if options.symmetry == "declared" or kept == least or work <= 0:
        return group
    if collective.root is not None:
        rooted = stabiliser(topology, looks, collective.root)
        now = _rank_classes(topology, orbits(rooted.generators, topology.vertices))
        group, kept = (rooted, now) if now < kept else (group, kept)
        if kept <= CLOSE * least:
            return group
    found = find_group(topology, colours, work, lambda: watch.late)
    fewer = _rank_classes(topology, orbits(found.generators, topology.vertices)) < kept
    return found if fewer else group


def find_symmetry_left(
    left: Submachine, collective: Collective, watch: Watch = NO_DEADLINE
) -> Group:
    """Search for the symmetry of what is left of a machine, around what it has lost.

    What the whole machine declares is looked at first: around a rank that looks like no other
    one it is guessed sooner than searched for. What is guessed is compared with what is left.

    Args:
        left: of a machine.
        collective: on what is left.
        watch: says when to stop.
    """
    topology = left.topology
    looks = refine(topology, colour_roles(topology, collective))
    alone = np.flatnonzero(np.bincount(looks[: topology.ranks])[looks[: topology.ranks]] == 1)
    if len(left.whole.symmetry) and len(alone) and is_alike(collective):
        around = _guess_around(left, looks, int(left.vertices[alone[0]]))
        kept = _rank_classes(topology, orbits(around.generators, topology.vertices))
        if kept <= CLOSE * _rank_classes(topology, looks):
            return around
    return find_symmetry(topology, collective, watch=watch)


def _guess_around(left: Submachine, looks: IntArray, root: int) -> Group:
    """Guess automorphisms of the whole machine around a rank, and keep those of what is left."""
    whole, points = left.whole, left.topology.vertices
    colours = looks.max() + 1 + np.arange(whole.vertices)  # what is gone stays where it is
    colours[left.vertices] = looks
    moved = stabiliser(whole, colours, root, powers=True).generators[:, left.vertices]
    kept = [image for image in left.place(moved) if _is_kept(left.topology, image)]
    return Group(frozen(np.array(kept, dtype=np.int64).reshape(-1, points)))


def _is_kept(topology: Topology, image: IntArray) -> bool:
    try:
        link_images(topology, image[None])
    except SymmetryError:
        return False
    return True


def colour_roles(topology: Topology, collective: Collective) -> IntArray:
    """Give vertices a number for how much they hold and want, so that the root has its own."""
    amounts = np.full((topology.vertices, 2), -1, dtype=np.int64)
    for side, buffers in enumerate((collective.inputs, collective.outputs)):
        amounts[list(collective.ranks), side] = [collective.sizes[own].sum() for own in buffers]
    numbers = np.unique(amounts, axis=0, return_inverse=True)[1]
    return np.asarray(numbers, dtype=np.int64).reshape(-1)


def _rank_classes(topology: Topology, label: IntArray) -> int:
    return len(np.unique(label[: topology.ranks]))
