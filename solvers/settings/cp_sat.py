"""CP-SAT as every search here starts it: the same answer each time, and Ctrl-C is not its own."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpSolver

WORKERS = 1  # more would answer by whichever is first


def new_solver(seed: int = 1) -> "CpSolver":
    """Give a CP-SAT solver of one worker that leaves SIGINT alone.

    By itself CP-SAT catches SIGINT while it solves and then leaves it at the system's default,
    so that a later Ctrl-C ends the process without a word.
    """
    from ortools.sat.python import cp_model  # a third of a second that only searches cost

    solver = cp_model.CpSolver()
    solver.parameters.random_seed = seed
    solver.parameters.num_workers = WORKERS
    solver.parameters.catch_sigint_signal = False
    return solver
