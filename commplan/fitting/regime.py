"""One way in which a library moves data: start, time of a hop, times of bytes, and their overlap.

    seconds = (latency ** power + work ** power) ** (1 / power)
    latency = start + hops * hop,    work = bytes in the middle * middle + bytes at the ends * ends

power 1: one after the other. Below 1, pipelined in chunks: 1/2 is what the best number of chunks
gives, (sqrt(latency) + sqrt(work)) ** 2. Above 1, latency hides behind work, or work behind it.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
from scipy.optimize import least_squares, nnls

from topologies.model.topology import FloatArray

# Seconds, and seconds for a byte: as good as none, where a search begins at least, and the most.
LEAST, FIRST, MOST = (
    np.array(each)
    for each in (
        (1e-9, 1e-10, 1e-16, 1e-16),
        (1e-7, 1e-8, 1e-14, 1e-14),
        (1e3, 1e3, 1e-2, 1e-2),
    )
)
POWERS = (0.4, 6.0)
SCALE = 0.03  # of a time, beyond which a row counts as an outlier: soft L1
CAP = 0.3  # of a time, beyond which a row tells nothing more against a choice of regimes


@dataclass(frozen=True)
class Regime:
    """Figures of a regime, in seconds and seconds for a byte, each with its relative error.

    Attributes:
        figures: start, hop, middle, ends, power.
        errors: standard errors of these, as parts of them; infinite where nothing tells.
    """

    figures: tuple[float, ...]
    errors: tuple[float, ...]

    def seconds(self, terms: FloatArray) -> FloatArray:
        """Predict rows from their terms."""
        return _seconds(terms, np.array(self.figures))


def linear(terms: FloatArray, seconds: FloatArray) -> tuple[FloatArray, float]:
    """Fit start, hop, middle and ends at power 1, none below 0, by relative least squares.

    Returns:
        the four, and the sum of the relative errors, each capped.
    """
    scale = np.where(terms.max(axis=0) > 0, terms.max(axis=0) / seconds.max(), 1.0)
    found, _ = nnls(terms / scale / seconds[:, None], np.ones(len(seconds)))
    figures = found / scale
    off = np.abs(np.log(np.maximum(terms @ figures, 1e-12) / seconds))
    return figures, float(np.minimum(off, CAP).sum())


def fit_regime(
    terms: FloatArray,
    seconds: FloatArray,
    *,
    bulk: bool,
    middle: float | None = None,
) -> Regime:
    """Fit a regime, robustly, to relative errors.

    Rows of one number of ranks tell no hop from a start and no end from the middle: the hops are
    then counted with the start, and ends are as the middle.

    Args:
        terms: (rows, 4), as `terms` gives them.
        seconds: measured.
        bulk: whether the power is fitted; else it is 1.
        middle: seconds for a byte in the middle, where other collectives told it.
    """
    alone = len(np.unique(terms[:, 1])) == 1 and middle is None and terms[:, 1].any()
    if not alone:
        return _search(terms, seconds, bulk, middle)
    merged = terms.copy()
    merged[:, 2] += merged[:, 3]
    merged[:, [1, 3]] = 0.0
    found = _search(merged, seconds, bulk, None)
    start, _, own, _, power = found.figures
    errors = (found.errors[0], inf, found.errors[2], found.errors[2], found.errors[4])
    return Regime((start, 0.0, own, own, power), errors)


def _search(terms: FloatArray, seconds: FloatArray, bulk: bool, middle: float | None) -> Regime:
    """Search from a start by nnls.

    Source: scipy.optimize.least_squares (trust region, soft L1), over the figures' logarithms.
    """
    first = np.append(np.maximum(linear(terms, seconds)[0], FIRST), 1.0)
    if middle is not None:
        first[2:4] = middle
    free = np.array([True, True, middle is None, True, bulk]) & np.append(terms.any(axis=0), True)
    start = np.log(first)

    def figures(point: FloatArray) -> FloatArray:
        whole = start.copy()
        whole[free] = point
        return np.asarray(np.exp(whole))

    low, high = (
        np.log([*ends, power])[free] for ends, power in zip((LEAST, MOST), POWERS, strict=True)
    )
    inside = np.clip(start[free], low + 1e-6, high - 1e-6)
    found = least_squares(
        lambda point: np.log(_seconds(terms, figures(point)) / seconds),
        inside,
        bounds=(low, high),
        loss="soft_l1",
        f_scale=SCALE,
    )
    best = figures(found.x) * np.append(terms.any(axis=0), True)
    errors = np.zeros(5)
    errors[free] = _errors(found.jac, found.fun)
    return Regime(tuple(best.tolist()), tuple(errors.tolist()))


def _seconds(terms: FloatArray, figures: FloatArray) -> FloatArray:
    start, hop, middle, ends, power = figures
    latency = terms[:, 0] * start + terms[:, 1] * hop
    work = terms[:, 2] * middle + terms[:, 3] * ends
    return np.asarray((latency**power + work**power) ** (1 / power))


def _errors(jacobian: FloatArray, off: FloatArray) -> FloatArray:
    """Estimate standard errors of logarithms: what the rows do not tell has no end."""
    rows, count = jacobian.shape
    spread = float(np.median(np.abs(off))) * 1.4826 * np.sqrt(rows / max(rows - count, 1))
    values, vectors = np.linalg.eigh(jacobian.T @ jacobian)
    known = values > 1e-9 * max(values.max(initial=0.0), 1e-30)
    variance = (vectors[:, known] ** 2 / values[known]).sum(axis=1)
    unknown = (vectors[:, ~known] ** 2).sum(axis=1) > 1e-3
    return np.where(unknown, np.inf, spread * np.sqrt(variance))
