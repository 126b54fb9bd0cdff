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

HEAD = r"collective\s+([a-z_]{1,40})(?:\s+root\s+(\S{1,200}))?"
LINE = r"(\S{1,200})\s*->\s*([^\s:]{1,200})\s*:\s*(\d{1,7})(?:\.(\d{1,7}))?\s+(\d{1,9})\s*([+=])?"
ADDS = {"+": True, "=": False}


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
        ForeignError: a line that is none of these, with its number.
    """
    name: str | None = None
    root: int | None = None
    sends = []
    for number, line in enumerate(_lines(text), 1):
        if not line:
            continue
        if head := re.fullmatch(HEAD, line, re.ASCII):
            if name is not None:
                raise ForeignError(f"line {number}: a second collective")
            name, root = head[1], _rank(number, head[2], names) if head[2] else None
        elif found := re.fullmatch(LINE, line, re.ASCII):
            src, dst = (_rank(number, found[i], names) for i in (1, 2))
            piece = int(found[3]), int(found[4] or 0)
            sends.append(Send(src, dst, piece, int(found[5]), ADDS.get(found[6] or "")))
        else:
            expected = "'src -> dst: piece step' or 'collective NAME'"
            raise ForeignError(f"line {number}: {show_value(line[:80])}, expected {expected}")
    return name, root, sends


def _rank(number: int, text: str, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    if text.isascii() and text.isdigit() and len(text) < 8 and int(text) < len(names):
        return int(text)
    raise ForeignError(f"line {number}: no rank {show_value(text)}, of {len(names)}")
