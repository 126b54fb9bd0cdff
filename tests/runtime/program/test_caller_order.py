"""Blocks lie in the order of the callers' numbers, and every sum is still right."""

import numpy as np
import pytest

from runtime.interpret.interpret import interpret
from runtime.program.buffer_plan import moves
from runtime.program.caller_order import arrange
from runtime.program.lower import lower

ORDER = [2, 0, 3, 1]  # caller j plays process ORDER[j]


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(
    "name", ["all_gather", "reduce_scatter", "all_to_all", "gather", "scatter"]
)
def test_callers_find_their_blocks_in_their_own_order(direct_of, name, in_place):
    plan = arrange(moves(direct_of(name, 4)), ORDER)
    counts = lower(plan, 8).counts
    made = {p: np.arange(counts[p, 0], dtype=np.float32) + 100 * ORDER.index(p) for p in range(4)}
    program = lower(plan, 8, in_place=in_place)
    got = interpret(program, [made[p] for p in range(4)])
    by_caller = [made[ORDER[j]] for j in range(4)]
    root = ORDER.index(0)
    for j in range(4):
        parts = [each.reshape(4, -1) if len(each) == 8 else each for each in by_caller]
        right = {
            "all_gather": lambda: np.concatenate(by_caller),
            "reduce_scatter": lambda j=j, p=parts: sum(each[j] for each in p),
            "all_to_all": lambda j=j, p=parts: np.concatenate([each[j] for each in p]),
            "gather": lambda j=j: np.concatenate(by_caller) if j == root else np.zeros(0),
            "scatter": lambda j=j, p=parts: p[root][j],
        }[name]()
        assert got[ORDER[j]].tolist() == right.tolist(), (name, j)


def test_the_order_of_the_ranks_changes_nothing(direct_of):
    plan = moves(direct_of("all_to_all", 3))
    assert arrange(plan, [0, 1, 2]) is plan
