"""What each link carries and what it costs, by links that a symmetry makes alike."""

from dataclasses import dataclass

import numpy as np

from runtime.metrics.link_loads import loads, throughput
from solvers.certify.certificates import measure_cut
from solvers.schedules.certificate import Cut, Prices
from solvers.schedules.schedule import Schedule
from topologies.model.topology import BoolArray, FloatArray
from topologies.model.units import rate

MOST = 5000  # links that get a row each; of more those that are alike share one, and no more rows


@dataclass(frozen=True)
class Row:
    """Links that carry the same.

    Attributes:
        name: of the first one.
        count: how many there are.
        bandwidth: of one, as text.
        used: the part of it that is used at full throughput, 0 to 1.
        binds: whether the certificate counts on them.
        kind: the class of the links.
    """

    name: str
    count: int
    bandwidth: str
    used: float
    binds: bool
    kind: str


def use_of_links(schedule: Schedule) -> FloatArray:
    """Compute the part of each link's bandwidth that is used at full throughput, 0 to 1."""
    found, rate_ = loads(schedule), throughput(schedule).algbw
    if rate_ is None:
        return np.zeros(schedule.topology.links)
    load = np.array([float(each) for each in found.load])
    used: FloatArray = load[found.orbit] * float(rate_) / schedule.topology.bandwidth
    return used


def binding_links(schedule: Schedule) -> BoolArray:
    """Mark the links that the certificate counts on: those of its cut, or with a price."""
    certificate = schedule.bound.certificate
    if isinstance(certificate, Cut):
        _, links = measure_cut(schedule.topology, schedule.collective, certificate)
        return np.asarray(links, dtype=bool)
    if isinstance(certificate, Prices):
        costs = np.array([price > 0 for price in certificate.of_class], dtype=bool)
        return costs[certificate.of_link]
    return np.zeros(schedule.topology.links, dtype=bool)


def list_links(schedule: Schedule) -> list[Row]:
    """List the links, the busiest first; of a large machine one row for those that are alike.

    Complexity: links × generators + hops.
    """
    machine = schedule.topology
    used, binds = use_of_links(schedule), binding_links(schedule)
    orbit = loads(schedule).orbit if machine.links > MOST else np.arange(machine.links)
    keys = np.stack([orbit, binds], axis=1)
    _, first, count = np.unique(keys, axis=0, return_index=True, return_counts=True)
    rows = [
        Row(
            machine.link_name(link),
            n,
            rate(machine.unit * int(machine.capacity[link])),
            float(used[link]),
            bool(binds[link]),
            machine.classes[machine.link_class[link]].name,
        )
        for link, n in zip(first.tolist(), count.tolist(), strict=True)
    ]
    return sorted(rows, key=lambda row: (-row.used, row.name))
