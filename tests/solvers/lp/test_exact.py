"""Exact solutions of linear equations."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from solvers.lp.exact import product, solve
from solvers.lp.linear_program import NotFound


def fractions(draw, count, most):
    return [
        Fraction(int(a), int(b))
        for a, b in zip(draw.integers(-most, most, count), draw.integers(1, most, count))  # noqa: B905
    ]


def times(matrix, x):
    return [sum((int(a) * v for a, v in zip(row, x, strict=True)), Fraction(0)) for row in matrix]


def equations(seed, rows, columns, most, entries=4):
    """Draw sparse integer equations and their solution."""
    draw = np.random.default_rng(seed)
    matrix = draw.integers(-entries, entries + 1, (rows, columns))
    matrix[draw.random((rows, columns)) < 0.6] = 0
    matrix[np.arange(columns), np.arange(columns)] = draw.integers(1, entries + 1, columns)
    solution = fractions(draw, columns, most)
    right = [
        sum((int(a) * x for a, x in zip(row, solution, strict=True)), Fraction(0)) for row in matrix
    ]
    return matrix, right, solution


@pytest.mark.parametrize("most", [2, 10, 1000])
@pytest.mark.parametrize("rows", [8, 13])
def test_the_known_solution_is_found_exactly(rows, most):
    tried = 0
    for seed in range(20):
        matrix, right, solution = equations(seed, rows, 8, most)
        if np.linalg.matrix_rank(matrix) == 8:
            assert solve(csr_matrix(matrix), right) == solution
            tried += 1
    assert tried > 10


def test_denominators_far_beyond_floats_are_found():
    n = 60
    matrix = csr_matrix(np.diag(np.full(n, 3)) + np.diag(np.full(n - 1, -2), 1))
    right = [Fraction(1, 7)] * n
    found = solve(matrix, right)
    assert found[0].denominator > 2**64
    assert all(3 * a - 2 * b == Fraction(1, 7) for a, b in pairwise(found))
    assert found[-1] == Fraction(1, 21)


def test_coefficients_of_very_different_size_do_no_harm():
    scale = np.array([1, 314159, 999983000, 2**47])
    base, _, solution = equations(3, 4, 4, 50)
    matrix = base * scale[:, None]
    right = [
        sum((int(a) * x for a, x in zip(row, solution, strict=True)), Fraction(0)) for row in matrix
    ]
    assert solve(csr_matrix(matrix), right) == solution


def test_a_column_of_large_numbers_does_not_hide_the_others():
    # Amounts over links of very different capacity, and the time that all of them take.
    capacities = [314159, 999983000, 999983000, 314159]
    matrix = np.zeros((5, 5), dtype=np.int64)
    matrix[0, :4] = 1
    matrix[1:, :4] = np.eye(4)
    matrix[1:, 4] = [-c for c in capacities]
    time = Fraction(1, sum(capacities))
    right = [Fraction(1), *[Fraction(0)] * 4]
    assert solve(csr_matrix(matrix), right) == [*(c * time for c in capacities), time]


def test_nothing_unknown_is_nothing_to_solve():
    assert solve(csr_matrix((3, 0), dtype=np.int64), [Fraction(0)] * 3) == []


@pytest.mark.parametrize(
    "matrix", [[[1, 2], [2, 4]], [[1, 0], [3, 0]]], ids=["proportional", "empty"]
)
def test_columns_that_depend_on_each_other_are_refused(matrix):
    with pytest.raises(NotFound, match="depend on each other"):
        solve(csr_matrix(matrix), times(matrix, [1, 1]))


def test_equations_without_a_solution_are_refused():
    with pytest.raises(NotFound, match="could not be solved exactly"):
        solve(csr_matrix([[1], [1]]), [Fraction(1), Fraction(2)])


def test_products_are_exact_beyond_64_bits():
    matrix = csr_matrix([[2**40, 0, 3], [0, 0, 0], [-(2**40), 1, 0]])
    entries = np.array([int(a) for a in matrix.data], dtype=object)
    x = np.array([2**40, 5, 1], dtype=object)
    assert product(matrix, entries, x).tolist() == [2**80 + 3, 0, 5 - 2**80]


@pytest.mark.parametrize("unordered", [False, True])
def test_unknowns_that_are_equal_are_solved_for_once(unordered):
    draw = np.random.default_rng(5)
    for seed in range(20):
        matrix, right, solution = equations(seed, 8, 8, 10)
        if np.linalg.matrix_rank(matrix) < 8:
            continue
        copies = draw.integers(0, 8, 30)  # of which unknown each of 30 more is a copy
        wider = np.zeros((38, 38), dtype=np.int64)
        wider[:8, :8] = matrix
        factor = draw.integers(1, 5, 30)
        wider[np.arange(8, 38), np.arange(8, 38)] = factor
        wider[np.arange(8, 38), copies] = -factor
        moved = wider[0, copies[0]]  # an equation that speaks of a copy instead
        wider[0, copies[0]], wider[0, 8] = 0, moved
        rows = csr_matrix(wider)
        if unordered:
            rows = csr_matrix(rows[:, ::-1][:, ::-1])
        expected = [*solution, *(solution[i] for i in copies)]
        assert solve(rows, [*right, *[Fraction(0)] * 30]) == expected
