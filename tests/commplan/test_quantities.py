import pytest

from commplan.cli.io.quantities import percent


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
