"""The best all_gather of each machine, against the figures of ForestColl (arXiv:2402.06787)."""

from fractions import Fraction

import numpy as np
import pytest
from ortools.graph.python import max_flow

from topologies.presets.amd import mi250
from topologies.presets.figures import GIGA
from topologies.presets.nvidia import dgx_1, dgx_a100
from topologies.symmetry.group import declared_group, orbits


def tightest_cut(machine):
    """Find the least, over sets of vertices, of bandwidth that leaves over ranks inside.

    Newton's iteration: a rate is sustained if, with a source that feeds each rank at this rate,
    every rank can take in all of it; a cut that forbids it gives the next rate.
    """
    n, ranks = machine.vertices, np.arange(machine.ranks)
    tail = np.concatenate([machine.src, np.full(len(ranks), n)])
    head = np.concatenate([machine.dst, ranks])
    sinks = np.unique(orbits(declared_group(machine).generators, n)[:n], return_index=True)[1]
    rate, settled = Fraction(int(machine.capacity.sum())), 0
    sinks = [int(sink) for sink in sinks if sink < machine.ranks]
    while settled < len(sinks):
        flow = max_flow.SimpleMaxFlow()
        capacity = [machine.capacity * rate.denominator, np.full(len(ranks), rate.numerator)]
        flow.add_arcs_with_capacity(tail, head, np.concatenate(capacity))
        assert flow.solve(n, sinks[settled]) == flow.OPTIMAL
        if flow.optimal_flow() >= len(ranks) * rate.numerator:
            settled += 1
            continue
        inside = np.zeros(n + 1, dtype=bool)
        inside[flow.get_source_side_min_cut()] = True
        leaving = machine.capacity[inside[machine.src] & ~inside[machine.dst]].sum()
        rate = Fraction(int(leaving), int(inside[: machine.ranks].sum()))
    return rate * machine.unit


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (dgx_a100(1), Fraction(2400, 7)),
        (dgx_a100(2), Fraction(1040, 3)),
        (dgx_a100(4), Fraction(800, 3)),
        (dgx_a100(16), Fraction(640, 3)),
        (mi250(1), Fraction(2400, 7)),
        (mi250(2), Fraction(5312, 15)),
        (dgx_1(), Fraction(1200, 7)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_all_gather_is_as_fast_as_published(machine, expected):
    assert tightest_cut(machine) * machine.ranks / GIGA == expected
