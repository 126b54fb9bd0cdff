"""The programs of all processes of an all_to_all, each made alone, are right together."""

from dataclasses import replace

import numpy as np
import pytest

from runtime.alone import own_exchange, own_program
from runtime.alone.own_exchange import as_exchange, large_exchange
from runtime.alone.own_program import lower_for
from runtime.alone.stretches import find_stretches
from runtime.interpret.check import faults, races
from runtime.metrics.pacing import Pacing, with_pacing
from runtime.program.lower import COLUMNS, lower
from runtime.program.program import Action, Program
from solvers.flows.exchange import route_exchange
from solvers.schedules.collective import Collective, all_to_all
from solvers.schedules.computed.exchange import exchange
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import DEFAULT_OPTIONS
from solvers.solve import solve
from topologies.formats.spec import topology
from topologies.symmetry.group import trivial

MACHINES = ("torus:3x4", "dgx-a100:boxes=2", "ring:8", "mi250:boxes=1", "star:5")
OPTIONS = (
    {},
    {"chunks": 3, "lead": 1},
    {"joined": 8, "in_place": True},
    {"joined": 0, "chunks": 2},
)


def routed(name: str) -> Schedule:
    machine = topology(name)
    return route_exchange(
        machine, exchange(tuple(range(machine.ranks))), Watch(60), DEFAULT_OPTIONS
    )


def together(schedule: Schedule, count: int, **options) -> Program:
    """Put the programs of all processes into one."""
    own = [lower_for(schedule, r, count, **options) for r in range(schedule.topology.ranks)]
    assert len({each.mark for each in own}) == 1
    made = [each.program for each in own]
    columns = {c: np.concatenate([getattr(p, c) for p in made]) for c in COLUMNS}
    counts, starts = sum(p.counts for p in made), sum(p.starts for p in made)
    return replace(made[0], counts=counts, starts=starts, **columns)


@pytest.fixture
def any_size(monkeypatch):
    monkeypatch.setattr(own_program, "large_exchange", as_exchange)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", MACHINES)
def test_all_of_them_together_exchange_every_block(any_size, name, options):
    schedule = routed(name)
    n = schedule.topology.ranks
    for count in (7 * n, n):
        program = together(schedule, count, **options)
        assert not faults(program, all_to_all(tuple(range(n))))


@pytest.mark.parametrize("pacing", [Pacing(phases=2), Pacing(lead=2, order="piece", stride=2)])
def test_they_do_at_other_pacings(any_size, pacing):
    schedule = with_pacing(routed("torus:3x4"), pacing)
    assert not faults(together(schedule, 60, chunks=3), all_to_all(tuple(range(12))))


def test_nobody_writes_where_another_message_is_on_its_way(any_size):
    program = together(routed("ring:8"), 40, chunks=2)
    assert not list(races(program))


def test_they_are_of_fewer_instructions_and_less_scratch_than_piece_by_piece(any_size):
    schedule = routed("torus:3x4")
    ours, theirs = together(schedule, 120), lower(laid_out(schedule), 120)
    assert len(ours) < len(theirs)
    moved = [(p.action == Action.SEND) @ p.size for p in (ours, theirs)]
    assert moved[0] == moved[1]
    assert ours.counts[:, 2].max() <= theirs.counts[:, 2].max()


def test_what_a_symmetry_keeps_in_place_is_left_to_the_other_way():
    schedule = routed("ring:8")
    assert as_exchange(schedule) is not None
    assert as_exchange(laid_out(schedule)) is not None
    assert large_exchange(schedule) is None
    alone = replace(schedule, group=trivial(schedule.topology))
    assert as_exchange(alone) is not None
    gathered = solve(topology("ring:4"), all_to_all((0, 1, 3)))
    assert as_exchange(gathered) is None or gathered.group.order == 1


def test_pieces_that_are_no_ways_have_no_stretches():
    schedule = routed("ring:8")
    rows, what = schedule.transfers, as_exchange(schedule)
    assert find_stretches(schedule, what) is not None
    for name, column in (("src", rows.dst), ("dst", rows.src), ("step", 0 * rows.step)):
        changed = replace(schedule, transfers=replace(rows, **{name: column}))
        assert find_stretches(changed, what) is None


def laid_out(schedule: Schedule) -> Schedule:
    return replace(schedule, collective=all_to_all(schedule.collective.ranks))


def test_blocks_that_were_laid_out_are_not_looked_at_and_the_part_is_the_same(monkeypatch):
    monkeypatch.setattr(own_exchange, "WRITTEN", 0)
    schedule = routed("torus:3x4")
    expected = lower_for(schedule, 5, 60).program
    monkeypatch.setattr(Collective, "owners", None)
    laid_out = replace(schedule, collective=all_to_all(tuple(range(12))))
    found = lower_for(laid_out, 5, 60).program
    assert all(np.array_equal(getattr(found, c), getattr(expected, c)) for c in COLUMNS)
