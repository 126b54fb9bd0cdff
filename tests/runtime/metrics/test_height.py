"""The longest chain of messages."""

from runtime.metrics.height import height


def test_heights_of_known_schedules(ring_of, tree_of, direct_of):
    assert height(ring_of("all_reduce", 5)) == 8
    assert height(tree_of("all_reduce", 8)) == 6
    assert height(direct_of("all_to_all", 3)) == 1
    assert height(ring_of("all_gather", 1)) == 0
