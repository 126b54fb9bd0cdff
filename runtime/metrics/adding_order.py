"""In what order a rank adds what comes to it in one step."""

import numpy as np

from topologies.model.topology import BoolArray, IntArray

TABLE = 2**28  # bytes up to which a table with an entry for each key is made, rather than sorted
EMPTY = 16  # times the keys that it has entries, at most


def adding_order(
    piece: IntArray, step: IntArray, src: IntArray, dst: IntArray, processes: int
) -> tuple[IntArray, IntArray]:
    """Give the number of each src among the senders of its step and piece, and that of each dst.

    All receivers add what comes for a piece in one step in one order of its senders, the one in
    which these first appear among the transfers; and a receiver that is a sender of the step itself
    adds its own part in its place among them, else first. So ranks that exchange what they have
    with each other get the same bits.

    Args:
        piece: of each transfer.
        step: of each.
        src: of each.
        dst: of each.
        processes: how many numbers src and dst may have.

    Returns:
        For each transfer, the first one of its step and piece that src sends, and that dst sends:
        -1 where dst sends none, or where no rank gets two messages of a piece in a step.
    """
    rows = np.arange(len(piece))
    moment = piece * (int(step.max(initial=0)) + 1) + step
    into = First(moment * processes + dst).mark()
    if into.all():  # nobody gets two messages of a piece in a step
        return rows, np.full(len(rows), -1, dtype=np.int64)
    senders = First(moment * processes + src)
    return senders.row(senders.keys), senders.row(moment * processes + dst)


class First:
    """The first row of each key."""

    def __init__(self, keys: IntArray) -> None:
        self.keys = keys
        span = int(keys.max(initial=0)) + 1
        self.known, self.rows = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        if span * 8 <= min(TABLE, EMPTY * keys.nbytes):
            self.rows = np.full(span, -1, dtype=np.int64)
            # Of several rows with one key the last to be written stays: the first.
            self.rows[keys[::-1]] = np.arange(len(keys))[::-1]
        else:
            self.known, self.rows = np.unique(keys, return_index=True)

    def row(self, keys: IntArray) -> IntArray:
        """Give the first row of each key, -1 for none."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        if not len(self.known):
            inside = keys < len(self.rows)
            return np.where(inside, self.rows[np.where(inside, keys, 0)], -1)
        place = np.minimum(np.searchsorted(self.known, keys), len(self.known) - 1)
        return np.where(self.known[place] == keys, self.rows[place], -1)

    def mark(self) -> BoolArray:
        """Mark the first rows."""
        return np.asarray(self.row(self.keys) == np.arange(len(self.keys)))
