"""Where everything stands in a picture: ranks in their boxes, switches in rows above them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, cos, pi, sin, sqrt

import numpy as np

from commplan.drawing.grouping import OUTSIDE, boxes_of, tiers_of
from topologies.model.topology import FloatArray, IntArray, Topology

PITCH = 28.0  # from one vertex to the next, in pixels
DENSE = 14.0  # the same where there are more than MANY
MANY = 256
ROW = 8  # ranks that stand in one row of a box
MARGIN = 24.0
NARROW = 0.8  # of the pitch, between switches of a long row
WIDEST = 1400.0
MOST = 10**6  # that a coordinate may be
CIRCLE = 32  # ranks without places of their own that are drawn around a circle
BELOW_TIER = 70.0  # from one row of switches to the next
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Frame:
    """A box: its name, the left and upper edge, width and height, in pixels; 0 for a name alone."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, eq=False)
class Layout:
    """The places of all vertices, and the boxes around some.

    Attributes:
        at: x and y of each vertex, in pixels from the upper left corner, of shape (vertices, 2).
        anchor: for each vertex where its links to other boxes end if they are drawn as one: the
            upper edge of its box, or the middle of the switches with names like its own.
        pitch: from one vertex to the next; a vertex is drawn in a third of it.
        frames: boxes.
        width, height: of the whole, in pixels.
    """

    at: FloatArray
    anchor: FloatArray
    pitch: float
    frames: tuple[Frame, ...]
    width: float
    height: float


def arrange(topology: Topology) -> Layout:
    """Find a place for each vertex.

    Ranks with coordinates for names stand on their grid, those of a small machine without either
    around a circle; else ranks stand in rows, in boxes where the machine has some, and switches in
    rows above them, as high as they are away. Complexity: vertices log vertices + links.

    Args:
        topology: any machine.
    """
    pitch = PITCH if topology.vertices <= MANY else DENSE
    box, names = boxes_of(topology)
    if names:
        return _boxed(topology, box, names, pitch)
    if topology.vertices == topology.ranks:
        return _direct(topology, pitch)
    tier = tiers_of(topology, box)
    cell, _ = _stack(topology, np.arange(topology.vertices), tier, pitch)
    return _framed(cell, pitch, ())


def _direct(topology: Topology, pitch: float) -> Layout:
    """Place ranks without switches: on a grid, or around a circle."""
    places = _grid(topology.names, pitch)
    if places is None:
        places = _round(topology.ranks, pitch)
    return _framed(places, pitch, ())


def _grid(names: Sequence[str], pitch: float) -> FloatArray | None:
    """Read coordinates off names: two of them are a grid, more are grids side by side."""
    rows = [[int(digits) for digits in _NUMBER.findall(name)] for name in names]
    if len({len(row) for row in rows}) != 1 or len(rows[0]) < 2 or max(map(max, rows)) > MOST:
        return None
    at = np.array(rows)
    shape = at.max(axis=0) + 1
    if np.prod(shape.astype(float)) != len(names):
        return None
    panels = int(np.prod(shape[:-2]))
    panel = np.ravel_multi_index(at[:, :-2].T, shape[:-2]) if panels > 1 else np.zeros(len(names))
    across = ceil(sqrt(panels))
    x = at[:, -1] + panel % across * (shape[-1] + 1)
    y = at[:, -2] + panel // across * (shape[-2] + 1)
    step = pitch * 1.8 if len(names) <= MANY else pitch
    places: FloatArray = np.stack([x, y], axis=1).astype(np.float64)
    return places * step


def _round(ranks: int, pitch: float) -> FloatArray:
    """Place ranks around a circle, many of them in rows."""
    if ranks > CIRCLE:
        across = ceil(sqrt(2 * ranks))
        rows: FloatArray = np.stack(divmod(np.arange(ranks), across)[::-1], axis=1).astype(float)
        return rows * pitch * 1.5
    radius = max(pitch * 1.6 * ranks / (2 * pi), pitch)
    turns = [2 * pi * i / ranks - pi / 2 for i in range(ranks)]
    return radius * np.array([(cos(turn), sin(turn)) for turn in turns])


