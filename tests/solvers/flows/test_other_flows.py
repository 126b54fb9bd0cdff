"""Other flows are as good as the first, best at what they say, and the same at every scale."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from runtime.metrics.link_loads import algbw
from runtime.verify.verify import verify
from solvers.flows.other_flows import LIKED, other_flows
from solvers.schedules.kinds import collective
from solvers.settings.deadline import NO_DEADLINE, NotFound
from solvers.solve import solve
from topologies.formats.spec import topology
from topologies.model.topology import frozen

SPECS = (
    "random:9:switches=2:seed=2006",
    "random:10:switches=2:seed=5",
    "irregular:seed=2",
    "torus:3x4",
)


def flows(spec, ranks=None, later=1.0):
    machine = topology(spec)
    machine = replace(machine, alpha=frozen(machine.alpha * later))
    best = solve(machine, collective("all_to_all", ranks or range(machine.ranks)))
    return best, dict(other_flows(best, algbw(best), 2_000, NO_DEADLINE))


def stops(schedule):
    """Add up the parts of blocks that reach a rank."""
    return sum((schedule.share[p] for p in schedule.transfers.piece.tolist()), Fraction(0))


def latency(schedule):
    """Add up the latencies of links, each times what of a block crosses it."""
    rows = schedule.transfers
    share = np.array([float(own) for own in schedule.share])[rows.piece]
    each = np.repeat(share, np.diff(rows.route_start))
    return float(each @ schedule.topology.alpha[rows.route])


@pytest.mark.parametrize("spec", SPECS)
def test_they_are_as_good_and_best_at_what_they_say(spec):
    best, found = flows(spec)
    assert found.keys() == LIKED.keys()
    assert all(verify(each).optimal for each in found.values())
    assert stops(found["of few stops"]) == min(map(stops, [best, *found.values()]))
    least = min(map(latency, [best, *found.values()]))
    assert latency(found["of little latency"]) == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize("spec", SPECS)
def test_they_are_the_same_however_fast_links_are(spec):
    (_, found), (_, others) = flows(spec), flows(spec, later=0.7)
    for name, each in found.items():
        rows, other = each.transfers, others[name].transfers
        assert each.share == others[name].share
        assert np.array_equal(rows.piece, other.piece)
        assert np.array_equal(rows.route, other.route)


def test_ranks_outside_pass_on():
    best, found = flows("random:9:switches=2:seed=2006", (0, 2, 3, 5))
    assert all(algbw(each) == algbw(best) for each in found.values())
    assert all(verify(each).correct for each in found.values())


def test_programs_that_are_too_large_are_not_begun():
    best, _ = flows("torus:3x4")
    with pytest.raises(NotFound, match="too large"):
        next(other_flows(best, algbw(best), 10, NO_DEADLINE))
