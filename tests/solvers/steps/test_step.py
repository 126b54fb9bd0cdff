"""The time of a step, part by part."""

import numpy as np
import pytest

from solvers.jobs.layout import world
from solvers.jobs.reading import load
from solvers.placement.judge import Judge
from solvers.steps.memory import held
from solvers.steps.roofline import operations
from solvers.steps.step import bubbles, step
from topologies.formats.spec import topology


@pytest.mark.parametrize(
    ("schedule", "virtual", "slots"),
    [("1f1b", 1, 7), ("interleaved", 4, 7 / 4), ("zero-bubble", 1, 7 / 3), ("dualpipe", 1, 2)],
)
def test_bubbles_are_those_of_the_papers(schedule, virtual, slots):
    job = load(
        "qwen3-235b", [f"compute.schedule={schedule}", "layout.pp=8", f"layout.virtual={virtual}"]
    )
    assert bubbles(job) == pytest.approx(slots)


def predict(name, *changes):
    job = load(name, changes)
    judge = Judge(topology("dgx-h100:boxes=32"), job)
    return job, step(job, judge.judge(np.arange(256)), world(job.layout))


def test_a_step_is_the_sum_of_its_parts():
    _, found = predict("qwen3-235b")
    assert found.seconds == pytest.approx(
        found.computing + found.bubble + sum(found.exposed.values())
    )
    assert 0.1 < found.mfu < 0.7


def test_no_more_is_hidden_than_is_computed():
    kinds = ("tp", "ep", "pp", "dp")
    changes = [f"hidden.{kind}.part=1.0" for kind in kinds]
    _, plain = predict("qwen3-235b")
    _, hidden = predict("qwen3-235b", *changes)
    away = sum(plain.exposed.values()) - sum(hidden.exposed.values())
    assert 0.9 * plain.computing < away < 1.05 * plain.computing  # one is a mean, one the fullest
    assert hidden.computing > plain.computing  # the cores that exchange do not compute


def test_seconds_that_are_given_are_taken():
    _, found = predict("qwen3-235b", "compute.seconds=5.5")
    assert found.computing == 5.5


def test_without_a_chip_there_is_no_step():
    job = load("ub-mesh-moe-2t")
    judged = Judge(topology("ub-mesh:racks=4x4"), job).judge(np.arange(1024))
    assert step(job, judged, 1024) is None


def test_operations_are_six_for_each_parameter_and_token_and_those_of_attention():
    model = load("llama-3-405b").model
    tokens = 16 * 8192
    found = operations(model, 16)
    scores = 3 * 2 * 8192 * 16384 * 126 * tokens
    assert found == pytest.approx(6 * 403.75e9 * tokens + scores, rel=1e-3)


def test_what_is_shared_out_is_held_in_parts():
    job = load("llama-3-405b", ["layout.zero=1"])
    one, none = held(job, job.model), load("llama-3-405b", ["layout.zero=0"])
    whole = held(none, none.model)
    assert whole.optimiser == pytest.approx(128 * one.optimiser)
    assert whole.parameters == one.parameters
    full = load("llama-3-405b", ["compute.recompute=full"])
    assert held(full, full.model).activations < one.activations / 10
