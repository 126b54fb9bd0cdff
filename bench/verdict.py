"""How a benchmark ends: well, or with the reasons why not."""

import sys
from collections.abc import Iterable
from typing import NoReturn


def ended(reasons: Iterable[str]) -> NoReturn:
    """Exit with 0, or with 1 after a line on standard error for each reason."""
    told = [f"missed: {reason}" for reason in dict.fromkeys(reasons)]
    if told:
        print("\n".join(told), file=sys.stderr, flush=True)
    sys.exit(bool(told))
