"""What says little of the machine that was asked for is marked."""

from fractions import Fraction

import pytest

from runtime.fabric.counters import Flow
from runtime.fabric.layout import layout
from runtime.fabric.machine import Machine
from runtime.fabric.trial import Trial, marks
from runtime.launch.launch import Measurement
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


@pytest.mark.parametrize(
    ("wrong", "counted", "found"),
    [
        (0, 8e6, []),
        (3, 8e6, ["3 elements are wrong"]),
        (
            0,
            9e6,
            [
                "vertex 0 sent 1 9.00 MB, planned were 8.00 and at most 8.50 are explained",
            ],
        ),
    ],
)
def test_a_wrong_result_and_traffic_gone_astray_are_told_apart(wrong, counted, found):
    measured = Measurement(16, 4, "float32", "sum", 1, False, 2, 3, 1e-3, 1.0, 1.0, wrong)
    tried = Trial(measured, 1e-3, None, (Flow(0, 1, 8e6, counted, 8.5e6),))
    assert list(tried.faults()) == found
    assert tried.routed == (counted == 8e6)
