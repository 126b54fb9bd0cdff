"""Trees around hubs: what their orders allow, and that they attain what they should."""

import numpy as np
import pytest

from runtime.verify.verify import verify
from solvers.packing.hubs import hub_orders
from solvers.routing.quotient import Quotient
from solvers.schedules.kinds import ROOTED, collective
from solvers.settings.deadline import Watch
from solvers.settings.options import DEFAULT_OPTIONS
from solvers.trees import forest
from topologies.derive.part import submachine
from topologies.formats.spec import topology
from topologies.model.topology import integers
from topologies.symmetry.group import trivial


def dies(ranks: list[int]):
    """Cut some dies of two nodes out, and number them in the part."""
    cut = submachine(
        topology("cloudmatrix384:nodes=2"), sorted({d ^ one for d in ranks for one in (0, 1)})
    )
    return cut.topology, cut.place(np.array(ranks)).tolist()


@pytest.mark.parametrize("inward", [False, True])
def test_every_order_reaches_all_members_from_the_hub_and_parents_come_first(inward):
    machine, ranks = dies([0, 1, 6, 16, 17, 20])
    quotient = Quotient(machine, integers(ranks), trivial(machine))
    found = list(hub_orders(quotient, 2, inward=inward, alone=True))
    assert len(found) == 2 * (len(ranks) - 1)  # both ways round for each other member
    for order, parent, child in found:
        assert order.root == 2
        assert (order.place[parent] < order.place[child]).all()
        assert set(child.tolist()) == set(range(len(ranks))) - {2}


def test_members_beside_each_other_may_be_parent_of_each_other_in_one_order_each():
    machine, ranks = dies([0, 6, 16, 17])
    quotient = Quotient(machine, integers(ranks), trivial(machine))
    pairs = {
        (int(p), int(c))
        for each in hub_orders(quotient, 0, inward=False, alone=False)
        for p, c in zip(each.parent, each.child, strict=True)
    }
    assert {(2, 3), (3, 2)} <= pairs
    assert not {(1, 2), (2, 1)} & pairs


def test_without_neighbours_there_is_one_star_for_each_hub():
    machine, ranks = dies([0, 6, 16, 20])
    quotient = Quotient(machine, integers(ranks), trivial(machine))
    (only,) = hub_orders(quotient, 1, inward=False, alone=False)
    assert only.parent.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        *((name, [0, 6, 16, 20]) for name in ("broadcast", "reduce", "all_gather", "all_reduce")),
        *((name, [0, 4, 16, 17, 20, 26]) for name in ("broadcast", "reduce")),
        *((name, [0, 1, 16, 17, 20, 21]) for name in ("broadcast", "reduce")),
    ],
)
def test_groups_with_and_without_neighbours_attain_the_optimum(name, chosen):
    machine, ranks = dies(chosen)
    what = collective(name, ranks, ranks[0] if name in ROOTED else None)
    made = forest.pack_stars(machine, what, trivial(machine), Watch(60), DEFAULT_OPTIONS)
    report = verify(made)
    assert report.correct, report.faults
    assert report.optimal
