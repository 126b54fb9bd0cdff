"""A machine fitted to what was measured on it: what a start takes, hops, and the part of rates."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import median

import numpy as np

from commplan.fitting.library import FitError, Model, fit_library
from commplan.fitting.way import Way, find_way
from commplan.measurements.rows import Measured, medians
from topologies.derive.bundle import bundle
from topologies.model.topology import Topology, frozen
from topologies.model.units import Bytes, Seconds, count_of

LARGE = 2**24  # bytes from which data are bulk, in what is said of errors
PARTS = 10_000  # of a rate, to which an efficiency is rounded


@dataclass(frozen=True)
class Figure:
    """A figure, and its standard error as a part of it: infinite where nothing tells."""

    value: float
    error: float


@dataclass(frozen=True)
class Tier:
    """What was fitted of ranks that are joined alike: by the class of the slowest link between.

    Attributes:
        link_class: its number.
        start: seconds before anything moves, in the regime of the smallest data.
        hop: seconds from one rank to the next there, links and work at both ends together.
        efficiency: the part of the stated rate that bulk data reach, as programs see it.
        alpha: seconds of one link of a hop; None where a hop goes over links of several tiers.
        models: of each collective.
    """

    link_class: int
    ranks: tuple[int, ...]
    start: Figure
    hop: Figure
    efficiency: Figure
    alpha: Seconds | None
    models: Mapping[str, Model]


@dataclass(frozen=True)
class Fit:
    """The fitted machine, its tiers, and how far the rows are from what they predict.

    Attributes:
        off: of each row, predicted / measured - 1.
        wrong: rows that were left out, as their results were wrong.
    """

    topology: Topology
    tiers: tuple[Tier, ...]
    rows: tuple[Measured, ...]
    off: tuple[float, ...]
    wrong: int = 0

    def median_error(self, least: Bytes = 0) -> float | None:
        """Compute the median of the relative errors from a size on; None without such rows."""
        found = [
            abs(off) for row, off in zip(self.rows, self.off, strict=True) if row.size >= least
        ]
        return median(found) if found else None


def fit(topology: Topology, rows: Iterable[Measured]) -> Fit:
    """Fit the figures of link classes to measurements on a machine.

    Rows are sorted by the class of the slowest link on a ring of as many ranks, from the first on.

    Args:
        topology: the machine.
        rows: what was measured.

    Raises:
        FitError: more ranks than there are, or too few rows.
    """
    by_class: dict[int, list[Measured]] = defaultdict(list)
    whole = bundle(topology)
    ways: dict[int, Way] = {}
    everything = medians(rows)
    measured = [row for row in everything if not row.wrong]
    if not measured:
        raise FitError("no row is left whose results were right")
    for row in measured:
        if not 2 <= row.ranks <= topology.ranks:
            raise FitError(
                f"line {row.line}: {row.ranks} ranks, expected 2 to {topology.ranks}, "
                f"those of {topology.name}"
            )
        if row.ranks not in ways:
            ways[row.ranks] = find_way(whole, range(row.ranks))
        by_class[ways[row.ranks].link_class].append(row)
    adding = bool(topology.reduce.any())
    tiers = [_fit_tier(number, same, ways, adding) for number, same in sorted(by_class.items())]
    made, off = topology, []
    for tier in tiers:
        made = _apply(made, tier, len(by_class[tier.link_class]))
    for row in measured:
        [own] = [tier for tier in tiers if row.ranks in tier.ranks]
        off.append(own.models[row.collective].seconds(row) / row.seconds - 1)
    wrong = len(everything) - len(measured)
    return Fit(made, tuple(tiers), tuple(measured), tuple(off), wrong)


def _fit_tier(
    link_class: int, rows: Sequence[Measured], ways: Mapping[int, Way], adding: bool
) -> Tier:
    models = fit_library(rows, adding=adding)
    way = ways[max(row.ranks for row in rows)]
    small = [model.regimes[min(model.regimes)] for model in models.values()]
    bulk = [model.regimes[max(model.regimes)] for model in models.values()]
    start, hop = (_middle([(r.figures[i], r.errors[i]) for r in small]) for i in (0, 1))
    rates = _middle([(1 / r.figures[2] / way.rate, r.errors[2]) for r in bulk])
    return Tier(
        link_class,
        tuple(sorted({row.ranks for row in rows})),
        start,
        hop,
        rates,
        hop.value / way.links if way.alike and np.isfinite(hop.error) else None,
        models,
    )


def _middle(found: Sequence[tuple[float, float]]) -> Figure:
    """Take the median over collectives, with the larger of their errors and what they differ by."""
    told = [(value, error) for value, error in found if np.isfinite(error)]
    if not told:
        return Figure(median(value for value, _ in found), float("inf"))
    value = median(value for value, _ in told)
    spread = median(abs(each - value) for each, _ in told) * 1.4826 / value / len(told) ** 0.5
    return Figure(value, max(spread, median(error for _, error in told) / len(told) ** 0.5))


def _apply(topology: Topology, tier: Tier, rows: int) -> Topology:
    """Write what was fitted into a class, and into the latencies of its links."""
    part = Fraction(round(min(tier.efficiency.value, 1.0) * PARTS), PARTS)
    counts = ", ".join(map(str, tier.ranks))
    source = (
        f"commplan fit: {count_of(rows, 'row')} of {', '.join(tier.models)} over {counts} ranks; "
        f"a start takes {tier.start.value * 1e6:.3g} us, a hop {tier.hop.value * 1e6:.3g} us"
    )
    classes = list(topology.classes)
    classes[tier.link_class] = replace(
        classes[tier.link_class], efficiency=part, efficiency_source=source
    )
    alpha = topology.alpha.copy()
    if tier.alpha is not None:
        alpha[topology.link_class == tier.link_class] = round(tier.alpha, 12)
    return replace(topology, classes=tuple(classes), alpha=frozen(alpha))
