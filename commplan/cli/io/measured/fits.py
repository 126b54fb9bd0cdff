"""What was fitted, as lines and as fields."""

from collections.abc import Iterator, Sequence
from math import isfinite
from statistics import median

from commplan.cli.io.quantities import percent
from commplan.fitting.fit import LARGE, Figure, Fit, Tier
from commplan.fitting.fitted import FIGURES, FORMAT, IN_SWITCHES, NAMES
from commplan.fitting.library import Model
from commplan.fitting.regime import Regime
from commplan.measurements.rows import Measured
from topologies.model.units import Seconds, bytes_of, count_of

GIGA = 10**9


def fit_fields(found: Fit, bounds: Sequence[Seconds]) -> dict[str, object]:
    """Give all that was fitted: seconds, seconds for a byte, each with its relative error.

    Args:
        found: the fit.
        bounds: of each row, the seconds that nothing beats.
    """
    return {
        "format": FORMAT,
        "machine": found.topology.name,
        "median_error": found.median_error(),
        "median_error_large": found.median_error(LARGE),
        "rows": [_row_fields(*each) for each in zip(found.rows, found.off, bounds, strict=True)],
        "classes": [_class_fields(found, tier) for tier in found.tiers],
    }


def _row_fields(row: Measured, off: float, bound: Seconds) -> dict[str, object]:
    return {
        "collective": row.collective,
        "ranks": row.ranks,
        "size": row.size,
        "measured_seconds": row.seconds,
        "bound_seconds": bound,
        "predicted_seconds": row.seconds * (1 + off),
        "of_bound": bound / row.seconds,
    }


def _class_fields(found: Fit, tier: Tier) -> dict[str, object]:
    figures = {"start_seconds": tier.start, "hop_seconds": tier.hop, "efficiency": tier.efficiency}
    rates = found.topology.bandwidth[found.topology.link_class == tier.link_class] / GIGA
    rate = float(median(rates)) * tier.efficiency.value
    off = 2 * rate * tier.efficiency.error
    return {
        "name": found.topology.classes[tier.link_class].name,
        "bandwidth_GBps": rate,
        "latency_us": tier.alpha and tier.alpha * 1e6,
        "low": _finite(rate - off),
        "high": _finite(rate + off),
        "ranks": list(tier.ranks),
        **{name: each.value for name, each in figures.items()},
        **{f"{name}_error": _finite(each.error) for name, each in figures.items()},
        "alpha_seconds": tier.alpha,
        "collectives": {name: _model_fields(model) for name, model in tier.models.items()},
    }


def _model_fields(model: Model) -> dict[str, object]:
    regimes = {NAMES[number]: _regime_fields(each) for number, each in model.regimes.items()}
    if model.adding:
        regimes[IN_SWITCHES] = _regime_fields(model.adding)
    changes = model.changes
    return {
        "middle_from": changes.second,
        "bulk_from": _finite(changes.third),
        "bulk_from_is_for_each_rank": changes.by_rank,
        "added_in_switches": sorted(model.added),
        "passed_switches_by": sorted(model.passed),
        "regimes": regimes,
    }


def _regime_fields(regime: Regime) -> dict[str, object]:
    return dict(zip(FIGURES, regime.figures, strict=True)) | {
        f"{name}_error": _finite(error) for name, error in zip(FIGURES, regime.errors, strict=True)
    }


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None


def fit_lines(found: Fit, output: str) -> Iterator[str]:
    """Write classes, and then the regimes of each collective."""
    left = f", {found.wrong} with wrong results left out" if found.wrong else ""
    yield f"{found.topology.name}: fitted to {count_of(len(found.rows), 'row')}{left}"
    for tier in found.tiers:
        name = found.topology.classes[tier.link_class].name
        counts = ", ".join(map(str, tier.ranks))
        yield (
            f"  {name}, {counts} ranks: efficiency {_with_error(tier.efficiency, 1, '')}, start "
            f"{_with_error(tier.start, 1e6, ' us')}, hop {_with_error(tier.hop, 1e6, ' us')}"
        )
        if tier.efficiency.value > 1:
            yield "  more than the stated rate was reached, so that the topology is wrong"
        yield f"  {'collective':<16}{'regime':<13}{'start':>17}{'hop':>17}{'rate':>19}{'power':>7}"
        for model in tier.models.values():
            yield from _model_lines(model)
    large = found.median_error(LARGE)
    said = "" if large is None else f", from {bytes_of(LARGE)} on {percent(large)}"
    yield f"  off by {percent(found.median_error())} in the median{said}"
    yield f"  written to {output}"


def _model_lines(model: Model) -> Iterator[str]:
    regimes = [(NAMES[number], each) for number, each in sorted(model.regimes.items())]
    regimes += [(IN_SWITCHES, model.adding)] if model.adding else []
    for name, regime in regimes:
        start, hop, middle = (
            Figure(value, error)
            for value, error in zip(regime.figures[:3], regime.errors[:3], strict=True)
        )
        rate = Figure(1 / middle.value, middle.error)
        yield (
            f"  {model.collective:<16}{name:<13}{_with_error(start, 1e6, ' us'):>17}"
            f"{_with_error(hop, 1e6, ' us'):>17}{_with_error(rate, 1e-9, ' GB/s'):>19}"
            f"{regime.figures[4]:>7.2f}"
        )


def _with_error(figure: Figure, scale: float, unit: str) -> str:
    """Write a figure and its error; one that the rows do not tell is not written."""
    if not isfinite(figure.error) or figure.error > 1:
        return "not told"
    error = f" ±{figure.error:.1%}" if figure.error else ""
    return f"{figure.value * scale:.3g}{unit}{error}"
