from fractions import Fraction

import pytest

from runtime.metrics.pacing import Pacing, with_pacing
from runtime.program.buffer_plan import moves
from runtime.program.lower import lower, peak
from runtime.program.memory_layout import elements
from runtime.program.program import Buffer
from runtime.program.scratch import scratch
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from solvers.schedules.unfold import unfold
from solvers.solve import solve
from solvers.templates import TEMPLATES
from solvers.templates.layout import TemplateError
from topologies.presets.nvidia import dgx_a100
from topologies.presets.random_machines import irregular_machine
from topologies.presets.shapes import ring, star, torus

MACHINES = [ring(5), star(4), torus([3, 3]), dgx_a100()]


def schedules(topology, what):
    """Give the schedule of highest throughput and every template that fits."""
    yield solve(topology, what)
    for make, known in TEMPLATES.values():
        if what.name in known:
            try:
                yield make(topology, what)
            except TemplateError:
                continue


@pytest.mark.parametrize("name", COLLECTIVES)
@pytest.mark.parametrize("topology", MACHINES, ids=lambda topology: topology.name)
@pytest.mark.parametrize("some", [False, True], ids=["all", "some"])
def test_a_program_allocates_what_is_foretold(topology, name, some):
    ranks = [rank for rank in range(topology.ranks) if not some or rank % 3 != 1]
    what = collective(name, ranks, ranks[1] if name in ROOTED else None)
    for schedule in schedules(topology, what):
        for chunks, lead, phases, dealt in (
            *((1, 2, 1, True), (3, 1, 1, True)),
            *((3, 4, 2, True), (4, 3, 2, False)),
        ):
            schedule = with_pacing(schedule, Pacing(phases=phases, dealt=dealt))
            count = schedule.parts[1] * what.total * chunks  # a whole number of each chunk
            made = lower(moves(schedule), count, chunks=chunks, joined=0, lead=lead)
            allocated = Fraction(int(made.counts[:, Buffer.SCRATCH].max()), count)
            assert scratch(schedule, chunks, lead) == allocated


@pytest.mark.parametrize("name", COLLECTIVES)
@pytest.mark.parametrize("size", [5000, 2**18])
def test_what_a_program_allocates_is_counted_with_what_is_joined(name, size):
    schedule = solve(irregular_machine(90017), collective(name, range(14)))
    count = elements(schedule.collective, size)
    for cut in (1, 3):
        made = lower(schedule, count, chunks=cut)
        most = int(made.counts[:, Buffer.SCRATCH].max())
        assert peak(schedule, size, cut) == Fraction(most * 4, size)


def test_symmetry_does_not_change_the_scratch():
    topology = torus([3, 3])
    for name in ("reduce_scatter", "all_reduce", "all_to_all"):
        schedule = solve(topology, collective(name, range(9)))
        assert schedule.group.order > 1
        assert scratch(schedule, 1) == scratch(unfold(schedule), 1) > 0


def test_more_chunks_need_no_more():
    schedule = solve(star(5), collective("all_reduce", range(5)))
    needed = [scratch(schedule, chunks) for chunks in (1, 2, 4, 8)]
    assert needed == sorted(needed, reverse=True)
    assert needed[0] > needed[-1]


def test_where_nothing_moves_no_scratch_is_needed():
    assert scratch(solve(ring(4), collective("all_reduce", [2]))) == 0
