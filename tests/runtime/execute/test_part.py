"""A process's part of a program says what the program says."""

import ctypes

import pytest

from runtime.execute import core
from runtime.execute.part import mark, memory, part
from runtime.program.lower import lower
from runtime.program.program import Action


@pytest.mark.parametrize("limit", [4, 12, 1000])
def test_long_messages_are_cut_the_same_way_at_both_ends(ring_of, limit):
    program = lower(ring_of("all_reduce", 3), 50)
    sizes = {}
    for process in range(3):
        own = part(program, process, limit=limit)
        for line in own.lines:
            if line["action"] in (Action.SEND, Action.RECV):
                ends = (process, int(line["peer"]))
                pair = ends if line["action"] == Action.SEND else ends[::-1]
                key = (*pair, int(line["step"]), int(line["action"]))
                sizes.setdefault(key, []).append(int(line["size"]))
    assert max(max(each) for each in sizes.values()) <= limit
    for (src, dst, step, action), each in sizes.items():
        assert sizes[src, dst, step, Action.SEND + Action.RECV - action] == each
    whole = program.size[program.action == Action.SEND].sum() * 4
    assert sum(map(sum, sizes.values())) == 2 * whole


def test_cut_messages_cover_the_whole_one(ring_of):
    program = lower(ring_of("all_reduce", 2), 50)
    whole, cut = part(program, 0), part(program, 0, limit=40)
    for action in (Action.SEND, Action.RECV):
        covered = [
            [
                (int(line["buffer"]), place)
                for line in each.lines[each.lines["action"] == action]
                for place in range(int(line["offset"]), int(line["offset"] + line["size"]))
            ]
            for each in (whole, cut)
        ]
        assert covered[0] == covered[1]
    assert cut.most_messages == 12
    assert whole.most_messages == 4


def test_the_mark_is_that_of_the_messages_only(ring_of):
    schedule = ring_of("all_gather", 3)
    same = [lower(schedule, 30), lower(schedule, 30, in_place=True)]
    others = [
        lower(schedule, 33),
        lower(schedule, 30, chunks=2),
        lower(ring_of("all_gather", 4), 40),
    ]
    others += [lower(schedule, 30, dtype="int32"), lower(schedule, 30, op="max")]
    assert len({mark(program) for program in same}) == 1
    assert len({mark(program) for program in [same[0], *others]}) == 6


def test_in_place_one_memory_holds_both_buffers(ring_of):
    own = part(lower(ring_of("all_gather", 3), 30, in_place=True), 1)
    assert (own.counts[:2], own.starts) == ((40, 120), (40, 0))
    assert memory(own)[0] == 120


def test_python_and_c_lay_out_the_core_alike():
    """Or the engine reads and writes what lies behind."""
    if core.LIBRARY.exists():
        told = ctypes.CDLL(str(core.LIBRARY)).commplan_size()
        assert told == ctypes.sizeof(core._Core)
        assert core.status().built
