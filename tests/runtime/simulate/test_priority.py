import numpy as np
import pytest

from runtime.simulate.priority import turns
from runtime.simulate.simulate import simulate
from solvers.schedules.collective import all_reduce
from solvers.solve import solve
from topologies.model.topology import Link, Switch, build


def test_the_busiest_way_goes_first_then_what_starts_first():
    message = np.array([0, 0, 1, 1, 2, 3])
    busy = np.array([1.0, 2.0, 1.0, 8.0, 8.0 * (1 + 1e-9), 2.0])
    assert turns(message, busy, np.array([1, 5, 4, 0])).tolist() == [3, 1, 0, 2]
    nothing = np.zeros(0, dtype=np.int64)
    assert len(turns(nothing, np.zeros(0), nothing)) == 0


@pytest.mark.parametrize(("n", "rate"), [(8, 50), (8, 25), (16, 50)])
def test_reduce_and_broadcast_overlap_where_one_rank_is_slow(n, rate):
    links = [Link(f"g{i}", "s", rate if i == 5 else 100, duplex=True) for i in range(n)]
    made = solve(
        build("star", [f"g{i}" for i in range(n)], [Switch("s")], links), all_reduce(range(n))
    )
    played = simulate(made, 2.0**34, chunks=64)
    assert played.algbw > 0.95 * float(made.bound.algbw)
