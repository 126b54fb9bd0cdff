"""What each collective asks for, and how permutations move its blocks."""

import numpy as np
import pytest

from solvers.schedules.collective import CollectiveError, all_gather, all_to_all, reduce_scatter
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from topologies.symmetry.group import Group

RANKS = (1, 3, 4)
# Blocks before and after on the ranks 1, 3 and 4, the root being 3, as in the MPI standard.
MEANING = {
    "all_gather": ([[0], [1], [2]], [[0, 1, 2]] * 3),
    "reduce_scatter": ([[0, 1, 2]] * 3, [[0], [1], [2]]),
    "all_reduce": ([[0]] * 3, [[0]] * 3),
    "all_to_all": ([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 3, 6], [1, 4, 7], [2, 5, 8]]),
    "broadcast": ([[], [0], []], [[0]] * 3),
    "reduce": ([[0]] * 3, [[], [0], []]),
    "scatter": ([[], [0, 1, 2], []], [[0], [1], [2]]),
    "gather": ([[0], [1], [2]], [[], [0, 1, 2], []]),
}


def made(name, ranks=RANKS):
    return collective(name, ranks, ranks[1] if name in ROOTED else None)


def listed(buffers):
    return [blocks.tolist() for blocks in buffers]


@pytest.mark.parametrize("name", COLLECTIVES)
def test_each_collective_means_what_mpi_says(name):
    what = made(name)
    assert (listed(what.inputs), listed(what.outputs)) == MEANING[name]
    assert what.root == (3 if name in ROOTED else None)


@pytest.mark.parametrize("name", COLLECTIVES)
def test_holders_and_wanters_are_the_buffers_seen_from_the_blocks(name):
    what = made(name)
    for owners, buffers in ((what.holders, what.inputs), (what.wanters, what.outputs)):
        assert listed(owners) == [
            [r for r, blocks in zip(what.ranks, buffers, strict=True) if b in blocks]
            for b in range(what.blocks)
        ]


@pytest.mark.parametrize("name", COLLECTIVES)
def test_the_size_is_that_of_the_largest_buffer(name):
    whole = name in ("all_reduce", "broadcast", "reduce")
    assert made(name).total == (1 if whole else 3)
    assert made(name).fraction(0) * made(name).total == 1


def test_unequal_blocks_count_by_their_sizes():
    for what in (all_gather(RANKS, [5, 0, 2]), reduce_scatter(RANKS, [5, 0, 2])):
        assert what.total == 7
        assert [what.fraction(b) * 7 for b in range(3)] == [5, 0, 2]


def test_ranks_are_put_in_order_and_the_first_is_the_root():
    what = collective("broadcast", [4, 1, 3])
    assert what.ranks == RANKS
    assert what.root == 1


@pytest.mark.parametrize(
    ("name", "ranks", "root", "message"),
    [
        (
            "all_scatter",
            (0, 1),
            None,
            "no collective is named 'all_scatter'; nearest: scatter; known",
        ),
        ("all_reduce", (), None, "at least one"),
        ("all_reduce", (0, 1, 0), None, "must be different"),
        ("all_reduce", range(10**9), None, "1,000,000,000 ranks, expected at most 1,048,576"),
        ("all_reduce", (0, 1), 0, "all_reduce has no root"),
        ("broadcast", (0, 1), 2, "broadcast: root 2 is not among the ranks"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(name, ranks, root, message):
    with pytest.raises(CollectiveError, match=message):
        collective(name, ranks, root)


@pytest.mark.parametrize("name", ["all_gather", "reduce_scatter", "all_reduce", "all_to_all"])
def test_images_of_blocks_have_the_images_of_their_holders_and_wanters(name):
    what = made(name, (0, 1, 2))
    group = Group(np.array([[1, 0, 2], [1, 2, 0]]))
    for block in range(what.blocks):
        for element, image in zip(group.elements, what.images(block, group), strict=True):
            for owners in (what.holders, what.wanters):
                assert sorted(element[owners[block]]) == owners[image].tolist()


def test_a_permutation_that_moves_the_root_does_not_keep_the_collective():
    with pytest.raises(CollectiveError, match="broadcast: the symmetry does not keep block 0"):
        made("broadcast", (0, 1, 2)).images(0, Group(np.array([[1, 0, 2]])))


def test_a_permutation_that_moves_a_block_onto_one_of_another_size_is_refused():
    with pytest.raises(CollectiveError, match="does not keep"):
        all_gather((0, 1), [1, 2]).images(0, Group(np.array([[1, 0]])))


def test_images_are_found_among_very_many_blocks():
    n = 200
    turn = (np.arange(n) + 1) % n
    block = 7 * n + 9
    assert all_to_all(tuple(range(n))).images(block, Group(turn[None]))[1] == 8 * n + 10


def test_every_rank_knows_its_place_among_those_that_take_part():
    assert all_gather(RANKS).place == {1: 0, 3: 1, 4: 2}
