"""Lists of hosts as Slurm writes them: `n[0-3,8],gpu[01-16]`."""

import re
from itertools import product

from topologies.model.messages import short, show_value

LIMIT = 100_000  # hosts of one list
_PIECE = re.compile(r"[^\[\],\s]+|\[[^\[\]]*\]")
_RANGE = re.compile(r"([0-9]{1,12})(?:-([0-9]{1,12}))?", re.ASCII)


def expand(text: str) -> list[str]:
    """List the hosts that a text stands for; numbers keep the zeros in front of them.

    Raises:
        ValueError: it is no such list, or stands for too many hosts.

    Example:
        >>> expand("n[08-10],x")
        ['n08', 'n09', 'n10', 'x']
    """
    hosts: list[str] = []
    for part in _split(text):
        pieces = _PIECE.findall(part)
        if not part or "".join(pieces) != part:
            raise ValueError(f"found {show_value(short(text))}, expected hosts such as n[0-3],m5")
        choices = [_choices(piece, text) for piece in pieces]
        count = len(hosts)
        for each in choices:
            count = max(count, 1) * len(each)
        if count > LIMIT:
            raise ValueError(f"{show_value(short(text))} stands for more than {LIMIT:,} hosts")
        hosts += ("".join(each) for each in product(*choices))
    return hosts


def _split(text: str) -> list[str]:
    """Split at the commas outside brackets."""
    return re.split(r",(?![^\[]*\])", text.strip())


def _choices(piece: str, text: str) -> list[str]:
    """List what a piece of a name may be: itself, or the numbers between brackets."""
    if not piece.startswith("["):
        return [piece]
    found: list[str] = []
    for part in piece[1:-1].split(","):
        numbers = _RANGE.fullmatch(part)
        if not numbers:
            raise ValueError(f"found {show_value(short(text))}, expected numbers in the brackets")
        first, last = numbers[1], numbers[2] or numbers[1]
        if len(found) + int(last) - int(first) >= LIMIT or int(last) < int(first):
            raise ValueError(f"{show_value(short(part))} is no range of at most {LIMIT:,} hosts")
        found += (f"{n:0{len(first)}d}" for n in range(int(first), int(last) + 1))
    return found
