"""Linear programs: the one home of OR-Tools' LP solvers."""

from dataclasses import dataclass

import numpy as np
from ortools.linear_solver.python import model_builder_helper as ortools
from scipy.sparse import csr_matrix

from topologies.topology import FloatArray, IntArray


class Infeasible(ValueError):
    """No solution exists, and that is proved."""


class NotFound(ValueError):
    """No solution was found in the time or accuracy given; nothing is proved."""


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """Minimise cost · x over x >= 0; matrix · x = bound in the first rows, <= bound in the rest.

    matrix: (rows, columns) sparse; cost: (columns,); bound: (rows,); equalities: how many rows
    come first.
    """

    cost: FloatArray
    matrix: csr_matrix
    bound: FloatArray
    equalities: int


@dataclass(frozen=True, eq=False)
class Optimum:
    """An optimal basic solution, in floats: x, the rows' duals, and the least cost.

    dual[i] is the change of the least cost by a unit more of bound[i].
    """

    x: FloatArray
    dual: FloatArray
    cost: float


def solve(program: LinearProgram, solver: str = "GLOP", seconds: float = 600.0) -> Optimum:
    """Solve a linear program with a simplex method, so that the solution is a vertex.

    Raises:
        Infeasible: no x satisfies the rows.
        NotFound: the limit was reached, or the solver gave up.
    """
    rows, columns = program.matrix.shape
    lower = np.full(rows, -np.inf)
    lower[: program.equalities] = program.bound[: program.equalities]
    model = ortools.ModelBuilderHelper()
    model.fill_model_from_sparse_data(
        np.zeros(columns),
        np.full(columns, np.inf),
        program.cost,
        lower,
        program.bound,
        program.matrix.astype(np.float64),
    )
    engine = ortools.ModelSolverHelper(solver)
    engine.set_time_limit_in_seconds(seconds)
    engine.solve(model)
    return _optimum(engine, solver)


def _optimum(engine: ortools.ModelSolverHelper, solver: str) -> Optimum:
    status = engine.status()
    if status == ortools.SolveStatus.INFEASIBLE:
        raise Infeasible("the linear program has no solution")
    if status != ortools.SolveStatus.OPTIMAL:
        raise NotFound(f"{solver} ended with {status.name.lower()}")
    return Optimum(
        np.asarray(engine.variable_values()),
        np.asarray(engine.dual_values()),
        float(engine.objective_value()),
    )


def nonzero(values: FloatArray, tolerance: float = 1e-9) -> IntArray:
    """List the places where a solution is not zero."""
    return np.flatnonzero(np.abs(values) > tolerance)
