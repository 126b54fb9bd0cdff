"""At a size, too, links that share count: what falls behind there goes in phases."""

from dataclasses import replace

import pytest

from bench.leads import slowed
from commplan.candidates.keys import BEST
from commplan.candidates.measure import measure
from commplan.candidates.shared import in_phases, prefer_shared
from commplan.candidates.tuning import ALIKE
from commplan.planning.planner import plan
from runtime.interpret.check import faults
from runtime.metrics.pacing import pacing_of, with_pacing
from runtime.program.lower import lower
from runtime.simulate.simulate import simulate
from runtime.verify.relaying import mark_relay_copies
from runtime.verify.verify import verify
from solvers.schedules.kinds import ROOTED, collective
from solvers.settings.options import SolverOptions
from solvers.solve import solve
from topologies.formats.spec import topology

SIZE = 2**25


@pytest.fixture(scope="module")
def made():
    machine = slowed(topology("irregular:seed=1"))
    return plan(machine, collective("all_reduce", range(machine.ranks)), size=SIZE)


def test_steps_are_dealt_out_where_that_is_faster_on_links_that_share(made):
    found, pacing = made.schedule, pacing_of(made.schedule)
    assert pacing.phases > 1
    assert not verify(found).faults
    assert made.report == verify(found)
    plain = with_pacing(found, replace(pacing, phases=1))
    in_turn, shared = (
        [simulate(each, SIZE, sharing=sharing).seconds for each in (found, plain)]
        for sharing in ("fifo", "fair")
    )
    assert in_turn[0] <= ALIKE * in_turn[1]
    assert shared[0] * ALIKE < shared[1]


def test_scratch_limits_the_phases(made):
    usual = with_pacing(made.schedule, replace(pacing_of(made.schedule), phases=1))
    first = measure(BEST, usual, SIZE, scarce=True)
    free, spare = (
        prefer_shared([first], SIZE, "cut-through", most)[0] for most in (None, first.scratch / 4)
    )
    assert pacing_of(free.schedule).phases > 1
    assert spare is first


@pytest.mark.parametrize("relays", ["forward", "all"])
@pytest.mark.parametrize("name", ["all_reduce", "all_gather", "broadcast"])
@pytest.mark.parametrize("seed", range(3))
def test_groups_go_in_phases_only_as_their_relays_may(seed, name, relays):
    """Ranks outside that only pass on cannot wait for another phase: that ended in exit 2."""
    machine = topology(f"irregular:seed={seed}")
    members = range(0, machine.ranks, 2)
    what = collective(name, members, members[0] if name in ROOTED else None)
    best = solve(machine, what, options=SolverOptions(relays=relays))
    first = measure(BEST, best, SIZE)
    for each in in_phases(first, SIZE, "cut-through", None):
        assert not verify(each.schedule).faults
        assert not mark_relay_copies(each.schedule).any() or relays == "all"
        assert not faults(lower(each.schedule, 256, chunks=4), what)
        assert simulate(each.schedule, SIZE).seconds == pytest.approx(each.seconds)
