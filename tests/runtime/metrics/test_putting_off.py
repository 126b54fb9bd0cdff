"""Transfers are put off as far as nobody waits for them, and no farther."""

import numpy as np
import pytest

from commplan.candidates.large import pace_for_large
from runtime.metrics.chunking import LARGE, flow_rate
from runtime.metrics.height import height
from runtime.metrics.putting_off import join_steps, put_off
from runtime.simulate.simulate import simulate
from runtime.verify.verify import verify
from topologies.formats.spec import topology


@pytest.mark.parametrize("spec", ["irregular:seed=2", "mi250:boxes=1", "star:5"])
@pytest.mark.parametrize("name", ["reduce", "reduce_scatter"])
def test_all_that_comes_is_there_just_before_the_first_leaves(spec, name, solved):
    made = solved(topology(spec), name)
    late = put_off(made)
    assert verify(late).correct
    assert height(late) == height(made)
    rows, last = late.transfers, int(late.transfers.step.max())
    assert last == made.transfers.step.max()
    for t in range(len(rows)):
        own = (rows.piece == rows.piece[t]) & (rows.src == rows.dst[t])
        assert rows.step[t] == int(np.min(rows.step[own], initial=last + 1)) - 1
    assert put_off(late).transfers.step.tolist() == rows.step.tolist()


@pytest.mark.parametrize("name", ["reduce", "all_gather"])
def test_what_one_rank_sends_another_goes_in_fewer_steps(name, solved):
    made = solved(topology("irregular:seed=2"), name)
    joined = join_steps(made)
    assert verify(joined).correct
    assert height(joined) == height(made)
    assert int(joined.transfers.step.max()) < height(made)
    spread, together = (
        len(set(zip(rows.src.tolist(), rows.dst.tolist(), rows.step.tolist(), strict=True)))
        for rows in (made.transfers, joined.transfers)
    )
    assert together <= spread


def test_what_is_sent_on_before_all_has_come_is_left_as_it_is(solved):
    made = solved(topology("ring:4"), "all_reduce")
    assert put_off(made) is made
    assert join_steps(made) is made


def test_nothing_is_put_off_where_nothing_moves(solved):
    made = solved(topology("ring:1"), "reduce")
    assert put_off(made) is made
    assert join_steps(made) is made


def test_a_sum_that_grows_from_near_and_far_goes_faster_then(solved):
    made = solved(topology("cloudmatrix384"), "reduce")
    best, reached = pace_for_large(made)
    assert reached is not None
    usual, now = (
        LARGE / flow_rate(made) / each.seconds for each in (simulate(made, LARGE), reached)
    )
    assert usual < 0.9
    assert now > 0.98
    assert verify(best).correct
