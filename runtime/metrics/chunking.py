"""Into how many chunks to cut the pieces, so that links work while chains of messages grow."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from runtime.metrics.height import height
from runtime.metrics.pacing import pacing_of
from solvers.schedules.schedule import Schedule
from topologies.model.topology import FloatArray, IntArray
from topologies.symmetry.group import link_images, orbits

MOST_CHUNKS = 64
SMALLEST_CHUNK = 4096  # bytes


@dataclass(frozen=True)
class Pipelining:
    """What the choice of chunks rests on.

    Attributes:
        height: messages on the longest chain.
        latency: seconds that a message costs at any size.
        rate: bytes of size per second when all links flow (0 where nothing flows).
        largest: the largest piece as a share of the size.
    """

    height: int
    latency: float
    rate: float
    largest: float

    def chunks(self, size: int) -> int:
        """Choose the chunks for a size in bytes.

        C chunks take about (C + h - 1) (a + T / C) with height h, latency a, and fluid time T;
        the least is at C = sqrt((h - 1) T / a). No chunk of the largest piece gets below
        SMALLEST_CHUNK bytes.
        """
        most = min(MOST_CHUNKS, int(size * self.largest / SMALLEST_CHUNK))
        if self.height < 2 or most < 2 or not self.rate:
            return 1
        time = (self.height - 1) * size / self.rate
        best = sqrt(time / self.latency) if self.latency > 0 else float(most)
        return max(1, int(min(best, float(most)) + 0.5))


def chunks(schedule: Schedule, size: int) -> int:
    """Choose the number of chunks for each piece at a size in bytes."""
    return pipelining(schedule).chunks(size)


def chunks_of(schedule: Schedule, size: float, chunks: int) -> IntArray:
    """Compute the number of chunks of each piece, where those with most have `chunks`."""
    return np.full(schedule.pieces, chunks)


def pipelining(schedule: Schedule) -> Pipelining:
    """Draw from a schedule what the choice of chunks rests on."""
    if not len(schedule.transfers):
        return Pipelining(0, 0.0, 0.0, 0.0)
    share = _shares(schedule)
    latency = _latency(schedule) / pacing_of(schedule).pace ** 2
    return Pipelining(height(schedule), latency, _rate(schedule, share), float(share.max()))


def _shares(schedule: Schedule) -> FloatArray:
    """Compute each piece as a share of the size."""
    what = schedule.collective
    return np.array(
        [
            float(share * what.fraction(int(block)))
            for block, share in zip(schedule.block, schedule.share, strict=True)
        ]
    )


def _latency(schedule: Schedule) -> float:
    """Add up the alphas of each way and the overheads at both ends; give the largest sum."""
    topology, rows = schedule.topology, schedule.transfers
    transfer = np.repeat(np.arange(len(rows)), np.diff(rows.route_start))
    way = np.bincount(transfer, topology.alpha[rows.route], minlength=len(rows))
    return float((way + topology.overheads[rows.src] + topology.overheads[rows.dst]).max())


def _rate(schedule: Schedule, share: FloatArray) -> float:
    """Divide the bandwidth of the most loaded link by its load at size 1.

    All images of a link carry the same load: that of the orbit, evenly spread.
    """
    topology, rows, group = schedule.topology, schedule.transfers, schedule.group
    orbit = orbits(link_images(topology, group.generators), topology.links)
    weight = np.repeat(share[rows.piece], np.diff(rows.route_start))
    load = np.bincount(orbit[rows.route], weight, minlength=int(orbit.max()) + 1) * group.order
    each = (load / np.bincount(orbit))[orbit]
    return float((topology.bandwidth[each > 0] / each[each > 0]).min())
