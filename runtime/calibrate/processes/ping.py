"""Small messages between two processes: there and back, in trains, and ever larger ones."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from runtime.calibrate.readings import Pair, Ping
from topologies.model.units import Bytes, Seconds

SMALL = 8  # bytes
TIMES = 15  # ways there and back, the first few not counted
SKIPPED = 3
TRAIN, TRAINS = 32, 5  # messages of a train; trains
FIRST, LAST = 2**15, 2**23  # bytes of the messages that show a rate
LONG = 4e-3  # seconds of a message that is long enough to show it
TAG = 2


def ping(comm: Any, pairs: Sequence[Pair]) -> list[Ping]:  # noqa: ANN401
    """Take part in a round of pairs; the lower end of a pair measures, and gives the answer."""
    for first, second in pairs:
        if comm.rank == first:
            return [_ask(comm, second)]
        if comm.rank == second:
            _answer(comm, first)
    return []


def _ask(comm: Any, other: int) -> Ping:  # noqa: ANN401
    small = np.zeros(SMALL, dtype=np.uint8)
    ways = [_there_and_back(comm, other, small) / 2 for _ in range(TIMES)][SKIPPED:]
    late = median(ways)
    # The train ends with an answer, as a single message does, so that what is more is the rest.
    trains = [_train(comm, other, small) - 2 * late for _ in range(TRAINS)]
    gap = max(median(trains) / (TRAIN - 1), 0.0)
    return Ping(late, gap, _climb(comm, other))


def _answer(comm: Any, other: int) -> None:  # noqa: ANN401
    small = np.zeros(SMALL, dtype=np.uint8)
    for _ in range(TIMES):
        comm.Recv(small, other, TAG)
        comm.Send(small, other, TAG)
    room = np.zeros((TRAIN, SMALL), dtype=np.uint8)
    for _ in range(TRAINS):
        _wait_all([comm.Irecv(row, other, TAG) for row in room])
        comm.Send(small, other, TAG)
    size = FIRST
    while size:
        large = np.zeros(size, dtype=np.uint8)
        comm.Recv(large, other, TAG)
        comm.Send(large, other, TAG)
        size = int(comm.recv(source=other, tag=TAG))


def _there_and_back(comm: Any, other: int, data: Any) -> Seconds:  # noqa: ANN401
    start = time.perf_counter()
    comm.Send(data, other, TAG)
    comm.Recv(data, other, TAG)
    return time.perf_counter() - start


def _train(comm: Any, other: int, data: Any) -> Seconds:  # noqa: ANN401
    start = time.perf_counter()
    _wait_all([comm.Isend(data, other, TAG) for _ in range(TRAIN)])
    comm.Recv(data.copy(), other, TAG)
    return time.perf_counter() - start


def _wait_all(requests: list[Any]) -> None:
    from mpi4py import MPI

    MPI.Request.Waitall(requests)


def _climb(comm: Any, other: int) -> float:  # noqa: ANN401
    """Double the size of a message until it takes long; give the rate of the last one."""
    size: Bytes = FIRST
    while True:
        took = _there_and_back(comm, other, np.zeros(size, dtype=np.uint8)) / 2
        rate = size / max(took, 1e-9)
        size = 0 if took > LONG or size >= LAST else size * 2
        comm.send(size, dest=other, tag=TAG)
        if not size:
            return rate
