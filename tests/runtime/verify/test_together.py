"""The checker of sets: what is right passes, and no mutation does."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from runtime.verify.together import verify_together
from solvers.schedules.certificate import Prices
from solvers.schedules.ensembles.ensemble import Task
from solvers.schedules.kinds import collective
from solvers.together.joint import plan_together
from topologies.formats import spec
from topologies.model.topology import frozen
from topologies.symmetry.group import trivial


@pytest.fixture(scope="module")
def made():
    machine = spec.topology("dgx-a100:boxes=2")
    rows = [range(8), range(8, 16), *(range(i, 16, 8) for i in range(8))]
    tasks = [Task(collective("all_gather" if len(r) > 2 else "all_reduce", r), 8000) for r in rows]
    return plan_together(machine, tasks)


@pytest.fixture(scope="module")
def forwarding():
    machine = spec.topology("torus:3x3")
    rows = ([0, 4, 8], [1, 5, 6], [2, 3])
    return plan_together(machine, [Task(collective("all_to_all", r), 900) for r in rows], "forward")


def refused(ensemble):
    report = verify_together(ensemble)
    assert not report.correct
    assert not report.optimal
    return " | ".join(report.faults)


def with_first(ensemble, **changes):
    (number, own), *rest = ensemble.schedules
    return replace(ensemble, schedules=((number, replace(own, **changes)), *rest))


def test_what_is_planned_is_right_and_optimal(made, forwarding):
    for each in (made, forwarding):
        report = verify_together(each)
        assert report.correct, report.faults
        assert report.optimal
        assert report.time == report.least == each.time


def test_another_time_is_refused(made):
    assert "all together put" in refused(replace(made, time=made.time * Fraction(999, 1000)))
    assert "are told" in refused(replace(made, time=made.time * 2))


def test_another_bound_is_refused(made):
    assert "the prices prove" in refused(replace(made, least=made.least * Fraction(1001, 1000)))
    assert "nothing proves" in refused(replace(made, prices=None))
    assert "take in nothing" in refused(
        replace(made, prices=Prices((Fraction(0),), frozen(np.zeros(made.topology.links, int))))
    )
    short = Prices((Fraction(1),), frozen(np.zeros(3, int)))
    assert "prices for 3 links" in refused(replace(made, prices=short))


def test_a_task_without_a_schedule_is_refused(made):
    assert "no image" in refused(replace(made, schedules=made.schedules[1:]))
    assert "no image" in refused(replace(made, group=trivial(made.topology)))


def test_tasks_that_weigh_more_than_planned_are_refused(made):
    heavier = tuple(Task(task.collective, task.size * 2) for task in made.tasks)
    assert "all together put" in refused(replace(made, tasks=heavier))
    one = (Task(made.tasks[0].collective, 8001), *made.tasks[1:])
    assert "collective 1: it has no schedule" in refused(replace(made, tasks=one))


def test_a_schedule_that_does_not_do_its_task_is_refused(made):
    rows = made.schedules[0][1].transfers
    fewer = rows.rows(np.arange(len(rows) - 1))
    assert "ends without" in refused(with_first(made, transfers=fewer))
    share = made.schedules[0][1].share
    assert "add up to" in refused(with_first(made, share=(share[0] / 2, *share[1:])))


def test_a_symmetry_of_its_own_is_refused(made):
    own = made.schedules[0][1]
    assert own.group.order > 1
    assert "add up to" in refused(with_first(made, group=trivial(made.topology)))
    swapped = np.arange(made.topology.vertices)[None].copy()
    swapped[0, [0, 8]] = [8, 0]
    assert refused(replace(made, group=type(made.group)(frozen(swapped))))


def test_ranks_that_forward_although_nobody_should_are_refused(forwarding):
    assert "passes messages on" in refused(replace(forwarding, relays="none"))
    assert "relays" in refused(replace(forwarding, relays="all"))


def test_every_link_that_a_message_takes_is_looked_at(forwarding):
    rows = forwarding.schedules[0][1].transfers
    route = rows.route.copy()
    route[0] = (route[0] + 1) % forwarding.topology.links
    assert refused(with_first(forwarding, transfers=replace(rows, route=frozen(route))))
