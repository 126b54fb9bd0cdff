"""all_to_allv under real mpirun: random matrices, with rows, columns or all but one pair empty."""

import numpy as np
import pytest

from runtime.launch.launch import run
from solvers.schedules.unequal import all_to_allv
from solvers.solve import solve
from solvers.timing.link_stages import put_in_stages
from topologies.presets.shapes import ring, star


def drawn(n, kind):
    demand = np.random.default_rng(n).integers(1, 3000, (n, n))
    if kind == "empty row and column":
        demand[0], demand[:, -1] = 0, 0
    if kind == "one hot pair":
        demand[:] = 0
    demand[n - 1, 0] += 5000
    return demand


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("n", "kind"),
    [
        *((n, "full") for n in (1, 2, 3, 8)),
        *((n, "empty row and column") for n in (2, 5)),
        *((n, "one hot pair") for n in (3, 8)),
    ],
)
def test_every_rank_gets_what_it_should(mpi, n, kind):
    """On a ring ranks relay and pieces are shares; on a star they are cut into stages."""
    what = all_to_allv(tuple(range(n)), drawn(n, kind))
    shape, target, in_place = (ring, "c", True) if n % 2 else (star, "mpi4py", False)
    schedule = put_in_stages(solve(shape(n), what), 2.0) if n > 1 else solve(shape(1), what)
    rows = run(
        schedule,
        [what.total, 999, 2**20],
        target,
        dtype="uint8",
        in_place=in_place,
        iterations=2,
        warm_up=0,
        timeout=60,
    )
    assert [row.wrong for row in rows] == [0, 0, 0]
    assert rows[0].size == what.total


@pytest.mark.mpi
@pytest.mark.parametrize("target", ["mpi4py", "c"])
def test_a_demand_in_elements_larger_than_bytes_is_rounded_the_same_everywhere(mpi, target):
    what = all_to_allv((0, 1, 2, 3, 4), drawn(5, "full"))
    [row] = run(put_in_stages(solve(ring(5), what)), [what.total], target, iterations=1, timeout=60)
    assert row.wrong == 0
    assert 0 < row.size <= what.total
