"""Buffers of derived types, laid down as bytes one after the other, and taken back to their places.

Processes of one call may describe their memory each in its own way: a column here, a row there. So
what is planned knows bytes alone, and a process with a derived type works on a copy.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from commplan.communicator.buffers import (
    NOTHING,
    Parts,
    read_counts,
    read_displs,
    take_apart,
)
from runtime.execute.memory import find_address, find_memory
from topologies.model.errors import ArgumentError

ONE, EACH, LISTED = "one block", "as many blocks as processes", "blocks of their own lengths"
# The buffers of each call that only moves data, and the one that counts at the root alone.
LAYOUTS: dict[str, tuple[tuple[str, ...], int]] = {
    "Allgather": ((ONE, EACH), -1),
    "Alltoall": ((EACH, EACH), -1),
    "Bcast": ((ONE,), -1),
    "Gather": ((ONE, EACH), 1),
    "Scatter": ((EACH, ONE), 0),
    "Allgatherv": ((ONE, LISTED), -1),
    "Alltoallv": ((LISTED, LISTED), -1),
    "Gatherv": ((ONE, LISTED), 1),
    "Scatterv": ((LISTED, ONE), 0),
}


class LaidDown(NamedTuple):
    """A call on copies.

    Attributes:
        words: what it is called with, in place of the caller's words.
        take_back: takes the results to their places.
    """

    words: tuple[Any, ...]
    take_back: Callable[[], None]


def lay_down(name: str, words: Sequence[Any], place: tuple[int, int]) -> LaidDown | None:
    """Copy the buffers of derived types of one call.

    Args:
        name: of the call, as that which waits has it.
        words: of the call: buffers, and the root if it has one.
        place: of this process, and how many there are.

    Returns:
        nothing where only MPI can take a type, or where the call does more than move data.

    Raises:
        ArgumentError: elements that reach beyond their buffer.
    """
    if name not in LAYOUTS:
        return None
    rank, processes = place
    layouts, at_root = LAYOUTS[name]
    is_root = rank == [*words[len(layouts) :], None][0]
    made, results = list(words), []
    for i, layout in enumerate(layouts):
        parts = take_apart(words[i])
        if not hasattr(parts.kind, "is_predefined") or (i == at_root and not is_root):
            continue
        is_read = is_root if name == "Bcast" else i + 1 < len(layouts)
        if not _is_plain(parts):
            return None
        places = _Places(parts, layout, processes, written=not is_read)
        made[i] = places.copied
        if not is_read:
            results.append(places)

    def take_back() -> None:
        for places in results:
            places.take_back()

    return LaidDown(tuple(made), take_back)


def _is_plain(parts: Parts) -> bool:
    """Tell whether elements begin one after the other, at the beginning of their buffer."""
    from mpi4py import MPI

    kind = parts.kind
    return parts.buffer is not MPI.BOTTOM and kind.Get_extent()[1] > 0 <= kind.Get_true_extent()[0]


class _Places:
    """Elements of a derived type in memory, which its owner may free meanwhile.

    Attributes:
        copied: their bytes, one after the other, as mpi4py takes a buffer.
    """

    def __init__(self, parts: Parts, layout: str, processes: int, *, written: bool) -> None:
        from mpi4py import MPI

        self._mpi, kind = MPI, parts.kind
        extent, (first, long) = kind.Get_extent()[1], kind.Get_true_extent()
        held = None if parts.buffer is None else find_memory(parts.buffer, written=written)[0]
        whole = 0 if held is None else held.nbytes
        elements = NOTHING._replace(size=extent, whole=whole)
        counts = read_counts(parts.count, 1 if layout == ONE else processes, elements)
        displs = read_displs(parts.displ, counts)
        if layout == EACH:
            counts, displs = (sum(counts),), displs[:1]
        runs = [(at, count) for at, count in zip(displs, counts, strict=True) if count]
        end = max((at + count - 1 for at, count in runs), default=0) * extent + first + long
        if runs and end > whole:
            raise ArgumentError(f"{whole} bytes for elements up to byte {end} of a derived type")
        start = 0 if held is None else find_address(held)
        self._runs = [(start + at * extent, count * extent) for at, count in runs]
        self._held, self._kind = held, kind.Dup()
        sizes = [count * int(kind.Get_size()) for count in counts]
        self._bytes = np.empty(sum(sizes), dtype=np.uint8)
        listed = [sizes, [0, *accumulate(sizes[:-1])]] if layout == LISTED else []
        self.copied = [self._bytes, *listed, MPI.BYTE]
        done = 0
        for run in self._runs:
            done = self._kind.Pack(self._show(run), self._bytes, done, MPI.COMM_SELF)

    def take_back(self) -> None:
        """Take the bytes to their places."""
        done = 0
        for run in self._runs:
            done = self._kind.Unpack(self._bytes, done, self._show(run), self._mpi.COMM_SELF)

    def _show(self, run: tuple[int, int]) -> Any:  # noqa: ANN401
        """Show MPI memory of whole elements, though the last one may end earlier."""
        return self._mpi.memory.fromaddress(*run)

    def __del__(self) -> None:
        kind = getattr(self, "_kind", None)
        if kind is not None and not self._mpi.Is_finalized():
            kind.Free()
