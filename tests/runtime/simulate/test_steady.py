"""Plays of fewer chunks tell what many take."""

import pytest

from runtime.simulate.classes import Classes
from runtime.simulate.messages import Cutting, make_traffic
from runtime.simulate.play import play
from runtime.simulate.steady import LEAST, play_steadily
from solvers.schedules.kinds import collective
from solvers.solve import solve
from topologies.formats.spec import topology


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", ["all_reduce", "all_gather", "all_to_all"])
@pytest.mark.parametrize("whole", [False, True])
def test_what_is_not_played_is_known_within_a_hundredth(seed, name, whole):
    machine = topology(f"irregular:seed={seed}")
    made = solve(machine, collective(name, range(machine.ranks)))
    work = make_traffic(made, Classes(made), Cutting(2**30, 3 * LEAST, 2**14, "place"), whole)
    exact = play(work, 3).end
    assert play_steadily(work, 3, 10**9) == exact
    assert play_steadily(work, 3, 1) == pytest.approx(exact, rel=0.01)
    assert play_steadily(work, 3, 1) >= work.busy.max()
