"""Shares near a float solution: equalities hold exactly, amounts nearly."""

from fractions import Fraction

import numpy as np
import pytest

from solvers.packing.order_lp import Budget, Columns
from solvers.packing.rounding import round_shares
from topologies.model.topology import integers

# Orders 0 and 1 spread from one root, order 2 adds towards it; two members choose a parent each.
COLUMNS = Columns(
    order=integers([0, 0, 0, 1, 1, 2, 2, 2]),
    parent=integers([0, 0, 2, 0, 1, 0, 0, 1]),
    child=integers([1, 2, 1, 1, 2, 1, 2, 2]),
    path=integers(range(8)),
)
BUDGETS = (Budget((0, 1), (2,), Fraction(0)), Budget((0, 1), (), Fraction(1, 3)))


def near(amounts, weights):
    return round_shares(COLUMNS, 3, BUDGETS, np.array([*amounts, *weights], dtype=np.float64))


def assert_exact(found):
    choices, weights = found[:8], found[8:]
    assert min(found) >= 0
    assert weights[0] + weights[1] == weights[2] == Fraction(1, 3)
    for order, child in {*zip(COLUMNS.order.tolist(), COLUMNS.child.tolist(), strict=True)}:
        mine = (COLUMNS.order == order) & (COLUMNS.child == child)
        assert sum(np.array(choices, dtype=object)[mine]) == weights[order]


def test_noise_in_the_floats_leaves_every_equality_exact():
    draw = np.random.default_rng(0)
    for _ in range(50):
        noise = draw.uniform(-1e-9, 1e-9, 11)
        amounts = np.array([0.1, 0.25, 0.15, 1 / 12, 1 / 12, 1 / 3, 0.3, 1 / 30]) + noise[:8]
        found = near(amounts, np.array([0.25, 1 / 12, 1 / 3]) + noise[8:])
        assert_exact(found)
        assert [float(x) for x in found[:8]] == pytest.approx(amounts, abs=1e-8)


def test_common_fractions_are_met_exactly():
    found = near([0.1, 0.25, 0.15, 1 / 12, 1 / 12, 1 / 3, 0.3, 1 / 30], [0.25, 1 / 12, 1 / 3])
    assert found[:3] == (Fraction(1, 10), Fraction(1, 4), Fraction(3, 20))


def test_an_order_without_weight_gets_none():
    assert_exact(found := near([1 / 3, 1 / 3, 0, 0, 0, 1 / 3, 1 / 3, 0], [1 / 3, 0, 1 / 3]))
    assert found[3] == found[4] == found[9] == 0


def test_an_order_that_is_tied_to_none_has_no_weight():
    # Order 1 spreads from a root to which none adds, order 2 adds to one from which none spreads.
    budgets = (
        Budget((0,), (2,), Fraction(0)),
        Budget((1,), (), Fraction(0)),
        Budget((), (), Fraction(0)),
        Budget((0, 1), (), Fraction(1, 3)),
    )
    x = np.array([1 / 3, 1 / 3, 0, 1e-9, 1e-9, 1 / 3, 1 / 3, 0, 1 / 3, 1e-9, 1 / 3])
    found = round_shares(COLUMNS, 3, budgets, x)
    assert found[8:] == (Fraction(1, 3), 0, Fraction(1, 3))
    assert found[3] == found[4] == 0
