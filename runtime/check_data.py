"""Does everyone get what it wants: a replay of each piece with the sets of its contributors."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from solvers.schedule import Schedule

Row = tuple[int, int, int, bool]  # step, src, dst, reduce


def faults(schedule: Schedule) -> list[str]:
    """List what goes wrong with the data.

    Images of a piece go right where the piece does, so the representatives suffice. A schedule
    must be well formed (`check_structure`) before it can be replayed.
    """
    rows = schedule.transfers
    table = list(
        zip(
            rows.step.tolist(),
            rows.src.tolist(),
            rows.dst.tolist(),
            rows.reduce.tolist(),
            strict=True,
        )
    )
    start = np.searchsorted(rows.piece, np.arange(schedule.pieces + 1)).tolist()
    found = []
    for piece, block in enumerate(schedule.block.tolist()):
        replay = _Replay(schedule.collective.holders[block].tolist())
        sentences = [
            *replay.run(table[start[piece] : start[piece + 1]]),
            *replay.missing(schedule.collective.wanters[block].tolist()),
        ]
        found += [f"piece {piece} (block {block}): {sentence}" for sentence in sentences]
    return found


class _Replay:
    """What each rank holds of one piece: a bit for each contributor."""

    def __init__(self, holders: Sequence[int]) -> None:
        self.holders = holders
        self.held = {rank: 1 << i for i, rank in enumerate(holders)}

    def run(self, rows: Sequence[Row]) -> Iterator[str]:
        """Do all transfers, those of one step at once.

        Messages that meet must all add, or all bring the same: else their order would matter.
        """
        for step, together in groupby(rows, key=lambda row: row[0]):
            sent = [(src, dst, add, self.held.get(src, 0)) for _, src, dst, add in together]
            written: dict[int, int | None] = {}  # what replaced, or None where messages add
            for src, dst, add, data in sent:
                place = f"rank {src} sends to rank {dst} in step {step}"
                if not data:
                    yield f"{place} but holds nothing"
                if written.setdefault(dst, None if add else data) != (None if add else data):
                    yield f"{place} what another message of this step replaces or adds to"
                yield from self._arrive(dst, data, add, place)

    def _arrive(self, dst: int, data: int, add: bool, place: str) -> Iterator[str]:
        before = self.held.get(dst, 0) if add else 0
        if twice := before & data:
            yield f"{place}: contribution of {self._named(twice)} added twice"
        self.held[dst] = before | data

    def missing(self, wanters: Sequence[int]) -> Iterator[str]:
        """Compare what each wanter holds in the end with the sum of everything."""
        everything = (1 << len(self.holders)) - 1
        for rank in wanters:
            if lacking := everything & ~self.held.get(rank, 0):
                yield f"rank {rank} ends without the contribution of {self._named(lacking)}"

    def _named(self, data: int) -> str:
        """Name contributors, at most four of them."""
        ranks = [rank for i, rank in enumerate(self.holders) if data >> i & 1]
        more = f" and {len(ranks) - 4} more" if len(ranks) > 4 else ""
        word = "rank" if len(ranks) == 1 else "ranks"
        return f"{word} {', '.join(map(str, ranks[:4]))}{more}"
