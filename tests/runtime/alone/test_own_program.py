"""The program of one process, made alone, says what the program of all says of it."""

from itertools import product

import numpy as np
import pytest

from runtime.alone.own_program import lower_for, processes_of
from runtime.execute.part import part
from runtime.metrics.pacing import Pacing, with_pacing
from runtime.program.lower import lower
from runtime.program.program import ProgramError
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.solve import solve
from solvers.templates import TEMPLATES
from topologies.presets.nvidia import dgx_a100
from topologies.presets.shapes import full_mesh, hypercube, torus

SOME = ("all_gather", "reduce_scatter", "all_reduce", "broadcast", "reduce", "all_to_all")


def agree(schedule, count, **options):
    whole = lower(schedule, count, **options)
    marks = set()
    for process, rank in enumerate(whole.ranks):
        own = lower_for(schedule, rank, count, **options)
        assert own.process == process
        assert own.program.ranks == whole.ranks
        one = part(whole, process)
        other = part(own.program, process, shared_mark=own.mark)
        for name in one.lines.dtype.names:
            assert (one.lines[name] == other.lines[name]).all(), (schedule, rank, name)
        assert (one.followers == other.followers).all()
        for name in ("process", "dtype", "op", "divisor", "in_place", "counts", "starts", "lead"):
            assert getattr(one, name) == getattr(other, name)
        marks.add(own.mark)
    assert len(marks) == 1


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize(
    "machine", [torus((2, 4)), hypercube(3), dgx_a100(2)], ids=lambda machine: machine.name
)
def test_it_is_line_by_line_that_of_all(machine, name):
    schedule = solve(machine, collective(name, range(machine.ranks)))
    agree(schedule, 1000, chunks=3)
    agree(schedule, 130, in_place=True)


@pytest.mark.parametrize("order", ["place", "piece"])
def test_it_is_that_of_all_at_other_pacings(order):
    schedule = solve(torus((2, 3)), collective("all_reduce", range(6)))
    agree(with_pacing(schedule, Pacing(lead=2, order=order, stride=2)), 700, chunks=2, joined=0)


def test_it_is_that_of_all_for_patterns_whose_ranks_add_what_comes_at_once():
    for (make, known), what in product(TEMPLATES.values(), COLLECTIVES):
        if what in known:
            agree(make(full_mesh(4), collective(what, range(4))), 50, chunks=2)


def test_ranks_outside_have_one_where_they_pass_something_on():
    machine = torus((3, 3))
    schedule = solve(machine, collective("all_gather", (0, 4, 8)))
    processes = processes_of(schedule).tolist()
    assert processes == list(lower(schedule, 30).ranks)
    agree(schedule, 30)
    outside = np.setdiff1d(np.arange(9), processes).tolist()
    for rank in [*outside, 9]:
        with pytest.raises(ProgramError, match="neither takes part"):
            lower_for(schedule, rank, 30)
