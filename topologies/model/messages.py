"""Words for messages: what outsiders wrote, made fit for one line."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import islice

LINE_LIMIT = 300  # characters


def one_line(text: str) -> str:
    """Escape what is not printable, and leave out the middle of what is long."""
    if len(text) <= LINE_LIMIT:
        return printable(text)
    return printable(f"{text[: LINE_LIMIT - 103]}...{text[-100:]}")


def printable(text: str) -> str:
    """Escape what is not printable."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def show_value(value: object) -> str:
    """Show a value of a file: its text where it is short, else what it is."""
    if isinstance(value, str):
        return repr(short(value))
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int) and abs(value) > 10**30:
        return "a huge number"
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return str(value)[:60]


def short(text: str) -> str:
    """Cut a text that is too long to be a part of a message."""
    return text if len(text) <= 60 else text[:57] + "..."


def list_names(names: Sequence[str], most: int = 6) -> str:
    """List names, the first few of them if they are many: `g0, g1, g2 and 5 more`.

    Example:
        >>> list_names(["g0", "g1", "g2", "g3"], most=2)
        'g0 and 3 more'
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1:,} more"


def first_lines(lines: Iterable[str], count: int, most: int | None) -> list[str]:
    """Give the first of `count` lines, and say how many are left out and how they are seen."""
    if most is None or count <= most:
        return list(lines)
    return [*islice(lines, most), f"... {count - most:,} more lines (--all shows them)"]


def nearest(name: object, known: Iterable[str]) -> str:
    """Find the known name that is most like one, empty if none is; case and hyphens aside.

    Example:
        >>> nearest("allreduce", ["all_gather", "all_reduce"])
        'all_reduce'
    """
    wanted = _bare(str(name)[:60])
    score, best = max(
        ((_likeness(_bare(each), wanted), each) for each in known),
        key=lambda pair: pair[0],
        default=(0.0, ""),
    )
    return best if score > 0.5 else ""


def _likeness(name: str, wanted: str) -> float:
    """Say how much alike two names are, 1 at most; the beginning of a name is like it."""
    begun = 0.6 if len(wanted) > 2 and name.startswith(wanted) else 0.0
    return max(SequenceMatcher(None, name, wanted).ratio(), begun)


def _bare(name: str) -> str:
    return name.lower().translate({ord(c): None for c in "-_ "})


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Say that nothing has a name, which one is nearest, and all that there are.

    `no collective is named 'allreduce'; nearest: all_reduce; known: all_gather, ...`

    Args:
        what: the word for a thing of that kind.
        name: what was given.
        known: all names that there are.
    """
    names = list(known)
    if not names:
        return f"no {what} is named {show_value(name)}; there is none"
    near = nearest(name, names)
    advice = f"nearest: {near}; " if near else ""
    return f"no {what} is named {show_value(name)}; {advice}known: {', '.join(names)}"


def prefix(place: object, faults: Sequence[str], most: int = 100) -> list[str]:
    """Put a place before each fault, as lines fit to print; at most `most` of them."""
    lines = [one_line(f"{place}: {fault}") for fault in faults[:most]]
    if len(faults) > most:
        lines.append(one_line(f"{place}: and {len(faults) - most:,} more mistakes"))
    return lines
