"""The cheapest whole numbers that satisfy linear demands: a covering program, by CP-SAT.

Statement. Minimise sum of cost[k] · n[k] over whole n[k], 0 <= n[k] <= most, such that in each row
sum of gain[r][k] · n[k] >= need[r]; gains and costs are not negative.

Rows are written in whole numbers without a common divisor where these are small enough, else
scaled to 2^SCALE, gains rounded down and needs up. So an answer always covers; only where a row was
rounded may one that covers it with next to nothing to spare be cheaper.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor, gcd, lcm

from solvers.lp.linear_program import Infeasible, NotFound
from solvers.settings.cp_sat import new_solver
from topologies.model.units import Seconds

SCALE = 46  # bits of the largest number in a row; with so many steps sums stay below 2^63


def cheapest_cover(
    cost: Sequence[Fraction],
    gain: Sequence[Sequence[Fraction]],
    need: Sequence[Fraction],
    most: int,
    seconds: Seconds = 60.0,
) -> tuple[int, ...]:
    """Find the cheapest whole numbers that cover all needs; proved to be the cheapest.

    Args:
        cost: of one more of each.
        gain: for each row, what one more of each adds.
        need: of each row.
        most: of each.
        seconds: of time, at most.

    Raises:
        Infeasible: even the most of each does not cover a need.
        NotFound: the time was over.
    """
    from ortools.sat.python import cp_model  # a third of a second that only this costs

    model = cp_model.CpModel()
    numbers = [model.new_int_var(0, most, f"n{k}") for k in range(len(cost))]
    for row, least in zip(gain, need, strict=True):
        *gains, demand = whole_row([*row, least])
        model.add(sum(g * n for g, n in zip(gains, numbers, strict=True)) >= demand)
    prices = whole_row([*cost, Fraction(0)])
    model.minimize(sum(p * n for p, n in zip(prices, numbers, strict=False)))
    solver = new_solver()
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        raise Infeasible(f"even {most} of each do not suffice")
    if status != cp_model.OPTIMAL:
        raise NotFound("the time was over before the cheapest was found")
    return tuple(int(solver.value(n)) for n in numbers)


def whole_row(row: Sequence[Fraction]) -> list[int]:
    """Scale a row of gains and, at its end, a need to whole numbers, on the safe side."""
    fine = lcm(*(each.denominator for each in row))
    whole = [int(each * fine) for each in row]
    common = max(gcd(*whole), 1)
    largest = max(map(abs, whole))
    if largest < common << SCALE:
        return [each // common for each in whole]
    scale = Fraction(1 << SCALE, largest)
    return [*(floor(each * scale) for each in whole[:-1]), ceil(whole[-1] * scale)]
