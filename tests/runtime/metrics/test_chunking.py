"""The number of chunks follows the size, the height and the latency."""

from dataclasses import replace

import numpy as np
import pytest

from runtime.metrics.chunking import Pipelining, chunks, pipelining
from runtime.metrics.pacing import Pacing, paced
from solvers.schedules.unfold import unfold
from topologies.symmetry.group import Group


def test_the_figures_of_a_ring(ring_of):
    figures = pipelining(ring_of("all_reduce", 4))
    assert figures.height == 6
    assert figures.latency == pytest.approx(1e-6)
    assert figures.rate == pytest.approx(1e9 * 4 / 6)
    assert figures.largest == 0.25


def test_chunks_minimise_the_model():
    figures = Pipelining(height=9, latency=1e-5, rate=1e9, largest=1.0)
    size = 2**20
    times = {c: (c + 8) * (1e-5 + size / 1e9 / c) for c in range(1, 65)}
    best = figures.chunks(size)
    assert times[best] <= 1.01 * min(times.values())


def test_small_sizes_and_single_messages_are_not_cut(ring_of, direct_of):
    assert chunks(ring_of("all_gather", 4), 4096) == 1
    assert chunks(direct_of("all_gather", 4), 2**30) == 1
    assert chunks(ring_of("all_gather", 1), 2**30) == 1
    assert chunks(ring_of("all_gather", 4), 2**30) == 64


def test_overheads_count_as_latency(ring_of):
    schedule = ring_of("all_gather", 3)
    busy = replace(schedule.topology, overhead=np.array([0.0, 2e-6, 3e-6]))
    assert pipelining(replace(schedule, topology=busy)).latency == pytest.approx(6e-6)


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
    # A longer chain, so that neither the smallest chunk nor the most chunks decide.
    made, other = (
        replace(pipelining(each), latency=pipelining(each).latency * 100, largest=64.0)
        for each in (ring_of("all_gather", 8), paced(ring_of("all_gather", 8), Pacing(pace)))
    )
    assert other.chunks(2**20) == pytest.approx(pace * made.chunks(2**20), abs=pace)


@pytest.mark.parametrize("nonsense", ["fast", -3, 0, 10**9])
def test_whatever_a_file_holds_for_a_pace_there_is_a_number_of_chunks(nonsense, ring_of):
    made = ring_of("all_gather", 8)
    odd = replace(made, provenance=made.provenance | {"pace": nonsense})
    assert 1 <= chunks(odd, 2**26) <= 64
