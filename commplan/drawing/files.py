"""Pictures of machines as files: SVG by ourselves, PNG by matplotlib, DOT for Graphviz."""

from collections.abc import Mapping
from io import BytesIO

import numpy as np

from commplan.drawing.chart import Points, draw_picture
from commplan.drawing.layout import arrange
from commplan.drawing.svg import Shown, draw_svg, heat
from topologies.formats import atomic
from topologies.formats.pictures import dot
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.messages import printable
from topologies.model.topology import FloatArray, Topology
from topologies.model.units import bytes_of, duration

ENDINGS = (".svg", ".png", ".dot")
CHARTS = (".svg", ".png", ".pdf")


class DrawingError(CommplanError, RuntimeError):
    """There is nothing to draw with, or nowhere to draw to."""

    exit_code = WRONG_INPUT


def save_drawing(topology: Topology, path: str, used: FloatArray | None = None) -> None:
    """Draw a machine into a file, in the format of its ending.

    Args:
        topology: any machine.
        path: ends in .svg, .png or .dot.
        used: of each link the part that is used, 0 to 1, by which it is coloured.

    Raises:
        DrawingError: matplotlib is missing, or the file cannot be written.
        ValueError: another ending.
    """
    atomic.expect_ending(path, ENDINGS)
    ending = path.rpartition(".")[2].lower()
    if used is not None and ending == "dot":
        raise DrawingError(f"{path}: `commplan emit --target dot` draws a schedule so")
    write = {"svg": _svg, "png": _png, "dot": _dot}[ending]
    try:
        atomic.write(path, write(topology, Shown(used)))
    except OSError as error:
        raise DrawingError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def _svg(topology: Topology, shown: Shown) -> bytes:
    return draw_svg(topology, arrange(topology), shown).encode()


def _dot(topology: Topology, shown: Shown) -> bytes:
    return dot.write(topology).encode()


def _png(topology: Topology, shown: Shown) -> bytes:
    """Draw lines and points where the layout has them."""
    try:
        from matplotlib.collections import LineCollection
        from matplotlib.figure import Figure
    except ImportError:
        raise DrawingError("matplotlib is missing: pip install 'commplan[plot]'") from None
    layout = arrange(topology)
    figure = Figure(figsize=(layout.width / 72, layout.height / 72))
    axes = figure.add_axes((0, 0, 1, 1))
    once = np.flatnonzero(topology.src < topology.dst)
    colours: str | list[str] = "#9aa5b1"
    if shown.used is not None:  # the later of two lines lies above: busy ones last
        once = np.argsort(shown.used, kind="stable")
        colours = [heat(part) for part in shown.used[once].tolist()]
    ends = layout.at[[topology.src[once], topology.dst[once]]].transpose(1, 0, 2)
    thin = 0.6 if len(ends) < 2000 else 0.1
    axes.add_collection(LineCollection(list(ends), colors=colours, linewidths=thin))
    for first, last, mark, colour in (
        (0, topology.ranks, "o", "#2563a8"),
        (topology.ranks, topology.vertices, "s", "#b7791f"),
    ):
        x, y = layout.at[first:last].T
        area = (layout.pitch / 2) ** 2
        axes.scatter(x, y, s=area, marker=mark, color=colour, zorder=2)
    for frame in layout.frames:
        axes.text(frame.x, frame.y - 3, printable(frame.name), fontsize=8, parse_math=False)
    axes.set(xlim=(0, layout.width), ylim=(layout.height, 0))
    axes.axis("off")
    data = BytesIO()
    figure.savefig(data, format="png", dpi=144)
    return data.getvalue()


def save_chart(
    title: str, curves: Mapping[str, Points], marks: Mapping[str, Points], path: str
) -> None:
    """Draw times over sizes into a file, in the format of its ending.

    Args:
        title: stands above.
        curves: (bytes, seconds) by name; a name that begins with `bound` is dashed.
        marks: points that no line joins.
        path: ends in .svg, .png or .pdf.

    Raises:
        DrawingError: matplotlib is missing, or the file cannot be written.
        ValueError: another ending.
    """
    atomic.expect_ending(path, CHARTS)
    ending = path.rpartition(".")[2].lower()
    svg = ending == "svg"
    try:
        data = draw_picture(title, curves, marks) if svg else _plot(title, curves, marks, ending)
        atomic.write(path, data)
    except OSError as error:
        raise DrawingError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def _plot(
    title: str, curves: Mapping[str, Points], marks: Mapping[str, Points], ending: str
) -> bytes:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise DrawingError("matplotlib is missing: pip install 'commplan[plot]'") from None
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        style = "--" if name.startswith("bound") else "-"
        axes.plot(*zip(*curve, strict=True), style, label=name, linewidth=1.4)
    for name, points in marks.items():
        axes.plot(*zip(*points, strict=True), "x", label=name)
    axes.set(title=title, xlabel="size", ylabel="time", yscale="log")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda size, _: bytes_of(round(float(size))))
    axes.yaxis.set_major_formatter(lambda seconds, _: duration(float(seconds)))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    data = BytesIO()
    figure.savefig(data, format=ending, dpi=120)
    return data.getvalue()
