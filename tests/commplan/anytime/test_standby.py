import os
import signal
from threading import Event, Timer

import pytest

import commplan
from commplan.anytime import standby
from runtime.verify.verify import verify
from solvers.lp.linear_program import Infeasible, NotFound
from solvers.schedules.certificate import UNPROVED
from solvers.settings.deadline import Watch
from solvers.solve import solve
from solvers.templates import ring

MACHINE = commplan.topology("torus:3x3")
WHAT = commplan.collective("all_gather", range(9))
BLINK = 0.01  # seconds between looks at the watch
MORE = 10.0  # seconds beyond a limit that a computer may take which others keep busy


@pytest.fixture(scope="module", autouse=True)
def imported():
    """Import what plain plans need: on a busy computer that takes longer than a short limit."""
    standby.make_fallback(MACHINE, WHAT, UNPROVED)


@pytest.fixture
def solver(monkeypatch):
    """Give a function that puts another solver in place, and have the plain schedule at once."""
    monkeypatch.setattr(standby, "PATIENCE", 0.0)
    return lambda instead: monkeypatch.setattr(standby, "solve", instead)


def until_stopped(topology, what, watch, *_):
    while not watch.over:
        Event().wait(BLINK)
    raise NotFound("the time is over")


def best(seconds, **known):
    watch = Watch(seconds, **known)
    return standby.solve_in_time(MACHINE, WHAT, watch), watch


def test_a_solver_that_ends_soon_decides():
    found, _ = best(600.0)
    assert found.report.optimal
    assert found.schedule.provenance["solver"] == "forest"


def test_when_the_time_is_over_there_is_a_plain_schedule_with_its_bound(solver):
    solver(until_stopped)
    found, watch = best(1.0)
    assert found.report.correct
    assert not found.report.optimal
    assert found.schedule.provenance["solver"] == "shortest ways"
    assert found.schedule.bound.algbw > found.report.algbw
    assert watch.news.best == float(found.report.algbw)
    assert watch.elapsed < 1.0 + MORE


def test_a_solver_that_does_not_stop_is_left_behind(solver):
    free = Event()
    solver(lambda *_: free.wait())
    found, watch = best(1.0)
    free.set()
    assert found.report.correct
    assert watch.elapsed < 1.0 + MORE


def test_what_the_solver_hands_in_at_the_end_is_taken_where_it_is_better(solver):
    def late(topology, what, watch, *_):
        while not watch.over:
            Event().wait(BLINK)
        return solve(topology, what)

    solver(late)
    found, _ = best(2.0)
    assert found.report.optimal


def test_what_the_solver_finds_is_dropped_where_the_plain_schedule_is_better(solver):
    def poor(topology, what, watch, *_):
        while not outer.news.best:
            Event().wait(BLINK)
        return ring.schedule(topology, what)  # with twice the load of the torus

    solver(poor)
    outer = Watch(600.0)
    found = standby.solve_in_time(MACHINE, WHAT, outer)
    assert verify(ring.schedule(MACHINE, WHAT)).algbw < found.report.algbw
    assert found.schedule.provenance["solver"] == "shortest ways"


def test_whoever_stops_the_watch_gets_the_plain_schedule_soon(solver):
    solver(until_stopped)
    watch = Watch(600.0)
    Timer(1.0, watch.stop).start()
    found = standby.solve_in_time(MACHINE, WHAT, watch)
    assert found.report.correct
    assert watch.elapsed < 1.0 + MORE
    assert watch.not_tried == [standby.FASTER]


def test_on_a_crowded_computer_the_plain_schedule_comes_first(monkeypatch):
    def waiting(topology, what, watch, *_):
        while not outer.news.best and outer.elapsed < 14.0:
            Event().wait(BLINK)
        return solve(topology, what)

    monkeypatch.setattr(standby, "solve", waiting)
    monkeypatch.setattr(standby, "EARLY", 0.9)
    outer = Watch(20.0, crowded=True)
    assert standby.solve_in_time(MACHINE, WHAT, outer).report.optimal
    assert outer.elapsed < 16.0  # it would wait for 18


def test_a_solver_without_a_proof_is_compared_however_soon_it_ends(solver, monkeypatch):
    monkeypatch.setattr(standby, "PATIENCE", 600.0)
    solver(lambda topology, what, *_: ring.schedule(topology, what))
    found, _ = best(6000.0)
    assert found.schedule.provenance["solver"] == "shortest ways"


def test_the_impossible_stays_impossible(solver):
    def refuse(*_):
        raise Infeasible("no path leads from a to b")

    solver(refuse)
    with pytest.raises(Infeasible, match="no path leads"):
        best(5.0)


def test_a_solver_that_gives_up_leaves_the_plain_schedule(solver):
    def give_up(*_):
        raise NotFound("the capacities are too large for an exact flow")

    solver(give_up)
    found, _ = best(5.0)
    assert found.schedule.provenance["solver"] == "shortest ways"


def test_without_any_time_the_plain_schedule_is_made_all_the_same(solver):
    solver(until_stopped)
    found, watch = best(0.0)
    assert found.report.correct
    assert found.schedule.provenance["solver"] == "shortest ways"
    assert watch.elapsed < MORE


def test_an_interruption_ends_the_search_with_what_there_is(solver):
    def interrupting(topology, what, watch, *_):
        while not outer.news.best:
            Event().wait(BLINK)
        os.kill(os.getpid(), signal.SIGINT)
        until_stopped(topology, what, watch)

    solver(interrupting)
    outer = Watch(600.0)
    found = standby.solve_in_time(MACHINE, WHAT, outer)
    assert found.report.correct
    assert outer.over
    assert outer.elapsed < 30.0


def test_at_an_interruption_before_there_is_anything_a_plain_schedule_is_made(solver, monkeypatch):
    monkeypatch.setattr(standby, "PATIENCE", 600.0)

    def interrupting(topology, what, watch, *_):
        os.kill(os.getpid(), signal.SIGINT)
        until_stopped(topology, what, watch)

    solver(interrupting)
    found, watch = best(6000.0)
    assert found.schedule.provenance["solver"] == "shortest ways"
    assert watch.elapsed < 1.0 + MORE


def test_a_second_interruption_goes_through_and_leaves_no_solver_behind(solver, monkeypatch):
    ended = Event()

    def interrupting(topology, what, watch, *_):
        os.kill(os.getpid(), signal.SIGINT)
        while not outer.late:
            Event().wait(BLINK)
        os.kill(os.getpid(), signal.SIGINT)
        try:
            until_stopped(topology, what, watch)
        finally:
            ended.set()

    solver(interrupting)
    outer = Watch(6000.0)
    with pytest.raises(KeyboardInterrupt):
        standby.solve_in_time(MACHINE, WHAT, outer)
    assert ended.wait(5.0)
