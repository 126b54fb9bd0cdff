"""Experts on ranks: every one there, no rank fuller than it must be."""

import json
from itertools import chain, combinations, combinations_with_replacement, product

import numpy as np
import pytest

from solvers.jobs.errors import JobError
from solvers.placement.experts import place_experts, read_loads, write


@pytest.mark.parametrize("gini", [0.1, 0.2, 0.3])
@pytest.mark.parametrize(("ranks", "slots"), [(8, 8), (8, 9), (32, 3)])
def test_every_expert_has_a_slot_and_the_fullest_rank_is_near_the_bound(gini, ranks, slots):
    loads = read_loads(f"gini:experts=64,layers=3,gini={gini},seed=4")
    for row, layer in zip(loads, place_experts(loads, ranks, slots), strict=True):
        assert layer.slots.shape == (ranks, slots)
        assert set(layer.slots.ravel().tolist()) == set(range(64))
        copies = np.bincount(layer.slots.ravel(), minlength=64)
        sums = (row / copies)[layer.slots].sum(axis=1) / row.sum() * ranks
        assert layer.largest == pytest.approx(sums.max())
        assert layer.bound <= layer.largest <= layer.plain * (1 + 1e-9)
        assert layer.largest <= 1.05 * layer.bound
        assert all(len(set(each)) == slots for each in layer.slots.tolist())


def test_no_way_to_share_out_the_slots_is_below_the_bound():
    load = np.array([7.0, 5.0, 3.0, 1.0])
    [layer] = place_experts(load[None], 3, 2)
    ways = [c for c in product(range(1, 4), repeat=4) if sum(c) == 6]
    least = min(max(load / c) for c in ways) * 3 / load.sum()
    assert layer.bound == pytest.approx(max(1.0, least))


@pytest.mark.parametrize("gini", [0.1, 0.25])
def test_loads_have_the_skew_that_is_asked_for(gini):
    loads = np.sort(read_loads(f"gini:experts=4096,layers=1,gini={gini}")[0])
    place = np.arange(1, 4097)
    found = (2 * (place * loads).sum() / loads.sum() - 4097) / 4096
    assert found == pytest.approx(gini, abs=0.02)


def test_the_files_say_where_each_expert_is():
    layers = place_experts(read_loads("gini:experts=8,layers=2,gini=0.2"), 4, 3)
    flat = [layer.slots.ravel().tolist() for layer in layers]
    assert json.loads(write("vllm", layers)) == flat
    assert json.loads(write("sglang", layers)) == {"physical_to_logical_map": flat}
    ascend = json.loads(write("vllm-ascend", layers))
    rows = [d["device_expert"] for layer in ascend["layer_list"] for d in layer["device_list"]]
    assert list(chain(*rows)) == list(chain(*flat))


@pytest.mark.parametrize(
    "text",
    [
        *("gini:", "gini:experts=x", "gini:gini=1.5", "gini:a=1", "gini:experts=1.5"),
        *("gini:gini=0.9999999999999999", "gini:experts=8,experts=4", "gini:seed=0.5"),
    ],
)
def test_descriptions_that_are_none_are_refused(text):
    with pytest.raises(JobError, match="expected gini:"):
        read_loads(text)


@pytest.mark.parametrize(("ranks", "slots"), [(2, 3), (2, 9)])
def test_slots_that_do_not_fit_are_refused(ranks, slots):
    with pytest.raises(JobError, match="--slots"):
        place_experts(read_loads("gini:experts=8"), ranks, slots)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("1,2\n3,-4\n", "row 2, column 2: found -4, expected 0 or more tokens"),
        ("0,0\n0,0\n", "found only zeros, expected a load above 0"),
    ],
)
def test_loads_that_are_none_are_refused_with_their_place(tmp_path, text, fault):
    (tmp_path / "loads.csv").write_text(text)
    with pytest.raises(JobError, match=fault):
        read_loads(str(tmp_path / "loads.csv"))


def test_a_dense_layer_has_a_row_as_sglang_numbers_them(tmp_path):
    (tmp_path / "loads.csv").write_text("0,0,0,0\n1,2,3,4\n")
    dense, sparse = place_experts(read_loads(str(tmp_path / "loads.csv")), 2, 2)
    assert sorted(dense.slots.ravel().tolist()) == sorted(sparse.slots.ravel().tolist())


def test_a_count_without_end_is_refused():
    with pytest.raises(JobError, match="1 to 4096 experts"):
        read_loads("gini:experts=" + "9" * 400)


@pytest.mark.parametrize("seed", range(4))
def test_no_sharing_and_placement_of_a_small_layer_is_much_better(seed):
    ranks, slots = 4, 2
    load = np.random.default_rng(seed).lognormal(0.0, 0.6, 4)
    [layer] = place_experts(load[None], ranks, slots)
    rows = list(combinations(range(4), slots))
    ways = [np.array(way) for way in combinations_with_replacement(rows, ranks)]
    copies = [np.bincount(way.ravel(), minlength=4) for way in ways]
    sums = [
        (load / count)[way].sum(axis=1).max()
        for way, count in zip(ways, copies, strict=True)
        if count.all()
    ]
    assert layer.largest == pytest.approx(min(sums) / load.mean(), rel=1e-9)
