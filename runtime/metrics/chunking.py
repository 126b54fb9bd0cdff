"""Into how many chunks to cut the pieces, so that links work while chains of messages grow."""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from runtime.metrics.height import links_in_a_row
from runtime.metrics.pacing import pacing_of
from solvers.schedules.piece_loads import SMALL, amounts, floats
from solvers.schedules.schedule import Schedule, remembered
from topologies.model.topology import FloatArray, IntArray
from topologies.model.units import Bytes
from topologies.symmetry.group import link_orbits
from topologies.symmetry.pairs import pair_orbits

MOST_CHUNKS = 512  # of what is low; high schedules go in up to so many for each link in a row,
CHUNKS_A_LINK, MOST_OF_ALL = 40, 2048  # so that filling and draining links costs a fortieth
LARGE = 2**30  # bytes that figures are for where no size is given: little of it is latency
# Bytes of a mean message: where messages cost the ranks nothing that the machine
# states, and where it does, so that a play counts what small ones cost.
LEAST, LEAST_COUNTED = 2**15, 2**12
HIDDEN = 6  # times the latency that a chunk takes at least, so that the usual lead hides it
UNLIMITED = 1e300


@dataclass(frozen=True)
class Pipelining:
    """The choice of chunks as a rule for any size.

    Attributes:
        square: the square of the best number of chunks, for each byte of size.
        linear: how many chunks there may be, for each byte of size.
        steady: how many there may be without any rank waiting for latency, for each byte of size.
        most: how many there may be at any size.
    """

    square: float
    linear: float
    steady: float = 0.0
    most: int = MOST_CHUNKS

    def chunks(self, size: Bytes) -> int:
        """Choose the chunks for a size in bytes; emitted programs have the same lines."""
        best = max(sqrt(self.square * size) + 0.5, self.steady * size)
        return max(1, int(min(best, self.linear * size, float(self.most))))


def chunks(schedule: Schedule, size: Bytes) -> int:
    """Choose the number of chunks for each piece at a size in bytes."""
    return pipelining(schedule).chunks(size)


def chunks_of(schedule: Schedule, size: float, chunks: int) -> IntArray:
    """Compute the number of chunks of each piece, where those with most have `chunks`."""
    return np.full(schedule.pieces, chunks)


def pipelining(schedule: Schedule) -> Pipelining:
    """Draw from a schedule the rule for its chunks.

    C chunks take about (C + h - 1) (a + T / C) with h links in a row, latency a of a message, and
    fluid time T; the least is at C = sqrt((h - 1) T / a), times the pace. That is where ranks wait
    for each chunk; as the lead lets the next ones go meanwhile, there may be T / a / HIDDEN where
    that is more. The mean message has at least LEAST bytes, or LEAST_COUNTED, and what messages
    cost the rank that has most takes no longer than T.
    """
    pace = pacing_of(schedule).pace
    plain = _at_pace_one(schedule)
    square = min(pace**2 * plain.square, UNLIMITED)
    return replace(plain, square=square, steady=pace * plain.steady)


@remembered
def _at_pace_one(schedule: Schedule) -> Pipelining:
    length = links_in_a_row(schedule)
    if length < 2:
        return Pipelining(0.0, 0.0)
    latency, toll, seconds = _latency(schedule), message_cost(schedule), 1 / flow_rate(schedule)
    square = (length - 1) * seconds / latency if latency else UNLIMITED
    linear = _message(schedule) / (LEAST_COUNTED if toll else LEAST)
    steady = seconds / latency / HIDDEN if latency else 0.0
    linear = min(linear, seconds / toll) if toll else linear
    most = min(max(MOST_CHUNKS, CHUNKS_A_LINK * (length - 1)), MOST_OF_ALL)
    return Pipelining(square, linear, steady, most)


def _message(schedule: Schedule) -> float:
    """Compute the mean message, as a share of the size, where pieces are not cut.

    What one rank sends another in one step goes together.
    """
    rows, group = schedule.transfers, schedule.group
    pairs = pair_orbits(group, group.vertex_orbits, rows.src, rows.dst)
    together = pairs.orbit * (int(rows.step.max()) + 1) + rows.step
    fixed = pairs.fixed[np.unique(together, return_index=True)[1]]
    return float(_shares(schedule)[rows.piece].sum() / (1 / fixed).sum())


def _shares(schedule: Schedule) -> FloatArray:
    """Compute each piece as a share of the size."""
    above, below = amounts(schedule)
    total = schedule.collective.total
    wide = int(below.max(initial=1)) * total >= SMALL
    return floats(above, (below.astype(object) if wide else below) * total)


def _latency(schedule: Schedule) -> float:
    """Add up the alphas of each way and the overheads at both ends; give the largest sum."""
    topology, rows = schedule.topology, schedule.transfers
    transfer = np.repeat(np.arange(len(rows)), np.diff(rows.route_start))
    way = np.bincount(transfer, topology.alpha[rows.route], minlength=len(rows))
    return float((way + topology.overheads[rows.src] + topology.overheads[rows.dst]).max())


def message_cost(schedule: Schedule) -> float:
    """Compute what messages of a chunk cost the rank that sends or receives most: seconds."""
    topology, rows, group = schedule.topology, schedule.transfers, schedule.group
    if not topology.overhead.any():
        return 0.0
    orbit = group.vertex_orbits
    each = [np.bincount(orbit[rank], topology.overheads[rank]) for rank in (rows.src, rows.dst)]
    ranks = np.bincount(orbit)
    return max(float((cost * group.order / ranks[: len(cost)]).max()) for cost in each)


@remembered
def flow_rate(schedule: Schedule) -> float:
    """Divide the bandwidth of the most loaded link by its load at size 1.

    All images of a link carry the same load: that of the orbit, evenly spread.
    """
    topology, rows, group = schedule.topology, schedule.transfers, schedule.group
    orbit = link_orbits(topology, group)
    weight = np.repeat(_shares(schedule)[rows.piece], np.diff(rows.route_start))
    load = np.bincount(orbit[rows.route], weight, minlength=int(orbit.max()) + 1) * group.order
    each = (load / np.bincount(orbit))[orbit]
    return float((topology.bandwidth[each > 0] / each[each > 0]).min())
