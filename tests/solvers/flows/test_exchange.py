"""An all_to_all whose blocks are never laid out is the one whose blocks are."""

from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
import pytest

from commplan.planning.planner import plan
from runtime.alone.own_program import lower_for
from runtime.program.buffer_plan import moves
from runtime.program.program import ProgramError
from runtime.program.scratch import scratch
from runtime.verify.verify import verify
from solvers.flows.exchange import route_exchange
from solvers.schedules import collective as laid_out
from solvers.schedules import files
from solvers.schedules.collective import CollectiveError
from solvers.schedules.computed.exchange import MOST, Exchange, exchange
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import DEFAULT_OPTIONS, LimitError
from topologies.derive.damage import Damage, damaged
from topologies.formats.spec import topology
from topologies.symmetry.group import Group, trivial

MACHINES = ("torus:4x8", "torus:3x3", "dgx-a100:boxes=2", "ring:8", "mi250:boxes=2")


def routed(name: str, **options: int) -> Schedule:
    machine = topology(name)
    what = exchange(tuple(range(machine.ranks)))
    return route_exchange(machine, what, Watch(60), replace(DEFAULT_OPTIONS, **options))


def plain(schedule: Schedule) -> Schedule:
    return replace(schedule, collective=laid_out.all_to_all(schedule.collective.ranks))


@pytest.mark.parametrize("name", MACHINES)
def test_the_checker_says_the_same_of_blocks_computed_and_laid_out(name):
    made = routed(name)
    found, expected = verify(made), verify(plain(made))
    assert found == expected
    assert found.correct
    assert found.optimal
    assert scratch(made) == scratch(plain(made))


@pytest.mark.parametrize("name", MACHINES)
def test_the_part_of_a_rank_is_the_same_of_blocks_computed_and_laid_out(name):
    made = routed(name)
    for rank in (0, made.topology.ranks - 1):
        ours, theirs = (lower_for(s, rank, 7 * s.topology.ranks) for s in (made, plain(made)))
        for each in fields(ours.program):
            assert np.array_equal(
                getattr(ours.program, each.name), getattr(theirs.program, each.name)
            )


def test_a_collective_without_blocks_answers_as_the_one_with_blocks():
    group = Group(np.roll(np.arange(6), 1)[None])
    ours, theirs = exchange(tuple(range(6))), laid_out.all_to_all(tuple(range(6)))
    for name in ("blocks", "total", "crossing", "shape", "place"):
        assert getattr(ours, name) == getattr(theirs, name)
    for mine, other in zip(ours.owners, theirs.owners, strict=True):
        assert all(np.array_equal(mine.of(b), other.of(b)) for b in range(36))
    for block in (0, 7, 35):
        assert np.array_equal(ours.images(block, group), theirs.images(block, group))
        assert ours.fraction(block) == theirs.fraction(block)
    for sides in ((ours.inputs, theirs.inputs), (ours.outputs, theirs.outputs)):
        assert all(map(np.array_equal, *sides))
    assert ours.moved(ours.counts[0]) == theirs.moved(theirs.counts[0])


@pytest.mark.parametrize("change", ["less", "more", "twice", "none"])
def test_pieces_that_do_not_add_up_are_found(change):
    made = routed("torus:3x3")
    share, block = list(made.share), made.block.copy()
    if change == "twice":
        block[-1] = block[-2]
    elif change == "none":
        block[:] = block[0]
    else:
        share[4] *= Fraction(1 if change == "less" else 3, 2)
    wrong = replace(made, share=tuple(share), block=block)
    assert "the shares of its pieces add up to" in verify(wrong).faults[0]
    assert not verify(plain(wrong)).correct


def test_a_message_too_few_and_a_group_that_keeps_a_rank_are_found():
    made = routed("torus:3x3")
    rows = made.transfers
    assert not verify(replace(made, transfers=rows.rows(np.arange(len(rows) - 1)))).correct
    swap = np.arange(9).reshape(3, 3).T.reshape(1, -1)
    wider = Group(np.concatenate([made.group.generators, swap]))
    assert "keep a rank where it is" in verify(replace(made, group=wider)).faults[0]
    assert not verify(replace(made, group=trivial(made.topology))).correct


def test_a_plan_of_many_ranks_is_written_and_read(monkeypatch, tmp_path):
    monkeypatch.setattr(laid_out, "BLOCK_LIMIT", 16)
    machine = topology("torus:3x4")
    what = collective("all_to_all", range(12))
    assert isinstance(what, Exchange)
    made = plan(machine, what)
    assert made.report.optimal
    path = str(tmp_path / "plan.json")
    files.save(made.schedule, path)
    assert isinstance(files.load(path).collective, Exchange)
    assert verify(files.load(path)) == made.report


def test_what_cannot_be_planned_is_refused_with_the_reason(monkeypatch):
    machine, what = topology("torus:3x3"), exchange(tuple(range(9)))
    with pytest.raises(LimitError, match="only without a size"):
        plan(machine, what, size=1024)
    with pytest.raises(LimitError, match="without limits"):
        routed("torus:3x3", max_height=3)
    with pytest.raises(LimitError, match="all 9 ranks"):
        plan(machine, exchange((0, 1, 2)))
    monkeypatch.setattr("solvers.flows.exchange.MOST_LINKS", 50)
    left = damaged(machine, Damage(((0, Fraction(0)),))).topology
    with pytest.raises(LimitError, match="declares none"):
        plan(left, what)
    with pytest.raises(CollectiveError, match="65,536"):
        exchange(tuple(range(MOST + 1)))
    monkeypatch.setattr("runtime.program.buffer_plan.WRITTEN", 5)
    with pytest.raises(ProgramError, match="too many for one program"):
        moves(routed("torus:3x3"))
