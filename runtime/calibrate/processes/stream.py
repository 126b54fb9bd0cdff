"""A round of streams: every process sends and receives for a while, and counts what comes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.calibrate.readings import Round
from topologies.model.topology import FloatArray
from topologies.model.units import Bytes, Seconds

DEPTH = 4  # messages of a stream under way
PARTS = 16  # messages of a stream in a window, at least
SMALLEST, LARGEST = 2**10, 2**22  # bytes of a message
GRID = 64  # moments in a window
WARM, OVER = 0.3, 0.1  # of a window, that streams run before and after it
TAG = 1


@dataclass(frozen=True)
class Window:
    """When is counted: seconds of this process's clock."""

    start: Seconds
    length: Seconds

    @property
    def opens(self) -> Seconds:
        """Give when counting begins: what starts faster or slower has settled."""
        return self.start + WARM * self.length

    @property
    def closes(self) -> Seconds:
        """Give when counting ends."""
        return self.opens + self.length

    @property
    def ends(self) -> Seconds:
        """Give when the last message is sent."""
        return self.closes + OVER * self.length


def message(guess: float, length: Seconds) -> Bytes:
    """Choose the size of a stream's messages, a power of two: some sixty in a window."""
    wanted = max(guess * length / PARTS, 1.0)
    return int(min(max(2 ** int(np.log2(wanted)), SMALLEST), LARGEST))


def stream(comm: Any, flows: Round, window: Window) -> list[float]:  # noqa: ANN401
    """Send and receive the streams of this process that are in a round.

    A stream keeps some messages under way. After the end it sends as many empty ones: each tells
    the receiver to wait for one message less, so that nothing is cancelled and nothing is left.

    Args:
        comm: of all processes.
        flows: of all processes.
        window: when is counted.

    Returns:
        Of each flow that ends here, in their order, bytes per second within the window.
    """
    own = [flow for flow in flows if comm.rank in flow.pair]
    if not own:
        time.sleep(max(window.closes - time.perf_counter(), 0.0))
        return []
    sizes = [message(flow.guess, window.length) for flow in own]
    sides = [
        _Side(comm, flow.dst == comm.rank, flow.src if flow.dst == comm.rank else flow.dst, size)
        for flow, size in zip(own, sizes, strict=True)
    ]
    _wait_until(window.start)
    _play(sides, window)
    return [side.rate(window) for side in sides if side.receives]


def _play(sides: Sequence["_Side"], window: Window) -> None:
    """Keep all streams going until each has told, or been told, its end."""
    from mpi4py import MPI

    requests = [side.next(window.start < window.ends) for side in sides for _ in range(DEPTH)]
    status = [MPI.Status() for _ in requests]
    while True:
        done = MPI.Request.Waitsome(requests, status)
        if done is None:
            return
        now = time.perf_counter()
        for place, each in zip(done, status, strict=False):
            side = sides[place // DEPTH]
            if side.goes_on(now, each, window):
                requests[place] = side.next(now < window.ends)


class _Side:
    """One end of a stream, in this process."""

    def __init__(self, comm: Any, receives: bool, other: int, size: Bytes) -> None:  # noqa: ANN401
        self.comm, self.receives, self.other = comm, receives, other
        self.buffer = np.zeros(size, dtype=np.uint8)
        self.times: list[Seconds] = []
        self.bytes: list[Bytes] = []
        self.empty = 0

    def next(self, full: bool) -> Any:  # noqa: ANN401
        """Start the next message; those that tell the end are empty."""
        if self.receives:
            return self.comm.Irecv(self.buffer, self.other, TAG)
        self.empty += not full
        return self.comm.Isend(self.buffer if full else self.buffer[:0], self.other, TAG)

    def goes_on(self, now: Seconds, status: Any, window: Window) -> bool:  # noqa: ANN401
        """Count a message that is over; tell whether another one follows in its place."""
        if not self.receives:
            return self.empty < DEPTH
        size = status.Get_count()
        if size:
            self.times.append(now)
            self.bytes.append(size)
        return bool(size)

    def rate(self, window: Window) -> float:
        """Compute bytes per second in the window."""
        return rate_within(np.array(self.times), np.array(self.bytes), window)


def rate_within(times: FloatArray, counts: FloatArray, window: Window) -> float:
    """Compute the bytes per second in a window, from when messages had come, and their bytes.

    That is the slope of the line that fits best to what had come at moments spread evenly over the
    window. It hardly minds if the process was held up where the window begins or ends, and it is
    linear in what came, so that the rates of flows that share a link add up to the link's.
    """
    if not len(times):
        return 0.0
    moments = np.append(window.start, times)
    came = np.append(0, np.cumsum(counts))
    grid = np.linspace(window.opens, window.closes, GRID)
    return max(float(np.polyfit(grid - window.opens, np.interp(grid, moments, came), 1)[0]), 0.0)


def _wait_until(moment: Seconds) -> None:
    time.sleep(max(moment - time.perf_counter(), 0.0))
