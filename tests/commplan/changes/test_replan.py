"""Plans for what is left: as good as for the same machine made by hand, and what they cost."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from commplan.candidates.tuning import HIGH
from commplan.changes import contingency
from commplan.changes.contingency import Contingency, plan_contingency
from commplan.changes.difference import sum_traffic
from commplan.changes.failures import list_failures
from commplan.changes.replan import replan
from commplan.changes.shrink import GoneError
from commplan.planning.planner import plan
from runtime.metrics.chunking import flow_rate
from runtime.metrics.pacing import pacing_of, with_pacing
from runtime.verify.verify import verify
from solvers.lp.linear_program import Infeasible
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.schedules.piece_loads import amount_floats
from solvers.schedules.unequal import all_to_allv
from solvers.settings.deadline import Watch
from solvers.settings.options import LimitError
from topologies.derive.damage import Damage, damaged
from topologies.derive.failures import read_damage
from topologies.model.arguments import ArgumentError
from topologies.presets.nvidia import dgx_a100
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import full_mesh, ring, star, torus


def planned(machine, name, **words):
    return plan(machine, collective(name, range(machine.ranks), **words)).schedule


@pytest.mark.parametrize("name", COLLECTIVES)
def test_what_is_left_is_planned_as_well_as_by_hand(name):
    machine = full_mesh(4)
    made = replan(planned(machine, name), read_damage(machine, without=["r1:r2"]))
    by_hand = damaged(machine, read_damage(machine, without=["r1:r2"])).topology
    alone = plan(by_hand, collective(name, range(4)))
    assert made.plan.report.optimal
    assert made.plan.report.algbw == alone.report.algbw
    assert made.lost == 1 - alone.report.algbw / made.before
    assert verify(made.plan.schedule).correct


@pytest.mark.parametrize("name", ["all_gather", "all_to_all"])
def test_a_program_keeps_its_lead_where_that_suits_it_repaired_or_planned_anew(name):
    machine = torus((3, 3))
    schedule = planned(machine, name)
    schedule = with_pacing(schedule, replace(pacing_of(schedule), lead=5))
    made = replan(schedule, read_damage(machine, without=["r0.0:r0.1"])).plan
    assert pacing_of(made.schedule).lead == 5
    assert made.reached.size >= HIGH * flow_rate(made.schedule) * made.reached.seconds


def test_nothing_lost_nothing_changed_where_a_link_was_not_needed():
    machine = random_machine(2, 5, 1)
    schedule = planned(machine, "broadcast")
    unused = set(range(machine.links)) - set(schedule.transfers.route.tolist())
    link = next(iter(unused))
    made = replan(schedule, Damage(((link, Fraction(0)),)))
    assert made.lost == 0


def test_a_dead_rank_shrinks_the_collective_or_is_a_no():
    machine = ring(5)
    schedule, dead = planned(machine, "all_gather"), read_damage(machine, without_ranks=["r2"])
    with pytest.raises(GoneError, match="r2 takes part in the all_gather"):
        replan(schedule, dead)
    made = replan(schedule, dead, shrink=True)
    assert made.plan.schedule.collective.ranks == (0, 1, 2, 3)
    assert made.left.topology.names == ("r0", "r1", "r3", "r4")
    assert made.plan.report.optimal
    with pytest.raises(GoneError, match="the root of the broadcast, r2, is gone"):
        replan(planned(machine, "broadcast", root=2), dead, shrink=True)


@pytest.mark.parametrize("name", ["all_to_all", "broadcast"])
def test_one_rank_that_is_left_sends_nothing(name):
    machine = full_mesh(2)
    made = replan(planned(machine, name), read_damage(machine, without_ranks=["r1"]), shrink=True)
    assert (made.lost, made.difference.after, made.difference.dropped > 0) == (None, 0, True)
    assert made.difference.changed == made.difference.added == 0


def test_a_demand_shrinks_to_what_the_others_send():
    machine = full_mesh(4)
    demand = np.arange(16).reshape(4, 4)
    schedule = plan(machine, all_to_allv((0, 1, 2, 3), demand)).schedule
    made = replan(schedule, read_damage(machine, without_ranks=["r1"]), shrink=True)
    rest = all_to_allv((0, 1, 2), np.delete(np.delete(demand, 1, 0), 1, 1))
    assert made.plan.schedule.collective.sizes.tolist() == rest.sizes.tolist()


def test_at_a_size_times_are_compared():
    machine = torus((3, 3))
    low = plan(machine, collective("all_reduce", range(9)), size=1024).schedule
    made = replan(low, read_damage(machine, without=["r0.0:r0.1"]), size=1024)
    assert made.lost == 1 - Fraction(made.took) / Fraction(made.plan.predicted)
    assert made.took <= made.plan.predicted


def test_a_machine_of_one_rank_has_no_plan_without_it():
    schedule = planned(ring(1), "all_reduce")
    outcome = list(plan_contingency(schedule, Watch()))
    assert [(each.plan, each.lost) for each in outcome] == [(None, 1)]


def test_what_is_beyond_a_limit_is_an_outcome_with_the_reason(monkeypatch):
    def refuse(*_, **__):
        raise LimitError("9 ranks of 9 differ")

    schedule = planned(torus((3, 3)), "all_to_all")
    monkeypatch.setattr(contingency, "replan", refuse)
    outcome = list(plan_contingency(schedule, Watch(), ("link",)))
    found = [(each.plan, each.proved, each.reason) for each in outcome]
    assert found == [(None, False, "9 ranks of 9 differ")]


def test_cut_in_two_is_a_no_that_names_the_parts():
    machine = star(3)
    with pytest.raises(Infeasible, match="r0"):
        replan(planned(machine, "all_gather"), read_damage(machine, without=["r0:s0"]))


@pytest.mark.parametrize("machine", [torus((3, 3)), dgx_a100(boxes=2)], ids=lambda m: m.name)
def test_failures_that_are_alike_cost_the_same(machine):
    schedule = planned(machine, "all_gather")
    found = list_failures(machine, schedule.collective, ("link", "rank", "switch"))
    switches = machine.vertices - machine.ranks
    assert sum(each.count for each in found) == machine.links // 2 + machine.vertices
    assert sum(each.count for each in found if each.kind == "switch") == switches
    outcome = Contingency(tuple(plan_contingency(schedule, Watch(), ("link",))))
    costs = {each.lost: each.failure.count for each in outcome.outcomes}
    counted = dict.fromkeys(costs, 0)
    for link in np.flatnonzero(machine.mate > np.arange(machine.links))[::3].tolist():
        both = ((link, Fraction(0)), (int(machine.mate[link]), Fraction(0)))
        counted[replan(schedule, Damage(both)).lost] += 1
    assert all(counted[cost] <= count for cost, count in costs.items())
    assert outcome.worst == max(costs)


@pytest.mark.parametrize("name", ["all_gather", "all_reduce"])
def test_traffic_of_representatives_is_that_of_all_transfers(name):
    machine = dgx_a100(2)
    schedule = planned(machine, name)
    assert schedule.group.order > 1
    rows, images = schedule.transfers, schedule.group.elements
    amount = amount_floats(schedule)[rows.piece] / schedule.collective.total
    expected = np.zeros((machine.vertices, machine.vertices))
    for element in images:
        np.add.at(expected, (element[rows.src], element[rows.dst]), amount)
    found = sum_traffic(schedule, np.arange(machine.vertices), machine.vertices)
    assert np.allclose(found.toarray(), expected, rtol=1e-12)


def test_what_is_no_schedule_or_no_damage_is_refused_in_a_line():
    machine = ring(3)
    damage = read_damage(machine, slow=["r0:r1=0.5"])
    with pytest.raises(ArgumentError, match="schedule: found None, expected"):
        replan(None, damage)
    with pytest.raises(ArgumentError, match="damage: found 'r0:r1', expected"):
        replan(planned(machine, "broadcast"), "r0:r1")


def test_trees_that_a_program_keeps_up_with_take_the_place_of_repaired_ones():
    machine = dgx_a100(2)
    made = replan(planned(machine, "all_reduce"), read_damage(machine, without=["b0.g0:ib"])).plan
    assert made.report.optimal
    assert made.schedule.provenance == {"solver": "all_reduce"}  # no pacing of its own
    assert made.reached is not None
    assert made.report.algbw is not None
    assert made.reached.size / made.reached.seconds > 0.99 * made.report.algbw
