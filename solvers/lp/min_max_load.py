"""The linear programs of this project: move data within the least time, exactly.

Every one of them chooses amounts x >= 0 that meet some equalities, and minimises the time T in
which each orbit of links can carry its load: load · x <= capacity · T. Floats find the vertex; the
vertex is then solved for in rationals and every row checked, so that what comes out is exact.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
from scipy.sparse import csr_matrix, diags_array

from solvers.lp import exact
from solvers.lp.linear_program import LinearProgram, NotFound, Optimum
from solvers.settings.deadline import NO_DEADLINE, Watch
from topologies.model.topology import BoolArray, FloatArray, IntArray

# An amount below this is zero (tried in turn); a load this near to the capacity is tight.
TINY = (1e-7, 1e-10, 1e-13)
SIMPLE = 2**10  # denominators up to which amounts are told from floats alone


@dataclass(frozen=True, eq=False)
class LoadLP:
    """Rows and columns in integers; the last column is the time.

    The first rows are equalities with the right-hand sides `totals`; in the others the last column
    holds the orbit's capacity, negative, and the right-hand side is 0.
    """

    matrix: csr_matrix
    totals: tuple[Fraction, ...]

    @property
    def equalities(self) -> int:
        """Count the rows that hold with equality."""
        return len(self.totals)

    @property
    def capacities(self) -> IntArray:
        """Compute the capacity of one link of each orbit."""
        return np.asarray(-self.matrix[self.equalities :, [-1]].toarray().reshape(-1))

    def program(self, scale: float) -> LinearProgram:
        """Give the LP in floats: time in units of `scale`, loads as shares of capacity × scale."""
        matrix = self._scale(scale)
        cost = np.zeros(matrix.shape[1])
        cost[-1] = 1.0
        return LinearProgram(cost, matrix, self._bounds(0.0), self.equalities)

    def cheapest(self, scale: float, cost: FloatArray, kept: BoolArray) -> LinearProgram:
        """Write down the LP of another cost of the amounts `kept`, within the time `scale`.

        Args:
            scale: the time, in capacity units for each unit of load.
            cost: for each amount; the amounts not kept have no column.
            kept: for each amount; the amounts not kept have no column.
        """
        matrix = csr_matrix(self._scale(scale)[:, np.append(kept, False)])
        return LinearProgram(cost[kept], matrix, self._bounds(1.0), self.equalities)

    def prices(self, optimum: Optimum, scale: float) -> FloatArray:
        """Read the price of each load row off the duals: what a unit of load costs in time."""
        dual = np.maximum(-optimum.dual[self.equalities :], 0.0)
        return np.asarray(dual / self.capacities)

    def exact(
        self, x: FloatArray, time: float, target: Fraction | None, watch: Watch = NO_DEADLINE
    ) -> tuple[tuple[Fraction, ...], Fraction]:
        """Solve for the amounts near x in rationals: the amounts, and the time.

        With a target the time is that, otherwise it is solved for too.

        Args:
            x: a vertex, the amounts without the time.
            time: of the optimum, in floats.
            target: the time that should come out, where it is known.
            watch: says when to stop.

        Raises:
            NotFound: x is near no exact vertex, or that breaks a row, or the time is over.
        """
        if target is not None:
            with suppress(NotFound):
                return self._round(x, target)
        for tiny in TINY:
            watch.check()
            try:
                return self._near(x, time, target, tiny, watch)
            except NotFound:
                continue
        raise NotFound("the optimum was found in floats only, not exactly")

    def _round(self, x: FloatArray, target: Fraction) -> tuple[tuple[Fraction, ...], Fraction]:
        """Take for each amount the simplest fraction near it, where these meet all rows.

        Raises:
            NotFound: they do not; amounts of larger denominators have to be solved for.
        """
        columns = np.flatnonzero(x > TINY[0])
        values = [Fraction(0)] * len(x)
        for column, value in zip(columns.tolist(), x[columns].tolist(), strict=True):
            values[column] = Fraction(value).limit_denominator(SIMPLE)
            if abs(values[column] - Fraction(value)) > TINY[0] * value:
                raise NotFound("an amount is no simple fraction")
        self._check(np.append(columns, len(x)), [*(values[i] for i in columns), target])
        return tuple(values), target

    def _near(
        self, x: FloatArray, time: float, target: Fraction | None, tiny: float, watch: Watch
    ) -> tuple[tuple[Fraction, ...], Fraction]:
        """Solve the rows that are tight for the amounts that are not zero, and check all rows."""
        load = self.matrix[self.equalities :, :-1] @ x
        tight = np.flatnonzero(load >= time * self.capacities * (1 - TINY[0]))
        rows = np.concatenate([np.arange(self.equalities), self.equalities + tight])
        columns = np.flatnonzero(x > tiny)
        bound = [*self.totals, *(int(c) * (target or Fraction(0)) for c in self.capacities)]
        if target is None:
            columns = np.append(columns, len(x))
        tightest = csr_matrix(self.matrix[rows][:, columns])
        found = exact.solve(tightest, [bound[i] for i in rows], watch)
        if target is not None:
            columns, found = np.append(columns, len(x)), [*found, target]
        self._check(columns, found)
        values = [Fraction(0)] * len(x)
        for i, value in zip(columns[:-1], found, strict=False):
            values[i] = value
        return tuple(values), found[-1]

    def _check(self, columns: IntArray, x: Sequence[Fraction]) -> None:
        """Refuse a solution, given by its columns that are not zero, that breaks a row."""
        common = lcm(*(value.denominator for value in x))
        whole = np.array([value.numerator * (common // value.denominator) for value in x])
        matrix = csr_matrix(self.matrix[:, columns])
        entries = matrix.data.astype(object)
        rows = exact.product(matrix, entries, whole.astype(object))
        unequal = any(row != total * common for row, total in zip(rows, self.totals, strict=False))
        if unequal or min(x) < 0 or max(rows[self.equalities :], default=0) > 0:
            raise NotFound("the optimum was found in floats only, not exactly")

    def _scale(self, scale: float) -> csr_matrix:
        rows = 1.0 / (self.capacities * scale)
        rows = np.append(np.ones(self.equalities), rows)
        columns = np.append(np.ones(self.matrix.shape[1] - 1), scale)
        return csr_matrix(diags_array(rows) @ self.matrix @ diags_array(columns))

    def _bounds(self, rest: float) -> FloatArray:
        totals = [float(total) for total in self.totals]
        return np.array(totals + [rest] * (self.matrix.shape[0] - len(totals)))
