"""Linear programs: the one home of the LP solvers."""

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from ortools.linear_solver.python import model_builder_helper as ortools
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from solvers.watch import UNHURRIED, Watch
from solvers.watch import NotFound as NotFound
from topologies.topology import FloatArray

LONGEST = 10.0**7  # seconds; what no engine is given more than


class Infeasible(ValueError):
    """No solution exists, and that is proved."""


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


def solve(program: LinearProgram, watch: Watch = UNHURRIED, most: float = inf) -> Optimum:
    """Solve a linear program with a simplex method, so that the solution is a vertex.

    OR-Tools' GLOP is asked first; where it gives up for numerical reasons, HiGHS.
    most: seconds, where the program may not have all the time that is left.

    Raises:
        Infeasible: no x satisfies the rows.
        NotFound: the limit was reached, or both solvers gave up.
    """
    end = watch.elapsed + min(watch.left, most, LONGEST)
    engine = ortools.ModelSolverHelper("GLOP")
    model = _model(program)
    with watch.running(engine.interrupt_solve):
        engine.set_time_limit_in_seconds(_remaining(watch, end))
        engine.solve(model)
    if engine.status() == ortools.SolveStatus.OPTIMAL:
        x, dual = engine.variable_values(), engine.dual_values()
        return Optimum(np.asarray(x), np.asarray(dual), float(engine.objective_value()))
    return _second_opinion(program, _remaining(watch, end))


def _remaining(watch: Watch, end: float) -> float:
    """Give the seconds until a moment of the watch.

    Raises:
        NotFound: there are none.
    """
    watch.check()
    if end <= watch.elapsed:
        raise NotFound("the linear program was not solved in its time")
    return end - watch.elapsed


def _second_opinion(program: LinearProgram, seconds: float) -> Optimum:
    """Solve with HiGHS' dual simplex, as scipy brings it (OR-Tools' own prints a banner)."""
    rows, bound = program.equalities, program.bound
    found = linprog(
        program.cost,
        A_eq=program.matrix[:rows],
        b_eq=bound[:rows],
        A_ub=program.matrix[rows:],
        b_ub=bound[rows:],
        method="highs-ds",
        options={"time_limit": seconds},
    )
    if found.status == 2:
        raise Infeasible("the linear program has no solution")
    if found.status != 0:
        raise NotFound(f"the linear program was not solved: {found.message}")
    dual = np.append(found.eqlin.marginals, found.ineqlin.marginals)
    return Optimum(found.x, dual, float(found.fun))


def _model(program: LinearProgram) -> ortools.ModelBuilderHelper:
    rows, columns = program.matrix.shape
    # OR-Tools' stubs take the type of the elements for that of the shape.
    lower: Any = np.full(rows, -np.inf)
    upper: Any = program.bound
    cost: Any = program.cost
    lower[: program.equalities] = program.bound[: program.equalities]
    model = ortools.ModelBuilderHelper()
    model.fill_model_from_sparse_data(
        np.zeros(columns),
        np.full(columns, np.inf),
        cost,
        lower,
        upper,
        program.matrix.astype(np.float64),
    )
    return model
