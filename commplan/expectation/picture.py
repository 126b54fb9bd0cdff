"""A picture of what is expected: times over sizes, a field for each collective."""

from collections.abc import Sequence
from itertools import groupby
from math import ceil

from commplan.expectation.expect import Expectation, Expected
from topologies.formats import atomic
from topologies.model.errors import WRONG_INPUT, CommplanError

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


def _draw_one(axes: "object", rows: Sequence[Expected]) -> None:
    """Draw the curves of one collective."""
    plot, arrange = (getattr(axes, name) for name in ("plot", "set"))
    curves = {
        "bound": [(row.size, row.bound) for row in rows],
        "best": [(row.size, row.best.seconds) for row in rows],
        "ring": [(row.size, row.ring.seconds) for row in rows if row.ring],
        "tree": [(row.size, row.tree.seconds) for row in rows if row.tree],
        "library": [(row.size, row.library.seconds) for row in rows if row.library],
    }
    for name, points in curves.items():
        if points:
            sizes, seconds = zip(*points, strict=True)
            plot(sizes, [1e6 * each for each in seconds], STYLES[name], label=name, markersize=3)
    arrange(xscale="log", yscale="log", xlabel="size, bytes", ylabel="time, microseconds")
    arrange(title=f"{rows[0].collective}, {rows[0].ranks} ranks")
    for name, options in (("grid", {"alpha": 0.3}), ("legend", {})):
        getattr(axes, name)(**options)
