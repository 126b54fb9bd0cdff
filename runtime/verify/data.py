"""Does everyone get what it wants: what goes wrong with a piece, in words."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import numpy as np

from runtime.verify.replay import suspects
from solvers.schedules.schedule import Schedule

Row = tuple[int, int, int, bool]  # step, src, dst, reduce


def faults(schedule: Schedule) -> list[str]:
    """List what goes wrong with the data.

    Images of a piece go right where the piece does, so the representatives suffice, and only those
    that a replay of all at once suspects are looked at one by one. A schedule must be well formed
    (`check_structure`) before it can be replayed.
    """
    rows = schedule.transfers
    found = []
    for piece in suspects(schedule):
        start, end = np.searchsorted(rows.piece, [piece, piece + 1])
        columns = (rows.step, rows.src, rows.dst, rows.reduce)
        table = list(zip(*(column[start:end].tolist() for column in columns), strict=True))
        block = int(schedule.block[piece])
        replay = _Replay(
            schedule.collective.owners[0].of(block).tolist(), schedule.topology.vertex_name
        )
        sentences = [
            *replay.run(table),
            *replay.missing(schedule.collective.owners[1].of(block).tolist()),
        ]
        found += [f"piece {piece} (block {block}): {sentence}" for sentence in sentences]
    return found


class _Replay:
    """What each vertex holds of one piece: a bit for each contributor."""

    def __init__(self, holders: Sequence[int], name: Callable[[int], str]) -> None:
        self.holders, self.name = holders, name
        self.held = {rank: 1 << i for i, rank in enumerate(holders)}

    def run(self, rows: Sequence[Row]) -> Iterator[str]:
        """Do all transfers, those of one step at once.

        Messages that meet must all add, or all bring the same: else their order would matter.
        """
        for step, together in groupby(rows, key=lambda row: row[0]):
            sent = [(src, dst, add, self.held.get(src, 0)) for _, src, dst, add in together]
            written: dict[int, int | None] = {}  # what replaced, or None where messages add
            for src, dst, add, data in sent:
                place = f"{self.name(src)} sends to {self.name(dst)} in step {step}"
                if not data:
                    yield f"{place} but holds nothing"
                if written.setdefault(dst, None if add else data) != (None if add else data):
                    yield f"{place} what another message of this step replaces or adds to"
                yield from self._arrive(dst, data, add, place)

    def _arrive(self, dst: int, data: int, add: bool, place: str) -> Iterator[str]:
        before = self.held.get(dst, 0) if add else 0
        if twice := before & data:
            yield f"{place}: contribution of {self._name(twice)} added twice"
        self.held[dst] = before | data

    def missing(self, wanters: Sequence[int]) -> Iterator[str]:
        """Compare what each wanter holds in the end with the sum of everything."""
        everything = (1 << len(self.holders)) - 1
        for rank in wanters:
            if lacking := everything & ~self.held.get(rank, 0):
                yield f"rank {rank} ends without the contribution of {self._name(lacking)}"

    def _name(self, data: int) -> str:
        """Name contributors, at most four of them."""
        ranks = [rank for i, rank in enumerate(self.holders) if data >> i & 1]
        more = f" and {len(ranks) - 4} more" if len(ranks) > 4 else ""
        word = "rank" if len(ranks) == 1 else "ranks"
        return f"{word} {', '.join(map(str, ranks[:4]))}{more}"
