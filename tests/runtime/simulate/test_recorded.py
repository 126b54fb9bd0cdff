"""Times that ASTRA-sim's congestion-aware network gave, which stores and forwards whole messages.

Recorded from runs of ASTRA-sim (commit 518bd51) with custom collectives; a GB there is 2^30 bytes,
a latency is that of one link, and times are cut to whole nanoseconds at each hop.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest

from runtime.simulate.simulate import simulate
from solvers.schedules.kinds import collective
from solvers.schedules.unequal import all_to_allv
from solvers.solve import solve
from solvers.templates import TEMPLATES
from topologies.model.topology import Link, Topology, build, frozen
from topologies.presets.shapes import full_mesh, ring, star

RATE = 50 * 2**30  # bytes per second of a link
LATENCY = 500e-9
NANOSECOND = 1e-9


class Recorded(NamedTuple):
    """A machine, a pattern for all_gather, bytes of a block, and nanoseconds."""

    make: Callable[[int], Topology]
    ranks: int
    pattern: str
    block: int
    nanoseconds: int
    hops: int


RECORDED = [
    Recorded(ring, 8, "ring", 10**6, 133_882, 7),
    Recorded(star, 2, "direct", 2**30, 40_001_000, 2),
    Recorded(star, 4, "direct", 2**30, 80_001_000, 4),
    Recorded(full_mesh, 4, "direct", 2**30, 20_000_500, 1),
]


def same_links(shape):
    """Give a shape the rate and the latency of the runs."""
    capacity = np.full_like(shape.capacity, RATE)
    alpha = np.full_like(shape.alpha, LATENCY)
    return replace(shape, capacity=frozen(capacity), unit=Fraction(1), alpha=frozen(alpha))


@pytest.mark.parametrize("run", RECORDED, ids=lambda run: f"{run.make.__name__}-{run.ranks}")
def test_all_gathers_take_as_long(run):
    machine = same_links(run.make(run.ranks))
    make, _ = TEMPLATES[run.pattern]
    made = make(machine, collective("all_gather", range(run.ranks)))
    played = simulate(made, run.block * run.ranks, "store-and-forward", 1)
    assert played.seconds / NANOSECOND == pytest.approx(run.nanoseconds, abs=run.hops)


def test_a_shift_on_a_line_takes_as_long():
    """0 to 1 to 2 to 3 and back to 0, the last over all three links; the middle one is slow."""
    rates = {("a", "b"): RATE, ("b", "c"): RATE // 2, ("c", "d"): RATE}
    links = [Link(*ends, rate, LATENCY, duplex=True) for ends, rate in rates.items()]
    machine = build("line", "abcd", (), links)
    shift = np.roll(np.eye(4, dtype=np.int64) * 2**30, 1, axis=1)
    made = solve(machine, all_to_allv((0, 1, 2, 3), shift))
    played = simulate(made, 2**30, "store-and-forward", 1)
    assert played.seconds / NANOSECOND == pytest.approx(80_001_500, abs=3)
