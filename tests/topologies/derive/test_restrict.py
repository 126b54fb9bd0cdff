"""Ranks without a process forward, and do nothing else."""

import numpy as np
import pytest

from topologies.derive.restrict import restrict
from topologies.model.topology import TopologyError
from topologies.presets.shapes import ring, star


def test_the_links_join_the_same_names():
    whole = ring(6)
    some = restrict(whole, [4, 0, 2])
    assert some.names[: some.ranks] == tuple(whole.names[v] for v in (0, 2, 4))
    ends = [
        sorted(zip(*((np.array(t.names)[e]) for e in (t.src, t.dst)), strict=True))
        for t in (whole, some)
    ]
    assert ends[0] == ends[1]
    assert not (some.multicast | some.reduce).any()


def test_all_ranks_are_the_machine_itself():
    whole = star(3)
    assert restrict(whole, [2, 0, 1]) is whole


@pytest.mark.parametrize("ranks", [[0, 0], [0, 3], [-1]])
def test_ranks_that_are_none_are_refused(ranks):
    with pytest.raises(TopologyError, match=r"ranks: found .*, expected some of 0\.\.2"):
        restrict(star(3), ranks)
