"""A picture of what is expected: times over sizes, a field for each collective."""

from collections.abc import Sequence
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING

from commplan.expectation.expect import Expectation, Expected
from topologies.formats import atomic
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.units import bytes_of, duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ENDINGS = (".png", ".svg", ".pdf")
STYLES = {"bound": "k--", "best": "C0-o", "ring": "C1-", "tree": "C2-", "library": "C3:"}
ACROSS = 2  # fields beside each other


class DrawingError(CommplanError, RuntimeError):
    """There is nothing to draw with."""

    exit_code = WRONG_INPUT


def draw(found: Expectation, file: str) -> None:
    """Draw times over sizes, both logarithmic (PNG, SVG or PDF by the name of the file).

    Raises:
        DrawingError: matplotlib is missing, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise DrawingError("matplotlib is missing: pip install 'commplan[plot]'") from None
    from io import BytesIO

    fields = [list(rows) for _, rows in groupby(found.rows, key=lambda row: row.collective)]
    across = min(ACROSS, len(fields))
    down = ceil(len(fields) / across)
    figure = Figure(figsize=(7 * across, 4.5 * down), layout="constrained")
    figure.suptitle(found.machine)
    for axes, rows in zip(figure.subplots(down, across, squeeze=False).flat, fields, strict=False):
        _draw_one(axes, rows)
    data = BytesIO()
    figure.savefig(data, format=file.rpartition(".")[2].lower(), dpi=120)
    try:
        atomic.write(file, data.getvalue())
    except OSError as error:
        raise DrawingError(f"{file}: {(error.strerror or str(error)).lower()}") from None


def _draw_one(axes: "Axes", rows: Sequence[Expected]) -> None:
    """Draw the curves of one collective, with ticks written as sizes and durations."""
    curves = {
        "bound": [(row.size, row.bound) for row in rows],
        "best": [(row.size, row.best.seconds) for row in rows],
        "ring": [(row.size, row.ring.seconds) for row in rows if row.ring],
        "tree": [(row.size, row.tree.seconds) for row in rows if row.tree],
        "library": [(row.size, row.library.seconds) for row in rows if row.library],
    }
    for name, points in curves.items():
        if points:
            label = (
                next((row.tree.name for row in rows if row.tree), name) if name == "tree" else name
            )
            axes.plot(*zip(*points, strict=True), STYLES[name], label=label, markersize=3)
    axes.set(title=f"{rows[0].collective}, {rows[0].ranks} ranks", xlabel="size", ylabel="time")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(lambda size, _: bytes_of(round(float(size))))
    axes.yaxis.set_major_formatter(lambda seconds, _: duration(float(seconds)))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
