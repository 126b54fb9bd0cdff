"""Schedules of all_to_allv against an independent LP, and what the checker says of broken ones."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from runtime.metrics.link_loads import loads
from runtime.verify.verify import verify
from solvers.demands.distributions import lognormal
from solvers.lp.linear_program import Infeasible
from solvers.schedules.certificate import Cut
from solvers.schedules.collective import CollectiveError
from solvers.schedules.piece_loads import incast_bytes, lock_step
from solvers.schedules.unequal import all_to_allv, demand_of
from solvers.solve import bound, solve
from solvers.timing.link_stages import put_in_stages, staged_schedules
from topologies.model.topology import Link, build
from topologies.presets.huawei import cloudmatrix384
from topologies.presets.random_machines import AWKWARD, EVEN, random_machine
from topologies.presets.shapes import full_mesh, leaf_spine, ring, star, torus

ODD = {
    "zero row": [[0, 0, 0], [5, 0, 7], [1, 2, 0]],
    "zero column": [[0, 3, 0], [5, 1, 0], [1, 2, 0]],
    "one hot pair": [[0, 0, 0], [0, 0, 900], [0, 0, 0]],
    "only what stays": [[4, 0, 0], [0, 0, 0], [0, 0, 9]],
}


def fastest(topology, demand):
    """Find the least time by the plain LP: a flow for each pair, on each link (Ford, Fulkerson)."""
    pairs = [(i, j) for i, j in zip(*np.nonzero(demand), strict=True) if i != j]
    links, vertices = topology.links, topology.vertices
    columns = len(pairs) * links + 1
    equal = np.zeros((len(pairs) * vertices, columns))
    total = np.zeros(len(pairs) * vertices)
    room = np.zeros((links, columns))
    room[:, -1] = -topology.bandwidth
    for p, (i, j) in enumerate(pairs):
        for e in range(links):
            equal[p * vertices + topology.dst[e], p * links + e] += 1
            equal[p * vertices + topology.src[e], p * links + e] -= 1
            room[e, p * links + e] = 1
        total[p * vertices + j], total[p * vertices + i] = demand[i, j], -demand[i, j]
    cost = np.zeros(columns)
    cost[-1] = 1
    found = linprog(cost, room, np.zeros(links), equal, total)
    assert found.status == 0
    return found.fun


def drawn(seed, ranks):
    draw = np.random.default_rng(seed)
    demand = draw.integers(0, 50, (ranks, ranks)) * (draw.random((ranks, ranks)) < 0.7)
    demand[0, -1] += 1
    return demand


@pytest.mark.parametrize("seed", range(16))
def test_no_flow_is_faster(seed):
    rates = AWKWARD if seed % 4 == 3 else EVEN
    topology = random_machine(seed, 2 + seed % 3, seed % 4, rates, density=0.2)
    demand = drawn(seed, topology.ranks)
    found = solve(topology, all_to_allv(tuple(range(topology.ranks)), demand))
    report = verify(found)
    assert report.optimal, report.faults
    size = found.collective.total
    assert size / float(report.algbw) == pytest.approx(fastest(topology, demand), rel=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_ranks_outside_relay(seed):
    topology = random_machine(seed, 5, seed % 2, EVEN, density=0.1)
    demand = np.zeros((5, 5), dtype=np.int64)
    demand[np.ix_([0, 2, 4], [0, 2, 4])] = inner = drawn(seed, 3)
    found = solve(topology, all_to_allv((0, 2, 4), inner))
    report = verify(found)
    assert report.optimal, report.faults
    size = found.collective.total
    assert size / float(report.algbw) == pytest.approx(fastest(topology, demand), rel=1e-7)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([star(5), ring(5), leaf_spine(2, 2, 2), torus([2, 3]), full_mesh(4)]),
)
def test_everything_arrives_and_no_link_carries_more_than_its_time_allows(seed, shape):
    demand = drawn(seed, shape.ranks)
    what = all_to_allv(tuple(range(shape.ranks)), demand)
    whole = solve(shape, what)
    for _, found in [("all at once", whole), *staged_schedules(whole)]:
        report = verify(found)
        assert report.correct, report.faults
        assert report.algbw == verify(whole).algbw
        size_time = 1 / report.algbw
        for link, load in zip(range(shape.links), loads(found).load, strict=True):
            assert load <= size_time * int(shape.capacity[link]) * shape.unit


@pytest.mark.parametrize("name", ODD)
def test_odd_demands_are_planned(name):
    what = all_to_allv((0, 1, 2), np.array(ODD[name]))
    whole = solve(star(3), what)
    assert verify(whole).optimal
    assert verify(put_in_stages(whole)).optimal
    for _, found in staged_schedules(whole):
        assert verify(found).optimal


def test_on_a_switch_the_bound_is_the_largest_row_or_column():
    demand = lognormal(24)
    what = all_to_allv(tuple(range(24)), demand)
    found = bound(star(24), what)
    moving = demand * (1 - np.eye(24, dtype=np.int64))
    busiest = int(max(moving.sum(axis=0).max(), moving.sum(axis=1).max()))
    assert found.algbw == Fraction(25 * 10**9 * what.total, busiest)
    assert isinstance(found.certificate, Cut)
    assert found.scope == "cut"


@pytest.mark.parametrize(
    ("topology", "distance"),
    [(star(24), 1.06), (leaf_spine(4, 4, 4), 1.06), (cloudmatrix384(1), 2.0)],
    ids=lambda made: getattr(made, "name", ""),
)
def test_stages_one_after_the_other_stay_near_the_bound(topology, distance):
    what = all_to_allv(tuple(range(topology.ranks)), lognormal(topology.ranks))
    whole = solve(topology, what)
    found = lock_step(put_in_stages(whole))
    assert 1 - 1e-9 <= found.seconds * float(whole.bound.algbw) <= distance


def test_in_stages_a_rank_hears_one_sender_at_a_time():
    whole = solve(star(8), all_to_allv(tuple(range(8)), lognormal(8)))
    assert incast_bytes(whole) > 0.4
    assert incast_bytes(put_in_stages(whole)) == 0.0


def test_no_symmetry_is_taken_for_granted_and_the_same_question_has_the_same_answer():
    what = all_to_allv(tuple(range(6)), drawn(1, 6))
    first, second = (put_in_stages(solve(ring(6), what)) for _ in range(2))
    assert first.share == second.share
    assert (first.transfers.step == second.transfers.step).all()
    assert len(first.group.generators) == 0


def test_a_rank_out_of_reach_is_infeasible_and_named():
    links = [Link("a", "b", Fraction(1), duplex=True), Link("c", "a", Fraction(1))]
    topology = build("dead end", ["a", "b", "c"], [], links)
    with pytest.raises(Infeasible, match="no path leads from a to c"):
        solve(topology, all_to_allv((0, 1, 2), np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]])))


def broken(schedule):
    """Spoil a schedule in every way that matters: drop, swap, redirect, shrink."""
    rows = schedule.transfers
    share = list(schedule.share)
    place = next(i for i, own in enumerate(share) if own < 1)
    yield replace(schedule, share=(*share[:place], share[place] / 2, *share[place + 1 :]))
    yield replace(schedule, transfers=replace(rows, dst=rows.dst[::-1].copy()))
    yield replace(
        schedule, transfers=replace(rows, piece=np.sort((rows.piece + 1) % max(rows.piece)))
    )
    yield replace(schedule, block=np.roll(schedule.block, 1))
    demand = np.array(demand_of(schedule.collective))
    demand[0, 1] += 1
    yield replace(schedule, collective=all_to_allv(schedule.collective.ranks, demand.T.copy()))
    faster = replace(schedule.bound, algbw=schedule.bound.algbw / 2)
    yield replace(schedule, bound=faster)


@pytest.mark.parametrize("topology", [star(4), ring(4)], ids=["star", "ring"])
def test_any_broken_schedule_is_noticed(topology):
    good = put_in_stages(solve(topology, all_to_allv((0, 1, 2, 3), lognormal(4))), 4.0)
    assert verify(good).optimal
    for i, bad in enumerate(broken(good)):
        assert not verify(bad).correct, i


def test_buffers_that_are_no_all_to_allv_are_noticed():
    good = solve(star(3), all_to_allv((0, 1, 2), drawn(3, 3)))
    what = good.collective
    inputs = (what.inputs[0][::-1].copy(), *what.inputs[1:])
    report = verify(replace(good, collective=replace(what, inputs=inputs)))
    assert "the buffers do not hold a block for each pair" in report.faults[0]


@pytest.mark.parametrize(
    ("ranks", "demand", "said"),
    [
        ((1, 0), [[0, 1], [1, 0]], "must be different, and ascending"),
        ((0, 1), [[0, 1]], "expected a square"),
        ((0, 1), [[0, 0], [0, 0]], "one above"),
        ((0, 1), [[0, -1], [2, 0]], "expected entries from 0"),
        ((0, 1), [[0, 0.5], [2, 0]], "expected a square"),
    ],
)
def test_what_is_no_demand_makes_no_collective(ranks, demand, said):
    with pytest.raises(CollectiveError, match=said):
        all_to_allv(ranks, np.array(demand))
