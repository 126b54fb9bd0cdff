from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from runtime.emit.targets import TARGETS, emit
from runtime.interpret.interpret import interpret
from runtime.program.buffer_plan import moves
from runtime.program.lower import lower
from runtime.program.program import ProgramError
from runtime.verify.determinism import is_deterministic
from runtime.verify.verify import verify
from solvers.schedules.collective import all_reduce
from solvers.schedules.kinds import collective
from solvers.solve import solve
from solvers.templates import TEMPLATES
from tests.support.differing import differing
from topologies.presets.shapes import full_mesh, star, torus

MADE = [name for name, (_, known) in TEMPLATES.items() if "all_reduce" in known]


DIFFERENT = "rounding would leave them with different bits"

PICTURES = {"dot", "graphml"}  # targets that are no programs


def bits(schedule, n, chunks=1, **kind):
    """Run a schedule on floats of all sizes; count the results that differ."""
    program = lower(moves(schedule), 24, chunks=chunks, **kind)
    draw = np.random.default_rng(0)
    values = [
        (draw.normal(size=24) * 10.0 ** draw.integers(-3, 4, 24)).astype(np.float32)
        for _ in range(n)
    ]
    values[0][:4] = [1e8, 1, -1e8, 1]
    return len({out.tobytes() for out in interpret(program, values)})


@pytest.mark.parametrize("n", [2, 3, 5, 8])
@pytest.mark.parametrize("name", MADE)
def test_tokens_foretell_whether_bits_differ(name, n):
    made = TEMPLATES[name][0](full_mesh(n), all_reduce(range(n)))
    assert is_deterministic(made) == (bits(made, n) == 1)


@pytest.mark.parametrize("machine", [star(5), torus([2, 3]), full_mesh(1)])
def test_trees_leave_all_with_the_same_bits(machine):
    made = solve(machine, all_reduce(range(machine.ranks)))
    assert is_deterministic(made)
    assert verify(made).same_bits
    assert bits(made, machine.ranks) == 1


def test_adding_in_another_order_is_noticed():
    assert not is_deterministic(differing())
    assert bits(differing(), 4) > 1


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_those_who_exchange_what_they_have_add_in_one_order(n):
    made = TEMPLATES["direct"][0](full_mesh(n), all_reduce(range(n)))
    backwards = made.transfers.rows(np.arange(len(made.transfers))[::-1])
    for each in (made, replace(made, transfers=backwards)):
        assert is_deterministic(each)
        for chunks, joined, in_place in product([1, 3], [0, 2**14], [False, True]):
            assert bits(each, n, chunks, joined=joined, in_place=in_place) == 1


def test_bits_are_the_same_in_all_chunks_and_messages(small_machine, solved):
    made = solved(small_machine, "all_reduce")
    for chunks, joined, in_place in product([1, 3, 24], [0, 2**14], [False, True]):
        assert bits(made, small_machine.ranks, chunks, joined=joined, in_place=in_place) == 1


@pytest.mark.parametrize("name", ["reduce", "reduce_scatter", "all_gather"])
def test_a_sum_that_one_rank_alone_wants_has_one_order(name):
    made = TEMPLATES["direct"][0](full_mesh(5), collective(name, range(5)))
    assert verify(made).same_bits


def test_no_program_is_made_that_leaves_ranks_with_different_bits():
    report = verify(differing())
    assert (report.correct, report.same_bits) == (True, False)
    for target in set(TARGETS) - PICTURES:
        with pytest.raises(ProgramError, match=DIFFERENT):
            emit(differing(), target)
    for op, dtype in (("sum", "float32"), ("avg", "bfloat16"), ("prod", "complex64")):
        with pytest.raises(ProgramError, match=DIFFERENT):
            lower(differing(), 8, op=op, dtype=dtype)


def test_where_nothing_is_rounded_any_order_will_do():
    for op, dtype in (("sum", "int32"), ("max", "float32"), ("bxor", "uint8")):
        assert lower(differing(), 8, op=op, dtype=dtype).op == op
