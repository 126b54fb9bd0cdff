"""Every process gets a rank of its own, or is told why not."""

import pytest

from commplan.communicator.placement import PlacementError, placed
from topologies.machines.nvidia import dgx_a100
from topologies.shapes import star

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
    assert placed(dgx_a100(2), HOSTS, ranks) == played


def test_computers_may_be_named_as_the_ranks_are():
    assert placed(dgx_a100(2), ["b1", "b0", "b1"], "hosts") == (8, 0, 9)
    assert placed(star(3), ["r2", "r0", "r1"], "hosts") == (2, 0, 1)


@pytest.mark.parametrize(
    ("ranks", "why"),
    [
        ([0, 1, 2], "ranks: 3 of them for 4 processes"),
        ([0, 1, 2, 1], "ranks: processes 1 and 3 both play rank 1"),
        ([0, 1, 2, 16], "ranks: process 3 plays rank 16, but .* has 16 ranks"),
        ({"left": "b0"}, "ranks: nothing is said of computer right"),
        ({"left": "b0", "right": [3]}, "ranks: 1 of .* are on computer right, for 2 processes"),
        ("nodes", "ranks: found 'nodes', expected 'hosts'"),
        ("hosts", "ranks: 0 of .* are on computer left, for 2 processes"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(ranks, why):
    with pytest.raises(PlacementError, match=f"^{why}$"):
        placed(dgx_a100(2), HOSTS, ranks)
