from fractions import Fraction

import pytest

from runtime.metrics.busbw import factor
from solvers.schedules.kinds import COLLECTIVES, collective


def test_factors_are_those_of_nccl_tests():
    found = {name: factor(collective(name, range(4))) for name in COLLECTIVES}
    part = Fraction(3, 4)
    assert found == {
        "all_reduce": 2 * part,
        "all_gather": part,
        "reduce_scatter": part,
        "all_to_all": part,
        "gather": part,
        "scatter": part,
        "broadcast": 1,
        "reduce": 1,
    }


@pytest.mark.parametrize("name", COLLECTIVES)
def test_one_rank_moves_nothing(name):
    assert factor(collective(name, [0])) == 0
