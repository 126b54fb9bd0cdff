"""The bytes that the links of an emulated machine carried, by the kernel's own count."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from runtime.fabric.commands import HEADERS
from runtime.fabric.keeper import Keeper
from runtime.fabric.layout import Layout, interface, namespace
from runtime.metrics.link_loads import loads
from solvers.schedules.schedule import Schedule
from topologies.model.topology import FloatArray, Topology
from topologies.model.units import Bytes
from topologies.symmetry.group import link_images, orbits

Carried = Mapping[tuple[int, int], int]  # (from, to): bytes sent, with headers

# What MPI says besides (barriers, results), in bytes on a link for each call and process pair.
ASIDE = 2_000
ANSWERS = 0.02  # of what comes in, at most, goes back to acknowledge it
ENVELOPE = 80  # of a message there and back: headers of packets that are not full, and MPI's
LOOSE = 0.03


@dataclass(frozen=True)
class Flow:
    """What links between two neighbours carried one way, and what was planned: bytes.

    Attributes:
        most: what it may have carried, with acknowledgements and MPI's own messages.
    """

    src: int
    dst: int
    planned: float
    counted: float
    most: float

    @property
    def right(self) -> bool:
        """Tell whether it carried what was planned, and nothing else to speak of."""
        return self.planned * (1 - LOOSE) <= self.counted <= self.most


def read_counters(keeper: Keeper, layout: Layout) -> dict[tuple[int, int], int]:
    """Read how many bytes each vertex has sent to each neighbour so far."""
    sent: dict[int, dict[str, int]] = {}
    for vertex in range(layout.topology.vertices):
        words = ("ip", "-n", namespace(vertex), "-s", "-j", "link")
        rows = json.loads(keeper.output(words))
        sent[vertex] = {row["ifname"]: int(row["stats64"]["tx"]["bytes"]) for row in rows}
    pairs = [(c.a, c.b) for c in layout.cables] + [(c.b, c.a) for c in layout.cables]
    return {(a, b): sent[a][interface(b)] for a, b in pairs}


def compare_flows(
    schedule: Schedule, size: Bytes, calls: int, before: Carried, after: Carried, chunks: int = 1
) -> list[Flow]:
    """Compare what the links carried in so many calls with what the schedule puts on them.

    Headers are taken off; the acknowledgements that a link carries for the way back, what comes
    with each message, and what MPI says besides, are allowed for.

    Args:
        schedule: the schedule.
        size: in bytes.
        calls: how often the schedule ran.
        before: the counters before the calls.
        after: the counters after them.
        chunks: of each piece.
    """
    planned = _planned_bytes(schedule, size * calls)
    messages = _messages(schedule)
    aside = ASIDE * (calls + 5) * len(schedule.collective.ranks)
    found = []
    for pair, count in sorted(after.items()):
        back = planned.get((pair[1], pair[0]), 0.0)
        counted = (count - before[pair]) / HEADERS
        share = planned.get(pair, 0.0)
        most = share * (1 + LOOSE) + back * ANSWERS + aside
        most += ENVELOPE * chunks * calls * (messages.get(pair, 0) + messages.get(pair[::-1], 0))
        found.append(Flow(*pair, share, counted, most))
    return found


def _planned_bytes(schedule: Schedule, size: Bytes) -> dict[tuple[int, int], float]:
    """Add up what links between two neighbours carry together, bytes."""
    found = loads(schedule)
    return _sum_by_neighbours(
        schedule.topology, np.array([float(load) for load in found.load])[found.orbit] * size
    )


def _messages(schedule: Schedule) -> dict[tuple[int, int], float]:
    """Count the messages that cross links between two neighbours in a call, in one chunk each."""
    topology, group = schedule.topology, schedule.group
    orbit = orbits(link_images(topology, group.generators), topology.links)
    crossing = np.bincount(orbit[schedule.transfers.route], minlength=topology.links)
    return _sum_by_neighbours(topology, (crossing * group.order)[orbit] / np.bincount(orbit)[orbit])


def _sum_by_neighbours(topology: Topology, each: FloatArray) -> dict[tuple[int, int], float]:
    """Add up a figure of all links between two neighbours."""
    result: dict[tuple[int, int], float] = {}
    ends = zip(topology.src.tolist(), topology.dst.tolist(), each.tolist(), strict=True)
    for src, dst, load in ends:
        result[src, dst] = result.get((src, dst), 0.0) + load
    return result
