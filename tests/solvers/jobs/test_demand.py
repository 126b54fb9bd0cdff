"""What jobs exchange, against what papers print."""

import numpy as np
import pytest

from solvers.jobs.demand import demand, microbatches, volume
from solvers.jobs.layout import axes, groups, sizes, world
from solvers.jobs.parameters import count_all, expert_layers, matrices
from solvers.jobs.reading import load, preset_names
from solvers.placement.orders import baselines

GIB = 2**30


def shares(flows):
    whole = sum(map(volume, flows))
    kinds = dict.fromkeys(flow.group for flow in flows)
    return {k: sum(volume(f) for f in flows if f.group == k) / whole for k in kinds}


def count_active(model):
    """Count the parameters that a token meets, those of the first matrix aside."""
    idle = (model.experts - model.top_k) * matrices(model) * model.hidden * model.expert
    first = 0 if model.tied else model.vocabulary * model.hidden
    return count_all(model) - expert_layers(model) * idle - first


def test_the_table_of_ub_mesh_comes_out():
    # arXiv:2503.20377, Table 1; it cuts 0.1469 % off to 0.14.
    flows = demand(load("ub-mesh-moe-2t"))
    assert round(sum(map(volume, flows)) / GIB) == 3318
    found = {kind: round(100 * share, 3) for kind, share in shares(flows).items()}
    assert found == {"tp": 52.893, "cp": 44.077, "ep": 1.543, "pp": 0.147, "dp": 1.341}
    rows = {"tp": 1755, "cp": 1462.5, "ep": 51.1875, "pp": 4.875, "dp": 44.484375}
    assert {k: sum(volume(f) for f in flows if f.group == k) / GIB for k in rows} == rows


@pytest.mark.parametrize(
    ("changes", "rate", "exchange", "layer", "token"),
    [
        # arXiv:2505.09343, 2.3.2, with its rounded hidden size; then with the model's own.
        (["model.hidden=7000"], 50e9, 120.96, 241.92, 14.76),
        (["model.hidden=7000"], 900e9, 6.72, 13.44, 0.82),
        ([], 50e9, 123.86, 247.73, 15.11),
    ],
)
def test_the_bound_of_deepseek_v3_in_decode_comes_out(changes, rate, exchange, layer, token):
    job = load("deepseek-v3-decode", changes)
    flows = demand(job)
    one = sum(flow.bytes for flow in flows) / rate
    assert round(1e6 * one, 2) == exchange
    assert round(1e6 * one * job.decode.exchanges, 2) == layer
    assert round(1e3 * sum(map(volume, flows)) / rate, 2) == token


@pytest.mark.parametrize(
    ("name", "all_", "active"),
    [
        ("llama-3-405b", 405.85, 403.7),
        ("deepseek-v3", 671.0, 36.6),
        ("qwen3-235b", 235.09, 21.6),
        ("pangu-pro-moe-72b", 71.97, 15.71),  # 16.50 with the first matrix, as printed
        ("pangu-ultra-moe-718b", 719.1, 39.2),
    ],
)
def test_models_have_the_parameters_that_their_papers_count(name, all_, active):
    model = load(name).model
    assert count_all(model) / 1e9 == pytest.approx(all_, rel=1e-3)
    assert count_active(model) / 1e9 == pytest.approx(active, rel=5e-3)


@pytest.mark.parametrize("name", preset_names())
def test_each_kind_of_group_parts_the_ranks(name):
    layout = load(name).layout
    for kind, size in sizes(layout).items():
        rows = groups(layout, kind)
        assert rows.shape[1] == size
        assert sorted(rows.ravel().tolist()) == list(range(world(layout)))


def test_groups_are_numbered_as_megatron_does():
    layout = load("qwen3-235b", ["layout.cp=2", "layout.dp=8", "layout.pp=8"]).layout
    assert groups(layout, "tp")[0].tolist() == [0, 1]
    assert groups(layout, "cp")[0].tolist() == [0, 2]
    assert groups(layout, "dp")[0].tolist() == list(range(0, 32, 2))
    assert groups(layout, "pp")[0].tolist() == list(range(0, 256, 32))
    assert groups(layout, "ep")[1].tolist() == list(range(32, 64))
    assert [(a.size, a.dense, a.experts) for a in axes(layout)] == [
        (2, "tp", "ep"),
        (2, "cp", "ep"),
        (8, "dp", "ep"),
        (8, "pp", "pp"),
    ]


@pytest.mark.parametrize("tp", [4, 8, 16])
def test_each_rank_has_a_head_of_keys_and_values(tp):
    flows = demand(load("llama-3-405b", [f"layout.tp={tp}", "layout.cp=2"]))
    [keys] = [flow for flow in flows if flow.name == "CP keys and values"]
    assert keys.bytes == 8192 * 2 * 128 * max(8 // tp, 1) * 2  # of 8 heads of 128


def test_the_ranks_of_a_layout_in_another_order_are_numbered_by_it():
    layout = load("llama-3-405b").layout  # tp 8, pp 16, dp 128, tp-cp-ep-pp-dp
    assert groups(layout, "tp")[1].tolist() == list(range(8, 16))
    assert groups(layout, "pp")[0].tolist() == list(range(0, 128, 8))
    assert groups(layout, "dp")[0].tolist() == list(range(0, 16384, 128))
    assert [(a.size, a.dense) for a in axes(layout)] == [(8, "tp"), (16, "pp"), (128, "dp")]
    own = baselines(layout, np.arange(world(layout)))["the job's own"]
    assert own.tolist() == list(range(world(layout)))


def test_the_bytes_of_a_dense_layer_are_those_of_the_formulas():
    job = load("llama-3-405b")
    found = {flow.name: flow for flow in demand(job)}
    calls = microbatches(job) * 2 * 126 / 16
    assert found["TP gather"].bytes == 8192 * 16384 * 2
    assert (found["TP gather"].times, found["TP scatter"].times) == (3 * calls, 2 * calls)
    assert found["PP"].bytes == 8192 * 16384 * 2 // 8
    without = demand(load("llama-3-405b", ["layout.sequence_parallel=false", "layout.zero=0"]))
    assert {flow.collective for flow in without} == {"all_reduce", "send"}


def test_gradients_of_whole_parameters_are_whole_elements():
    flows = {flow.name: flow for flow in demand(load("pangu-pro-moe-72b"))}
    experts = 64 * 3 * 5120 * 1344 * 48 // (5 * 2 * 8)
    assert flows["DP of experts gradients"].bytes == 4 * experts
    assert flows["DP of experts parameters"].bytes == 2 * experts
