"""Computation: waves of tiles, who has most of a pipeline, and what the host takes."""

from math import ceil

import pytest

from solvers.jobs.reading import load
from solvers.steps.chips import CHIPS, Chip
from solvers.steps.products import Product, Speed
from solvers.steps.roofline import layer, roofline
from solvers.steps.stages import fullest

H100 = CHIPS["H100"]
SPEED = Speed(H100, 0.7 * H100.bf16, 2, 2, 4)


def test_a_product_that_fills_all_waves_runs_at_the_peak():
    whole = Product(128 * 132, 8192, 256 * 4)
    assert SPEED.forward(whole) == pytest.approx(whole.operations / (0.7 * 989e12))


def test_one_tile_more_than_a_wave_takes_two_waves():
    one, more = Product(128 * 132, 65536, 256), Product(128 * 132 + 128, 65536, 256)
    ratio = SPEED.forward(more) / SPEED.forward(one)
    assert 1.4 < ratio <= 2.0  # smaller tiles may suit better


def test_gradients_of_few_rows_take_what_adding_to_them_takes_through_memory():
    few = Product(64, 4096, 4096, groups=16)
    moved = 16 * 4096 * 4096 * 8 / (3350e9 * 0.8)
    assert SPEED.backward(few) > moved


def test_a_chip_without_cores_or_memory_is_a_peak_alone():
    plain = Speed(Chip(1e12, 1e12, float("inf"), 1.0), 1e12, 2, 2, 4)
    small = Product(3, 5, 7)
    assert plain.forward(small) == pytest.approx(210e-12)
    assert plain.backward(small) == pytest.approx(420e-12)


@pytest.mark.parametrize(
    ("pp", "virtual", "loss", "layers"),
    [(8, 4, 0.0, 12), (8, 4, 1.0, 12), (32, 3, 1.0, 3), (32, 3, 2.0, 2), (16, 1, 1.0, 6)],
)
def test_the_fullest_rank_holds_whole_layers(pp, virtual, loss, layers):
    job = load("qwen3-235b", [f"layout.pp={pp}", f"layout.virtual={virtual}"], whole=False)
    found = fullest(job, 94, 1.0, loss)
    assert found.layers == layers
    assert found.layers + found.loss * loss >= max(ceil(94 / pp), (94 + loss) / pp)


def test_without_a_pipeline_a_rank_has_all():
    job = load("qwen3-235b", ["layout.pp=1", "layout.virtual=1"], whole=False)
    assert fullest(job, 94, 1.0, 2.0).layers == 94


def test_small_layers_wait_for_the_host():
    slow, fast = (
        roofline(load("qwen3-235b", ["model.sequence=128", f"compute.host_us={us}"], whole=False))
        for us in (27.0, 13.5)
    )
    assert slow.layer == pytest.approx(2 * fast.layer)


def test_what_is_made_again_is_not_kept_and_takes_longer():
    none, light, full = (
        load("qwen3-235b", [f"compute.recompute={word}"]) for word in ("none", "selective", "full")
    )
    each = layer(none.model, none.layout, 1, experts=True)
    assert 0 < each.light < each.kept
    seconds = [roofline(job).layer for job in (none, light, full)]
    assert seconds == sorted(seconds)
    assert seconds[0] < seconds[2]
