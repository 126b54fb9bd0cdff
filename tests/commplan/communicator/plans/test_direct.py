"""What other ranks pass on, as messages that go past them."""

import pytest

from commplan.communicator.plans.direct import send_directly
from commplan.communicator.plans.schedule_source import load_compiled
from runtime.program.buffer_plan import moves
from runtime.verify.verify import verify
from solvers.schedules.files import save
from solvers.schedules.kinds import collective
from solvers.settings.options import SolverOptions
from solvers.solve import solve
from topologies.formats import spec

RANKS = (0, 2, 6, 12)


@pytest.mark.parametrize("name", ["all_gather", "reduce_scatter", "all_reduce", "all_to_all"])
def test_a_joined_message_carries_the_same_over_the_same_links(name, tmp_path):
    machine = spec.topology("torus:4x4")
    made = solve(machine, collective(name, RANKS), options=SolverOptions(relays="forward"))
    assert len(moves(made).ranks) > len(RANKS)
    found = send_directly(made)
    assert moves(found).ranks == (0, 1, 2, 3)
    report = verify(found)
    assert report.correct
    assert report.algbw == verify(made).algbw
    save(made, str(tmp_path / "plan.json"))
    assert len(load_compiled(tmp_path, machine, RANKS)) == 1
    assert not load_compiled(tmp_path, machine, (0, 2, 6))
