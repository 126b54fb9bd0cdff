"""An exchange of unequal blocks planned at once: each block goes straight to its process.

In stage s process i sends to process i + s and receives from process i - s, of all processes in a
ring, so that in no stage anybody hears two; a few stages are under way at a time.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from runtime.execute.part import LINE, MESSAGE_LIMIT, Lines, Part, connect
from runtime.program.program import Action, Buffer
from topologies.model.topology import IntArray
from topologies.model.units import Bytes

STAGES = 8  # under way at a time
MARK = 0x5EED  # of the tags of all these exchanges


def plan_exchange(
    me: int,
    ranks: tuple[int, ...],
    sends: tuple[IntArray, IntArray],
    takes: tuple[IntArray, IntArray],
    extents: tuple[Bytes, Bytes],
) -> Part:
    """Make what one process does: 2 (n - 1) messages at most, those without bytes left out.

    Complexity: n log n for n processes; 0.3 ms for 64 (`python -m bench.exchange`).

    Args:
        me: the process.
        ranks: that the processes play.
        sends: bytes for each process, and where they begin.
        takes: bytes from each process, and where they go.
        extents: the bytes of both buffers, from their beginnings.
    """
    n = len(ranks)
    shifts = np.arange(1, n)
    rows = np.concatenate(
        [
            _rows(Action.COPY, Buffer.OUTPUT, np.array([me]), np.array([0]), takes),
            _rows(Action.SEND, Buffer.INPUT, (me + shifts) % n, shifts, sends),
            _rows(Action.RECV, Buffer.OUTPUT, (me - shifts) % n, shifts, takes),
        ],
        axis=1,
    )
    rows = rows[:, rows[4] > 0]
    rows = rows[:, np.argsort(rows[7], kind="stable")]
    names = ("action", "peer", "buffer", "offset", "size", "source", "source_offset", "step")
    columns = dict(zip(names, rows, strict=True))
    columns["source_offset"] = np.where(columns["action"] == Action.COPY, sends[1][me], 0)
    columns["piece"] = columns["peer"]
    if len(columns["size"]) and columns["size"].max() > MESSAGE_LIMIT:
        bases = np.array([[0, extents[0], sum(extents)]])
        lines, followers = connect(columns, 1, bases, STAGES, MESSAGE_LIMIT)
    else:
        lines, followers = _stand_alone(columns), np.zeros(0, dtype=np.int64)
    return Part(
        process=me,
        ranks=ranks,
        dtype="uint8",
        op="sum",
        divisor=1,
        in_place=False,
        counts=(*extents, 0),
        starts=(0, 0),
        lines=lines,
        followers=followers,
        lead=STAGES,
        most_messages=len(lines),
        mark=MARK,
    )


def _stand_alone(columns: Mapping[str, IntArray]) -> Lines:
    """Make lines that wait for nothing but their stage: one message to and from each process."""
    lines = np.zeros(len(columns["size"]), dtype=LINE)
    for name, column in columns.items():
        lines[name] = column
    lines["next"] = -1
    lines["gate"] = np.searchsorted(lines["step"], lines["step"] - STAGES, "right")
    return lines


def _rows(
    action: Action,
    buffer: Buffer,
    peers: IntArray,
    steps: IntArray,
    ends: tuple[IntArray, IntArray],
) -> IntArray:
    """Give instructions as columns: (8, peers)."""
    made = np.zeros((8, len(peers)), dtype=np.int64)
    made[0], made[1], made[2] = action, peers, buffer
    made[3], made[4], made[5] = ends[1][peers], ends[0][peers], Buffer.INPUT
    made[7] = steps
    return made


def find_extent(counts: Sequence[int], displs: Sequence[int], size: Bytes) -> Bytes:
    """Compute up to which byte blocks reach."""
    return max((d + c for c, d in zip(counts, displs, strict=True) if c), default=0) * size
