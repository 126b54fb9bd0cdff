"""What the pieces of a schedule weigh, and what the links carry: without symmetry, exactly."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from solvers.schedules.amounts import amount_floats, whole_amounts
from solvers.schedules.schedule import Schedule
from topologies.model.topology import FloatArray, Topology
from topologies.model.units import Seconds
from topologies.symmetry.group import link_images, orbits


class LockStep(NamedTuple):
    """A schedule played stage by stage: how many there are, and how long they last together.

    Attributes:
        seconds: for each byte of size, the time of every stage's busiest link, added up.
    """

    stages: int
    seconds: Seconds


def fluid_time(schedule: Schedule) -> Fraction:
    """Compute the time that the busiest link needs, in units of sizes over units of capacity.

    The schedule must be written out (no symmetry).
    """
    rows = schedule.transfers
    whole, unit = whole_amounts(schedule)
    whole = whole.astype(object)
    load = np.zeros(schedule.topology.links, dtype=object)
    np.add.at(load, rows.route, np.repeat(whole[rows.piece], np.diff(rows.route_start)))
    capacity = schedule.topology.capacity.tolist()
    return max(Fraction(int(a), unit * c) for a, c in zip(load, capacity, strict=True))


def crossing_times(schedule: Schedule, weight: FloatArray) -> FloatArray:
    """Compute the time that pieces of these weights keep each link, in floats."""
    rows, topology = schedule.transfers, schedule.topology
    crossing = np.repeat(weight[rows.piece], np.diff(rows.route_start))
    load = np.bincount(rows.route, crossing, minlength=topology.links)
    return np.asarray(load / topology.capacity)


def lock_step(schedule: Schedule) -> LockStep:
    """Play a schedule without symmetry so that all wait for the slowest after each step."""
    rows, topology = schedule.transfers, schedule.topology
    if not len(rows):
        return LockStep(0, 0.0)
    hops, total = np.diff(rows.route_start), schedule.collective.total
    share = amount_floats(schedule) / total
    step = np.unique(rows.step, return_inverse=True)[1].reshape(-1)
    cells, place = np.unique(
        np.repeat(step, hops) * topology.links + rows.route, return_inverse=True
    )
    load = np.bincount(place.reshape(-1), np.repeat(share[rows.piece], hops))
    stage, link = np.divmod(cells, topology.links)
    longest = np.zeros(int(step.max()) + 1)
    np.maximum.at(longest, stage, load / topology.bandwidth[link])
    return LockStep(len(longest), float(longest.sum()))


def incast_bytes(schedule: Schedule, chunks: int = 1, *, slow: bool = False) -> float:
    """Compute what piles up in front of a rank at worst, for each byte of size.

    In one step a link from a switch into a rank serves one sender; the data of all others that it
    carries in this step wait in the switch. With a group every message counts as another sender's.
    As many steps are under path at a time, each with one chunk: they are counted in runs of that
    length, which finds at least half of what piles up. Those that are as fast as all that feed them
    need not let anything wait, if ranks send to all of theirs at once.

    Args:
        schedule: the schedule.
        chunks: in which each piece goes.
        slow: count only links that are slower than another into the same switch.
    """
    rows, topology, group = schedule.transfers, schedule.topology, schedule.group
    if not len(rows):
        return 0.0
    last = rows.route[rows.route_start[1:] - 1]
    switched = topology.src[last] >= topology.ranks
    if slow:
        switched &= topology.bandwidth[last] < _fastest_feed(topology)[topology.src[last]]
    orbit = orbits(link_images(topology, group.generators), topology.links)
    alike = (group.order / np.bincount(orbit))[orbit[last]]
    share = amount_floats(schedule) / schedule.collective.total
    pile = rows.step // chunks * topology.links + orbit[last]
    sender = rows.src if group.order == 1 else np.arange(len(rows))
    senders = max(topology.ranks, len(rows))
    keys, place = np.unique((pile * senders + sender)[switched], return_inverse=True)
    piles = keys // senders
    sent = np.bincount(place.reshape(-1), share[rows.piece][switched])
    times = np.ones(len(sent))
    times[place.reshape(-1)] = alike[switched]
    _, place = np.unique(piles, return_inverse=True)
    largest = np.zeros(len(piles))
    np.maximum.at(largest, place, sent)
    waiting = np.bincount(place, sent * times, len(piles)) - largest
    return float(waiting.max(initial=0.0)) / chunks


def _fastest_feed(topology: Topology) -> FloatArray:
    """Compute the bandwidth of the fastest link into each rank and switch."""
    most = np.zeros(len(topology.names))
    np.maximum.at(most, topology.dst, topology.bandwidth)
    return most
