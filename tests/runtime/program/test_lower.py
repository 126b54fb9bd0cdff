"""Programs do what the collective asks, at every size and in every form."""

import itertools
from fractions import Fraction
from math import ceil, lcm

import numpy as np
import pytest

from runtime.interpret.check import faults
from runtime.interpret.interpret import interpret
from runtime.program.buffer_plan import moves
from runtime.program.elements import OPERATIONS, TYPES, UFUNCS, refusal, storage
from runtime.program.lower import lower
from runtime.program.memory_layout import block_elements, elements
from runtime.program.program import Action, Buffer, ProgramError
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.collective import all_gather, all_reduce
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule, schedule
from solvers.templates import binomial, recursive_doubling
from solvers.templates import ring as ring_template
from topologies.presets.shapes import full_mesh


@pytest.mark.parametrize("in_place", [False, True])
def test_every_program_of_the_zoo_is_right(schedule: Schedule, in_place: bool):
    plan = moves(schedule)
    for count in (1, 7, 1000):
        for chunks in (1, 2, 5):
            program = lower(plan, count, chunks=chunks, in_place=in_place)
            assert faults(program, schedule.collective) == [], (count, chunks)


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("dtype", TYPES)
def test_ops_and_element_types_agree_with_numpy(ring_of, op, dtype):
    if refusal(op, dtype):
        with pytest.raises(ProgramError, match=f"op '{op}' "):
            lower(ring_of("all_reduce", 3), 50, dtype=dtype, op=op)
        return
    program = lower(ring_of("all_reduce", 3), 50, dtype=dtype, op=op, chunks=2)
    draw = np.random.default_rng(1)
    inputs = [draw.integers(1, 5, size=50).astype("float32") for _ in range(3)]
    right = UFUNCS[op].reduce([each.astype(_kind(dtype)) for each in inputs])
    if op == "avg":
        whole, exact = right.dtype.kind in "iu", right.real.dtype.type(3)
        right = (right // 3 if whole else right.real / exact).astype(_kind(dtype))
    for output in interpret(program, [_held(each, dtype) for each in inputs]):
        assert output.dtype == storage(dtype)
        assert np.array_equal(output, _held(right, dtype))


def _kind(dtype):
    return "float32" if dtype == "bfloat16" else dtype


def _held(values, dtype):
    """Hold values as a program does; bfloat16 cut off, rounded where averages do not fit."""
    if dtype != "bfloat16":
        return values.astype(dtype)
    bits = values.astype("float32").view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def test_chunk_c_of_a_transfer_at_step_s_is_sent_in_step_s_plus_c(ring_of):
    schedule = ring_of("all_gather", 4)
    program = lower(schedule, 400, chunks=5)
    assert program.step.max() == schedule.transfers.step.max() + 4
    sends = np.bincount(program.step[program.action == Action.SEND])
    assert sends.tolist() == [4, 8, 12, 12, 12, 8, 4]


def test_small_messages_of_one_pair_and_step_are_one(by_hand):
    """Blocks 0 and 1, and 2 and 3, go from 0 to 1 together; 1 keeps them for 2, as far as small."""
    what = collective("gather", range(3), 2)
    pieces = [(0, Fraction(1, 4))] * 4 + [(1, Fraction(1)), (2, Fraction(1))]
    sends = [(p, 0, 0, 1, True) for p in (0, 2, 3)] + [(p, 1, 1, 2, True) for p in (3, 2, 0, 4)]
    sends += [(1, 0, 0, 2, True)]
    schedule = by_hand(what, pieces, sends)
    program = lower(schedule, 3 * 40, joined=40)
    some = program.action == Action.SEND
    ends = [column[some].tolist() for column in (program.process, program.peer, program.size)]
    assert ends == [[0, 0, 1, 1], [1, 2, 2, 2], [30, 10, 40, 30]]
    assert faults(program, what) == []
    for joined in range(0, 80, 8):
        for in_place in (False, True):
            program = lower(schedule, 3 * 40, joined=joined, chunks=2, in_place=in_place)
            assert faults(program, what) == []


def test_what_lies_in_one_stretch_is_not_packed(by_hand):
    pieces = [(0, Fraction(1, 4))] * 4
    what = collective("broadcast", range(2))
    for moved, copies in ((range(4), 0), ((0, 2), 4)):
        program = lower(by_hand(what, pieces, [(p, 0, 0, 1, False) for p in moved]), 16)
        mine = (program.action == Action.COPY) & (program.buffer != Buffer.OUTPUT)
        mine |= (program.action == Action.COPY) & (program.process == 1)
        assert mine.sum() == copies


def test_exchanges_in_place_go_through_scratch(by_hand):
    both = [(0, 0, 0, 1, True), (0, 0, 1, 0, True)]
    schedule = by_hand(all_reduce((0, 1)), [(0, Fraction(1))], both)
    apart = lower(schedule, 10)
    assert set(apart.buffer[apart.action == Action.RECV]) == {Buffer.OUTPUT}
    inside = lower(schedule, 10, in_place=True)
    assert set(inside.buffer[inside.action == Action.RECV]) == {Buffer.SCRATCH}
    assert inside.counts[:, Buffer.SCRATCH].tolist() == [10, 10]


def test_swaps_and_second_replacements_land_beside(by_hand):
    # Rank 1 passes on what it held while the sum replaces it; rank 2 gets the sum twice.
    sends = [(0, 0, 0, 1, True), (0, 0, 2, 1, True), (0, 1, 1, 0, False), (0, 1, 1, 2, False)]
    sends += [(0, 2, 0, 2, False), (0, 2, 1, 2, False), (0, 2, 2, 0, False)]
    schedule = by_hand(all_reduce((0, 1, 2)), [(0, Fraction(1))], sends)
    for in_place in (False, True):
        for count in (1, 10):
            program = lower(schedule, count, chunks=2, in_place=in_place)
            assert faults(program, schedule.collective) == []


def test_shares_with_a_huge_denominator_cover_every_element_once(by_hand):
    small = Fraction(1, 3**60)
    pieces = [(0, small), (0, Fraction(1, 2) - small), (0, Fraction(1, 2))]
    schedule = by_hand(
        collective("broadcast", range(2)), pieces, [(p, 0, 0, 1, False) for p in range(3)]
    )
    assert moves(schedule).parts == 2**62
    for count in (1, 3, 1000):
        assert faults(lower(schedule, count), schedule.collective) == []


def test_unequal_blocks_keep_their_proportions_and_lose_no_rank(by_hand):
    what = all_gather((0, 1, 2), [1, 2, 4])
    assert block_elements(what, 14).tolist() == [2, 4, 8]
    assert block_elements(what, 3).tolist() == [1, 1, 1]
    sends = [(b, 0, b, d, False) for b in range(3) for d in range(3) if b != d]
    schedule = by_hand(what, [(b, Fraction(1)) for b in range(3)], sends)
    for in_place in (False, True):
        assert faults(lower(schedule, 33, in_place=in_place), what) == []


@pytest.mark.parametrize(
    ("name", "size", "count"),
    [("all_gather", 64, 15), ("all_gather", 1, 3), ("all_reduce", 64, 16), ("all_to_all", 30, 6)],
)
def test_sizes_round_down_to_whole_elements_of_each_block(name, size, count):
    assert elements(collective(name, range(3)), size) == count


def test_sending_a_piece_that_nobody_gave_is_refused(by_hand):
    what = collective("broadcast", range(3))
    with pytest.raises(ProgramError, match=r"step 0: rank 1 sends piece 0 .* holds nothing of it"):
        moves(by_hand(what, [(0, Fraction(1))], [(0, 0, 1, 2, False), (0, 0, 0, 1, False)]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dtype": "object"}, "no element type is named 'object'"),
        ({"op": "xor"}, "no operation is named 'xor'; nearest: bxor"),
        ({"count": 0}, "count is 0"),
        ({"chunks": 0}, "chunks is 0"),
    ],
)
def test_wrong_requests_are_named(ring_of, wrong, message):
    with pytest.raises(ProgramError, match=message):
        lower(ring_of("all_reduce", 2), **{"count": 4, **wrong})


@pytest.mark.parametrize(
    ("template", "names"),
    [
        (ring_template, ("all_gather", "reduce_scatter", "all_reduce")),
        (binomial, ("broadcast", "reduce")),
        (recursive_doubling, ("all_gather", "all_reduce")),
    ],
)
def test_programs_of_known_schedules_are_right(template, names):
    for name in names:
        schedule = template.schedule(full_mesh(4), collective(name, range(4)))
        for in_place in (False, True):
            program = lower(schedule, 101, chunks=2, in_place=in_place)
            assert faults(program, schedule.collective) == []


@pytest.mark.parametrize(
    "shares",
    [
        [Fraction(1, 3), Fraction(1, 2), Fraction(1, 6)],
        [Fraction(1, 2**40), Fraction(1, 3**30), 1 - Fraction(1, 2**40) - Fraction(1, 3**30)],
        [Fraction(2, 3), Fraction(1, 3)],
    ],
)
def test_pieces_end_where_fractions_say(shares):
    machine = full_mesh(3)
    what = all_gather(range(3))
    pieces = [(block, share) for share in shares for block in (2, 0, 1)]
    plan = moves(schedule(machine, what, pieces, [], UNPROVED))
    reached = {}
    for (block, share), first, last in zip(pieces, plan.first, plan.last, strict=True):
        start = reached.get(block, Fraction(0))
        reached[block] = start + share
        ends = [min(ceil(end * plan.parts), plan.parts) for end in (start, start + share)]
        assert [first, last] == ends
    exact = lcm(*(end.denominator for end in itertools.accumulate(shares)))
    assert plan.parts == min(exact, 2**62)
