"""The model of a library: for each collective what it does with small, middling and bulk data.

Libraries have protocols: one that starts soon and carries little, one in between, and one for bulk.
They change from one to the other at a size, which is searched for: all places between measured
sizes are tried, the later one also as a size for each rank.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, sqrt

import numpy as np

from commplan.fitting.regime import Regime, fit_regime, linear
from commplan.fitting.terms import added_in_switches, terms
from commplan.measurements.rows import Measured, medians
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.topology import FloatArray
from topologies.model.units import Seconds

LEAST_ROWS = 4  # in a regime
WORTH = 0.05  # of the errors, that one regime more must take away,
EXACT = 0.002  # and for each row at least so much
SMALL = 2**18  # bytes up to which the first change is
QUICKER = 0.93  # of the time of a ring, below which switches must have added


class FitError(CommplanError, ValueError):
    """Too few measurements to tell anything."""

    exit_code = WRONG_INPUT


@dataclass(frozen=True)
class Changes:
    """From which sizes on the second and the third regime are used, in bytes.

    Attributes:
        by_rank: the third one from that size for each rank.
    """

    second: float
    third: float
    by_rank: bool

    def regime(self, row: Measured) -> int:
        """Find the regime of a row, from 0."""
        if row.size / (row.ranks if self.by_rank else 1) >= self.third:
            return 2
        return int(row.size >= self.second)


@dataclass(frozen=True)
class Model:
    """What a library does for one collective.

    Attributes:
        regimes: by number, 0 for the smallest data, 2 for bulk.
        adding: what switches that add do with bulk, if they were seen to.
        added, passed: for how many ranks they did, or did not.
    """

    collective: str
    changes: Changes
    regimes: Mapping[int, Regime]
    adding: Regime | None = None
    added: frozenset[int] = frozenset()
    passed: frozenset[int] = frozenset()

    def seconds(self, row: Measured) -> Seconds:
        """Predict a row by its collective, ranks and size."""
        number = self.changes.regime(row)
        number = min(self.regimes, key=lambda known: abs(known - number))
        took = float(self.regimes[number].seconds(terms([row]))[0])
        if number != 2 or self.adding is None or row.ranks in self.passed:
            return took
        there = float(self.adding.seconds(added_in_switches([row]))[0])
        return there if row.ranks in self.added else min(took, there)


def fit_library(rows: Iterable[Measured], *, adding: bool = False) -> dict[str, Model]:
    """Fit a model for each collective that was measured.

    Args:
        rows: measured on ranks that are joined alike.
        adding: whether the switches can add; an all_reduce that is quicker than its ring could be
            then has been added there. The ring's rate is that of all_gather and reduce_scatter.

    Raises:
        FitError: there are fewer than 4 rows of a collective.
    """
    by_name: dict[str, list[Measured]] = defaultdict(list)
    for row in medians(rows):
        by_name[row.collective].append(row)
    found: dict[str, Model] = {}
    for name in sorted(by_name, key=lambda each: each == "all_reduce"):
        same = by_name[name]
        if len(same) < LEAST_ROWS:
            raise FitError(f"{len(same)} rows of {name}, expected at least {LEAST_ROWS}")
        known = [m.regimes[2] for m in found.values() if m.collective in RINGS and 2 in m.regimes]
        shared = float(np.mean([each.figures[2] for each in known])) if known else None
        found[name] = _fit(name, same, shared if adding and name == "all_reduce" else None)
    return found


RINGS = ("all_gather", "reduce_scatter")


def _fit(name: str, rows: Sequence[Measured], shared: float | None) -> Model:
    """Fit a collective; shared: the time of a byte in the middle of a ring, if switches can add."""
    changes = _find_changes(rows)
    parts = [[row for row in rows if changes.regime(row) == number] for number in range(3)]
    bulk = (
        Model(name, changes, {}) if shared is None else _fit_both(name, changes, parts[2], shared)
    )
    regimes = {
        number: fit_regime(terms(own), _times(own), bulk=number == 2)
        for number, own in enumerate(parts)
        if own and number not in bulk.regimes
    }
    return replace(bulk, regimes={**regimes, **bulk.regimes})


def _fit_both(name: str, changes: Changes, rows: Sequence[Measured], shared: float) -> Model:
    """Fit the ring and what switches add up; which number of ranks did which is told by its time.

    Of two ranks alone, switches have nothing to add that is not sent as quickly.
    """
    by_count = {count: [row for row in rows if row.ranks == count] for count in _counts(rows)}
    ring_alone = Model(name, changes, {})
    if len(by_count.get(2, [])) < LEAST_ROWS:
        return ring_alone
    pair = by_count[2]
    ring = fit_regime(terms(pair), _times(pair), bulk=True, middle=shared)
    added = frozenset(count for count, same in by_count.items() if _is_quicker(same, ring))
    there = [row for count in added for row in by_count[count]]
    if len(there) < LEAST_ROWS:
        return ring_alone
    rest = [row for row in rows if row.ranks not in added]
    told = shared if _counts(rest) == [2] else None
    return replace(
        ring_alone,
        regimes={2: fit_regime(terms(rest), _times(rest), bulk=True, middle=told)},
        adding=fit_regime(added_in_switches(there), _times(there), bulk=True),
        added=added,
        passed=frozenset(_counts(rest)),
    )


def _counts(rows: Sequence[Measured]) -> list[int]:
    return sorted({row.ranks for row in rows})


def _is_quicker(rows: Sequence[Measured], ring: Regime) -> bool:
    """Tell whether more than two ranks took less time than their ring."""
    times = _times(rows) / ring.seconds(terms(rows))
    return rows[0].ranks > 2 and float(np.median(times)) < QUICKER


def _find_changes(rows: Sequence[Measured]) -> Changes:
    """Try all sizes at which the regime may change; fewer regimes where more gain little.

    Complexity: sizes² fits of four figures.
    """
    every, times = terms(rows), _times(rows)
    best, least = Changes(0.0, 0.0, False), linear(every, times)[1]
    price = max(WORTH * least, EXACT * len(rows))
    for changes in _possible_changes(rows):
        number = np.array([changes.regime(row) for row in rows])
        parts = [number == each for each in range(3) if (number == each).any()]
        if min(int(part.sum()) for part in parts) < LEAST_ROWS:
            continue
        off = sum(linear(every[part], times[part])[1] for part in parts)
        if off + price * (len(parts) - 1) < least:
            best, least = changes, off + price * (len(parts) - 1)
    return best


def _possible_changes(rows: Sequence[Measured]) -> Iterator[Changes]:
    for by_rank in (False, True):
        first = [*_between({row.size for row in rows if row.size <= SMALL}), 0.0]
        second = _between({row.size / (row.ranks if by_rank else 1) for row in rows})
        least = min(row.ranks for row in rows) if by_rank else 1
        for a in first:
            yield from (Changes(a, b, by_rank) for b in [*second, inf] if b * least > a)


def _between(sizes: set[int] | set[float]) -> list[float]:
    return [sqrt(a * b) for a, b in pairwise(sorted(sizes))]


def _times(rows: Sequence[Measured]) -> FloatArray:
    return np.array([row.seconds for row in rows])
