"""What says little of the machine that was asked for is marked."""

from fractions import Fraction

import pytest

from runtime.fabric.layout import layout
from runtime.fabric.machine import Machine
from runtime.fabric.trial import marks
from solvers.schedules.kinds import collective
from solvers.solve import solve
from topologies.presets.shapes import ring

SLOW = Fraction(1, 5000)  # 10 MB/s a link, of which a burst is 20 kB


@pytest.mark.parametrize(
    ("size", "alpha", "delayed", "found"),
    [
        (2**23, 0.0, False, []),
        (2**16, 0.0, False, ["92% of what the busiest link carries passes as a burst"]),
        (2**23, 1.0, False, ["most of the bound is latency, which is not emulated"]),
        (2**23, 1.0, True, []),
    ],
)
def test_what_bursts_and_missing_latencies_spoil_is_marked(size, alpha, delayed, found):
    machine = ring(3, alpha=alpha)
    schedule = solve(machine, collective("all_gather", range(3)))
    up = Machine(None, layout(machine, SLOW, delayed), [])
    assert list(marks(up, schedule, size)) == found
