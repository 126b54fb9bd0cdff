"""What more bandwidth brings to a job of several collectives, each with what it moves.

A job that moves w[c] bytes with collective c takes the time T(x) = sum of w[c] / f[c](x) at the
least, where f[c](x) is the highest rate with x[k] more bytes per second on the links of each class
k (commplan/changes/upgrade.py). Each f is the least of lines, so T is convex, and where line l
touches f at x', 1 / f(x) >= 1 / l(x) >= 1 / f(x') - slope · (x - x') / f(x')². So each point gives
a linear function that is never above T; Kelley's cuts find the cheapest whole numbers of steps with
T(x) <= wanted as they do for single rates: one that a cut leaves out takes too long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from commplan.changes.upgrade import MOST_STEPS, Growth
from solvers.lp.cheapest_cover import cheapest_cover
from solvers.lp.linear_program import Infeasible
from solvers.settings.deadline import Watch
from topologies.model.units import Rate


@dataclass(frozen=True)
class JobChange:
    """The cheapest change after which a job may be so fast.

    Attributes:
        steps: of each class.
        cost: of all, in the unit of the costs.
        reached: by each collective, bytes per second.
        time: of the job, at the least.
        rounds: covering programs solved.
    """

    steps: tuple[int, ...]
    cost: Fraction
    reached: tuple[Rate, ...]
    time: Fraction
    rounds: int


class Job:
    """Collectives of one machine, and how much is moved with each.

    Args:
        growths: of the collectives.
        weights: bytes of each, or in any other unit.
    """

    def __init__(self, growths: Sequence[Growth], weights: Sequence[Fraction]) -> None:
        self.growths, self.weights = growths, weights
        self.base = self._time([growth.base for growth in growths])

    def savings(self, slopes: Sequence[Sequence[Fraction]]) -> list[Fraction]:
        """Compute which part of the time a byte per second more on all links of a class saves.

        Args:
            slopes: of each collective, for each class (`Growth.slope`).
        """
        parts = [w / g.base**2 for g, w in zip(self.growths, self.weights, strict=True)]
        return [
            sum((p * slope for p, slope in zip(parts, column, strict=True)), Fraction(0))
            / self.base
            for column in zip(*slopes, strict=True)
        ]

    def cheapest_change(
        self, limit: Fraction, step: Sequence[Rate], cost: Sequence[Fraction], watch: Watch
    ) -> JobChange:
        """Find the cheapest whole numbers of steps after which the job may take so long.

        Args:
            limit: of the time, in units of the weights over bytes per second.
            step: of each class, bytes per second on each of its links; 0 where it stays as it is.
            cost: of a step of each class.
            watch: says when to stop.

        Raises:
            Infeasible: no change within MOST_STEPS steps of each class does.
            NotFound: the time was over.
        """
        gains: list[list[Fraction]] = []
        needs: list[Fraction] = []
        steps = (0,) * len(step)
        while True:
            added = [size * count for size, count in zip(step, steps, strict=True)]
            time, fall = self.tangent(added)
            if time <= limit:
                reached = tuple(growth.touching(added).at(added) for growth in self.growths)
                price = sum((c * n for c, n in zip(cost, steps, strict=True)), Fraction(0))
                return JobChange(steps, price, reached, time, len(gains))
            gains.append([each * size for each, size in zip(fall, step, strict=True)])
            done = sum((each * more for each, more in zip(fall, added, strict=True)), Fraction(0))
            needs.append(time - limit + done)
            if not any(gains[-1]):
                raise Infeasible("no link that may be made faster is in the way")
            steps = cheapest_cover(cost, gains, needs, MOST_STEPS, watch.left)

    def tangent(self, added: Sequence[Rate]) -> tuple[Fraction, list[Fraction]]:
        """Compute the time at a point, and by how much it falls, at the most, from there on."""
        reached = [growth.evaluate(added) for growth in self.growths]
        return self._time(reached), self._fall(added, reached)

    def _time(self, rates: Sequence[Rate]) -> Fraction:
        pairs = zip(self.weights, rates, strict=True)
        return sum((weight / each for weight, each in pairs), Fraction(0))

    def _fall(self, added: Sequence[Rate], reached: Sequence[Rate]) -> list[Fraction]:
        """Compute by how much the time falls, at the most, with each class from a point on."""
        fall = [Fraction(0)] * len(added)
        for growth, weight, now in zip(self.growths, self.weights, reached, strict=True):
            line = growth.touching(added)
            for kind, slope in enumerate(line.slope):
                fall[kind] += weight * slope / now**2
        return fall
