"""A list of collectives as CSV: group, collective, bytes, times a step; sizes of groups before.

# tp=8 dp=4
group,collective,bytes,times
tp,all_reduce,360MiB,4992
"""

import re
from typing import Any

from solvers.jobs.errors import JobError

MOST_ROWS = 10_000
FIELDS = ("group", "collective", "bytes", "times")
KINDS = ("tp", "cp", "ep", "etp", "pp", "dp")
_SIZES = re.compile(rf"\b({'|'.join(KINDS)})=(\S*?)(?=[,;]?(?:\s|$))")


def looks_like(text: str) -> bool:
    """Tell whether a text has the line of fields."""
    fields = r"^group *, *collective *, *bytes *, *times\s*$"
    return re.search(fields, text, re.MULTILINE) is not None


def read(text: str, name: str) -> dict[str, Any]:
    """Read a job of the rows of a list.

    Args:
        text: of the file.
        name: of the job.

    Raises:
        JobError: with the line where something is wrong.
    """
    layout: dict[str, int] = {}
    flows: list[dict[str, Any]] = []
    lines = text.splitlines()
    if len(lines) > MOST_ROWS:
        raise JobError(f"{len(lines):,} lines, expected at most {MOST_ROWS:,}")
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            for key, word in _SIZES.findall(line):
                size = _count(key, word, number)
                if layout.setdefault(key, size) != size:
                    raise JobError(
                        f"line {number}: found {key}={size}, expected {layout[key]} as before"
                    )
        elif line.strip() and "".join(line.split()) != ",".join(FIELDS):
            flows.append(_row(line, number))
    if not layout:
        raise JobError("found no sizes of groups, expected a line such as # tp=8 dp=4")
    return {"format": "commplan/job/1", "name": name, "layout": layout, "flows": flows}


def _count(kind: str, word: str, number: int) -> int:
    if not re.fullmatch("[0-9]{1,9}", word):
        raise JobError(f"line {number}: found {kind}={word[:40]}, expected a whole number")
    return int(word)


def _row(line: str, number: int) -> dict[str, Any]:
    words = [word.strip() for word in line.split(",")]
    if len(words) != len(FIELDS):
        raise JobError(f"line {number}: found {len(words)} fields, expected {', '.join(FIELDS)}")
    group, collective, size, times = words
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", times):
        raise JobError(f"line {number}: found {times[:40]!r} times, expected a number")
    amount = int(size) if re.fullmatch("[0-9]{1,15}", size) else size
    return {"group": group, "collective": collective, "bytes": amount, "times": float(times)}
