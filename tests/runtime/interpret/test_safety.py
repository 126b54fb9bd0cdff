"""Programs that an executor must not run are refused before it does."""

from dataclasses import replace

import numpy as np
import pytest

from runtime.interpret.safety import unsafe
from runtime.program.buffer_plan import moves
from runtime.program.lower import lower
from runtime.program.program import Action


@pytest.mark.parametrize(("chunks", "in_place"), [(1, False), (3, True)])
def test_every_program_that_is_lowered_may_be_run(schedule, chunks, in_place):
    assert unsafe(lower(moves(schedule), 30, chunks=chunks, in_place=in_place)) == []


@pytest.fixture
def program(ring_of):
    return lower(ring_of("all_reduce", 3), 12)


def first(program, *actions):
    return int(np.flatnonzero(np.isin(program.action, actions))[0])


def changed(program, line, **values):
    columns = {name: getattr(program, name).copy() for name in values}
    for name, value in values.items():
        columns[name][line] = value
    return replace(program, **columns)


@pytest.mark.parametrize(
    ("action", "values", "said"),
    [
        (Action.SEND, {"offset": -1}, "not all in the buffer"),
        (Action.RECV, {"offset": 2**62}, "not all in the buffer"),
        (Action.ADD, {"size": 10**9}, "not all in the buffer"),
        (Action.ADD, {"source_offset": 10**6}, "not all in the source"),
        (Action.ADD, {"buffer": 3}, "no such buffer"),
        (Action.ADD, {"source": -2}, "no such source"),
        (Action.SEND, {"peer": 3}, "no such peer"),
        (Action.SEND, {"peer": 0}, "to itself"),
        (Action.ADD, {"action": 9}, "no such action"),
        (Action.SEND, {"step": 7}, "smaller step than the one before"),
        (Action.SEND, {"size": 1}, "not what its receiver expects"),
    ],
)
def test_what_would_read_or_write_elsewhere_is_named(program, action, values, said):
    assert said in unsafe(changed(program, first(program, action), **values))[0]


def test_ends_of_one_message_in_different_steps_are_refused(program):
    last = int(np.flatnonzero((program.process == 0) & (program.action == Action.SEND))[-1])
    later = np.where(np.arange(len(program)) >= last, program.step + 1, program.step)
    own = replace(program, step=np.where(program.process == 0, later, program.step))
    assert "not what its receiver expects" in unsafe(own)[0]


def test_a_message_that_waits_for_one_of_its_own_step_is_refused(program):
    """Everybody would first send what it gets in this very step."""
    into = program.action == Action.RECV
    place = {name: getattr(program, name).copy() for name in ("buffer", "offset")}
    for line in np.flatnonzero(program.action == Action.SEND):
        same = (program.process == program.process[line]) & (program.step == program.step[line])
        for column in place.values():
            column[line] = column[into & same][0]
    assert "messages of one step meet" in unsafe(replace(program, **place))[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"dtype": "float7"},
        {"op": "xor"},
        {"dtype": "float32", "op": "bxor"},
        {"ranks": [0, 1, 2]},
        {"ranks": ()},
        {"divisor": 0},
        {"lead": 0},
        {"in_place": 1},
        {"counts": np.zeros((2, 3), dtype=np.int64)},
        {"starts": np.full((3, 2), -1)},
        {"size": [1, 2, 3]},
        {"size": np.zeros(2, dtype=np.int64)},
        {"offset": np.zeros(5)},
    ],
)
def test_what_is_of_another_kind_is_named(program, wrong):
    assert len(unsafe(replace(program, **wrong))) == 1
