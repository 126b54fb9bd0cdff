"""Wrong programs are refused, and the fault names its place."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.interpret.check import faults, races
from runtime.interpret.interpret import interpret
from runtime.program.buffer_plan import moves
from runtime.program.lower import lower
from runtime.program.program import Action, Buffer, Program, ProgramError
from solvers.schedules.collective import all_reduce

COLUMNS = ("process", "step", "action", "peer", "buffer", "offset", "size")
COLUMNS += ("source", "source_offset", "piece")
SUM = all_reduce((0, 1, 2, 3))


@pytest.fixture(params=["ring_of", "tree_of", "direct_of"])
def program(request: pytest.FixtureRequest) -> Program:
    maker: Callable = request.getfixturevalue(request.param)
    return lower(moves(maker("all_reduce", 4)), 24, chunks=2, joined=0)


def rows(program: Program, *actions: Action) -> list[int]:
    return np.flatnonzero(np.isin(program.action, actions)).tolist()


def changed(program: Program, line: int, **values: int) -> Program:
    columns = {name: getattr(program, name).copy() for name in values}
    for name, value in values.items():
        columns[name][line] = value
    return replace(program, **columns)


def taken(program: Program, order: list[int]) -> Program:
    return replace(program, **{name: getattr(program, name)[order] for name in COLUMNS})


def refused(program: Program) -> bool:
    return bool(faults(program, SUM))


def test_any_wrong_offset_is_noticed(program: Program):
    for line in rows(program, Action.SEND, Action.RECV, Action.ADD, Action.COPY):
        assert refused(changed(program, line, offset=int(program.offset[line]) + 1))


def test_any_wrong_source_is_noticed(program: Program):
    for line in rows(program, Action.ADD, Action.COPY):
        wrong = int(program.source_offset[line]) + 1
        assert refused(changed(program, line, source_offset=wrong))


def test_any_lost_instruction_is_noticed(program: Program):
    for line in rows(program, Action.SEND, Action.RECV, Action.ADD, Action.COPY):
        assert refused(taken(program, [i for i in range(len(program)) if i != line]))


def test_any_doubled_message_or_sum_is_noticed(program: Program):
    for line in rows(program, Action.SEND, Action.RECV, Action.ADD):
        order = sorted([*range(len(program)), line])
        assert refused(taken(program, order))


def test_any_wrong_peer_or_size_is_noticed(program: Program):
    for line in rows(program, Action.SEND, Action.RECV):
        assert refused(changed(program, line, peer=(int(program.peer[line]) + 1) % 4))
        assert refused(changed(program, line, size=int(program.size[line]) - 1))


def test_a_sum_before_the_message_that_it_adds_is_noticed(program: Program):
    for line in rows(program, Action.ADD):
        if program.source[line] == Buffer.INPUT:  # joined to what the message put there
            touched = program.buffer == program.buffer[line], program.offset == program.offset[line]
        else:
            touched = (
                program.buffer == Buffer.SCRATCH,
                program.offset == program.source_offset[line],
            )
        into = (program.action == Action.RECV) & (program.process == program.process[line])
        before = np.flatnonzero(into & touched[0] & touched[1])
        before = before[before < line]
        assert len(before)
        order = [i for i in range(len(program)) if i != line]
        order.insert(int(before[-1]), line)
        assert refused(taken(program, order)), line


@pytest.mark.parametrize("lead", [1, 2, 3, 8])
def test_messages_in_any_order_give_the_same_bits(program: Program, lead: int):
    draw = np.random.default_rng(lead)
    inputs = [draw.normal(size=24).astype(np.float32) for _ in range(4)]
    right = [each.tobytes() for each in interpret(program, inputs)]
    for _ in range(50):
        found = interpret(replace(program, lead=lead), inputs, lambda line: draw.random())
        assert [each.tobytes() for each in found] == right


@settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_no_change_of_one_figure_passes_unless_it_means_nothing(ring_of, data):
    program = lower(ring_of("all_reduce", 4), 24, chunks=3)
    column = data.draw(st.sampled_from(("action", "peer", "buffer", "offset", "size")))
    line = data.draw(st.sampled_from(rows(program, Action.SEND, Action.RECV, Action.ADD)))
    was = int(getattr(program, column)[line])
    value = data.draw(st.integers(0, 8).filter(lambda value: value != was))
    # An ADD has no peer; where it adds too much, a later message may yet overwrite that.
    if column not in ("peer", "size") or program.action[line] != Action.ADD:
        assert refused(changed(program, line, **{column: value}))


def test_a_deadlock_names_rank_step_peer_and_piece(ring_of):
    program = lower(ring_of("all_gather", 3), 3)
    line = rows(program, Action.RECV)[-1]
    without = taken(program, [i for i in range(len(program)) if i != line])
    with pytest.raises(ProgramError, match=r"deadlock: rank 1 at step 1, piece 0: .* to rank 2"):
        interpret(without, [np.ones(1)] * 3)


def test_a_message_that_meets_another_in_memory_is_a_race(ring_of):
    program = lower(ring_of("all_gather", 3), 3)
    assert races(program) == []
    line = rows(program, Action.RECV)[-1]
    wrong = changed(program, line, offset=1)
    assert races(wrong) == ["rank 2 at step 1, piece 1: messages of one step meet in OUTPUT"]


def test_input_and_output_of_a_program_in_place_are_one_memory(ring_of):
    program = lower(ring_of("all_gather", 3), 3, in_place=True)
    memory = program.memory()
    memory[1][Buffer.INPUT][:] = 7
    assert memory[1][Buffer.OUTPUT].tolist() == [0, 7, 0]


def test_inputs_of_the_wrong_number_or_size_are_refused(ring_of):
    program = lower(ring_of("all_reduce", 2), 4)
    with pytest.raises(ProgramError, match="1 inputs for 2 processes"):
        interpret(program, [np.ones(4)])
    with pytest.raises(ProgramError, match="rank 1: an input of 3 elements, not 4"):
        interpret(program, [np.ones(4), np.ones(3)])
