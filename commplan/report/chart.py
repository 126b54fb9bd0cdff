"""Times over sizes as SVG, both logarithmic."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import ceil, floor, log2, log10

from topologies.model.units import Bytes, Seconds, bytes_of, duration

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 110, 14, 34
STEP = 3  # powers of two from one tick to the next
Points = Sequence[tuple[Bytes, Seconds]]


def draw_times(curves: Mapping[str, Points]) -> str:
    """Draw curves of (bytes, seconds), each with its name at its end.

    Args:
        curves: at least one of them with points; all above 0.
    """
    points = [point for curve in curves.values() for point in curve]
    sizes, times = zip(*points, strict=True)
    low, high = floor(log2(min(sizes))), ceil(log2(max(sizes)))
    least, most = floor(log10(min(times))), ceil(log10(max(times)))
    high, most = max(high, low + 1), max(most, least + 1)

    def x(size: float) -> float:
        return LEFT + (log2(size) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(seconds: float) -> float:
        return HEIGHT - BOTTOM - (log10(seconds) - least) / (most - least) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        'aria-label="times over sizes">'
    ]
    for power in range(low, high + 1, STEP):
        parts += _tick(x(2.0**power), HEIGHT - BOTTOM, TOP, bytes_of(2**power), "middle")
    for power in range(least, most + 1):
        parts += _line(y(10.0**power), duration(10.0**power))
    ends = _apart({name: y(curve[-1][1]) for name, curve in curves.items() if curve})
    for name, end in ends.items():
        path = " ".join(f"{x(size):.1f},{y(seconds):.1f}" for size, seconds in curves[name])
        kind = escape(name.split(" ")[0])
        parts.append(f'<polyline class="curve {kind}" points="{path}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 6}" y="{end + 4:.1f}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"])


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
