"""One's own schedules as text: a line for each send, `src -> dst: piece step`.

    # a ring of three
    collective all_gather
    0 -> 1: 0 0
    1 -> 2: 0 1

A rank is a number or a name, a piece a block, or `block.part` for one of its equal parts; a `+`
behind the step says that the receiver adds, `=` that it takes what comes; without either what it
holds decides. `root` and a rank stand behind the name of a collective that has one.
"""

import re
from collections.abc import Mapping

from runtime.foreign.errors import ForeignError
from runtime.foreign.sends import Send
from topologies.model.messages import show_value

MOST_FAULTS = 5  # wrong lines that are told
HEAD = re.compile(r"collective\s+([a-z_]{1,40})(?:\s+root\s+(\S{1,200}))?", re.ASCII)
LINE = re.compile(
    r"(\S{1,200})\s*->\s*([^\s:]{1,200})\s*:\s*(\d{1,7})(?:\.(\d{1,7}))?\s+(\d{1,9})\s*([+=])?",
    re.ASCII,
)
ADDS = {None: None, "+": True, "=": False}


def looks_alike(text: str) -> bool:
    """Tell whether a text begins as one of these."""
    first = next((line for line in _lines(text) if line), "")
    return first.startswith("collective") or "->" in first


def _lines(text: str) -> list[str]:
    return [line.partition("#")[0].strip() for line in text.splitlines()]


def read(text: str, names: Mapping[str, int]) -> tuple[str | None, int | None, list[Send]]:
    """Read the name of the collective, its root, and the sends.

    Args:
        text: of the file.
        names: the ranks by name.

    Raises:
        ForeignError: lines that are none of these, the first of them, with their numbers.
    """
    heads: list[tuple[str, int | None]] = []
    sends: list[Send] = []
    faults: list[str] = []
    for number, line in enumerate(_lines(text), 1):
        try:
            if line.startswith("collective") and (head := HEAD.fullmatch(line)):
                if heads:
                    raise ForeignError("a second collective")
                heads.append((head[1], _rank(head[2], names) if head[2] else None))
            elif line:
                sends.append(_send(line, names))
        except ForeignError as fault:
            faults.append(f"line {number}: {fault}")
            if len(faults) > MOST_FAULTS:
                break
    if faults:
        more = ["and others"] if len(faults) > MOST_FAULTS else []
        raise ForeignError("; ".join([*faults[:MOST_FAULTS], *more]))
    name, root = heads[0] if heads else (None, None)
    return name, root, sends


def _send(line: str, names: Mapping[str, int]) -> Send:
    """Read a send.

    Raises:
        ForeignError: the line is none.
    """
    found = LINE.fullmatch(line)
    if found is None:
        expected = "'src -> dst: piece step' or 'collective NAME'"
        raise ForeignError(f"{show_value(line[:80])}, expected {expected}")
    src, dst, block, part, step, adds = found.groups()
    piece = int(block), int(part or 0)
    return Send(_rank(src, names), _rank(dst, names), piece, int(step), ADDS[adds])


def _rank(text: str, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    if text.isascii() and text.isdigit() and len(text) < 8 and int(text) < len(names):
        return int(text)
    raise ForeignError(f"no rank {show_value(text)}, of {len(names)}")
