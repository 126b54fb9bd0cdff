"""The least time in which links carry amounts: from floats to fractions."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from solvers.lp.linear_program import NotFound, solve
from solvers.lp.min_max_load import LoadLP


def spread(capacities, total=Fraction(1)):
    """Spread an amount over parallel links: it takes total / (sum of capacities)."""
    n = len(capacities)
    rows = np.zeros((n + 1, n + 1), dtype=np.int64)
    rows[0, :n] = 1
    rows[1:, :n] = np.eye(n, dtype=np.int64)
    rows[1:, n] = [-c for c in capacities]
    return LoadLP(csr_matrix(rows), (total,))


@pytest.mark.parametrize("capacities", [[1, 2, 4], [314159, 999983000], [7], [1, 2**40]])
def test_an_amount_spreads_over_parallel_links_by_their_capacities(capacities):
    total = Fraction(5, 3)
    lp, scale = spread(capacities, total), float(total) / max(capacities)
    optimum = solve(lp.program(scale))
    amounts, time = lp.exact(optimum.x[:-1], optimum.cost * scale, None)
    assert time == total / sum(capacities)
    assert amounts == tuple(c * time for c in capacities)


def test_the_scale_changes_nothing_but_the_unit():
    lp = spread([3, 5])
    for scale in (1e-3, 1.0, 1e3):
        assert solve(lp.program(scale)).cost * scale == pytest.approx(1 / 8)


def test_prices_say_what_more_load_costs():
    lp = spread([3, 5])
    optimum = solve(lp.program(0.1))
    assert lp.prices(optimum, 0.1) == pytest.approx([1 / 8, 1 / 8])
    assert lp.capacities.tolist() == [3, 5]


def test_with_a_target_the_cheapest_amounts_are_found_within_it():
    lp, target = spread([3, 5]), Fraction(1, 4)
    x = solve(lp.cheapest(float(target), np.array([2.0, 1.0]), np.ones(2, dtype=np.bool_))).x
    amounts, time = lp.exact(x, float(target), target)
    assert (amounts, time) == ((0, 1), target)


def test_amounts_that_break_a_row_are_never_rounded_into_shape():
    lp = spread([3, 5])
    with pytest.raises(NotFound):
        lp.exact(np.array([1.0, 0.0]), 1 / 8, Fraction(1, 8))


def test_a_time_that_is_too_short_is_refused():
    lp = spread([3, 5])
    with pytest.raises(NotFound):
        lp.exact(np.array([3 / 8, 5 / 8]), 1 / 8, Fraction(1, 9))
