"""An exchange that is planned at once: both ends agree, in every stage at most one message each."""

import numpy as np
import pytest

from commplan.communicator.exchange.direct import STAGES, find_extent, plan_exchange
from runtime.execute.part import LINE, connect
from runtime.program.program import Action

COLUMNS = [name for name in LINE.names if name not in ("needs", "after", "until", "next", "gate")]


@pytest.mark.parametrize("n", [1, 2, 3, 8, 20])
def test_every_block_goes_once_and_both_ends_agree(n):
    matrix = np.random.default_rng(n).integers(0, 5, (n, n))
    parts = []
    for me in range(n):
        sends, takes = ((row, np.cumsum(row) - row) for row in (matrix[me], matrix[:, me]))
        extents = (int(matrix[me].sum()), int(matrix[:, me].sum()))
        parts.append(plan_exchange(me, tuple(range(n)), sends, takes, extents))
    sent, taken = ({}, {})
    for me, part in enumerate(parts):
        for line in part.lines:
            peer, step, size = (int(line[name]) for name in ("peer", "step", "size"))
            if line["action"] == Action.COPY:
                assert (peer, size) == (me, matrix[me, me])
            ends = sent if line["action"] == Action.SEND else taken
            key = (me, peer) if ends is sent else (peer, me)
            assert ends.setdefault(key, (step, size)) == (step, size)
            assert step == (key[1] - key[0]) % n
    taken = {key: value for key, value in taken.items() if key[0] != key[1]}
    assert sent == taken
    assert {key: size for key, (_, size) in sent.items()} == {
        (i, j): matrix[i, j] for i, j in np.argwhere(matrix) if i != j
    }


def test_lines_are_those_that_are_connected_by_their_memory():
    row = np.array([4, 0, 7, 1, 2, 9, 3, 8, 6, 5, 1, 1])
    ends = (row, np.cumsum(row) - row)
    part = plan_exchange(5, tuple(range(12)), ends, ends, (int(row.sum()),) * 2)
    rows = {name: part.lines[name] for name in COLUMNS}
    bases = np.array([[0, row.sum(), 2 * row.sum()]])
    lines, followers = connect(rows, 1, bases, STAGES)
    assert lines.tolist() == part.lines.tolist()
    assert len(followers) == 0


def test_blocks_reach_as_far_as_the_last_that_has_elements():
    assert find_extent([2, 0, 3], [4, 99, 0], 8) == 48
    assert find_extent([0], [5], 8) == 0
