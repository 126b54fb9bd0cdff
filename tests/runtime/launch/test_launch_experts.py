"""dispatch and combine under real mpirun: every token at each rank it visits, every sum at home."""

import numpy as np
import pytest

from runtime.launch.launch import run
from solvers.flows.moe import route_tokens
from solvers.schedules.moe import combine, dispatch, group_tokens
from solvers.settings.deadline import NO_DEADLINE
from topologies.presets.shapes import leaf_spine, ring, star
from topologies.symmetry.group import trivial


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("n", "make"),
    [*((n, dispatch) for n in (1, 3, 8)), *((n, combine) for n in (2, 3, 5, 8))],
)
def test_every_rank_gets_what_it_should(mpi, n, make):
    """On a machine of leaves tokens cross in copies for boxes; the limits to joining differ."""
    draw = np.random.default_rng(n)
    places = np.where(draw.random((6 * n, 3)) < 0.2, -1, draw.integers(0, n, (6 * n, 3)))
    places[0] = 0
    machine = leaf_spine(2, 2, 4) if n == 8 else (ring if n % 2 else star)(n)
    what = make(tuple(range(n)), group_tokens(places, n, 1024))
    schedule = route_tokens(machine, what, trivial(machine), NO_DEADLINE)
    target = "c" if (n % 2 == 0) == (make is dispatch) else "mpi4py"
    rows = run(
        schedule,
        [what.total, 2**20],
        target,
        in_place=n == 5,
        iterations=1,
        warm_up=0,
        timeout=60,
    )
    assert [row.wrong for row in rows] == [0, 0]
