"""A machine as SVG: links by colour, ranks and switches with their names to be pointed at."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

import numpy as np

from commplan.drawing.layout import Layout
from commplan.drawing.style import for_both_papers
from topologies.model.messages import printable
from topologies.model.topology import BoolArray, FloatArray, Topology
from topologies.model.units import rate

SINGLE = 1500  # lines up to which each can be pointed at; more are joined into paths
BUNDLED = 4000  # pairs from which those between two boxes are drawn as one
CROSSING = "crossing"
SAID = 6  # links of a line that are named
Point = tuple[float, float]
LEVELS = 10  # colours of utilisation
NAMED = 64  # vertices up to which names are written beside them
LETTER = 5.6  # pixels

STYLE = for_both_papers(
    """
.machine { font: 10px system-ui, sans-serif; }
.machine .paper { fill: $paper; }
.machine .box { fill: $box; stroke: $line; stroke-width: .5; }
.machine text { fill: $ink; }
.machine .link { stroke: $line; fill: none; }
.machine .crossing { stroke: $cut; stroke-width: 2; }
.machine .rank { fill: $rank; }
.machine .switch { fill: $switch; }
.machine .inside { stroke: $cut; stroke-width: 2; }
.machine .link:hover, .machine .rank:hover, .machine .switch:hover { stroke: $ink; }
""",
    {
        **{"ink": "#1f2933", "line": "#9aa5b1", "box": "#f5f7fa", "paper": "#ffffff"},
        **{"rank": "#2563a8", "switch": "#b7791f", "cut": "#c53030"},
    },
    {
        **{"ink": "#e4e7eb", "line": "#616e7c", "box": "#262e38", "paper": "#1a2027"},
        **{"rank": "#62a4e8", "switch": "#e0a94a", "cut": "#ff6b6b"},
    },
)
# From cold to hot; the same on light and dark paper.
HEAT = (
    *("#8fa3b8", "#7d9cc0", "#6b94c8", "#5a9fb5", "#58a88a"),
    *("#8aa84f", "#c2a02c", "#dd8a1f", "#e0631d", "#d0342c"),
)


@dataclass(frozen=True, eq=False)
class Shown:
    """What a picture shows besides the machine.

    Attributes:
        used: of each link the part of its bandwidth that is used, 0 to 1; None where that is not
            shown.
        inside: vertices on one side of a cut.
        marked: links to be drawn in the colour of a cut.
    """

    used: FloatArray | None = None
    inside: frozenset[int] = field(default_factory=frozenset)
    marked: BoolArray | None = None


def draw_svg(topology: Topology, layout: Layout, shown: Shown = Shown()) -> str:
    """Draw a machine.

    Names are escaped; the text holds no script and refers to nothing outside. Complexity:
    vertices + links.

    Args:
        topology: any machine.
        layout: where its vertices stand.
        shown: what the picture shows besides.

    Returns:
        an SVG element with its own style, for light and dark paper.
    """
    width, height = (f"{size:.0f}" for size in (layout.width, layout.height))
    title = escape(printable(topology.name))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="machine" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{title}">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        *_frames(layout),
        *_links(topology, layout, shown),
        *_vertices(topology, layout, shown.inside),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frames(layout: Layout) -> Iterator[str]:
    for f in layout.frames:
        if f.width:
            yield (
                f'<rect class="box" x="{f.x:.0f}" y="{f.y:.0f}" width="{f.width:.0f}" '
                f'height="{f.height:.0f}" rx="4"/>'
            )
        name = escape(printable(f.name))
        yield f'<text x="{f.x:.0f}" y="{f.y - 3:.0f}">{name}</text>'


def _links(topology: Topology, layout: Layout, shown: Shown) -> Iterator[str]:
    """Draw one line for each pair that has links, of large machines for pairs of boxes."""
    pairs: dict[tuple[int, int], list[int]] = defaultdict(list)
    for link, ends in enumerate(zip(topology.src.tolist(), topology.dst.tolist(), strict=True)):
        pairs[min(ends), max(ends)].append(link)
    ways: dict[str, list[int]] = defaultdict(list)
    for pair, links in pairs.items():
        ways[_way(*_ends(layout, *pair, bundled=len(pairs) > BUNDLED), layout.pitch)] += links
    styled = sorted(
        ((_style(links, shown), way, links) for way, links in ways.items()),
        key=lambda each: (CROSSING in each[0], each[0]),  # what is marked lies above
    )
    if len(ways) <= SINGLE:
        yield from (_line(topology, links, style, way, shown) for style, way, links in styled)
        return
    for style, lines in groupby(styled, key=lambda each: each[0]):
        thin = "" if CROSSING in style else ' stroke-width=".4" stroke-opacity=".6"'
        yield f'<path {style}{thin} d="{"".join(way for _, way, _ in lines)}"/>'


def _ends(layout: Layout, a: int, b: int, *, bundled: bool) -> tuple[Point, Point]:
    """Give the ends of a line; bundled, those of all lines between two boxes are the same."""
    x, y = layout.anchor[a].tolist(), layout.anchor[b].tolist()
    if not bundled or x == y:
        x, y = layout.at[a].tolist(), layout.at[b].tolist()
    return (x[0], x[1]), (y[0], y[1])


def _style(links: Sequence[int], shown: Shown) -> str:
    """Give the attributes of a line: marked, or by the busier of its links."""
    if shown.marked is not None and shown.marked[links].any():
        return f'class="link {CROSSING}"'
    if shown.used is None:
        return 'class="link"'
    return f'class="link" style="stroke:{heat(float(shown.used[links].max()))}"'


def heat(part: float) -> str:
    """Give the colour of a link of which a part is used, 0 to 1."""
    return HEAT[min(int(part * LEVELS), LEVELS - 1)]


def _way(start: Point, end: Point, pitch: float) -> str:
    """Give the path between two points: straight, or around what stands between in a row."""
    (x, y), (u, v) = start, end
    along = max(abs(u - x), abs(v - y))
    if min(abs(u - x), abs(v - y)) < 1 and along > 1.9 * pitch:
        bulge = min(0.16 * along, 1.2 * pitch)
        over = ((x + u) / 2 + (bulge if abs(u - x) < 1 else 0), (y + v) / 2 - bulge)
        return f"M{x:.0f} {y:.0f}Q{over[0]:.0f} {over[1]:.0f} {u:.0f} {v:.0f}"
    return f"M{x:.0f} {y:.0f}L{u:.0f} {v:.0f}"


def _line(topology: Topology, links: Sequence[int], style: str, way: str, shown: Shown) -> str:
    """Draw a line that says what it is when one points at it."""
    said = []
    for link in links[:SAID]:
        used = "" if shown.used is None else f", {shown.used[link]:.1%} used"
        bandwidth = rate(topology.unit * int(topology.capacity[link]))
        said.append(f"{topology.link_name(link)}: {bandwidth}{used}")
    if len(links) > SAID:
        said.append(f"{len(links) - SAID} more")
    title = escape(printable("; ".join(said)))
    return f'<path {style} d="{way}"><title>{title}</title></path>'


def _vertices(topology: Topology, layout: Layout, inside: frozenset[int]) -> Iterator[str]:
    """Draw ranks as discs and switches as squares, with names where there is room."""
    radius = layout.pitch / 3.2
    degree = np.bincount(topology.src, minlength=topology.vertices)
    labels = [n.rpartition(".")[2] if layout.frames else n for n in topology.names]
    roomy = len(labels) <= NAMED and max(map(len, labels)) * LETTER <= layout.pitch * 1.8
    for v, (x, y) in enumerate(layout.at.tolist()):
        side = " inside" if v in inside else ""
        words = f"{topology.names[v]}: {topology.kinds[v]}, {degree[v]} links out"
        title = f"<title>{escape(printable(words))}</title>"
        if v >= topology.ranks:
            yield (
                f'<rect class="switch{side}" x="{x - radius:.1f}" y="{y - radius:.1f}" '
                f'width="{2 * radius:.1f}" height="{2 * radius:.1f}" rx="1">{title}</rect>'
            )
        else:
            disc = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"'
            yield f'<circle class="rank{side}" {disc}>{title}</circle>'
        if roomy:
            name = escape(printable(labels[v]))
            place = f'x="{x:.0f}" y="{y + radius + 11:.0f}"'
            yield f'<text {place} text-anchor="middle">{name}</text>'
