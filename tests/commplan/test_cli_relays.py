"""`--relays`: what ranks outside `--ranks` do, on the command line, in files and in programs."""

import json

import numpy as np
import pytest

from runtime.interpret.check import faults
from runtime.interpret.interpret import interpret
from runtime.program.buffer_plan import moves
from runtime.program.lower import lower
from runtime.verify.relaying import mark_relay_copies
from solvers.schedules.files import load
from solvers.schedules.kinds import COLLECTIVES

GROUP = ("torus:3x3", "all_reduce", "--ranks", "0,4,8")  # which no link joins


def test_by_default_others_pass_on_and_the_words_change_the_answer(ask):
    rates = {
        relays: ask("compile", "star:8", "all_reduce", "-o", "x.json", "--ranks", "0-3", *words)
        for relays, words in (
            ("default", ()),
            ("none", ("--relays", "none")),
            ("forward", ("--relays", "forward")),
            ("all", ("--relays", "all")),
        )
    }
    assert all(made["optimal"] for made in rates.values())
    assert {made["scope"] for made in rates.values()} == {"reduce-broadcast trees"}
    found = {relays: made["algbw_GBps"] for relays, made in rates.items()}
    assert found == {relays: made["bound_GBps"] for relays, made in rates.items()}
    assert found["default"] == found["none"] == found["forward"] == pytest.approx(50 / 3)
    assert found["all"] == 25


@pytest.mark.parametrize("relays", ["forward", "all"])
def test_bound_and_compile_take_the_same_option(ask, relays):
    words = (*GROUP, "--relays", relays)
    found, made = ask("bound", *words), ask("compile", *words, "-o", "x.json")
    assert found["scope"] == "reduce-broadcast trees"
    assert found["algbw_GBps"] >= made["bound_GBps"] >= made["algbw_GBps"]
    assert ask("verify", "x.json")["correct"]


@pytest.mark.parametrize("command", [("bound",), ("compile", "-o", "x.json")])
def test_ranks_that_fall_apart_are_named_with_the_answer_no(call, command):
    result = call(command[0], *GROUP, *command[1:], "--relays", "none")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "commplan: proved impossible: all_reduce: without other ranks as relays the 3 ranks fall "
        "apart into 3 parts: r0.0 | r1.1 | r2.2\n"
    )


@pytest.mark.parametrize("command", [("bound",), ("compile", "-o", "x.json")])
def test_a_wrong_word_suggests_the_nearest(call, command):
    result = call(command[0], *GROUP, *command[1:], "--relays", "foward")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nearest: forward; known: none, forward, all" in result.stderr


@pytest.mark.parametrize("name", COLLECTIVES)
def test_programs_of_groups_over_relays_do_what_the_collective_asks(ask, name):
    ask("compile", "torus:3x3", name, "-o", "x.json", "--ranks", "0,4,8", "--relays", "forward")
    schedule = load("x.json")
    assert schedule.relays == "forward"
    assert not mark_relay_copies(schedule).any()
    plan = moves(schedule)
    assert set(plan.ranks) > {0, 4, 8}  # relays have processes of their own
    for count in (3, 64, 1000):
        assert faults(lower(plan, count, chunks=2), schedule.collective) == []


def test_a_sum_over_relays_is_the_sum_of_the_group_alone(ask):
    ask("compile", *GROUP, "-o", "x.json")
    plan = moves(load("x.json"))
    program = lower(plan, 60, dtype="int32")
    inputs = [
        np.arange(60, dtype="int32") * (rank + 1)
        if rank in (0, 4, 8)
        else np.zeros(0, dtype="int32")
        for rank in plan.ranks
    ]
    for rank, output in zip(plan.ranks, interpret(program, inputs), strict=True):
        expected = np.arange(60) * (1 + 5 + 9) if rank in (0, 4, 8) else np.zeros(0)
        assert np.array_equal(output, expected)


@pytest.mark.mpi
def test_a_group_runs_with_its_relays_and_every_element_is_right(ask, mpi):
    assert mpi
    ask("compile", *GROUP, "-o", "x.json")
    ran = ask("run", "x.json", "--size", "4KiB", "--iterations", "2", "--timeout", "60")
    assert ran["wrong"] == 0
    assert ran["ranks"] > 3


