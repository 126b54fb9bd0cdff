"""Every process gets a rank of its own, or is told why not."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commplan.communicator.placement import PlacementError, caller_order, place
from topologies.model.topology import Link, build
from topologies.presets.nvidia import dgx_a100
from topologies.presets.shapes import star

HOSTS = ["left", "right", "left", "right"]


@pytest.mark.parametrize(
    ("ranks", "played"),
    [
        (None, (0, 1, 2, 3)),
        ([3, 1, 0, 2], (3, 1, 0, 2)),
        ({"left": [4, 5], "right": [0, 1, 2]}, (4, 0, 5, 1)),
        ({"left": "b1", "right": "b0"}, (8, 0, 9, 1)),
    ],
)
def test_ranks_are_given_or_found_by_the_names_of_computers(ranks, played):
    assert place(dgx_a100(2), HOSTS, ranks) == played


def test_computers_may_be_named_as_the_ranks_are():
    assert place(dgx_a100(2), ["b1", "b0", "b1"], "hosts") == (8, 0, 9)
    assert place(star(3), ["r2", "r0", "r1"], "hosts") == (2, 0, 1)


@pytest.mark.parametrize(
    "hosts",
    [
        ["b1.cluster.local", "b0.cluster.local"],
        ["B1", "b0.cluster.local"],
        ["b1.", "b0.LOCAL"],
    ],
)
def test_a_computer_may_be_called_in_full_or_in_short(hosts):
    assert place(dgx_a100(2), hosts, "hosts") == (8, 0)
    assert place(dgx_a100(2), hosts, {"b1": [9], "b0": "b0"}) == (9, 0)
    full = {"b1.cluster.local": [9], "b0.cluster.local": [1]}
    assert place(dgx_a100(2), ["b1", "b0"], full) == (9, 1)


def test_addresses_are_not_shortened():
    machine = build(
        "two",
        ["10.0.0.1.g0", "10.0.0.2.g0"],
        [],
        [Link("10.0.0.1.g0", "10.0.0.2.g0", Fraction(1), duplex=True)],
    )
    assert place(machine, ["10.0.0.2", "10.0.0.1"], "hosts") == (1, 0)
    with pytest.raises(PlacementError, match="0 of two are on computer"):
        place(machine, ["10.0.0.2", "10.0.0.3"], "hosts")


def test_two_computers_of_one_short_name_are_not_taken_for_one():
    with pytest.raises(PlacementError, match="processes 0 and 1 both play rank 0"):
        place(dgx_a100(2), ["b0.left", "b0.right"], "hosts")


def test_ranks_may_be_named():
    assert place(dgx_a100(2), ["x", "x"], ["b1.g0", 0]) == (8, 0)
    with pytest.raises(PlacementError, match=r"has no rank named 'b1.gg0'; nearest: b1.g0; it has"):
        place(dgx_a100(2), ["x", "x"], ["b1.gg0", 0])


@pytest.mark.parametrize(
    ("ranks", "why"),
    [
        ([0, 1, 2], "ranks: 3 of them for 4 processes"),
        ([0, 1, 2, 1], "ranks: processes 1 and 3 both play rank 1"),
        ([0, 1, 2, 16], "ranks: process 3 plays rank 16, but .* has 16 ranks"),
        ({"left": "b0"}, "ranks: nothing is said of computer right, only of left"),
        (
            {"left": "b0", "right": [3]},
            "ranks: 1 of .* are on computer right, for 2 proc.*",
        ),
        ("nodes", "ranks: found 'nodes', expected 'hosts'"),
        ("hosts", "ranks: 0 of .* are on computer left, for 2 processes; its .* b0.g0, .*"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(ranks, why):
    with pytest.raises(PlacementError, match=f"^{why}$"):
        place(dgx_a100(2), HOSTS, ranks)


@given(st.lists(st.integers(0, 17), min_size=1, max_size=16))
def test_the_first_process_without_a_rank_of_its_own_is_told(ranks):
    wrong = [i for i, rank in enumerate(ranks) if rank > 15 or rank in ranks[:i]]
    if not wrong:
        assert place(dgx_a100(2), ["x"] * len(ranks), ranks) == tuple(ranks)
        return
    rank, before = ranks[wrong[0]], ranks[: wrong[0]]
    twice = f"processes {ranks.index(rank)} and {wrong[0]} both play rank {rank}$"
    expected = twice if rank in before else f"process {wrong[0]} plays rank {rank}, but"
    with pytest.raises(PlacementError, match=f"^ranks: {expected}"):
        place(dgx_a100(2), ["x"] * len(ranks), ranks)


@given(st.lists(st.integers(), unique=True))
def test_the_turn_of_a_process_is_how_many_play_lower_ranks(played):
    assert caller_order(played) == [sum(other < rank for other in played) for rank in played]


def test_tens_of_thousands_of_processes_are_placed_by_names_and_by_computers():
    machine = star(20_000)
    names = machine.names[: machine.ranks][::-1]
    assert place(machine, names, names) == tuple(range(20_000))[::-1]
    in_full = [f"{name}.local" for name in names]
    for ranks in ("hosts", {name: name for name in names}):
        assert place(machine, in_full, ranks) == tuple(range(20_000))[::-1]
