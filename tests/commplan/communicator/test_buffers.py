"""Buffers as their callers write them down."""

import numpy as np
import pytest

from commplan.communicator.buffers import read_varying


@pytest.mark.parametrize(
    ("rest", "displs"),
    [
        (((1, 2), None, "float64"), (0, 1)),
        (((1, 2), (3, 0), "float64"), (3, 0)),
        (((1, 2), (3, 0)), (3, 0)),
        ((((1, 2), (3, 0)), "float64"), (3, 0)),
        ((((1, 2), None),), (0, 1)),
    ],
)
def test_two_counts_are_no_counts_and_displacements(rest, displs):
    blocks = read_varying([np.zeros(5), *rest], 2)
    assert (blocks.counts, blocks.displs) == ((1, 2), displs)
