"""How a benchmark ends: well, or with the reasons why not."""

import sys
from collections.abc import Iterable, Sequence
from typing import NoReturn


def ended(reasons: Iterable[str]) -> NoReturn:
    """Exit with 0, or with 1 after a line on standard error for each reason."""
    told = [f"missed: {reason}" for reason in dict.fromkeys(reasons)]
    if told:
        print("\n".join(told), file=sys.stderr, flush=True)
    sys.exit(bool(told))


def verdict_on(wrong: bool, faults: Sequence[str]) -> str:
    """Name at the end of a row what was not right: the result, or the traffic alone."""
    if wrong:
        return " WRONG"
    return " ASTRAY" if faults else ""
