"""Linear programs: the one home of the LP solvers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from ortools.linear_solver.python import model_builder_helper as ortools
from scipy.sparse import block_array, coo_array, csr_matrix

from solvers.watch import UNHURRIED, Watch
from solvers.watch import NotFound as NotFound
from topologies.errors import NO, CommplanError
from topologies.topology import FloatArray, IntArray

LONGEST = 10.0**7  # seconds; what no engine is given more than


class Infeasible(CommplanError, ValueError):
    """No solution exists, and that is proved."""

    exit_code = NO


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


def solve(
    program: LinearProgram, watch: Watch = UNHURRIED, most: float = inf, *, once: bool = False
) -> Optimum:
    """Solve a linear program with a simplex method, so that the solution is a vertex.

    OR-Tools' GLOP is asked first; where it finds nothing, perhaps for numerical reasons, HiGHS.
    most: seconds, where the program may not have all the time that is left. once: where little is
    lost without a solution, HiGHS is not asked (it takes a third of a second to load).

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
    if once:
        raise NotFound("the linear program was not solved at once")
    return _second_opinion(program, _remaining(watch, end))


def whole(
    program: LinearProgram, limits: Sequence[tuple[IntArray, int]], seconds: float
) -> FloatArray:
    """Solve a linear program in which of some columns only so many may be other than zero.

    limits: columns, none of which exceeds 1, and how many of them. Gives x, the best found in
    time. The engine is HiGHS' branch and bound.

    Raises:
        NotFound: none was found.
    """
    # Only few plans need it, and it takes a third of a second to load.
    from scipy.optimize import Bounds, LinearConstraint, milp

    count = program.matrix.shape[1]
    columns = np.concatenate([own for own, _ in limits])
    chosen = coo_array(
        (np.ones(len(columns)), (np.arange(len(columns)), np.arange(len(columns)))),
        shape=(len(columns),) * 2,
    )
    used = coo_array(
        (np.ones(len(columns)), (np.arange(len(columns)), columns)), shape=(len(columns), count)
    )
    number = np.repeat(np.arange(len(limits)), [len(own) for own, _ in limits])
    sums = coo_array(
        (np.ones(len(columns)), (number, np.arange(len(columns)))),
        shape=(len(limits), len(columns)),
    )
    matrix = block_array([[program.matrix, None], [used, -chosen], [None, sums]], format="csr")
    upper = np.concatenate([program.bound, np.zeros(len(columns)), [most for _, most in limits]])
    lower = np.full(len(upper), -np.inf)
    lower[: program.equalities] = program.bound[: program.equalities]
    found = milp(
        np.append(program.cost, np.zeros(len(columns))),
        integrality=np.append(np.zeros(count), np.ones(len(columns))),
        bounds=Bounds(0, np.append(np.full(count, np.inf), np.ones(len(columns)))),
        constraints=LinearConstraint(matrix, lower, upper),
        options={"time_limit": max(seconds, 0.01)},
    )
    if found.x is None:
        raise NotFound(f"no choice was found: {found.message}")
    return np.asarray(found.x[:count])


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
    from scipy.optimize import linprog

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