@pytest.mark.parametrize("relays", ["none", "forward", "all"])
def test_a_file_says_what_relays_do_unless_they_do_all(ask, tmp_path, relays):
    words = ("compile", "star:6", "all_gather", "--ranks", "0,2,3", "--relays", relays)
    ask(*words, "-o", "x.json")
    held = json.loads((tmp_path / "x.json").read_text())
    assert held.get("relays") == (None if relays == "all" else relays)
    assert load("x.json").relays == relays
    assert ask("verify", "x.json")["optimal"]


def test_a_file_from_before_lets_relays_do_all_and_a_strange_word_is_refused(ask, call, tmp_path):
    ask("compile", "star:6", "all_gather", "--ranks", "0,2,3", "-o", "x.json")
    held = json.loads((tmp_path / "x.json").read_text())
    del held["relays"]
    (tmp_path / "old.json").write_text(json.dumps(held))
    assert load("old.json").relays == "all"
    assert ask("verify", "old.json")["correct"]
    (tmp_path / "strange.json").write_text(json.dumps(held | {"relays": "some"}))
    result = call("verify", "strange.json")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "relays" in result.stderr


def test_a_file_that_claims_less_of_its_relays_than_they_do_is_wrong(ask, call, tmp_path):
    ask("compile", "star:8", "all_reduce", "--ranks", "0-3", "--relays", "all", "-o", "x.json")
    held = json.loads((tmp_path / "x.json").read_text())
    for relays, reason in (("forward", "may only pass on"), ("none", "takes no part")):
        (tmp_path / "y.json").write_text(json.dumps(held | {"relays": relays}))
        result = call("verify", "y.json", "--json")
        assert result.exit_code == 1
        assert reason in json.loads(result.stdout)["faults"][0]


def test_what_ranks_outside_pass_on_in_one_step_is_not_dealt_to_phases(ask):
    # Two messages of a piece come to a rank outside in one step, and both go on in the next.
    asked = ("wild:8:seed=2126838848", "all_reduce", "--ranks", "0,2,3,4")
    assert ask("compile", *asked, "-o", "x.json")["optimal"]
    assert ask("verify", "x.json")["correct"]


LIMITS = [
    ("--max-height", "2"),
    ("--max-height", "1", "--size", "4KiB"),
    ("--trees", "1"),
    ("--max-scratch", "0.5"),
    ("--symmetry", "none"),
    ("--in-network",),
]


@pytest.mark.parametrize(
    ("name", "relays"),
    [("all_reduce", "forward"), ("all_reduce", "all"), ("reduce_scatter", "forward")],
)
@pytest.mark.parametrize("limit", LIMITS, ids=" ".join)
def test_limits_go_with_relays_and_end_with_yes_or_no(call, name, limit, relays):
    machine = "star:4:reduce=1:multicast=1" if limit == ("--in-network",) else "ring:4"
    words = ("compile", machine, name, "-o", "x.json", "--ranks", "0-2", "--relays", relays)
    result = call(*words, *limit)
    assert result.exit_code in (0, 1), result.stderr
    if result.exit_code == 0:
        assert call("verify", "x.json").exit_code == 0


@pytest.mark.parametrize("relays", ["forward", "all"])
@pytest.mark.parametrize("name", ["all_to_allv", "dispatch", "combine"])
def test_exchanges_of_a_demand_go_with_relays(ask, name, relays):
    demand = "lognormal:sigma=1" if name == "all_to_allv" else "hot:tokens=16"
    words = ("compile", "ring:6", name, "--demand", demand, "--ranks", "0,2,4")
    made = ask(*words, "--relays", relays, "-o", "x.json")
    assert made["bound_GBps"] >= made["algbw_GBps"] * (1 - 1e-9)
    assert ask("verify", "x.json")["correct"]


@pytest.mark.parametrize("name", ["dispatch", "combine"])
@pytest.mark.parametrize("relays", ["forward", "all"])
@pytest.mark.parametrize(
    ("machine", "ranks"),
    [
        ("random:8:seed=0", "0,1,2,5,6,7"),
        # Ways home of some parts of a sum lead over ranks that hold others.
        ("torus:2x2x3", "0,2-5,6,7,11"),
        ("line:6", "0,2-5"),
        ("dgx-1", "0,1,2,5,7"),
    ],
)
def test_tokens_pass_through_ranks_outside_one_by_one(ask, name, machine, ranks, relays):
    words = (machine, name, "--ranks", ranks, "--demand", "grouped:tokens=8")
    made = ask("compile", *words, "--relays", relays, "-o", "tokens.json")
    assert made["bound_GBps"] >= made["algbw_GBps"] * (1 - 1e-9)
    assert ask("verify", "tokens.json")["correct"]
