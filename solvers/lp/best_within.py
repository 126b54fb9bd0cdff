"""The whole numbers of highest value that a budget allows, by CP-SAT.

Statement. Maximise t over whole n[k] >= 0 with sum of cost[k] · n[k] <= budget, such that in each
row t <= start[r] + sum of gain[r][k] · n[k]; costs and gains are not negative.

Costs are whole without a common divisor, or rounded so that the budget is never exceeded. Rows are
scaled and rounded up, so that the value found is never below the highest one, and above it by less
than 2^(STEP_BITS - SCALE) of the largest figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from operator import mul

from solvers.lp.cheapest_cover import whole_row
from solvers.lp.linear_program import NotFound
from solvers.settings.cp_sat import new_solver
from topologies.model.units import Seconds

SCALE = 44  # bits of the largest number in a row
STEP_BITS = 12  # of the most steps of each; with fewer than 32 classes sums stay below 2^62


@dataclass(frozen=True)
class Ceiling:
    """A linear function of the numbers that their value never exceeds."""

    start: Fraction
    gain: tuple[Fraction, ...]


def best_within(
    cost: Sequence[Fraction],
    budget: Fraction,
    ceilings: Sequence[Ceiling],
    seconds: Seconds = 60.0,
) -> tuple[tuple[int, ...], Fraction]:
    """Find the numbers whose lowest ceiling is highest, and that height, rounded up.

    Args:
        cost: of one more of each.
        budget: what all may cost.
        ceilings: at least one.
        seconds: of time, at most.

    Raises:
        NotFound: the time was over.
    """
    from ortools.sat.python import cp_model  # a third of a second that only this costs

    model = cp_model.CpModel()
    most = [min(2**STEP_BITS, int(budget / each)) if each else 2**STEP_BITS for each in cost]
    numbers = [model.new_int_var(0, limit, f"n{k}") for k, limit in enumerate(most)]
    *prices, total = whole_row([*(-each for each in cost), -budget])
    model.add(sum(p * n for p, n in zip(prices, numbers, strict=True)) >= total)
    fine = Fraction(1 << SCALE) / max(abs(n) for row in ceilings for n in (row.start, *row.gain))
    rows = [(ceil(row.start * fine), [ceil(each * fine) for each in row.gain]) for row in ceilings]
    lowest = min(start for start, _ in rows)  # of no steps at all
    highest = min(start + sum(map(mul, gains, most)) for start, gains in rows)
    height = model.new_int_var(lowest, highest, "height")
    for start, gains in rows:
        model.add(height <= start + sum(g * n for g, n in zip(gains, numbers, strict=True)))
    model.maximize(height)
    solver = new_solver()
    solver.parameters.max_time_in_seconds = seconds
    if solver.solve(model) != cp_model.OPTIMAL:
        raise NotFound("the time was over before the best was found")
    return tuple(int(solver.value(n)) for n in numbers), solver.value(height) / fine
