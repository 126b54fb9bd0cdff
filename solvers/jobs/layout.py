"""Groups of a layout: which ranks of the job, numbered as Megatron-LM does, form which group.

Without experts rank = tp + TP (cp + CP (dp + DP pp)). Experts have a grid of their own over the
same ranks of a stage: with y = rank mod TP CP DP, etp = y mod ETP, ep = y / ETP mod EP, and edp is
the rest. Source: Megatron-LM, `parallel_state.py` (order tp-cp-ep-dp-pp).
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from solvers.jobs.job import Layout
from topologies.model.topology import IntArray

DENSE, EXPERTS = ("tp", "cp", "dp"), ("etp", "ep", "edp")


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
    tp, cp, dp, pp = layout.tp, layout.cp, layout.dp, layout.pp
    numbers = np.arange(world(layout)).reshape(pp, dp, cp, tp)
    if kind == "pp":
        return numbers.reshape(pp, -1).T
    if kind == "tp":
        return numbers.reshape(-1, tp)
    if kind == "cp":
        return np.moveaxis(numbers, 2, 3).reshape(-1, cp)
    if kind == "dp":
        return numbers.reshape(pp, dp * cp, tp).transpose(0, 2, 1).reshape(-1, dp * cp)
    count = sizes(layout)
    grid = numbers.reshape(pp, count["edp"], count["ep"], count["etp"])
    axis = {"edp": 1, "ep": 2, "etp": 3}[kind]
    return np.moveaxis(grid, axis, 3).reshape(-1, count[kind])


def axes(layout: Layout) -> list[Axis]:
    """Cut the ranks into the factors that all groups are made of, the fastest first.

    Where the two grids do not refine each other, only the grid without experts is cut.
    """
    count = sizes(layout)
    dense = [layout.tp, layout.cp, layout.dp]
    experts = [count["etp"], count["ep"], count["edp"]]
    marks = sorted({1, *(prod(row[:i]) for row in (dense, experts) for i in (1, 2, 3))})
    if any(large % small for small, large in pairwise(marks)):
        marks = sorted({1, *(prod(dense[:i]) for i in (1, 2, 3))})
    found = [
        Axis(large // small, _dimension(DENSE, dense, small), _dimension(EXPERTS, experts, small))
        for small, large in pairwise(marks)
    ]
    return [*found, *([Axis(layout.pp, "pp", "pp")] if layout.pp > 1 else [])]


def _dimension(names: tuple[str, ...], counts: list[int], place: int) -> str:
    """Name the dimension whose digit changes at a place of the number."""
    at = 1
    for name, count in zip(names, counts, strict=True):
        at *= count
        if place < at:
            return name
    return names[-1]
