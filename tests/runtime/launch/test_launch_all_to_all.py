"""all_to_all in rounds under real mpirun: relays on a ring, permutations on switches."""

import pytest

from runtime.launch.launch import run
from solvers.schedules.kinds import collective
from solvers.solve import solve
from solvers.timing.rounds import round_orders
from topologies.presets.shapes import leaf_spine, ring, star


@pytest.mark.mpi
@pytest.mark.parametrize("target", ["mpi4py", "c"])
@pytest.mark.parametrize("machine", [ring(5), star(4), leaf_spine(2, 1, 2)], ids=lambda m: m.name)
def test_every_rank_gets_its_blocks_round_by_round(mpi, machine, target):
    whole = solve(machine, collective("all_to_all", range(machine.ranks)))
    _, first = next(round_orders(whole))
    assert first.transfers.step.max() > whole.transfers.step.max()
    rows = run(first, [64, 2**20], target, iterations=2, warm_up=0, timeout=60)
    assert [row.wrong for row in rows] == [0, 0]
