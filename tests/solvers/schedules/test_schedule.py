"""Transfers as columns, and back."""

from fractions import Fraction

import pytest

from solvers.schedules.certificate import Bound
from solvers.schedules.collective import all_gather
from solvers.schedules.schedule import Transfer, columns, schedule
from topologies.presets.shapes import ring

ROWS = [
    Transfer(1, 0, 0, 1, (4, 2, 7)),
    Transfer(0, 3, 1, 2, (5,), reduce=True),
    Transfer(1, 0, 2, 0, (1, 1)),
    Transfer(0, 1, 2, 1, (6, 3)),
]


def test_transfers_come_back_sorted_by_piece_and_step():
    laid = columns(ROWS)
    assert [laid[t] for t in range(len(laid))] == [ROWS[3], ROWS[1], ROWS[0], ROWS[2]]


def test_no_transfers_are_no_rows():
    assert len(columns([])) == 0
    assert columns([]).route_start.tolist() == [0]


def test_columns_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        columns(ROWS).dst[0] = 2


def test_a_schedule_without_a_group_is_all_there_is():
    made = schedule(
        ring(2),
        all_gather((0, 1)),
        [(0, Fraction(1)), (1, Fraction(1, 3)), (1, Fraction(2, 3))],
        [],
        Bound(None, "", None),
        seed=5,
    )
    assert made.group.order == 1
    assert made.block.tolist() == [0, 1, 1]
    assert (made.pieces, made.provenance) == (3, {"seed": 5})
