"""Lines as wide as the terminal that a person looks at: wide tables in parts, one below the other.

Programs, files and pipes get the lines as they are.
"""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import wrap

LEAST = 40  # characters; in narrower ones nothing is to be had


def terminal_width() -> int | None:
    """Look up how wide the terminal on standard output is; None where there is none."""
    try:
        found = os.get_terminal_size(1).columns if os.isatty(1) else 0
    except OSError:
        found = 0
    return found if found >= LEAST else None


def fit(lines: Sequence[str], width: int) -> list[str]:
    """Lay lines out in so many columns.

    A table, lines one after the other with columns of blanks in common, is cut at such columns,
    and its first column is repeated in each part. What is still too wide is broken at blanks.

    Args:
        lines: without ends of lines.
        width: at least `LEAST`.
    """
    split = (line for text in lines for line in text.split("\n"))
    found: list[str] = []
    for empty, group in groupby(split, key=lambda line: not line.strip()):
        block = list(group)
        wide = not empty and max(map(len, block)) > width
        found += _parts(block, width) if wide else block
    return found


def _parts(block: list[str], width: int) -> Iterator[str]:
    """Cut a table that is too wide; its title, a line that spans columns, stays above."""
    while len(block) > 2 and len(_gaps(block[1:])) > len(_gaps(block)):
        yield from _broken(block.pop(0), width)
    edges = [0, *_gaps(block), max(map(len, block))]
    first = edges[1]
    start = 0
    while start < len(edges) - 1:
        indent = first if start else 0
        end = start + 1
        while end + 1 < len(edges) and edges[end + 1] - edges[start] + indent <= width:
            end += 1
        for line in block:
            name = line[:first] if start else ""
            yield from _broken((name + line[edges[start] : edges[end]]).rstrip(), width)
        start = end


def _gaps(block: Sequence[str]) -> list[int]:
    """List the columns at which all lines can be cut: where two blanks stand before something."""
    if len(block) < 2:
        return []
    longest = max(map(len, block))
    marks = "".join(
        " " if all(line[i : i + 1] in ("", " ") for line in block) else "x" for i in range(longest)
    )
    return [found.end() for found in re.finditer(r"(?<=x) {2,}", marks)]


def _broken(line: str, width: int) -> list[str]:
    """Break a line at blanks; what follows is indented."""
    if len(line) <= width:
        return [line]
    margin = " " * (len(line) - len(line.lstrip()))
    return wrap(
        line,
        width,
        subsequent_indent=margin + "    ",
        drop_whitespace=True,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
