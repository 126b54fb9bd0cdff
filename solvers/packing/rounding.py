"""Shares near those of a float solution, where no exact vertex is to be had.

What comes out keeps every equality exactly, so it makes right schedules; the loads may be a little
above those of the optimum, and whoever looks at the schedule sees by how much.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from solvers.packing.order_lp import Budget, Columns
from topologies.model.topology import FloatArray, IntArray

PARTS = 720_720 << 20  # divided by everything up to 16, so that common shares stay exact


def round_shares(
    columns: Columns, orders: int, budgets: Sequence[Budget], x: FloatArray
) -> tuple[Fraction, ...]:
    """Round a solution of the order LP: the columns' shares, then the orders' weights."""
    of_order = round_weights(orders, budgets, x[len(columns) :])
    found = [Fraction(0)] * len(columns)
    groups = np.lexsort((columns.child, columns.order))
    keys = np.stack([columns.order, columns.child])[:, groups]
    starts = np.flatnonzero((np.diff(keys, axis=1, prepend=-1) != 0).any(axis=0))
    for group in np.split(groups, starts[1:]):
        weight = of_order[int(columns.order[group[0]])]
        for column, parts in zip(group.tolist(), _parts(x[group]).tolist(), strict=True):
            found[column] = weight * Fraction(parts, PARTS)
    return (*found, *of_order)


def round_weights(orders: int, budgets: Sequence[Budget], x: FloatArray) -> list[Fraction]:
    """Round the weights of the orders within the budgets, those with a total first.

    Orders that a budget ties to none have no weight: a root without a tree on one of its sides.
    """
    found = [Fraction(0)] * orders
    idle = {k for b in budgets if not (b.total or b.minus) for k in b.plus}
    for budget in sorted(budgets, key=lambda b: -b.total):
        total = budget.total or sum((found[k] for k in budget.plus), Fraction(0))
        chosen = [k for k in (budget.plus if budget.total else budget.minus) if k not in idle]
        if not chosen:
            continue
        for k, parts in zip(chosen, _parts(x[chosen]).tolist(), strict=True):
            found[k] = total * Fraction(parts, PARTS)
    return found


def round_parts(amounts: FloatArray) -> list[Fraction]:
    """Round amounts to parts of a whole."""
    return [Fraction(part, PARTS) for part in _parts(amounts).tolist()]


def _parts(amounts: FloatArray) -> IntArray:
    """Cut PARTS in proportion to the amounts; the largest takes what rounding leaves."""
    amounts = np.maximum(amounts, 0.0)
    largest = int(np.argmax(amounts))
    if amounts[largest] == 0:
        amounts = amounts + 1.0
    parts: IntArray = np.floor(amounts / amounts.sum() * PARTS + 0.5).astype(np.int64)
    parts[largest] += PARTS - parts.sum()
    return parts
