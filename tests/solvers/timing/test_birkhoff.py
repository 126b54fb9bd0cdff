"""Stages of a matrix: what is moved, what may not meet, and how near they come to the bound."""

from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.demands.distributions import lognormal
from solvers.timing.birkhoff import birkhoff, first_fit, pairwise, pieces, stages

SMALL = st.integers(1, 7).flatmap(
    lambda n: st.lists(st.integers(0, 40), min_size=n * n, max_size=n * n).map(
        lambda entries: np.array(entries, dtype=np.int64).reshape(n, n)
    )
)


def moving(matrix):
    return matrix * (1 - np.eye(len(matrix), dtype=np.int64))


def right(matrix, found):
    """Check that all is moved, that nothing meets, and what the columns say of themselves."""
    n = len(matrix)
    moved = np.zeros((n, n), dtype=np.int64)
    np.add.at(moved, (found.src, found.dst), found.amount)
    assert (moved == moving(matrix)).all()
    assert (found.amount > 0).all()
    for ends in (found.src, found.dst):
        assert len(np.unique(found.stage * n + ends)) == len(ends)
    assert (np.diff(found.stage) >= 0).all()
    assert np.unique(found.stage).tolist() == list(range(len(found)))
    for k in range(len(found)):
        assert found.lengths[k] == found.amount[found.stage == k].max()
    assert found.lengths.sum() >= found.bound


@settings(max_examples=60, deadline=None)
@given(matrix=SMALL, cuts=st.sampled_from([0.0, 0.3, 1.0, 3.0]))
def test_every_decomposition_moves_everything_once_and_nothing_meets(matrix, cuts):
    for found in (stages(matrix, cuts), pairwise(matrix), birkhoff(matrix)):
        right(matrix, found)
        rows = [moving(matrix).sum(axis=axis).max() for axis in (0, 1)]
        assert found.bound == max(rows)


@settings(max_examples=60, deadline=None)
@given(matrix=SMALL)
def test_birkhoff_lasts_exactly_as_long_as_the_bound(matrix):
    found = birkhoff(matrix)
    assert len(found) <= len(matrix) ** 2 - 2 * len(matrix) + 2
    assert found.lengths.sum() == found.bound


@settings(max_examples=60, deadline=None)
@given(matrix=SMALL, cuts=st.sampled_from([0.25, 1.0, 2.0]))
def test_first_fit_keeps_what_it_guarantees(matrix, cuts):
    found, n = stages(matrix, cuts), len(matrix)
    assert len(found) <= 2 * (n - 1 + max(cuts * n, 1) * 2)
    if found.bound >= n * n * 4:  # so large that pieces are not rounded to whole numbers
        assert found.ratio <= 2 * (1 + np.log(1 + 1 / cuts)) * 1.1


def test_a_lognormal_exchange_of_384_ranks_is_within_2_percent_in_1_2_stages_a_rank():
    found = stages(lognormal(384))
    right_ends = len(np.unique(found.stage * 384 + found.src)) == len(found.src)
    assert right_ends
    assert len(found) <= 1.2 * 384
    assert found.ratio <= 1.02
    assert pairwise(lognormal(384)).ratio > 9


def test_a_matrix_of_64_ranks_is_staged_in_milliseconds():
    matrix = lognormal(64)
    times = []
    for _ in range(15):
        start = process_time()
        stages(matrix)
        times.append(process_time() - start)
    # 2 ms on an idle machine (bench/all_to_allv.py measures it); here others use its caches.
    assert min(times) < 0.02


def test_more_stages_come_nearer_to_the_bound():
    matrix = lognormal(48)
    few, many = stages(matrix, 0.25), stages(matrix, 1.0)
    assert birkhoff(matrix).ratio == 1.0
    assert many.ratio < few.ratio
    assert len(many) > len(few)
    assert len(pairwise(matrix)) == 47


def test_a_uniform_exchange_takes_one_stage_less_than_ranks_one_after_the_other():
    matrix = np.full((12, 12), 10)
    for found in (pairwise(matrix), stages(matrix)):
        assert (len(found), found.ratio) == (11, 1.0)


def test_the_first_stage_that_is_free_at_both_ends_is_taken():
    assert first_fit(np.array([0, 0, 1]), np.array([2, 3, 3]), 4).tolist() == [0, 1, 0]


def test_amounts_are_cut_into_whole_pieces_and_a_rest():
    entry, amount = pieces(np.array([5, 2, 4]), 2)
    assert (entry.tolist(), amount.tolist()) == ([0, 0, 0, 1, 2, 2], [2, 2, 1, 2, 2, 2])


def test_nothing_to_send_needs_no_stage():
    found = stages(np.diag([3, 4]))
    assert (len(found), found.bound, found.ratio) == (0, 0, 1.0)


@pytest.mark.parametrize(
    "matrix", [np.zeros((2, 3), dtype=int), np.ones((2, 2)), np.array([[0, -1], [0, 0]])]
)
def test_what_is_no_demand_is_refused(matrix):
    with pytest.raises(ValueError, match="found"):
        stages(matrix)
