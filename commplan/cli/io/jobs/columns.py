"""Rows under a head, each column as wide as it must be."""

from collections.abc import Sequence


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out rows of words under their names."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        "  " + "  ".join(word.ljust(w) for word, w in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
