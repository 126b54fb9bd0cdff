"""Groups of a layout: which ranks of the job, numbered as Megatron-LM does, form which group.

In the order tp-cp-ep-dp-pp, without experts, rank = tp + TP (cp + CP (dp + DP pp)). Experts have a
grid of their own over the same ranks, in the same order: rank = etp + ETP (ep + EP (edp + EDP pp)).
A layout's `order` may name the dimensions in another one (tp-cp-ep-pp-dp has pp + PP dp); where pp
is not the last, its groups must be the same in both grids. Source: Megatron-LM,
`parallel_state.py`, RankGenerator and initialize_model_parallel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from solvers.jobs.job import Layout
from topologies.model.topology import IntArray

EXPERTS = {"tp": "etp", "ep": "ep", "dp": "edp", "pp": "pp"}  # what stands for each with experts
KINDS_OF_EXPERTS = ("etp", "ep", "edp")
Grid = list[tuple[str, int]]  # dimensions with their sizes, the fastest first


@dataclass(frozen=True)
class Axis:
    """A factor of the ranks: how many values, in which dimension without and with experts."""

    size: int
    dense: str
    experts: str


def world(layout: Layout) -> int:
    """Count the ranks of a layout."""
    return layout.tp * layout.cp * layout.dp * layout.pp


def sizes(layout: Layout) -> dict[str, int]:
    """Give the size of a group of each kind; that of dp holds cp too, as its gradients are one."""
    etp = layout.etp or layout.tp
    stage = layout.tp * layout.cp * layout.dp
    return {
        "tp": layout.tp,
        "cp": layout.cp,
        "ep": layout.ep,
        "etp": etp,
        "pp": layout.pp,
        "dp": layout.cp * layout.dp,
        "edp": max(stage // (etp * layout.ep), 1),
    }


def groups(layout: Layout, kind: str) -> IntArray:
    """List the groups of a kind, a row for each, its members in order.

    Args:
        layout: whose ranks are grouped.
        kind: tp, cp, ep, etp, pp, dp or edp; a row of pp is a pipeline from the first stage on.
    """
    dense, experts = grids(layout)
    grid = (experts if kind in KINDS_OF_EXPERTS else dense)[::-1]
    inside = ("cp", "dp") if kind == "dp" else (kind,)
    rows = [place for place, (name, _) in enumerate(grid) if name not in inside]
    own = [place for place, (name, _) in enumerate(grid) if name in inside]
    numbers = np.arange(world(layout)).reshape([size for _, size in grid])
    return numbers.transpose(rows + own).reshape(-1, prod(grid[place][1] for place in own))


def grids(layout: Layout) -> tuple[Grid, Grid]:
    """Give the grid without experts and that with them, over all ranks of the job."""
    count = sizes(layout) | {"dp": layout.dp}
    order = layout.order.split("-")
    dense = [(name, count[name]) for name in order if name != "ep"]
    return dense, [(EXPERTS[name], count[EXPERTS[name]]) for name in order if name != "cp"]


def before_stages(grid: Grid) -> int:
    """Count the ranks between a stage of the pipeline and the next."""
    return prod(size for _, size in grid[: [name for name, _ in grid].index("pp")])


def axes(layout: Layout) -> list[Axis]:
    """Cut the ranks into the factors that all groups are made of, the fastest first.

    Where the two grids do not refine each other, only the grid without experts is cut.
    """
    dense, experts = grids(layout)
    marks = _marks(dense, experts)
    stages = layout.pp == 1 or before_stages(dense) == before_stages(experts)
    if not stages or any(large % small for small, large in pairwise(marks)):
        marks = _marks(dense)
    return [
        Axis(large // small, _dimension(dense, small), _dimension(experts, small))
        for small, large in pairwise(marks)
    ]


def _marks(*of: Grid) -> list[int]:
    """List the places of the number at which a dimension of a grid begins, and the end."""
    return sorted({prod(size for _, size in grid[:i]) for grid in of for i in range(len(grid) + 1)})


def _dimension(grid: Sequence[tuple[str, int]], place: int) -> str:
    """Name the dimension whose digit changes at a place of the number."""
    at = 1
    for name, count in grid:
        at *= count
        if place < at:
            return name
    return grid[-1][0]
