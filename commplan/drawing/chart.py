"""Times over sizes as SVG, both logarithmic."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from math import ceil, floor, log2, log10
from types import MappingProxyType

from commplan.drawing.style import for_both_papers
from topologies.model.units import Bytes, Seconds, bytes_of, duration

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 110, 14, 34
TITLE = 28  # of a picture that stands alone: the height of its title
LETTER = 6.5  # the width of one in a name, at most in the mean
STEP = 3  # powers of two from one tick to the next
Points = Sequence[tuple[Bytes, Seconds]]
# What a picture that stands alone looks like; a page has a style of its own.
STYLE = for_both_papers(
    """
.chart { font: 11px system-ui, sans-serif; }
.chart .paper { fill: $paper; } .chart text { fill: $ink; }
.chart .grid { stroke: $line; stroke-width: .5; }
.chart .curve { fill: none; stroke: $ink; stroke-width: 1.8; }
.chart .bound { stroke-dasharray: 5 3; }
""",
    {"ink": "#1f2933", "line": "#cbd2d9", "paper": "#ffffff"},
    {"ink": "#e4e7eb", "line": "#3e4c59", "paper": "#1a2027"},
)
COLOURS = ("#2f7fd1", "#d97a1f", "#2f9e62", "#b04a9e", "#c53030", "#8a6d3b", "#4a9fb5", "#6b6b9e")


def draw_picture(title: str, curves: Mapping[str, Points], marks: Mapping[str, Points]) -> str:
    """Draw curves as a picture that stands alone, for light and dark paper.

    Args:
        title: stands above.
        curves: (bytes, seconds) by name; of a bound, a name that begins with it, dashed and in
            the colour of the curve after it.
        marks: points that no line joins, such as what was measured.
    """
    names = [name for name in [*curves, *marks] if not name.startswith("bound")]
    colour = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    for name, after in pairwise([*curves, ""]):
        if name.startswith("bound") and after in colour and len(names) > 1:
            colour[name] = colour[after]
    inner = draw_times(curves, marks, colour)
    longest = max(map(len, [*curves, *marks]))
    width, height = WIDTH - RIGHT + ceil(max(RIGHT, 12 + LETTER * longest)), HEIGHT + TITLE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="paper" width="{width}" height="{height}"/>\n'
        f'<text x="{LEFT}" y="20" style="font-size: 13px">{escape(title)}</text>\n'
        f'<g transform="translate(0 {TITLE})">\n{inner}\n</g>\n</svg>\n'
    )


def draw_times(
    curves: Mapping[str, Points],
    marks: Mapping[str, Points] = MappingProxyType({}),
    colour: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Draw curves of (bytes, seconds), each with its name at its end.

    Args:
        curves: at least one of them with points; all above 0.
        marks: points that no line joins.
        colour: of curves and marks, by name; else that of the page.
    """
    every = {**curves, **marks}
    points = [point for curve in every.values() for point in curve]
    sizes, times = zip(*points, strict=True)
    low, high = floor(log2(min(sizes))), ceil(log2(max(sizes)))
    least, most = floor(log10(min(times))), ceil(log10(max(times)))
    high, most = max(high, low + 1), max(most, least + 1)

    def x(size: float) -> float:
        return LEFT + (log2(size) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(seconds: float) -> float:
        return HEIGHT - BOTTOM - (log10(seconds) - least) / (most - least) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        'style="overflow: visible" role="img" '
        'aria-label="times over sizes">'
    ]
    for power in range(low, high + 1, STEP):
        parts += _tick(x(2.0**power), HEIGHT - BOTTOM, TOP, bytes_of(2**power), "middle")
    for power in range(least, most + 1):
        parts += _line(y(10.0**power), duration(10.0**power))
    ends = _apart({name: y(curve[-1][1]) for name, curve in every.items() if curve})
    for name, end in ends.items():
        path = " ".join(f"{x(size):.1f},{y(seconds):.1f}" for size, seconds in every[name])
        if name in marks:
            parts += _dots(path, colour.get(name, "currentColor"))
        else:
            parts.append(_curve(name, path, colour.get(name)))
        fill = f' style="fill: {colour[name]}"' if name in colour else ""
        place = f'x="{WIDTH - RIGHT + 6}" y="{end + 4:.1f}"'
        parts.append(f"<text {place}{fill}>{escape(name)}</text>")
    return "\n".join([*parts, "</svg>"])


def _curve(name: str, path: str, colour: str | None) -> str:
    """Draw a line: as the page has it by the first word of its name, or in a colour."""
    word = escape(name.split(" ")[0])
    style = f' style="stroke: {colour}"' if colour else ""
    return f'<polyline class="curve {word}"{style} points="{path}"/>'


def _dots(path: str, colour: str) -> Iterator[str]:
    for place in path.split():
        x, _, y = place.partition(",")
        yield f'<circle cx="{x}" cy="{y}" r="3" style="fill: {colour}"/>'


def _tick(x: float, low: float, high: float, name: str, anchor: str) -> Iterator[str]:
    yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{low}" y2="{high}"/>'
    yield f'<text x="{x:.1f}" y="{low + 16}" text-anchor="{anchor}">{escape(name)}</text>'


def _line(y: float, name: str) -> Iterator[str]:
    yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(name)}</text>'


def _apart(places: Mapping[str, float], gap: float = 13.0) -> dict[str, float]:
    """Move names down until none lies on another."""
    found: dict[str, float] = {}
    for name, y in sorted(places.items(), key=lambda item: item[1]):
        found[name] = max([y, *(each + gap for each in found.values())])
    return found
