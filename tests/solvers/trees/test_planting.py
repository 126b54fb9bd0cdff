"""Trees that are planted and weighed: right, and as near the optimum as they say."""

import pytest

from runtime.verify.verify import verify
from solvers.flows import all_to_all
from solvers.schedules.files import to_bytes
from solvers.schedules.kinds import collective
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import DEFAULT_OPTIONS
from solvers.solve import solve
from solvers.trees.forest import pack_near_optimum
from solvers.trees.tuning import NEAR_OPTIMUM
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import full_mesh, ring, star, torus

MAKERS = {
    "all_gather": pack_near_optimum,
    "reduce_scatter": pack_near_optimum,
    "all_reduce": pack_near_optimum,
    "all_to_all": all_to_all.route_near_optimum,
}
NAMES = tuple(MAKERS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("topology", [star(6), full_mesh(5)])
def test_they_are_near_what_is_proved_the_optimum(name, topology):
    what = collective(name, range(topology.ranks))
    best = verify(solve(topology, what))
    found = verify(MAKERS[name](topology, what, Watch(), DEFAULT_OPTIONS))
    assert found.correct, found.faults
    assert best.optimal
    assert best.algbw >= found.algbw >= best.algbw * (1 - NEAR_OPTIMUM)
    assert found.proved >= best.algbw


@pytest.mark.parametrize("name", NAMES[:3])
def test_uneven_machines_get_right_schedules_or_none(name):
    near = 0
    for seed in range(2):
        topology = random_machine(seed, 4, seed % 3, density=0.05)
        try:
            what = collective(name, range(4))
            found = verify(MAKERS[name](topology, what, Watch(), DEFAULT_OPTIONS))
        except NotFound:
            continue
        near += 1
        assert found.correct, found.faults
        assert found.algbw * (1 + NEAR_OPTIMUM) >= found.proved
    assert near


def test_the_same_question_gets_the_same_trees():
    topology = torus((3, 3))
    asked = topology, collective("all_reduce", range(5)), Watch(), DEFAULT_OPTIONS
    assert to_bytes(pack_near_optimum(*asked)) == to_bytes(pack_near_optimum(*asked))


def test_paths_of_an_exchange_lead_over_other_members_too():
    what = collective("all_to_all", range(5))
    found = verify(all_to_all.route_near_optimum(ring(5), what, Watch(), DEFAULT_OPTIONS))
    assert found.correct, found.faults
    assert found.algbw >= verify(solve(ring(5), what)).algbw * (1 - NEAR_OPTIMUM)


def test_no_time_is_no_schedule():
    topology = full_mesh(4)
    with pytest.raises(NotFound):
        pack_near_optimum(topology, collective("all_gather", range(4)), Watch(0.0), DEFAULT_OPTIONS)
