"""Members that others stand for: the same optimum, from few columns."""

import numpy as np
import pytest

from runtime.verify.verify import verify
from solvers.bounds.cuts import cut_bound
from solvers.kept_symmetry import find_symmetry
from solvers.packing.column_pool import ColumnPool
from solvers.packing.families import Family
from solvers.routing.quotient import Quotient
from solvers.schedules.kinds import collective
from solvers.solve import solve
from topologies.formats.spec import topology
from topologies.model.topology import integers

MACHINES = ["cloudmatrix384:nodes=4", "hypercube:6", "leaf-spine:8x4x8", "dgx-a100:boxes=8"]


@pytest.mark.parametrize("name", ["broadcast", "reduce"])
@pytest.mark.parametrize("spec", MACHINES)
def test_large_symmetric_machines_reach_the_cut_from_one_root(spec, name):
    machine = topology(spec)
    what = collective(name, range(machine.ranks), 1)
    report = verify(solve(machine, what))
    assert not report.faults
    assert report.algbw == report.proved == cut_bound(machine, what).algbw


def test_few_members_have_columns_and_every_one_gets_its_parents():
    machine = topology("cloudmatrix384:nodes=6")
    what = collective("broadcast", range(machine.ranks), 0)
    quotient = Quotient(machine, integers(what.ranks), find_symmetry(machine, what))
    pool = ColumnPool(quotient, [Family(0, inward=False)])
    pool.nearest_first(pool.families[0], pool.near)
    (order,) = pool.orders
    assert order.standing.sum() == machine.ranks - 1
    assert len(order.leaders) < machine.ranks / 4
    assert pool.kinds is not None
    earliest = pool.kinds.earliest(order)
    child, kind = np.nonzero(earliest >= 0)
    assert (order.place[earliest[child, kind]] < order.place[child]).all()
