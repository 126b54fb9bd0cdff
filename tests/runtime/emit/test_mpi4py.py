"""The emitted Python program lowers itself as `lower` does, and holds nothing harmful."""

import ast
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from runtime.emit import tables
from runtime.emit.mpi4py import emit
from runtime.emit.tables import plain
from runtime.metrics.chunking import chunks
from runtime.program.buffer_plan import moves
from runtime.program.lower import lower
from runtime.program.program import Action, Buffer, Program, ProgramError
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule

NAMES = {"in": Buffer.INPUT, "out": Buffer.OUTPUT, "scratch": Buffer.SCRATCH}
NAMES["beside"] = Buffer.SCRATCH


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch):
    """Load an emitted program without MPI."""
    fake = ModuleType("mpi4py")
    fake.MPI = SimpleNamespace(Comm=object, Prequest=object)
    monkeypatch.setitem(sys.modules, "mpi4py", fake)

    def load(schedule: Schedule) -> ModuleType:
        module = ModuleType("emitted")
        exec(compile(emit(schedule), "emitted", "exec"), module.__dict__)
        return module

    return load


def expected(program: Program, me: int) -> list[tuple[int, ...]]:
    """List a process's instructions but for the places in scratch, which are its own choice."""
    mine = (program.process == me) & (program.action != Action.WAIT)
    names = ("step", "action", "peer", "tag", "buffer", "offset", "size", "source")
    table = np.column_stack([getattr(program, n)[mine] for n in (*names, "source_offset")])
    table[:, 5][table[:, 4] == Buffer.SCRATCH] = 0
    table[:, 8][table[:, 7] == Buffer.SCRATCH] = 0
    return sorted(map(tuple, table.tolist()))


def planned(plan) -> list[tuple[int, ...]]:
    def place(span) -> tuple[int, int]:
        return NAMES[span[0]], 0 if NAMES[span[0]] == Buffer.SCRATCH else span[1]

    def local(step, action, to, source) -> tuple[int, ...]:
        return (step, action, -1, -1, *place(to), to[2], *place(source))

    rows = [local(0, Action.COPY, to, source) for to, source in plan.copies if to[2]]
    for step, messages in plan.messages.items():
        for sends, peer, tag, _, span in messages:
            action = Action.SEND if sends else Action.RECV
            rows.append((step, action, peer, tag, *place(span), span[2], -1, 0))
    for step, landings in plan.landings.items():
        rows += [local(step, Action.ADD if a else Action.COPY, to, s) for _, a, to, s in landings]
    for step, packs in plan.packs.items():
        rows += [local(step, Action.COPY, to, source) for to, source in packs]
    return sorted(rows)


@pytest.mark.parametrize("in_place", [False, True])
def test_the_program_lowers_itself_as_lower_does(
    schedule: Schedule, loaded, in_place: bool, monkeypatch
):
    monkeypatch.setattr(tables, "refuse_unlike", lambda schedule: None)  # all kinds of landings
    emitted, moved = loaded(schedule), moves(schedule)
    for count, parts, joined in ((1, 1, 4), (7, 2, 4), (1000, 5, 50), (1000, 1, 0)):
        program = lower(moved, count, chunks=parts, in_place=in_place, joined=4 * joined)
        sizes = emitted.blocks_of(count)
        assert sizes == program.blocks.tolist()
        for me in range(program.processes):
            plan = emitted.Plan(me, sizes, parts, in_place, joined)
            assert planned(plan) == expected(program, me)
            beside = max(plan.beside.values(), default=0)
            assert plan.scratch + beside == program.counts[me, Buffer.SCRATCH]


def test_the_program_chooses_chunks_as_the_compiler_does(loaded, ring_of):
    schedule = ring_of("all_reduce", 4)
    emitted = loaded(schedule)
    sizes = [2**k for k in range(2, 31)]
    assert [emitted.chunks_for(s) for s in sizes] == [chunks(schedule, s) for s in sizes]


def test_the_text_is_as_before(ring_of, relayed_of, golden):
    golden("ring_all_reduce_3.py", emit(ring_of("all_reduce", 3)))
    golden("relayed_all_to_all_2.py", emit(relayed_of("all_to_all", 2)))


def test_names_from_outside_cannot_leave_their_place(ring_of):
    schedule = ring_of("all_reduce", 2)
    bad = replace(schedule.topology, name='x"""\nimport os #*/ \\')
    text = emit(replace(schedule, topology=bad))
    assert 'TOPOLOGY = "x____import os ___ _"' in text
    assert {n.module for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)} == {
        "collections",
        "collections.abc",
        "itertools",
        "mpi4py",
        "statistics",
        "typing",
    }
    assert plain("a" * 1000) == "a" * 200


def test_a_schedule_of_too_many_messages_is_refused(ring_of, monkeypatch):
    monkeypatch.setattr(tables, "MESSAGE_LIMIT", 5)
    with pytest.raises(ProgramError, match="6 messages are too many to emit, the limit is 5"):
        emit(ring_of("all_gather", 3))


def test_busbw_factors_are_those_of_nccl_tests():
    def factor(name: str) -> float:
        return factor(collective(name, range(4)))

    assert factor("all_reduce") == 1.5
    assert factor("broadcast") == factor("reduce") == 1
    for name in ("all_gather", "reduce_scatter", "all_to_all", "gather", "scatter"):
        assert factor(name) == 0.75
