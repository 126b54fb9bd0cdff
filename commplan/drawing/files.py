"""Pictures of machines as files: SVG by ourselves, PNG by matplotlib, DOT for Graphviz."""

from io import BytesIO

from commplan.drawing.layout import arrange
from commplan.drawing.svg import draw_svg
from topologies.formats import atomic
from topologies.formats.pictures import dot
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.messages import printable
from topologies.model.topology import Topology

ENDINGS = (".svg", ".png", ".dot")


class DrawingError(CommplanError, RuntimeError):
    """There is nothing to draw with, or nowhere to draw to."""

    exit_code = WRONG_INPUT


def save_drawing(topology: Topology, path: str) -> None:
    """Draw a machine into a file, in the format of its ending.

    Args:
        topology: any machine.
        path: ends in .svg, .png or .dot.

    Raises:
        DrawingError: matplotlib is missing, or the file cannot be written.
        ValueError: another ending.
    """
    atomic.expect_ending(path, ENDINGS)
    write = {".svg": _svg, ".png": _png, ".dot": _dot}["." + path.rpartition(".")[2].lower()]
    try:
        atomic.write(path, write(topology))
    except OSError as error:
        raise DrawingError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def _svg(topology: Topology) -> bytes:
    return draw_svg(topology, arrange(topology)).encode()


def _dot(topology: Topology) -> bytes:
    return dot.write(topology).encode()


def _png(topology: Topology) -> bytes:
    """Draw lines and points where the layout has them."""
    try:
        from matplotlib.collections import LineCollection
        from matplotlib.figure import Figure
    except ImportError:
        raise DrawingError("matplotlib is missing: pip install 'commplan[plot]'") from None
    layout = arrange(topology)
    figure = Figure(figsize=(layout.width / 72, layout.height / 72))
    axes = figure.add_axes((0, 0, 1, 1))
    once = topology.src < topology.dst
    ends = layout.at[[topology.src[once], topology.dst[once]]].transpose(1, 0, 2)
    thin = 0.6 if len(ends) < 2000 else 0.1
    axes.add_collection(LineCollection(list(ends), colors="#9aa5b1", linewidths=thin))
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
