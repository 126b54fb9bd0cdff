import pytest

from commplan.cli.io.quantities import percent, rate_cell


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (None, "unknown"),
        (0.0, "0.00%"),
        (1e-7, "less than 0.01%"),
        (5e-5, "0.01%"),
        (0.5, "50.00%"),
    ],
)
def test_what_is_not_nothing_does_not_look_like_it(part, told):
    assert percent(part) == told


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (None, "-"),
        (996_300.0, "0.001"),
        (1_989_000.0, "0.002"),
        (39.84e6, "0.03984"),
        (5e3, "5e-06"),
    ],
)
def test_rates_leave_room_between_columns(rate, told):
    assert rate_cell(rate) == told
