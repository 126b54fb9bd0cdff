"""Names of hosts: in the order that people expect, and without what sets ours apart."""

import re


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Make a key to sort names by.

    Example:
        >>> sorted(["n10", "n2", "m"], key=natural)
        ['m', 'n2', 'n10']
    """
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", name, re.ASCII)
    return tuple((0, int(p), "") if p[0] in "0123456789" else (1, 0, p) for p in parts)


def fit(name: str) -> str:
    """Make a name of ours, in which colons and commas set names apart, of one of others.

    Example:
        >>> fit("fe80::1")
        'fe80__1'
    """
    return name.replace(":", "_").replace(",", "_")
