"""Rooted forests, each vertex with its parent in one column."""

import numpy as np

from topologies.model.topology import IntArray


def depths(parent: IntArray, length: IntArray | None = None) -> IntArray:
    """Add up the steps from each vertex up to its root, by pointer jumping.

    Complexity: vertices × log of the greatest depth.

    Args:
        parent: of each vertex; a root has itself or a number below 0.
        length: of the step from each vertex to its parent, 1 if it is not given.

    Returns:
        the length of each vertex's path, 0 for roots: (vertices,).

    Example:
        >>> depths(np.array([-1, 0, 1, 0])).tolist()
        [0, 1, 2, 1]
    """
    above = np.where(parent < 0, np.arange(len(parent)), parent)
    inner = above != np.arange(len(parent))
    depth = np.where(inner, 1 if length is None else length, 0).astype(np.int64)
    while (further := above[above] != above).any():
        depth = depth + np.where(further, depth[above], 0)
        above = above[above]
    return depth
