import numpy as np
import pytest

from bench.contest.data import PERIOD, block_elements, input_of, wrong
from runtime.interpret.interpret import interpret
from runtime.program.lower import lower
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from solvers.solve import solve
from topologies.presets.shapes import star

REDUCING = ("all_reduce", "reduce_scatter", "reduce")


def asked(name):
    return collective(name, range(3), 1 if name in ROOTED else None)


@pytest.mark.parametrize("name", sorted(COLLECTIVES))
def test_a_right_program_gives_what_is_expected_and_a_changed_element_is_noticed(name):
    what, n = asked(name), 7
    op = "sum" if name in REDUCING else "none"
    program = lower(solve(star(3), what), n * what.total, dtype="int32")
    outputs = interpret(program, [input_of(what, i, n, "int32", op) for i in range(3)])
    for i, output in enumerate(outputs):
        assert wrong(what, i, output, n, "int32", op) == 0
        if len(output):
            output[-1] += 1
            assert wrong(what, i, output, n, "int32", op) == 1


def test_what_is_missing_is_wrong():
    what = asked("all_gather")
    assert wrong(what, 0, np.zeros(0, np.int8), 5, "int8", "none") == 15


def test_an_average_of_bfloat16_is_that_of_the_numbers():
    what, n = asked("all_reduce"), PERIOD + 5
    wide = sum(input_of(what, i, n, "float32", "avg") for i in range(3)) / np.float32(3)
    bits = wide.view(np.uint32)
    brief = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    assert wrong(what, 0, brief, n, "bfloat16", "avg") == 0


def test_sizes_are_rounded_down_to_whole_blocks_and_are_one_element_at_least():
    assert block_elements(asked("all_gather"), 100, "float32") == 8
    assert block_elements(asked("all_reduce"), 100, "float32") == 25
    assert block_elements(asked("all_to_all"), 1, "float64") == 1
