"""Linear programs: the one home of the LP solvers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np
from scipy.sparse import block_array, coo_array, csr_matrix

from solvers.lp import highs
from solvers.settings.deadline import NO_DEADLINE, Watch
from solvers.settings.deadline import NotFound as NotFound
from topologies.model.errors import NO, CommplanError
from topologies.model.topology import FloatArray, IntArray

LONGEST = 10.0**7  # seconds; what no engine is given more than
WRITING = 3e-3  # work to write any program down
PIVOTING = 5e-7  # work, times rows and the root of the entries: a program of usual difficulty
COUNTED = 0.4  # of what GLOP counts, for each unit of work
NODE = 40  # programs that one node of branch and bound, with all that the first one takes, is like
FIRST, MOST_NODES = 1, 20_000  # nodes
INFEASIBLE = 2  # a status of scipy's
ITERATION = 2e-8  # work for each row and column in a pivot of HiGHS

PRODUCT = 4e-6  # work for each entry, for all products of a program that is nearly solved
NEAR = """
    termination_criteria {
        simple_optimality_criteria { eps_optimal_relative: 1e-3 eps_optimal_absolute: 1e-6 }
        iteration_limit: 20000
    }
"""


class Infeasible(CommplanError, ValueError):
    """No solution exists, and that is proved."""

    exit_code = NO


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """Minimise cost · x over x >= 0; matrix · x = bound in the first rows, <= bound in the rest.

    Attributes:
        cost: (columns,).
        matrix: (rows, columns) sparse.
        bound: (rows,).
        equalities: how many rows come first.
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


def solve(program: LinearProgram, watch: Watch = NO_DEADLINE, *, once: bool = False) -> Optimum:
    """Solve a linear program with a simplex method, so that the solution is a vertex.

    OR-Tools' GLOP is asked first; where it finds nothing, perhaps for numerical reasons, HiGHS.

    Args:
        program: the linear program.
        watch: says when to stop.
        once: where little is lost without a solution, HiGHS is not asked (it takes a third of a
            second to load).

    Raises:
        Infeasible: no x satisfies the rows.
        NotFound: the time or the work was over, or both solvers gave up.
    """
    engines, room = _engines(), watch.room
    engine, model = engines.ModelSolverHelper("GLOP"), _model(program)
    with watch.running(engine.interrupt_solve):
        engine.set_time_limit_in_seconds(min(watch.left, LONGEST))
        if room < inf:
            engine.set_solver_specific_parameters(f"max_deterministic_time: {room * COUNTED}")
        engine.solve(model)
    watch.spend(room if _ran_out(engine, room) else estimate_work(program))
    if engine.status() == engines.SolveStatus.OPTIMAL:
        x, dual = engine.variable_values(), engine.dual_values()
        return Optimum(np.asarray(x), np.asarray(dual), float(engine.objective_value()))
    watch.check()
    if once:
        raise NotFound("the linear program was not solved at once")
    return _second_opinion(program, watch)


def solve_roughly(program: LinearProgram, watch: Watch = NO_DEADLINE) -> Optimum:
    """Solve a linear program about to a thousandth, soon: x and duals are no vertex.

    OR-Tools' PDLP does it, a method of first order that takes products with the matrix alone.

    Args:
        program: the linear program.
        watch: says when to stop.

    Raises:
        NotFound: the time was over, or it did not come that near.
    """
    engines = _engines()
    engine, model = engines.ModelSolverHelper("PDLP"), _model(program)
    with watch.running(engine.interrupt_solve):
        engine.set_time_limit_in_seconds(min(watch.left, LONGEST))
        engine.set_solver_specific_parameters(NEAR)
        engine.solve(model)
    watch.spend(PRODUCT * program.matrix.nnz)
    if engine.status() != engines.SolveStatus.OPTIMAL:
        watch.check()
        raise NotFound("the linear program was not solved, even nearly")
    x, dual = engine.variable_values(), engine.dual_values()
    return Optimum(np.asarray(x), np.asarray(dual), float(engine.objective_value()))


def estimate_work(program: LinearProgram) -> float:
    """Guess the work that a linear program takes, whatever the computer."""
    rows, entries = int(program.matrix.shape[0]), int(program.matrix.nnz)
    return WRITING + PIVOTING * rows * sqrt(entries)


def _ran_out(engine: Any, room: float) -> bool:  # noqa: ANN401
    """Tell whether GLOP ended for lack of work that it may do, rather than with an answer."""
    status = _engines().SolveStatus
    answers = status.OPTIMAL, status.INFEASIBLE
    return room < inf and engine.status() not in answers


def solve_limited(
    program: LinearProgram, limits: Sequence[tuple[IntArray, int]], watch: Watch
) -> FloatArray:
    """Solve a linear program in which of some columns only so many may be other than zero.

    Gives x, the best found with the work that is left. The engine is HiGHS' branch and bound.

    Args:
        program: the linear program.
        limits: columns, none of which exceeds 1, and how many of them.
        watch: says when to stop.

    Raises:
        NotFound: none was found.
    """
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
    nodes = min(max(int(watch.room / (NODE * estimate_work(program))), FIRST), MOST_NODES)
    problem = {
        "cost": np.append(program.cost, np.zeros(len(columns))),
        "integrality": np.append(np.zeros(count), np.ones(len(columns))),
        "most": np.append(np.full(count, np.inf), np.ones(len(columns))),
        "lower": lower,
        "upper": upper,
        **highs.take_apart("matrix", csr_matrix(matrix)),
    }
    found = highs.ask("milp", problem, {"node_limit": nodes}, watch)
    watch.note_end()  # what was found so far may not be what so many nodes find
    if "x" not in found:
        raise NotFound(f"no choice was found: {found['message']}")
    return np.asarray(found["x"][:count])


def _second_opinion(program: LinearProgram, watch: Watch) -> Optimum:
    """Solve with HiGHS' dual simplex, as scipy brings it (OR-Tools' own prints a banner)."""
    rows, bound = program.equalities, program.bound
    problem = {
        "cost": program.cost,
        "totals": bound[:rows],
        "limits": bound[rows:],
        **highs.take_apart("equal", csr_matrix(program.matrix[:rows])),
        **highs.take_apart("below", csr_matrix(program.matrix[rows:])),
    }
    options = {}
    if watch.room < inf:
        options["maxiter"] = int(watch.room / (ITERATION * sum(program.matrix.shape))) + 1
    found = highs.ask("linprog", problem, options, watch)
    watch.spend(estimate_work(program))
    if found["status"] == INFEASIBLE:
        raise Infeasible("the linear program has no solution")
    if found["status"] != 0:
        raise NotFound(f"the linear program was not solved: {found['message']}")
    return Optimum(found["x"], found["dual"], float(found["cost"]))


def _engines() -> Any:  # noqa: ANN401
    """Import OR-Tools when a program is solved: commands that solve none start a tenth sooner."""
    from ortools.linear_solver.python import model_builder_helper

    return model_builder_helper


def _model(program: LinearProgram) -> Any:  # noqa: ANN401
    rows, columns = program.matrix.shape
    # OR-Tools' stubs take the type of the elements for that of the shape.
    lower: Any = np.full(rows, -np.inf)
    upper: Any = program.bound
    cost: Any = program.cost
    lower[: program.equalities] = program.bound[: program.equalities]
    model = _engines().ModelBuilderHelper()
    model.fill_model_from_sparse_data(
        np.zeros(columns),
        np.full(columns, np.inf),
        cost,
        lower,
        upper,
        program.matrix.astype(np.float64),
    )
    return model
