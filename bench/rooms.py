"""Draw the rooms of the house and who imports whom, from the imports themselves.

`python -m bench.rooms` writes docs/rooms.svg, and the table of rooms in docs/architecture.md; with
`--check` it only says whether both are as the code is today.
"""

import argparse
import ast
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path

import networkx as nx

from bench import verdict

ROOT = Path(__file__).parents[1]
FLOORS = ("commplan", "runtime", "solvers", "topologies")
PICTURE, PAGE = ROOT / "docs" / "rooms.svg", ROOT / "docs" / "architecture.md"
TABLE = re.compile(r"(?<=<!-- rooms -->\n).*?(?=<!-- end of rooms -->)", re.DOTALL)
WIDE, HIGH, GAP, ROW, TITLE = 116, 30, 34, 46, 30  # pixels: boxes, between columns, rows, a title
SELF = "__init__"


def main() -> None:
    """Write both, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if one differs")
    check = parser.parse_args().check
    page = PAGE.read_text(encoding="utf-8")
    wanted = {PICTURE: picture(), PAGE: TABLE.sub(lambda _: table(), page)}
    if not check:
        for path, text in wanted.items():
            path.write_text(text, encoding="utf-8")
    verdict.ended(
        [
            f"{path.relative_to(ROOT)} is not as the imports are; python -m bench.rooms writes it"
            for path, text in wanted.items()
            if not path.exists() or path.read_text(encoding="utf-8") != text
        ]
    )


@cache
def graph(floor: str) -> "nx.DiGraph[str]":
    """Read which room of a floor imports which; a module beside the rooms is a room of its own.

    The packages' own beginnings (`__init__`, `__main__`, what has an underscore) are left out.
    """
    found: nx.DiGraph[str] = nx.DiGraph()
    for path in sorted((ROOT / floor).rglob("*.py")):
        own = _room(path.relative_to(ROOT / floor).parts)
        found.add_node(own)
        for name in _list_imports(path):
            first, *inside = name.split(".")
            other = inside[0] if inside and _is_room(floor, inside[0]) else SELF
            if first == floor and other != own:
                found.add_edge(own, other)
    found.remove_nodes_from([room for room in list(found) if room.startswith("_")])
    return nx.freeze(found)


def picture() -> str:
    """Draw floor over floor; a line leads from a room to one that it imports, on its left.

    Of lines that others imply none is drawn.
    """
    parts, top, most = [], 0, 0
    for floor in FLOORS:
        drawn, wide, high = _floor(floor, top)
        parts += drawn
        top, most = top + high + 12, max(most, wide)
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {most} {top}"'
    style = 'font-family="sans-serif" font-size="12"'
    return "\n".join([f'{frame} width="{most}" height="{top}" {style}>', *parts, "</svg>\n"])


def table() -> str:
    """List the rooms, floor by floor from below, with the sentence of each."""
    rows = ["| room | what it does |", "|---|---|"]
    for floor in FLOORS[::-1]:
        for room in nx.lexicographical_topological_sort(graph(floor).reverse(copy=False)):
            rows.append(f"| `{floor}/{room}` | {_sentence(ROOT / floor, room)} |")
    return "\n".join(rows) + "\n"


def _floor(floor: str, top: int) -> tuple[list[str], int, int]:
    """Draw one floor; give it, its width and its height."""
    rooms = nx.transitive_reduction(graph(floor))
    level: dict[str, int] = {}
    for room in nx.lexicographical_topological_sort(rooms.reverse(copy=False)):
        level[room] = max((level[other] + 1 for other in rooms.successors(room)), default=0)
    columns = [sorted(r for r in level if level[r] == k) for k in range(max(level.values()) + 1)]
    place = {
        room: (16 + k * (WIDE + GAP), top + TITLE + 10 + i * ROW)
        for k, column in enumerate(columns)
        for i, room in enumerate(column)
    }
    wide = 32 + len(columns) * (WIDE + GAP) - GAP
    high = TITLE + 10 + max(map(len, columns)) * ROW
    tops = [[place[room][1] for room in column] for column in columns]
    lines = [
        _line(place[a], place[b], tops[level[b] + 1 : level[a]], number % 5 * 2 - 4)
        for number, (a, b) in enumerate(sorted(rooms.edges))
    ]
    boxes = [_box(name, *place[name]) for name in sorted(place)]
    ground = f'<rect x="4" y="{top + 4}" width="{wide - 8}" height="{high}" rx="8" fill="#eef2f7"/>'
    title = f'<text x="16" y="{top + 24}" font-weight="bold" font-size="15">{floor}</text>'
    return [ground, title, *lines, *boxes], wide, high + 8


def _box(name: str, left: int, top: int) -> str:
    text = f'<text x="{left + WIDE // 2}" y="{top + 20}" text-anchor="middle">{escape(name)}</text>'
    ends = f'width="{WIDE}" height="{HIGH}" rx="5" fill="white" stroke="#54606e"'
    return f'<rect x="{left}" y="{top}" {ends}/>{text}'


def _line(
    start: tuple[int, int], end: tuple[int, int], between: list[list[int]], aside: int
) -> str:
    """Draw from the left of a room to the right of the one that it imports.

    Args:
        start: the left and the top of the room that imports.
        end: the same of the one that is imported.
        between: the tops of the boxes of each column between them, which are passed in the gaps.
        aside: pixels from the middle of a gap, so that lines keep apart.
    """
    (x, y), (u, v) = (start[0], start[1] + HIGH // 2), (end[0] + WIDE, end[1] + HIGH // 2)
    path = [f"M{x},{y}"]
    for passed, tops in enumerate(between[::-1], 1):
        lane = _clear(y + (v - y) * passed // (len(between) + 1), tops, aside)
        path += [_bend(x, y, x - GAP, lane), f"H{x - GAP - WIDE}"]
        x, y = x - GAP - WIDE, lane
    return f'<path d="{" ".join([*path, _bend(x, y, u, v)])}" fill="none" stroke="#8a97a8"/>'


def _bend(x: int, y: int, u: int, v: int) -> str:
    """Lead on from a point to another on its left, level at both."""
    half = max((x - u) // 2, 12)
    return f"C{x - half},{y} {u + half},{v} {u},{v}"


def _clear(y: int, tops: list[int], aside: int) -> int:
    """Find a height near this one at which no box of a column is."""
    for top in tops:
        if top - (ROW - HIGH) // 2 < y < top + (ROW + HIGH) // 2:
            above = y < top + HIGH // 2
            return (top - (ROW - HIGH) // 2 if above else top + (ROW + HIGH) // 2) + aside
    return y


def _room(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def _is_room(floor: str, name: str) -> bool:
    home = ROOT / floor / name
    return home.is_dir() or home.with_suffix(".py").exists()


def _list_imports(path: Path) -> Iterator[str]:
    """List the modules that a file imports, wherever it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _sentence(floor: Path, room: str) -> str:
    """Read the first sentence of a room's docstring."""
    home = floor / room / "__init__.py" if (floor / room).is_dir() else floor / f"{room}.py"
    said = ast.get_docstring(ast.parse(home.read_text(encoding="utf-8"))) or ""
    first = said.split("\n\n")[0].replace("\n", " ")
    return first.replace("|", "\\|")


if __name__ == "__main__":
    main()
