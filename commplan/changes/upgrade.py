"""What more bandwidth would bring: how the proved bound grows with the links of each class.

Let f(x) be the highest rate of a collective where each link of class k has x[k] more bytes per
second. f is the least of finitely many linear functions, one for each certificate: a cut says
(capacity across) / (data across), prices say (capacity · price) / (what the cheapest trees cost),
and both stay true whatever the capacities are. So f is concave, and each evaluation at a point
gives a line that is never below f and touches it there.

*Slope.* Along one class f rises from f(0) with the slope of the least of the lines that touch it
at 0, as far as that line touches. Take a line that touches at 0 and one that touches further out;
evaluate where they meet. Either f is there what the first line says, and the first slope holds just
as far as that, or the new line is below: it touches at 0 too, and takes the place of the first one,
or does not, and takes that of the other. Each step finds a new line of finitely many.

*Cheapest change.* The least cost of whole numbers of steps with f(x) >= wanted is found by cuts:
solve the covering program over the lines known (`solvers.lp.cheapest_cover`), evaluate f there, add
the line; if f reaches what is wanted, the steps are the cheapest, as any others satisfy these lines
too. Source: Kelley, The cutting-plane method for solving convex programs, J. SIAM 8 (1960).

Where a bound is not tight it is that of the search, and the slopes are those of what is proved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from solvers.certify.certificates import measure_cut
from solvers.lp.cheapest_cover import cheapest_cover
from solvers.lp.linear_program import Infeasible
from solvers.schedules.certificate import Bound, Cut
from solvers.schedules.collective import Collective, CollectiveError
from solvers.settings.deadline import Watch
from solvers.settings.options import DEFAULT_OPTIONS, SolverOptions
from solvers.solve import bound
from topologies.derive.widen import widen
from topologies.model.topology import Topology
from topologies.model.units import Rate

FURTHEST = 64  # times its rate, as far as a class is looked at
MOST_STEPS = 4096  # of one class, that a change may take


@dataclass(frozen=True)
class Line:
    """A linear function that is never below the highest rate.

    Attributes:
        start: its value where nothing is added, bytes per second.
        slope: for each class, by how much it grows with each byte per second on each of its links.
        bound: whose certificate it is.
    """

    start: Rate
    slope: tuple[Fraction, ...]
    bound: Bound

    def at(self, added: Sequence[Rate]) -> Rate:
        """Compute the value where so many bytes per second are added to the links of each class."""
        return self.start + sum(
            (slope * more for slope, more in zip(self.slope, added, strict=True)), Fraction(0)
        )


@dataclass(frozen=True)
class Slope:
    """How the highest rate grows with the links of one class.

    Attributes:
        of: the number of the class.
        slope: bytes per second for each byte per second more on each of its links.
        until: bytes per second more, up to which the slope holds; None where it holds as far as was
            looked, or is 0.
    """

    of: int
    slope: Fraction
    until: Rate | None


class Growth:
    """The highest rate of a collective on a machine with faster links; remembers its lines."""

    def __init__(
        self,
        topology: Topology,
        what: Collective,
        watch: Watch,
        options: SolverOptions = DEFAULT_OPTIONS,
    ) -> None:
        self.topology, self.what, self._watch, self._options = topology, what, watch, options
        self.lines: list[Line] = []
        self._links = np.bincount(topology.link_class, minlength=len(topology.classes))
        self.base = self.evaluate([Fraction(0)] * len(topology.classes))

    def evaluate(self, added: Sequence[Rate]) -> Rate:
        """Compute the highest rate at a point, and remember the line that touches there.

        Raises:
            as `solvers.solve.bound`; CollectiveError where nothing moves.
        """
        self._watch.check()
        machine = widen(self.topology, added)
        found = bound(machine, self.what, self._watch, self._options)
        if found.algbw is None or found.certificate is None:
            raise CollectiveError(f"{self.what.name}: nothing moves, no link binds")
        slope = self._slope(machine, found)
        start = found.algbw - sum(
            (s * more for s, more in zip(slope, added, strict=True)), Fraction(0)
        )
        self.lines.append(Line(start, slope, found))
        return min(line.at(added) for line in self.lines)

    def touching(self, added: Sequence[Rate]) -> Line:
        """Look up the least of the lines at a point."""
        return min(self.lines, key=lambda line: line.at(added))

    def slope(self, of: int) -> Slope:
        """Find how the highest rate grows with the links of one class, and how far that holds."""
        near = min(
            (line for line in self.lines if line.start == self.base),
            key=lambda line: line.slope[of],
        )
        if not near.slope[of]:
            return Slope(of, Fraction(0), None)
        unit = self._unit(of)
        far = furthest = self._rate(of) * (FURTHEST - 1)
        self.evaluate([far * each for each in unit])
        while True:
            beyond = self.touching([far * each for each in unit])
            if beyond.at([far * each for each in unit]) == self.base + near.slope[of] * far:
                return Slope(of, near.slope[of], None)
            meet = (beyond.start - self.base) / (near.slope[of] - beyond.slope[of])
            if not meet:  # how far this one holds was not looked at yet
                near, far = beyond, furthest
                if not near.slope[of]:
                    return Slope(of, Fraction(0), None)
                continue
            value = self.evaluate([meet * each for each in unit])
            if value == self.base + near.slope[of] * meet:
                return Slope(of, near.slope[of], meet)
            far = meet

    def _slope(self, machine: Topology, found: Bound) -> tuple[Fraction, ...]:
        """Compute by how much a certificate's bound grows with the links of each class."""
        certificate, classes = found.certificate, len(machine.classes)
        assert certificate is not None
        assert found.algbw is not None
        if isinstance(certificate, Cut):
            data, across = measure_cut(machine, self.what, certificate)
            count = np.bincount(machine.link_class[across], minlength=classes)
            return tuple(Fraction(int(each)) / data for each in count)
        price = [certificate.of_class[kind] for kind in certificate.of_link.tolist()]
        paid = [Fraction(0)] * classes
        total = Fraction(0)
        rows = zip(machine.link_class.tolist(), price, machine.capacity.tolist(), strict=True)
        for kind, each, capacity in rows:
            paid[kind] += each
            total += each * capacity * machine.unit
        return tuple(each * found.algbw / total for each in paid)

    def _unit(self, of: int) -> list[Fraction]:
        return [Fraction(int(kind == of)) for kind in range(len(self.topology.classes))]

    def _rate(self, of: int) -> Rate:
        """Look up the highest rate of a link of a class."""
        own = self.topology.capacity[self.topology.link_class == of]
        return int(own.max(initial=0)) * self.topology.unit


