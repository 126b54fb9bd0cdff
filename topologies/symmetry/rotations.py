"""Permutations of vertices that lie on grids, as symmetries to declare."""

from typing import NamedTuple

import numpy as np

from topologies.model.topology import IntArray, frozen


class Grid(NamedTuple):
    """Vertices numbered row by row on a grid, and the axes along which they move one place on."""

    shape: tuple[int, ...]
    axes: tuple[int, ...] = ()


def turn(*grids: Grid) -> IntArray:
    """Permute the vertices of grids that are numbered one after the other."""
    parts, first = [], 0
    for grid in grids:
        number = first + np.arange(int(np.prod(grid.shape)), dtype=np.int64).reshape(grid.shape)
        parts.append(np.roll(number, -1, axis=grid.axes).reshape(-1))
        first += number.size
    return frozen(np.concatenate(parts))


def drop_identities(*turns: IntArray) -> IntArray:
    """Keep the turns that move something, one in each row."""
    rows = np.stack(turns)
    return frozen(rows[(rows != np.arange(rows.shape[1])).any(axis=1)])
