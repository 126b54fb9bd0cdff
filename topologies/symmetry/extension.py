"""From symmetries of a part of a machine to symmetries of the whole machine."""

import numpy as np

from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.group import SymmetryError, link_images
from topologies.symmetry.refinement import refine_together, web


def extend_symmetry(topology: Topology, vertices: IntArray, images: IntArray) -> IntArray | None:
    """Extend permutations of some vertices to automorphisms of the whole machine.

    Each of the other vertices goes where those look alike that
    are marked by the images, and of several that do the first to the first. So products of
    permutations extend to products, and the group that they generate does not grow. None where one
    of them is no automorphism. Complexity: a refinement for each permutation.

    Args:
        topology: the whole machine.
        vertices: those that the permutations move.
        images: where each of them goes: (permutations, vertices).
    """
    marked = np.zeros((1 + len(images), topology.vertices), dtype=np.int64)
    for row, places in zip(marked, (vertices, *images), strict=True):
        row[places] = 1 + np.arange(len(vertices))
    looks = refine_together(web(topology), marked)
    if looks is None:
        return None
    place = np.argsort(looks, axis=1, kind="stable")
    found = np.empty((len(images), topology.vertices), dtype=np.int64)
    found[:, place[0]] = place[1:]
    try:
        link_images(topology, found)
    except SymmetryError:
        return None
    return frozen(found)