@dataclass(frozen=True)
class Change:
    """The cheapest change that reaches what is wanted.

    Attributes:
        steps: of each class.
        cost: of all, in the unit of the costs.
        reached: by each collective, bytes per second.
        rounds: covering programs solved.
    """

    steps: tuple[int, ...]
    cost: Fraction
    reached: tuple[Rate, ...]
    rounds: int


def cheapest_change(
    growths: Sequence[Growth],
    wanted: Sequence[Rate],
    step: Sequence[Rate],
    cost: Sequence[Fraction],
    watch: Watch,
) -> Change:
    """Find the cheapest whole numbers of steps after which each collective reaches its rate.

    Args:
        growths: of the collectives, on one machine.
        wanted: bytes per second for each.
        step: of each class, bytes per second on each of its links; 0 where it stays as it is.
        cost: of a step of each class.
        watch: says when to stop.

    Raises:
        Infeasible: no change within MOST_STEPS steps of each class does.
        NotFound: the time was over.
    """
    rounds = 0
    while True:
        rounds += 1
        rows = [(line, least) for g, least in zip(growths, wanted, strict=True) for line in g.lines]
        gain = [[s * size for s, size in zip(line.slope, step, strict=True)] for line, _ in rows]
        need = [least - line.start for line, least in rows]
        if any(not any(row) and short > 0 for row, short in zip(gain, need, strict=True)):
            raise Infeasible("no link that may be made faster is in the way")
        steps = cheapest_cover(cost, gain, need, MOST_STEPS, watch.left)
        added = [size * count for size, count in zip(step, steps, strict=True)]
        reached = tuple(growth.evaluate(added) for growth in growths)
        if all(rate >= least for rate, least in zip(reached, wanted, strict=True)):
            price = sum((c * n for c, n in zip(cost, steps, strict=True)), Fraction(0))
            return Change(steps, price, reached, rounds)
