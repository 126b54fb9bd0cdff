"""Pacings: written into schedules and read back, and the order of starting."""

from dataclasses import replace

import numpy as np
import pytest

from commplan.candidates.tuning import CLOSER_PACINGS
from runtime.metrics.pacing import MOST_LEAD, USUAL, WHOLE, Pacing, pacing_of, turns, with_pacing
from runtime.verify.verify import verify
from solvers.schedules.files import from_bytes, to_bytes
from solvers.schedules.piece_loads import share_floats
from solvers.schedules.unfold import unfold
from topologies.formats.spec import topology


@pytest.mark.parametrize(
    "pacing",
    [
        USUAL,
        Pacing(2.0),
        Pacing(lead=1),
        Pacing(0.5, 4, "piece"),
        Pacing(WHOLE, MOST_LEAD),
        Pacing(phases=3),
        Pacing(lead=6, phases=2, dealt=False),
    ],
)
def test_what_is_written_is_read(pacing, ring_of):
    assert pacing_of(with_pacing(ring_of("all_gather", 4), pacing)) == pacing


@pytest.mark.parametrize("pacing", CLOSER_PACINGS)
def test_what_is_tried_at_large_sizes_goes_into_a_file_and_comes_back(pacing, ring_of):
    paced = with_pacing(ring_of("all_gather", 4), pacing)
    assert pacing_of(from_bytes(to_bytes(paced))) == pacing


def test_what_is_usual_is_not_written(ring_of):
    made = ring_of("all_gather", 4)
    assert (
        with_pacing(with_pacing(made, Pacing(2.0, 3, "piece")), USUAL).provenance == made.provenance
    )


def test_a_stride_moves_steps_apart_and_back(ring_of):
    made = ring_of("all_gather", 4)
    apart = with_pacing(made, Pacing(stride=3))
    assert (apart.transfers.step == 3 * made.transfers.step).all()
    assert not verify(apart).faults
    assert (with_pacing(apart, Pacing(stride=2)).transfers.step == 2 * made.transfers.step).all()
    assert (with_pacing(apart, USUAL).transfers.step == made.transfers.step).all()


def test_phases_deal_steps_out_and_are_taken_back(solved):
    made = solved(topology("irregular:seed=21"), "all_reduce")
    dealt = with_pacing(made, Pacing(phases=2, stride=3))
    assert not verify(dealt).faults
    assert set(dealt.transfers.step % 2) == {0, 1}
    assert set(dealt.transfers.step // 2 % 3) == {0}
    again = with_pacing(dealt, Pacing(phases=2))
    assert (again.transfers.step % 2 == dealt.transfers.step % 2).all()
    plain = with_pacing(again, USUAL).transfers.step
    assert (plain == unfold(made).transfers.step).all()


def test_chunks_that_are_further_apart_leave_the_steps_where_they_are(solved):
    made = solved(topology("irregular:seed=21"), "all_reduce")
    apart = with_pacing(made, Pacing(phases=3, dealt=False))
    assert not verify(apart).faults
    assert (apart.transfers.step == made.transfers.step).all()
    dealt = with_pacing(apart, Pacing(phases=2))
    assert (dealt.transfers.step == with_pacing(made, Pacing(phases=2)).transfers.step).all()
    back = with_pacing(dealt, Pacing(phases=3, dealt=False)).transfers.step
    assert (back == unfold(made).transfers.step).all()


def test_each_link_has_about_as_much_to_do_in_each_phase(solved):
    dealt = with_pacing(solved(topology("irregular:seed=107"), "all_reduce"), Pacing(phases=2))
    rows, share = dealt.transfers, share_floats(dealt)
    work = np.repeat(share[rows.piece], np.diff(rows.route_start))
    work /= dealt.topology.bandwidth[rows.route]
    phase = np.repeat(rows.step % 2, np.diff(rows.route_start))
    first, second = (np.bincount(rows.route[phase == i], work[phase == i]) for i in (0, 1))
    assert np.abs(first - second).max() < 0.05 * (first + second).max()


def test_a_stride_that_the_steps_do_not_show_is_none(ring_of):
    made = ring_of("all_gather", 4)
    held = replace(made, provenance=made.provenance | {"stride": 2})
    assert pacing_of(held).stride == 1
    assert (with_pacing(held, USUAL).transfers.step == made.transfers.step).all()


@pytest.mark.parametrize("nonsense", ["fast", -3, 0, 10**9, None, float("nan"), True, [1]])
def test_nonsense_in_a_file_is_some_pacing(nonsense, ring_of):
    made = ring_of("all_gather", 4)
    words = {"pace": nonsense, "lead": nonsense, "starting": nonsense}
    words |= {"stride": nonsense, "phases": nonsense, "dealt": nonsense}
    found = pacing_of(replace(made, provenance=made.provenance | words))
    assert 0 <= found.pace <= 64
    assert 1 <= found.lead <= MOST_LEAD
    assert found.order == "place"
    assert 1 <= found.stride <= 8
    assert 1 <= found.phases <= 8


@pytest.mark.parametrize("name", ["ring:8", "torus:3x3", "torus:4x4"])
def test_images_come_one_after_the_other(name, solved):
    folded = solved(topology(name), "all_gather")
    whole, images = unfold(folded).transfers, folded.group.order
    rows = turns(folded.transfers.piece, folded.transfers.step)
    of_whole = turns(whole.piece, whole.step)
    assert images > 1
    assert (whole.piece[of_whole][::images] // images == folded.transfers.piece[rows]).all()


@pytest.mark.parametrize("order", ["place", "piece"])
def test_steps_come_before_orders(order, ring_of):
    rows = ring_of("all_reduce", 5).transfers
    assert (np.diff(rows.step[turns(rows.piece, rows.step, order)]) >= 0).all()
