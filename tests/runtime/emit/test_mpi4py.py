"""The emitted Python program lowers itself as `lower` does, and holds nothing harmful."""

import ast
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import pytest

from runtime.emit import bundle, tables
from runtime.emit.mpi4py import emit
from runtime.emit.tables import plain
from runtime.execute.part import part
from runtime.metrics.busbw import factor
from runtime.metrics.chunking import chunks
from runtime.metrics.pacing import Pacing, with_pacing
from runtime.program.buffer_plan import moves
from runtime.program.lower import lower
from runtime.program.program import ProgramError
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch):
    """Load an emitted program without MPI."""
    fake = ModuleType("mpi4py")
    fake.MPI = SimpleNamespace(Comm=object, Prequest=object)
    monkeypatch.setitem(sys.modules, "mpi4py", fake)

    def load(schedule: Schedule) -> ModuleType:
        module = ModuleType("emitted")
        monkeypatch.setitem(sys.modules, "emitted", module)  # where dataclasses look
        exec(compile(emit(schedule), "emitted", "exec"), module.__dict__)
        return module

    return load


def test_modules_that_are_joined_share_no_name(ring_of):
    """What one defines must not take the place of what another one uses."""
    names = [
        name
        for node in ast.parse(emit(ring_of("all_reduce", 3))).body
        for name in bundle.list_defined(node)
        if name != "__all__"
    ]
    assert len(names) > 100
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("in_place", [False, True])
def test_the_program_lowers_itself_as_lower_does(
    schedule: Schedule, loaded, in_place: bool, monkeypatch
):
    monkeypatch.setattr(tables, "refuse_unlike", lambda schedule: None)  # all kinds of landings
    schedule = with_pacing(schedule, Pacing(phases=1 + in_place))
    emitted, moved = loaded(schedule), moves(schedule)
    for count, parts, joined, lead in (
        (1, 1, 4, 1),
        (7, 2, 4, 2),
        (1000, 5, 50, 3),
        (1000, 1, 0, 0),
    ):
        kept = {"lead": lead} if lead else {}
        program = lower(moved, count, chunks=parts, in_place=in_place, joined=4 * joined, **kept)
        assert emitted.blocks_of(count) == program.blocks.tolist()
        for me in range(program.processes):
            plan = emitted.Plan(me, count, 4, parts, in_place, 4 * joined, lead)
            wanted = part(program, me)
            assert plan.lines.tolist() == wanted.lines.tolist()
            assert plan.followers.tolist() == wanted.followers.tolist()
            assert tuple(4 * held for held in plan.counts) == wanted.counts
            assert tuple(4 * start for start in plan.starts) == wanted.starts


def test_no_two_definitions_share_a_name(ring_of):
    tree = ast.parse(emit(ring_of("all_reduce", 2)))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert len(set(names)) == len(names)


def test_the_program_chooses_chunks_as_the_compiler_does(loaded, ring_of):
    schedule = ring_of("all_reduce", 4)
    emitted = loaded(schedule)
    sizes = [2**k for k in range(2, 31)]
    assert [emitted.chunks_for(s) for s in sizes] == [chunks(schedule, s) for s in sizes]


def test_the_text_is_as_before(ring_of, relayed_of, golden, monkeypatch):
    # What stands elsewhere as well is named here, and no more.
    monkeypatch.setattr(bundle, "_source", lambda lines, node: f"# {bundle.list_defined(node)[0]}")
    golden("ring_all_reduce_3.py.txt", emit(ring_of("all_reduce", 3)))
    golden("relayed_all_to_all_2.py.txt", emit(relayed_of("all_to_all", 2)))


def test_names_from_outside_cannot_leave_their_place(ring_of):
    schedule = ring_of("all_reduce", 2)
    bad = replace(schedule.topology, name='x"""\nimport os #*/ \\')
    text = emit(replace(schedule, topology=bad))
    assert 'TOPOLOGY = "x____import os ___ _"' in text
    assert {n.module for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)} == {
        "bisect",
        "collections.abc",
        "dataclasses",
        "enum",
        "functools",
        "contextvars",
        "heapq",
        "itertools",
        "mpi4py",
        "numpy.typing",
        "statistics",
        "types",
        "typing",
    }
    assert plain("a" * 1000) == "a" * 200


def test_a_schedule_of_too_many_messages_is_refused(ring_of, monkeypatch):
    monkeypatch.setattr(tables, "MESSAGE_LIMIT", 5)
    with pytest.raises(ProgramError, match="6 messages are too many to emit, the limit is 5"):
        emit(ring_of("all_gather", 3))


def test_busbw_factors_are_those_of_nccl_tests():
    def of(name: str) -> float:
        return factor(collective(name, range(4)))

    assert of("all_reduce") == 1.5
    assert of("broadcast") == of("reduce") == 1
    for name in ("all_gather", "reduce_scatter", "all_to_all", "gather", "scatter"):
        assert of(name) == 0.75
