"""Steps up to the root, on small forests and against walking."""

import numpy as np
import pytest

from topologies.model.forests import depths


def walked(parent, length):
    """Walk up from each vertex."""
    total = []
    for at in range(len(parent)):
        steps = 0
        while parent[at] >= 0 and parent[at] != at:
            steps += length[at]
            at = parent[at]
        total.append(steps)
    return total


def test_a_root_has_no_parent_or_is_its_own():
    assert depths(np.array([1, 3, 3, -1, 0])).tolist() == [2, 1, 1, 0, 3]
    assert depths(np.array([1, 3, 3, 3, 0])).tolist() == [2, 1, 1, 0, 3]
    assert depths(np.array([-1, -1])).tolist() == [0, 0]


@pytest.mark.parametrize("seed", range(20))
def test_jumping_adds_up_what_walking_does(seed):
    draw = np.random.default_rng(seed)
    parent = np.array([draw.integers(-1, max(v, 1)) for v in range(40)])
    length = draw.integers(0, 9, 40)
    assert depths(parent, length).tolist() == walked(parent, length)
    assert depths(parent).tolist() == walked(parent, np.ones(40, dtype=int))
