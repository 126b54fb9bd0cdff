"""Exchanges between boxes are right, cross once, and take the messages that they promise."""

from dataclasses import replace

import numpy as np
import pytest

from runtime.interpret.check import faults
from runtime.launch.launch import run
from runtime.program.lower import lower
from runtime.program.program import Action
from runtime.simulate.simulate import simulate
from runtime.verify.verify import verify
from solvers.routing.partitions import list_partitions
from solvers.schedules.kinds import collective
from solvers.schedules.unequal import all_to_allv
from solvers.templates.hierarchical_alltoall import BOTH, VARIANTS, hierarchies, schedule
from solvers.templates.layout import TemplateError
from topologies.formats.spec import topology
from topologies.model.topology import frozen

UNEVEN = (0, 1, 2, 5, 8, 9, 17, 20, 21, 22)


def drawn(n):
    demand = np.random.default_rng(n).integers(0, 3000, (n, n))
    demand[0], demand[:, -1] = 0, 0
    return demand


def busy(machine, seconds):
    return replace(machine, overhead=frozen(np.full(machine.ranks, seconds)))


@pytest.mark.parametrize("spec", ["dgx-a100:boxes=2", "atlas-a2:boxes=3", "mi250:boxes=1"])
def test_every_hierarchy_is_right(spec):
    machine = topology(spec)
    some = [rank for rank in UNEVEN if rank < machine.ranks]
    for what in (
        collective("all_to_all", range(machine.ranks)),
        collective("all_to_all", some),
        all_to_allv(tuple(some), drawn(len(some))),
    ):
        made = dict(hierarchies(machine, what))
        assert made
        for found in made.values():
            assert verify(found).correct
            assert faults(lower(found, 3000), what) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_messages_are_as_few_as_promised(variant):
    machine = topology("dgx-a100:boxes=12")
    [parted] = list_partitions(machine, range(96))
    what = collective("all_to_all", range(96))
    program = lower(schedule(machine, what, parted, variant), 96, dtype="int32")
    sends = program.action == Action.SEND
    across = sends & (program.ranks[0] + program.process // 8 != program.peer // 8)
    inside = np.bincount(program.process[sends & ~across], minlength=96)
    assert inside.max() == (14 if variant == BOTH else 7)
    assert np.bincount(program.process[across], minlength=96).max() == (
        2 if variant == BOTH else 11
    )
    blocks = (program.size * across).sum()
    assert blocks == 96 * 88


def test_other_collectives_are_refused():
    machine = topology("dgx-a100:boxes=2")
    [parted] = list_partitions(machine, range(16))
    with pytest.raises(TemplateError, match="makes all_to_all, all_to_allv, not all_gather"):
        schedule(machine, collective("all_gather", range(16)), parted, "spread")


def test_the_time_is_that_of_the_closed_form():
    """Seven messages in the box, then one to the other box: a rank works on one at a time."""
    overhead, size = 1e-3, 16
    machine = busy(topology("dgx-a100:boxes=2"), overhead)
    [parted] = list_partitions(machine, range(16))
    made = schedule(machine, collective("all_to_all", range(16)), parted, "gathered")
    assert simulate(made, size).seconds == pytest.approx((7 + 1 + 1 + 1) * overhead, rel=1e-2)


@pytest.mark.mpi
@pytest.mark.parametrize("target", ["mpi4py", "c"])
def test_a_hierarchy_runs(mpi, target):
    """On four ranks of three boxes, sizes on both sides of what is joined."""
    machine, ranks = topology("atlas-a2:boxes=3"), (0, 1, 8, 17)
    for what in (collective("all_to_all", ranks), all_to_allv(ranks, drawn(4))):
        [parted] = list_partitions(machine, ranks)
        made = schedule(machine, what, parted, BOTH)
        rows = run(made, [999, 2**18], target, iterations=1, warm_up=0, timeout=60)
        assert [row.wrong for row in rows] == [0, 0]
