"""Linear programs: optima proved by their own duals."""

import numpy as np
import pytest
from ortools.linear_solver.python import model_builder_helper as ortools
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from solvers.lp.linear_program import Infeasible, LinearProgram, NotFound, solve, solve_roughly
from solvers.settings.deadline import Watch


def program(cost, equal, total, below, bound):
    matrix = csr_matrix(np.array([*equal, *below], dtype=np.float64))
    limits = np.array([*total, *bound], dtype=np.float64)
    return LinearProgram(np.array(cost, dtype=np.float64), matrix, limits, len(equal))


def drawn(seed):
    """Draw a program that has a solution, and that no x makes arbitrarily cheap."""
    draw = np.random.default_rng(seed)
    rows, columns, equalities = 6, 9, 3
    matrix = draw.integers(-3, 4, (rows, columns)).astype(np.float64)
    inside = draw.integers(0, 5, columns)
    bound = matrix @ inside
    bound[equalities:] += draw.integers(0, 3, rows - equalities)
    cost = draw.integers(1, 9, columns).astype(np.float64)
    return LinearProgram(cost, csr_matrix(matrix), bound, equalities)


def assert_optimal(given, found):
    """Check the solution, and that its duals prove that nothing is cheaper."""
    slack = given.bound - given.matrix @ found.x
    assert found.x.min() >= -1e-9
    assert slack[: given.equalities] == pytest.approx(0, abs=1e-9)
    assert slack[given.equalities :].min() >= -1e-9
    assert found.cost == pytest.approx(given.cost @ found.x)
    assert found.dual[given.equalities :].max() <= 1e-9
    assert (given.cost - given.matrix.T @ found.dual).min() >= -1e-9
    assert given.bound @ found.dual == pytest.approx(found.cost)


@pytest.fixture(params=["glop", "highs"])
def engine(request, monkeypatch):
    """Ask OR-Tools, or let it give up so that HiGHS is asked."""
    if request.param == "highs":
        monkeypatch.setattr(ortools.ModelSolverHelper, "solve", lambda *_: None)
        monkeypatch.setattr(ortools.ModelSolverHelper, "status", lambda *_: None)
    return request.param


@pytest.mark.usefixtures("engine")
def test_solutions_are_optimal_by_their_duals():
    for seed in range(30):
        given = drawn(seed)
        assert_optimal(given, solve(given))


@pytest.mark.usefixtures("engine")
def test_solutions_are_vertices():
    for seed in range(30):
        given = drawn(seed)
        found = solve(given)
        tight = np.isclose(given.matrix @ found.x, given.bound)
        used = given.matrix.toarray()[tight][:, found.x > 1e-9]
        assert np.linalg.matrix_rank(used) == used.shape[1]


def test_both_engines_agree_with_scipy():
    for seed in range(30):
        given, rows = drawn(seed), 3
        matrix, bound = given.matrix.toarray(), given.bound
        expected = linprog(given.cost, matrix[rows:], bound[rows:], matrix[:rows], bound[:rows])
        assert solve(given).cost == pytest.approx(expected.fun)


@pytest.mark.usefixtures("engine")
def test_rows_that_contradict_each_other_are_infeasible():
    with pytest.raises(Infeasible):
        solve(program([1, 1], [[1, 1]], [3], [[1, 1]], [2]))


@pytest.mark.usefixtures("engine")
def test_the_lack_of_an_optimum_is_no_proof_of_infeasibility():
    with pytest.raises(NotFound):
        solve(program([-1, 0], [[1, -1]], [0], [[0, 0]], [1]))


@pytest.mark.usefixtures("engine")
def test_no_time_finds_nothing():
    draw = np.random.default_rng(0)
    matrix = draw.random((400, 400))
    given = LinearProgram(-np.ones(400), csr_matrix(matrix), matrix.sum(axis=1), 0)
    with pytest.raises(NotFound):
        solve(given, Watch(1e-9))


def test_near_is_within_a_thousandth_and_says_what_its_duals_prove():
    for seed in range(4):
        given = drawn(seed)
        best, found = solve(given), solve_roughly(given)
        assert found.cost == pytest.approx(best.cost, rel=3e-3, abs=1e-2)
        assert given.bound @ found.dual == pytest.approx(best.cost, rel=3e-3, abs=1e-2)


def test_near_ends_with_the_time():
    with pytest.raises(NotFound):
        solve_roughly(drawn(0), Watch(0.0))
