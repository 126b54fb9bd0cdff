"""The pacing without a size is the one that does best in the worst kind of network."""

import pytest

from commplan.candidates.large import _race, pace_for_large
from runtime.metrics.chunking import LARGE, flow_rate
from runtime.metrics.pacing import USUAL, Pacing, pacing_of, with_lead, with_pacing
from runtime.program.scratch import scratch
from runtime.simulate.simulate import SHARINGS, simulate
from solvers.settings.options import SWITCHINGS
from topologies.formats.spec import topology


def _worst(schedule):
    """Compute the least share of what links can carry, of all kinds of networks."""
    return min(
        LARGE / flow_rate(schedule) / simulate(schedule, LARGE, each, sharing=sharing).seconds
        for each in SWITCHINGS
        for sharing in SHARINGS
    )


@pytest.mark.parametrize("seed", [3, 10])
def test_sharing_networks_count(seed, solved):
    made = solved(topology(f"irregular:seed={seed}"), "all_reduce")
    best, reached = pace_for_large(made)
    assert _worst(with_pacing(made, USUAL)) < 0.95 or pacing_of(best) == USUAL
    assert _worst(best) > 0.95
    assert reached is not None
    assert reached.seconds == simulate(best, LARGE).seconds


def test_phases_may_go_far_ahead(solved):
    best, _ = pace_for_large(solved(topology("irregular:seed=1040"), "scatter"))
    assert _worst(best) > 0.9


def test_chunks_go_further_apart_where_a_chunk_is_long_under_way(solved):
    made = solved(topology("torus:16x8x8"), "all_reduce")
    best, reached = pace_for_large(made)
    assert not pacing_of(best).dealt
    assert LARGE / flow_rate(made) / simulate(made, LARGE).seconds < 0.97
    assert reached is not None
    assert reached.seconds == simulate(best, LARGE).seconds
    assert LARGE / flow_rate(made) / reached.seconds > 0.98
    assert reached.chunks == simulate(made, LARGE).chunks


def test_what_is_near_everywhere_keeps_the_usual_pacing(solved):
    assert pacing_of(pace_for_large(solved(topology("ring:4"), "all_gather"))[0]) == USUAL


def test_scratch_limits_the_pacing(solved):
    made = solved(topology("irregular:seed=8"), "all_reduce")
    least = scratch(with_pacing(made, Pacing(lead=2)))
    best, _ = pace_for_large(made, least)
    assert scratch(best) <= least < scratch(made)


def test_nothing_to_play_is_left_as_it_is(solved):
    made = solved(topology("ring:1"), "all_gather")
    assert pace_for_large(made) == (made, None)


def test_links_that_share_are_played_however_little_work_is_left(solved):
    """Of two leads the one is first that is faster there, whichever comes first."""
    made = solved(topology("irregular:seed=10"), "all_reduce")
    leads = [with_lead(made, lead) for lead in (1, 3)]
    took = [simulate(each, LARGE, sharing="fair").seconds for each in leads]
    assert max(took) > 1.02 * min(took)
    best = leads[took.index(min(took))]
    assert _race(leads, 0)[0] == _race(leads[::-1], 0)[0] == best
