"""How much each link carries, exactly, from the representatives of a schedule."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from solvers.schedules.piece_loads import whole_amounts
from solvers.schedules.schedule import IntegerColumn, Schedule, remembered
from topologies.model.topology import IntArray, frozen
from topologies.model.units import Rate
from topologies.symmetry.group import link_orbits


@dataclass(frozen=True, eq=False)
class Loads:
    """What the links carry for each byte of size; links of one orbit carry the same.

    Attributes:
        orbit: each link's orbit.
        load: what one link of each orbit carries.
    """

    orbit: IntArray
    load: tuple[Fraction, ...]


@dataclass(frozen=True)
class Throughput:
    """Size / time in bytes per second when everything is pipelined, and the link that limits it.

    Both are None where nothing moves.
    """

    algbw: Rate | None
    busiest: int | None


def loads(schedule: Schedule) -> Loads:
    """Add up what all images of all transfers put on the links.

    The elements of the group take a link e to each link of its orbit equally often, order / length
    of the orbit; so each link of the orbit carries that many times the load of the representatives
    on the whole orbit. Complexity: links × generators + hops.

    Args:
        schedule: any.

    Returns:
        by orbit of links.

    Raises:
        SymmetryError: the group does not keep the machine, or is too large to list.
    """
    topology, rows = schedule.topology, schedule.transfers
    orbit = link_orbits(topology, schedule.group)
    size = np.bincount(orbit)
    share, unit = weights(schedule)
    carried = np.zeros(len(size), dtype=share.dtype)
    np.add.at(carried, orbit[rows.route], np.repeat(share[rows.piece], np.diff(rows.route_start)))
    order = schedule.group.order
    return Loads(
        orbit,
        tuple(
            Fraction(int(load) * order, int(n) * unit)
            for load, n in zip(carried, size, strict=True)
        ),
    )


def throughput(schedule: Schedule) -> Throughput:
    """Find the busiest link and what it allows.

    Args:
        schedule: any that is well-formed.
    """
    if not len(schedule.transfers):
        return Throughput(None, None)
    found = loads(schedule)
    topology = schedule.topology
    time, busiest = Fraction(0), None
    links, capacity = np.unique(found.orbit, return_index=True)[1], topology.capacity
    for link, load in zip(links.tolist(), found.load, strict=True):
        if load > time * int(capacity[link]):
            time, busiest = load / int(capacity[link]), link
    return Throughput(topology.unit / time if time else None, busiest)


def algbw(schedule: Schedule) -> Rate | None:
    """Compute size / time of the schedule in bytes per second, None where nothing moves."""
    return throughput(schedule).algbw


@remembered
def weights(schedule: Schedule) -> tuple[IntegerColumn, int]:
    """Compute each piece's part of the size in whole multiples of one unit, and units in the size.

    The numbers are of 64 bits where every sum over hops fits into 62, else Python's.
    """
    whole, unit = whole_amounts(schedule)
    hops = max(len(schedule.transfers.route), 1)
    most = max(abs(int(whole.max(initial=0))), abs(int(whole.min(initial=0))))
    kind = np.int64 if most * hops < 2**62 else object
    return frozen(whole.astype(kind)), unit * schedule.collective.total
