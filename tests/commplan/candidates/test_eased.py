"""Trees packed again leave room on links that do not bind, at the throughput of before."""

import numpy as np
import pytest

from commplan.candidates.eased import ease
from commplan.planning.planner import plan
from runtime.metrics.chunking import LARGE
from runtime.metrics.link_loads import algbw, loads
from runtime.simulate.simulate import simulate
from runtime.verify.verify import verify
from solvers.schedules.kinds import collective
from solvers.settings.deadline import NO_DEADLINE
from solvers.settings.options import DEFAULT_OPTIONS, SWITCHINGS
from topologies.formats.spec import topology
from topologies.model.topology import Link, Switch, build


def _eased(best, *parts):
    return list(ease(best, parts or (70,), NO_DEADLINE, DEFAULT_OPTIONS))


def _full(schedule):
    """Count the links that work nearly all the time at the schedule's throughput."""
    found, machine = loads(schedule), schedule.topology
    load = np.array([float(each) for each in found.load])[found.orbit]
    return int((load * float(algbw(schedule)) > 0.99 * machine.bandwidth).sum())


def _with_slow_ranks():
    """Build a star of four fast ranks and four slow ones, all of a kind alike."""
    rate = {True: 50 * 10**9, False: 10 * 10**9}
    names = [f"r{i}" for i in range(8)]
    links = [Link(name, "s", rate[i < 4], 1e-6, duplex=True) for i, name in enumerate(names)]
    return build("slow and fast", names, [Switch("s")], links)


@pytest.mark.parametrize("name", ["all_reduce", "broadcast"])
def test_the_throughput_stays_and_fewer_links_are_full(name, solved):
    best = solved(topology("irregular:seed=21"), name)
    ((part, made),) = _eased(best)
    assert part == 70
    assert algbw(made) == algbw(best)
    assert verify(made).optimal
    assert made.topology is best.topology
    assert _full(made) <= _full(best)


def test_symmetry_is_kept_where_it_is_one_of_the_machine(solved):
    best = solved(_with_slow_ranks(), "reduce")
    ((_, made),) = _eased(best)
    assert verify(made).optimal
    assert _full(made) < _full(best)


def test_nothing_is_left_where_all_links_bind(solved):
    for name in ("ring:4", "ring:1"):
        assert len(_eased(solved(topology(name), "all_gather"))) == 0


def test_a_group_stays_near(solved):
    machine = topology("torus:4x4")
    part = plan(machine, collective("all_gather", range(3))).schedule
    assert len(_eased(part)) == 0


@pytest.mark.parametrize(("seed", "name"), [(69, "reduce")])
def test_what_links_that_share_hold_up_is_planned_with_room(seed, name):
    machine = topology(f"irregular:seed={seed}")
    made = plan(machine, collective(name, range(machine.ranks), 0 if name == "reduce" else None))
    rate = float(made.report.algbw)
    for how in SWITCHINGS:
        reached = LARGE / rate / simulate(made.schedule, LARGE, how, sharing="fair").seconds
        assert reached > 0.97
