"""From data that were seen moving to sends in steps: who read what, before and after what came.

In a schedule a rank holds one value of a piece, and a send carries what came in smaller steps. So
a move follows, by a step, all that it carries; what it does not carry comes to its source in the
same step or later; and what replaces a value comes after what it replaces.
"""

from collections.abc import Sequence
from typing import NamedTuple

from runtime.foreign.errors import ForeignError
from runtime.foreign.sends import Piece, Send


class Move(NamedTuple):
    """A value of a piece that goes from rank to rank; content: a bit for each contributor."""

    piece: Piece
    src: int
    dst: int
    content: int


def in_steps(moves: Sequence[Move]) -> list[Send]:
    """Put moves, in the order in which they were seen, into steps.

    Raises:
        ForeignError: a rank sends a part of what it holds, as no schedule says it.
    """
    by_piece: dict[Piece, list[Move]] = {}
    for move in moves:
        by_piece.setdefault(move.piece, []).append(move)
    return [
        Send(move.src, move.dst, move.piece, step)
        for rows in by_piece.values()
        for move, step in zip(rows, _steps(rows), strict=True)
    ]


def _steps(rows: Sequence[Move]) -> list[int]:
    """Give the least step of each move of one piece that keeps to the order.

    Complexity: moves squared, for each of the steps.
    """
    after = _order(rows)
    steps = [0] * len(rows)
    for _ in range(len(rows) + 1):
        moved = False
        for one, other, gap in after:
            if steps[other] < steps[one] + gap:
                steps[other] = steps[one] + gap
                moved = True
        if not moved:
            return steps
    block, part = rows[0].piece
    raise ForeignError(
        f"part {part} of block {block}: a rank sends on less than it holds, and later more; "
        "a schedule has one value of each piece at a rank"
    )


def _order(rows: Sequence[Move]) -> list[tuple[int, int, int]]:
    """List which move is how many steps after which."""
    found = []
    into: dict[int, list[int]] = {}
    for i, move in enumerate(rows):
        into.setdefault(move.dst, []).append(i)
    for i, move in enumerate(rows):
        for j in into.get(move.src, []):
            carries = j < i and rows[j].content & ~move.content == 0
            found.append((j, i, 1) if carries else (i, j, 0))
        for j in into[move.dst]:
            replaces = rows[j].content & ~move.content == 0 and rows[j].content != move.content
            if j < i and replaces:
                found.append((j, i, 1))
    return found
