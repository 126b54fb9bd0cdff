"""The best change of the links of a machine for what may be spent.

The highest value of whole numbers of steps that a budget allows is found by the cuts that find the
cheapest change for a value that is wanted (commplan/changes/upgrade.py): maximise the least of the
linear functions known, none of which is below the value anywhere; evaluate there, which gives one
more that touches. Where the maximum is no higher than the best value seen, that is the highest. Of
the changes that reach it the cheapest is taken.

The value of several collectives is the least of the factors by which their rates grow; that of a
job, moving so much with each, is its time, the shorter the better.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from commplan.changes.job_upgrade import Job, JobChange
from commplan.changes.upgrade import Change, Growth, cheapest_change
from solvers.lp.best_within import Ceiling, best_within
from solvers.settings.deadline import Watch
from topologies.model.units import Rate

ALIKE = Fraction(1, 10**9)  # of the value, by which a ceiling that was rounded up may be above it

Steps = tuple[int, ...]
Look = Callable[[Steps], tuple[Fraction, list[Ceiling]]]


@dataclass(frozen=True)
class Prices:
    """What may be bought: a step of each class, in bytes per second, its cost, and the budget."""

    step: Sequence[Rate]
    cost: Sequence[Fraction]
    budget: Fraction

    def added(self, steps: Steps) -> list[Rate]:
        """Compute what so many steps add to each link of a class."""
        return [size * count for size, count in zip(self.step, steps, strict=True)]


def best_change(growths: Sequence[Growth], prices: Prices, watch: Watch) -> Change:
    """Find the change that lets the collective that gains least gain most, as times its rate.

    Raises:
        NotFound: the time was over.
    """

    def look(steps: Steps) -> tuple[Fraction, list[Ceiling]]:
        rates = [growth.evaluate(prices.added(steps)) for growth in growths]
        lines = [(line, growth.base) for growth in growths for line in growth.lines]
        ceilings = [_ceiling(line.start, line.slope, prices, base) for line, base in lines]
        return min(r / g.base for r, g in zip(rates, growths, strict=True)), ceilings

    factor = _highest(look, prices, watch)
    wanted = [factor * growth.base for growth in growths]
    return cheapest_change(growths, wanted, prices.step, prices.cost, watch)


def best_job_change(job: Job, prices: Prices, watch: Watch) -> JobChange:
    """Find the change after which a job takes the least time.

    Raises:
        NotFound: the time was over.
    """
    ceilings: list[Ceiling] = []

    def look(steps: Steps) -> tuple[Fraction, list[Ceiling]]:
        time, fall = job.tangent(prices.added(steps))
        done = sum((f * x for f, x in zip(fall, prices.added(steps), strict=True)), Fraction(0))
        ceilings.append(_ceiling(-time - done, fall, prices, job.base))
        return -time / job.base, ceilings

    time = -_highest(look, prices, watch) * job.base
    return job.cheapest_change(time, prices.step, prices.cost, watch)


def _ceiling(start: Fraction, slope: Sequence[Fraction], prices: Prices, unit: Fraction) -> Ceiling:
    """Write a linear function of what is added as one of steps, its value in a unit."""
    gain = (each * size / unit for each, size in zip(slope, prices.step, strict=True))
    return Ceiling(start / unit, tuple(gain))


def _highest(look: Look, prices: Prices, watch: Watch) -> Fraction:
    """Find the highest value that the budget allows; steps that come again have all their lines."""
    steps: Steps = (0,) * len(prices.step)
    best, ceilings = look(steps)
    seen = {steps}
    while True:
        steps, limit = best_within(prices.cost, prices.budget, ceilings, watch.left)
        if steps in seen or limit <= best + ALIKE * abs(best):
            return best
        seen.add(steps)
        value, ceilings = look(steps)
        best = max(best, value)
