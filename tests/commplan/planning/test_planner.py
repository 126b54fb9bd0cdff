from dataclasses import replace

import numpy as np
import pytest

import commplan
from commplan.anytime import standby
from commplan.candidates import tuning
from commplan.planning.planner import plan, plan_again
from commplan.planning.relayed import best_with_relays
from solvers.schedules.kinds import ROOTED, collective
from solvers.schedules.unequal import all_to_allv
from solvers.settings.deadline import NO_DEADLINE
from solvers.settings.options import SolverOptions
from topologies.formats.spec import topology
from topologies.model.topology import frozen

NAMES = (
    *("all_gather", "reduce_scatter", "all_reduce", "all_to_all"),
    *sorted(ROOTED),
)


def problem(spec, name):
    machine = commplan.topology(spec)
    return machine, commplan.collective(name, range(machine.ranks))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spec", ["ring:5", "star:3", "torus:2x3", "full-mesh:1"])
def test_a_plan_is_right_and_not_faster_than_its_bound(spec, name):
    machine, what = problem(spec, name)
    for size in (64, 2**20):
        made = commplan.plan(machine, what, size=size)
        assert commplan.verify(made.schedule).correct
        assert made.predicted >= made.bound * (1 - 1e-9)
        assert made.predicted == pytest.approx(commplan.simulate(made.schedule, size).seconds)


def test_without_a_size_throughput_decides():
    made = commplan.plan(*problem("ring:5", "all_reduce"))
    assert made.report.optimal
    assert made.candidates == ()
    assert made.size is made.predicted is made.bound is None


def test_the_fastest_candidate_is_chosen_with_its_reason():
    made = commplan.plan(*problem("hypercube:3", "all_reduce"), size=8)
    seconds = [each.seconds for each in made.candidates]
    assert len(seconds) > 2
    assert made.predicted == seconds[0] == min(seconds)
    assert made.schedule.transfers is made.candidates[0].schedule.transfers
    assert made.reason.startswith(f"{made.candidates[0].name}: ")


def test_what_is_fast_when_small_and_what_is_fast_when_large_differ():
    machine, what = problem("hypercube:3", "all_reduce")
    small, large = (commplan.plan(machine, what, size=size) for size in (8, 2**28))
    assert large.report.optimal
    assert small.candidates[0].name == "recursive_doubling"
    assert small.report.height == 3 < large.report.height
    assert small.schedule.bound.algbw == large.schedule.bound.algbw


def test_small_direct_networks_get_exact_schedules(monkeypatch):
    monkeypatch.setattr(tuning, "EXACT_WORK", 30.0)
    made = commplan.plan(*problem("dgx-1", "all_reduce"), size=2**16)
    exact = next(c for c in made.candidates if c.name.startswith("exact, 4 steps, 6 rounds"))
    assert exact.schedule.provenance["solver"] == "synchronous"
    stepwise, highest = (
        commplan.simulate(c.schedule, 2**16, lead=1).seconds
        for c in (exact, next(c for c in made.candidates if c.name == "highest throughput"))
    )
    assert stepwise < highest * 0.9


def test_switched_machines_and_many_ranks_are_not_searched_exactly():
    for name in ("star:5", "ring:9"):
        made = commplan.plan(*problem(name, "all_gather"), size=2**16)
        assert not any(each.name.startswith("exact") for each in made.candidates)


def test_many_ranks_are_not_compared_with_templates(monkeypatch):
    monkeypatch.setattr(tuning, "TEMPLATE_RANKS", 4)
    monkeypatch.setattr(tuning, "EXACT_RANKS", 4)
    monkeypatch.setattr(tuning, "LOW_RANKS", 4)
    made = commplan.plan(*problem("ring:5", "all_gather"), size=64)
    assert made.reason == "highest throughput, the only candidate"


def test_a_wrong_schedule_never_leaves(monkeypatch):
    solve = standby.solve
    machine, what = problem("ring:5", "all_gather")
    other = solve(machine, commplan.collective("reduce_scatter", range(5)))
    wrong = other.transfers
    monkeypatch.setattr(
        standby, "solve", lambda *a, **named: replace(solve(*a, **named), transfers=wrong)
    )
    with pytest.raises(commplan.WrongSchedule, match="forest made a wrong schedule: "):
        commplan.plan(machine, what)


@pytest.mark.parametrize("name", ["all_to_all", "all_to_allv"])
def test_hierarchies_are_chosen_where_messages_cost_much(name):
    machine = topology("dgx-a100:boxes=2")
    ranks = range(16)
    demand = np.full((16, 16), 64)
    what = collective(name, ranks) if name == "all_to_all" else all_to_allv(tuple(ranks), demand)
    free, costly = (plan(_busy(machine, seconds), what, size=2**10) for seconds in (0.0, 1e-6))
    assert not free.reason.startswith("2 boxes")
    assert costly.reason.startswith("2 boxes")
    direct = min(each.seconds for each in costly.candidates if not each.name.startswith("2 boxes"))
    assert costly.predicted is not None
    assert direct / costly.predicted > 1.05


def _busy(machine, seconds):
    return replace(machine, overhead=frozen(np.full(machine.ranks, seconds)))


def test_what_is_in_hand_is_not_played_when_the_time_is_over(monkeypatch):
    def stopped(topology, collective, watch, options):
        found = best_with_relays(topology, collective, watch, options)
        watch.stop()
        return found

    monkeypatch.setattr("commplan.planning.relayed.best_with_relays", stopped)
    made = plan(*problem("ring:5", "all_gather"))
    assert made.report.optimal
    assert made.reached is None
    assert "other leads" in made.not_tried


def test_a_schedule_with_helpers_says_what_made_it():
    machine = topology("cloudmatrix384:nodes=1")
    options = SolverOptions(relays="all")
    made = plan(machine, collective("all_reduce", range(4)), options=options).schedule
    assert made.provenance["solver"] == "all_reduce"
    assert made.relays == "all"


def test_a_plan_for_about_the_same_size_needs_no_search(monkeypatch):
    machine, what = problem("torus:2x3", "reduce_scatter")
    made, anew = (plan(machine, what, size=size) for size in (2**20, 2**20 + 2**16))
    monkeypatch.setattr("commplan.planning.relayed.best_with_relays", None)
    again = plan_again(made, 2**20 + 2**16, NO_DEADLINE)
    assert again.report.correct
    assert again.size == anew.size
    assert again.bound == anew.bound
    assert again.bound <= again.predicted <= 1.001 * anew.predicted