def _stack(
    topology: Topology, vertices: IntArray, tier: IntArray, pitch: float
) -> tuple[FloatArray, float]:
    """Place some vertices: ranks in rows at the bottom, switches above by tier; and how wide."""
    ranks = vertices[vertices < topology.ranks]
    switches = vertices[vertices >= topology.ranks]
    across = min(len(ranks), ROW) if len(ranks) <= 4 * ROW else ceil(sqrt(2 * len(ranks)))
    at = np.zeros((topology.vertices, 2))
    wide = max((across - 1) * pitch, 0.0)
    rows = [switches[tier[switches] == t] for t in np.unique(tier[switches])]
    wide = max([wide, *((len(row) - 1) * pitch for row in rows)])
    down = 0.0
    for row in reversed(rows):
        at[row] = _in_a_row(row, wide, down)
        down += 2.2 * pitch
    for i, rank in enumerate(ranks.tolist()):
        line = ranks[i // across * across :][:across]
        left = (wide - (len(line) - 1) * pitch) / 2
        at[rank] = (left + i % across * pitch, down + i // across * pitch)
    return at[vertices], wide


def _in_a_row(row: IntArray, wide: float, down: float) -> FloatArray:
    """Spread some vertices evenly over a width."""
    step = wide / len(row)
    return np.array([(step * (i + 0.5), down) for i in range(len(row))]).reshape(-1, 2)


def _boxed(topology: Topology, box: IntArray, names: Sequence[str], pitch: float) -> Layout:
    """Place boxes in rows, and the switches between them in rows above."""
    tier = tiers_of(topology, box)
    members = [np.flatnonzero(box == b) for b in range(len(names))]
    cells = [_stack(topology, each, tier, pitch)[0] for each in members]
    sizes = np.array([np.ptp(cell, axis=0) for cell in cells]).max(axis=0) + 1.6 * pitch
    head = 14.0
    step = sizes + np.array([pitch, pitch + head])
    across = min(len(names), max(1, int(WIDEST // step[0])))
    across = ceil(len(names) / ceil(len(names) / across))
    outside = np.flatnonzero(box == OUTSIDE)
    rows = _broken([outside[tier[outside] == t] for t in np.unique(tier[outside])], pitch)
    top = len(rows) * BELOW_TIER
    boxes_wide = across * step[0] - pitch
    wide = max([boxes_wide, *(NARROW * pitch * (len(row) + ROW) for row in rows)])
    at, frames = np.zeros((topology.vertices, 2)), []
    for b, (each, cell) in enumerate(zip(members, cells, strict=True)):
        left = (wide - boxes_wide) / 2 + b % across * step[0]
        corner = np.array([left, top + b // across * step[1] + head])
        at[each] = cell - cell.min(axis=0) + corner + (sizes - np.ptp(cell, axis=0)) / 2
        frames.append(Frame(names[b], *corner.tolist(), *sizes.tolist()))
    for height, row in enumerate(reversed(rows)):
        at[row] = _spread(topology, row, wide, height * BELOW_TIER, pitch)
    edges = np.array([(f.x + f.width / 2, f.y) for f in frames])
    anchor = np.where((box == OUTSIDE)[:, None], at, edges[box])
    for name, family in _families(topology, outside).items():
        anchor[family] = at[family].mean(axis=0)
        if len(family) < len(outside):
            left, upper = (at[family].min(axis=0) - pitch / 2).tolist()
            frames.append(Frame(name, left, upper, 0.0, 0.0))
    return _framed(at, pitch, frames, anchor)


def _broken(rows: Sequence[IntArray], pitch: float) -> list[IntArray]:
    """Break rows that would be too wide."""
    most = int(WIDEST / (NARROW * pitch)) - ROW
    return [part for row in rows for part in np.array_split(row, ceil(len(row) / most))]


def _families(topology: Topology, vertices: IntArray) -> dict[str, list[int]]:
    """Group switches by what their names begin with, those that share it with another."""
    found: dict[str, list[int]] = {}
    for vertex in vertices.tolist():
        found.setdefault(topology.names[vertex].rpartition(".")[0], []).append(vertex)
    return {name: members for name, members in found.items() if name and len(members) > 1}


def _spread(
    topology: Topology, row: IntArray, wide: float, down: float, pitch: float
) -> FloatArray:
    """Spread switches over a width, those of one name beside each other (`L2.0.1`, `L2.0.2`)."""
    families = [
        len(list(group))
        for _, group in groupby(row.tolist(), lambda v: topology.names[v].rpartition(".")[0])
    ]
    gaps = len(families) - 1 if len(families) < len(row) else 0
    step = min((wide - pitch) / max(len(row) + gaps - 1, 1), 6 * pitch)
    places = np.concatenate(
        [np.arange(n) + sum(families[:i]) + (i if gaps else 0) for i, n in enumerate(families)]
    )
    left = (wide - places[-1] * step) / 2
    return np.stack([left + places * step, np.full(len(row), down)], axis=1)


def _framed(
    at: FloatArray, pitch: float, frames: Sequence[Frame], anchor: FloatArray | None = None
) -> Layout:
    """Move everything away from the edges, and measure it."""
    least = np.min([at.min(axis=0), *((f.x, f.y - 14.0) for f in frames)], axis=0)
    move = MARGIN - least
    moved = tuple(Frame(f.name, f.x + move[0], f.y + move[1], f.width, f.height) for f in frames)
    at, anchor = at + move, (at if anchor is None else anchor) + move
    most = np.max([at.max(axis=0), *((f.x + f.width, f.y + f.height) for f in moved)], axis=0)
    width, height = (most + MARGIN).tolist()
    return Layout(at, anchor, pitch, moved, width, height)
