"""What the pieces of a schedule weigh, and what the links carry: without symmetry, exactly.

A schedule may have hundreds of thousands of pieces, and is asked again and again while candidates
are compared: amounts are columns of whole numbers, not fractions.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple

import numpy as np

from solvers.schedules.schedule import IntegerColumn, Schedule, remembered
from topologies.model.topology import FloatArray, IntArray, Topology
from topologies.model.units import Seconds
from topologies.symmetry.group import link_orbits

EXACT = 2**53  # below which whole numbers are floats
SMALL = 2**62  # below which sums of two are of 64 bits


@remembered
def shares(schedule: Schedule) -> tuple[IntegerColumn, IntegerColumn]:
    """Give numerators and denominators of the shares, of 64 bits where they fit, else Python's."""
    return as_columns(schedule.share)


def as_columns(given: Sequence[Fraction]) -> tuple[IntegerColumn, IntegerColumn]:
    """Lay out numerators and denominators in columns."""
    above, below = ([getattr(s, name) for s in given] for name in ("numerator", "denominator"))
    small = max(map(abs, above), default=0) < SMALL and max(below, default=1) < SMALL
    kind = np.int64 if small else object
    return np.array(above, dtype=kind), np.array(below, dtype=kind)


def floats(above: IntegerColumn, below: IntegerColumn | int) -> FloatArray:
    """Divide whole numbers, each quotient rounded once, as Python rounds it."""
    below = np.broadcast_to(np.asarray(below, dtype=above.dtype), above.shape)
    if above.dtype != object and max(_most(above), _most(below)) < EXACT:
        return np.asarray(above / below, dtype=np.float64)
    pairs = zip(above.tolist(), below.tolist(), strict=True)
    return np.array([a / b for a, b in pairs], dtype=np.float64)


def share_floats(schedule: Schedule) -> FloatArray:
    """Compute the shares in floats."""
    return floats(*shares(schedule))


def amounts(schedule: Schedule) -> tuple[IntegerColumn, IntegerColumn]:
    """Compute the amount of each piece, in units of the collective's sizes, as reduced fractions.

    Returns:
        numerators and denominators.
    """
    above, below = shares(schedule)
    sizes: IntArray = schedule.collective.sizes[schedule.block]
    if above.dtype == object or _most(above) * _most(sizes) >= SMALL:
        above, below, sizes = (np.asarray(each, dtype=object) for each in (above, below, sizes))
    above = above * sizes
    common = np.gcd(above, below)
    return above // common, below // common


def amount_floats(schedule: Schedule) -> FloatArray:
    """Compute the amount of each piece in floats."""
    return floats(*amounts(schedule))


def whole_amounts(schedule: Schedule) -> tuple[IntegerColumn, int]:
    """Compute the amounts in multiples of one unit, and how many of these a unit of size has.

    Amounts, not shares, are brought to one denominator: shares of blocks of different sizes may
    have none that is of use. The numbers are of 64 bits where they fit into 62, else Python's.
    """
    above, below = amounts(schedule)
    unit = lcm(*set(below.tolist()))
    if above.dtype == object or _most(above) * unit >= SMALL:
        above, below = above.astype(object), below.astype(object)
    return above * (unit // below), unit


def _most(column: IntegerColumn) -> int:
    return int(max(abs(column.max(initial=0)), abs(column.min(initial=0))))


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
    known, asked = _piled_up(schedule), (chunks, slow)
    if asked not in known:
        known[asked] = _pile_up(schedule, chunks, slow=slow)
    return known[asked]


@remembered
def _piled_up(schedule: Schedule) -> dict[tuple[int, bool], float]:
    """Keep what piles up, as candidates are asked for it at many pacings, and again and again."""
    return {}


def _pile_up(schedule: Schedule, chunks: int, *, slow: bool) -> float:
    rows, topology, group = schedule.transfers, schedule.topology, schedule.group
    if not len(rows):
        return 0.0
    last = rows.route[rows.route_start[1:] - 1]
    switched = topology.src[last] >= topology.ranks
    if slow:
        switched &= topology.bandwidth[last] < _fastest_feed(topology)[topology.src[last]]
    orbit = link_orbits(topology, group)
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
