"""Which symmetries of a machine a collective keeps, so that one of many alike is solved for."""

import numpy as np

from solvers.schedules.collective import Collective
from solvers.schedules.kinds import is_alike
from solvers.settings.deadline import NO_DEADLINE, Watch
from solvers.settings.options import DEFAULT_OPTIONS, SolverOptions
from topologies.model.topology import IntArray, Topology
from topologies.symmetry.group import Group, declared_group, orbits, subgroup, trivial
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


def colour_roles(topology: Topology, collective: Collective) -> IntArray:
    """Give vertices a number for how much they hold and want, so that the root has its own."""
    amounts = np.full((topology.vertices, 2), -1, dtype=np.int64)
    for side, buffers in enumerate((collective.inputs, collective.outputs)):
        amounts[list(collective.ranks), side] = [collective.sizes[own].sum() for own in buffers]
    numbers = np.unique(amounts, axis=0, return_inverse=True)[1]
    return np.asarray(numbers, dtype=np.int64).reshape(-1)


def _rank_classes(topology: Topology, label: IntArray) -> int:
    return len(np.unique(label[: topology.ranks]))
