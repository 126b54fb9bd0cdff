"""Experts placed by who sends to whom: little crosses, and no rank is much fuller."""

from itertools import permutations

import numpy as np
import pytest

from solvers.jobs.errors import JobError
from solvers.placement.expert_traffic import (
    SLACK,
    place_by_traffic,
    read_traffic,
    scarce_boxes,
)
from solvers.placement.experts import place_experts
from topologies.formats.spec import topology

BOXES = np.repeat(np.arange(4), 4)


def crossing(rows, layer, boxes):
    copies = np.bincount(layer.slots.ravel(), minlength=rows.shape[1])
    away = 0.0
    for source, row in enumerate(rows):
        for rank, held in enumerate(layer.slots.tolist()):
            if boxes[rank] != boxes[source]:
                away += (row / copies)[held].sum()
    return away / rows.sum()


@pytest.mark.parametrize("slots", [4, 5])
def test_less_crosses_than_by_loads_and_no_less_than_the_bound(slots):
    traffic = read_traffic("gini:experts=64,layers=2,gini=0.2,own=0.5", 16)
    loads = place_experts(traffic.sum(axis=1), 16, slots)
    found = place_by_traffic(traffic, BOXES, slots)
    for rows, plain, (layer, told) in zip(traffic, loads, found, strict=True):
        assert told.placed == pytest.approx(crossing(rows, layer, BOXES))
        assert told.by_loads == pytest.approx(crossing(rows, plain, BOXES))
        assert told.bound - 1e-9 <= told.placed < told.by_loads
        assert told.placed <= 1.02 * told.bound
        copies = np.bincount(layer.slots.ravel(), minlength=64)
        sums = (rows.sum(axis=0) / copies)[layer.slots].sum(axis=1) / rows.sum() * 16
        assert layer.largest == pytest.approx(sums.max())
        assert layer.largest <= plain.largest + SLACK + 1e-9
        assert all(len(set(each)) == slots for each in layer.slots.tolist())


def test_no_order_of_few_experts_crosses_less_than_the_bound():
    traffic = np.random.default_rng(3).integers(1, 50, (1, 4, 8)).astype(float)
    boxes = np.array([0, 0, 1, 1])
    [(_, told)] = place_by_traffic(traffic, boxes, 2)
    sent = np.array([traffic[0, :2].sum(axis=0), traffic[0, 2:].sum(axis=0)])
    stays = max(
        sent[0, list(p[:4])].sum() + sent[1, list(p[4:])].sum() for p in permutations(range(8))
    )
    assert told.bound == pytest.approx(1 - stays / traffic.sum())


def test_what_every_rank_sends_to_experts_of_its_own_stays_in_its_box():
    traffic = np.zeros((1, 16, 64))
    for rank in range(16):
        traffic[0, rank, (rank * 4 + 20) % 64 :][:4] = 1.0
    [(layer, told)] = place_by_traffic(traffic, BOXES, 4)
    assert (told.placed, layer.largest) == (pytest.approx(0.0), pytest.approx(1.0))


def test_the_scarce_boxes_are_those_with_least_bandwidth_of_a_rank():
    assert scarce_boxes(topology("dgx-h100:boxes=2")).tolist() == [0] * 8 + [1] * 8
    with pytest.raises(JobError, match="found no boxes"):
        scarce_boxes(topology("ring:4"))


@pytest.mark.parametrize("text", ["gini:experts=8,own=2", "gini:experts=8,own=x"])
def test_descriptions_that_are_none_are_refused(text):
    with pytest.raises(JobError, match="expected"):
        read_traffic(text, 4)


def test_rows_that_are_not_one_for_each_rank_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("1,2\n3,4\n5,6\n")
    with pytest.raises(JobError, match="3 rows, expected for each layer one for each of 2 ranks"):
        read_traffic(str(tmp_path / "t.csv"), 2)


def test_ranks_and_layers_may_send_nothing_but_not_all_of_them(tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("1,2\n0,0\n0,0\n3,4\n")
    assert read_traffic(str(rows), 2).tolist() == [[[1, 2], [0, 0]], [[0, 0], [3, 4]]]
    rows.write_text("1,2\n0,0\n0,0\n0,0\n")
    assert read_traffic(str(rows), 2).tolist() == [[[1, 2], [0, 0]], [[1, 1], [1, 1]]]
    rows.write_text("0,0\n0,0\n")
    with pytest.raises(JobError, match="found only zeros"):
        read_traffic(str(rows), 2)
