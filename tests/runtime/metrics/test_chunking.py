"""The number of chunks follows the size, the height and the latency."""

from dataclasses import replace

import numpy as np
import pytest

from runtime.metrics.chunking import (
    CHUNKS_A_LINK,
    HIDDEN,
    LEAST,
    LEAST_COUNTED,
    MOST_CHUNKS,
    MOST_OF_ALL,
    Pipelining,
    chunks,
    flow_rate,
    pipelining,
)
from runtime.metrics.pacing import Pacing, with_pacing
from solvers.schedules.kinds import collective
from solvers.schedules.unfold import unfold
from solvers.solve import solve
from solvers.templates import TEMPLATES
from topologies.presets.shapes import line, star
from topologies.symmetry.group import Group


def test_the_rule_of_a_ring(ring_of):
    rule = pipelining(ring_of("all_reduce", 4))
    assert rule.square == pytest.approx((6 - 1) * 6 / 4e9 / 1e-6)
    assert rule.linear == pytest.approx(1 / 4 / LEAST)
    assert flow_rate(ring_of("all_reduce", 4)) == pytest.approx(4e9 / 6)


def test_chunks_minimise_the_model():
    size, links, latency, rate = 2**20, 9, 1e-5, 1e9
    times = {c: (c + links - 1) * (latency + size / rate / c) for c in range(1, 65)}
    best = Pipelining((links - 1) / rate / latency, 1.0).chunks(size)
    assert times[best] <= 1.01 * min(times.values())


def test_large_sizes_go_in_as_many_chunks_as_hide_latency():
    rule = Pipelining(9 / 1e9 / 1e-5, 1.0, 1 / 1e9 / 1e-5 / HIDDEN)
    assert rule.chunks(2**20) == int((9 * 2**20 / 1e4) ** 0.5 + 0.5)
    assert rule.chunks(2**24) == int(2**24 / 1e4 / HIDDEN)
    assert rule.chunks(2**40) == MOST_CHUNKS


def test_small_sizes_and_single_links_are_not_cut(ring_of, direct_of):
    assert chunks(ring_of("all_gather", 4), 4 * LEAST) == 1
    assert chunks(direct_of("all_gather", 4), 2**30) == 1
    assert chunks(ring_of("all_gather", 1), 2**30) == 1
    assert chunks(ring_of("all_gather", 4), 2**30) == MOST_CHUNKS


def test_high_schedules_are_cut_finer():
    low, high, higher = (
        solve(line(ranks), collective("broadcast", range(ranks), 0)) for ranks in (4, 30, 60)
    )
    assert chunks(low, 2**30) == MOST_CHUNKS
    assert chunks(high, 2**30) == CHUNKS_A_LINK * (29 - 1)
    assert chunks(higher, 2**33) == MOST_OF_ALL


def test_the_links_of_a_way_count_and_not_its_messages():
    made = TEMPLATES["direct"][0](star(4), collective("all_to_all", range(4)))
    assert chunks(made, 2**24) > 1


def test_overheads_count_as_latency_and_limit_the_chunks(ring_of):
    schedule = ring_of("all_gather", 3)
    free, busy, busier = (
        pipelining(replace(schedule, topology=replace(schedule.topology, overhead=each)))
        for each in (np.zeros(3), np.array([0.0, 2e-6, 3e-6]), np.full(3, 1.0))
    )
    assert free.square / busy.square == pytest.approx(6)
    assert busy.linear == pytest.approx(1 / 3 / LEAST_COUNTED)
    assert busier.linear == pytest.approx(1 / flow_rate(schedule) / 2)


def test_a_schedule_under_a_group_has_the_rate_of_its_unfolding(ring_of):

    schedule = ring_of("all_gather", 4)
    rows = schedule.transfers
    first = rows.piece == 0
    turn = Group(np.array([[1, 2, 3, 0]]))
    folded = replace(
        schedule,
        block=schedule.block[:1],
        share=schedule.share[:1],
        transfers=replace(
            rows,
            **{n: getattr(rows, n)[first] for n in ("piece", "step", "src", "dst", "reduce")},
            route=rows.route[: first.sum()],
            route_start=rows.route_start[: first.sum() + 1],
        ),
        group=turn,
    )
    assert pipelining(folded) == pipelining(unfold(folded)) == pipelining(schedule)


@pytest.mark.parametrize("pace", [0.25, 0.5, 2.0, 4.0])
def test_another_pace_is_about_as_many_times_the_chunks(pace, ring_of):
    made, other = (
        pipelining(each)
        for each in (ring_of("all_gather", 8), with_pacing(ring_of("all_gather", 8), Pacing(pace)))
    )
    assert other.square == pytest.approx(pace**2 * made.square)
    assert other.steady == pytest.approx(pace * made.steady)
    assert other.linear == made.linear


@pytest.mark.parametrize("nonsense", ["fast", -3, 0, 10**9])
def test_whatever_a_file_holds_for_a_pace_there_is_a_number_of_chunks(nonsense, ring_of):
    made = ring_of("all_gather", 8)
    odd = replace(made, provenance=made.provenance | {"pace": nonsense})
    assert 1 <= chunks(odd, 2**26) <= MOST_CHUNKS
