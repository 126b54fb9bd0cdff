"""Few pairs of trees with ranks outside wherever branches meet."""

import numpy as np
import pytest

from commplan.planning.relayed import best_with_relays
from runtime.interpret.check import faults
from runtime.program.lower import lower
from runtime.verify.verify import verify
from solvers.groups.steiner_pairs import pack_steiner_pairs
from solvers.schedules.certificate import Bound
from solvers.schedules.kinds import collective
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import SolverOptions
from solvers.solve import solve
from topologies.formats.spec import topology
from topologies.model.topology import build


def group(machine, count, seed):
    drawn = np.random.default_rng(seed).choice(machine.ranks, count, replace=False)
    return collective("all_reduce", sorted(drawn.tolist()))


def pack(machine, what):
    return pack_steiner_pairs(machine, what, Bound(None, "none", None), Watch(60))


@pytest.mark.parametrize("seed", [1])
def test_what_ranks_outside_add_is_right_and_faster_than_what_the_ranks_do_alone(seed):
    machine = topology("torus:5x5x4")
    what = group(machine, 10, seed)
    alone = verify(solve(machine, what))
    made = pack(machine, what)
    report = verify(made)
    assert not report.faults
    assert not faults(lower(made, 128), what)
    assert report.algbw > 1.3 * alone.algbw
    assert len(set(made.share)) == 1
    outside = np.setdiff1d(made.transfers.dst[made.transfers.reduce], what.ranks)
    assert len(outside)


def test_the_planner_takes_what_negotiation_finds_near_the_bound():
    machine = topology("torus:4x4x4")
    found = best_with_relays(machine, group(machine, 17, 0), Watch(60), SolverOptions(relays="all"))
    assert found.schedule.provenance["solver"] == "negotiated trees"
    assert found.report.algbw > 0.95 * found.schedule.bound.algbw


def test_the_same_trees_come_out_again():
    machine = topology("torus:4x4x4")
    one, other = (pack(machine, group(machine, 8, 3)) for _ in range(2))
    assert np.array_equal(one.transfers.route, other.transfers.route)


def test_it_is_for_direct_links_of_which_members_have_enough():
    with pytest.raises(NotFound):
        pack(topology("star:8"), collective("all_reduce", range(4)))
    lonely = build("two", ["a", "b", "c"], [], [])
    with pytest.raises(NotFound):
        pack(lonely, collective("all_reduce", range(2)))
