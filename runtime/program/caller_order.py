"""Blocks in the order of the callers' numbers, where these are not the order of the ranks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from runtime.program.buffer_plan import Moves
from topologies.model.topology import IntArray, frozen


def arrange(plan: Moves, order: Sequence[int]) -> Moves:
    """Let process order[j]'s block come j-th in every buffer that has a block for each process.

    Where a buffer holds several blocks, each has one other end: who wants it of an input, who holds
    it of an output. What is sent stays the same; only places change.
    """
    if list(order) == list(range(len(plan.ranks))):
        return plan
    number = np.empty(len(order), dtype=np.int64)
    number[list(order)] = np.arange(len(order))
    what, ranks = plan.collective, np.array(plan.ranks)
    ends = [
        number[np.searchsorted(ranks, [owner[0] for owner in owners])]
        for owners in (what.wanters, what.holders)
    ]
    layout = tuple((_sorted(ins, ends[0]), _sorted(outs, ends[1])) for ins, outs in plan.layout)
    return replace(plan, layout=layout)


def _sorted(blocks: IntArray, end: IntArray) -> IntArray:
    """Sort blocks by the numbers of their other ends."""
    if len(blocks) < 2:
        return blocks
    return frozen(blocks[np.argsort(end[blocks], kind="stable")])
