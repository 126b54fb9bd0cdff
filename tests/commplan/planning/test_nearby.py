"""What is made in the part of a machine around a group is right in the whole, and as fast."""

from dataclasses import replace

import pytest

import commplan
from commplan.planning.nearby import find_nearby
from runtime.simulate.simulate import simulate
from runtime.verify.verify import verify
from solvers.schedules.files import from_bytes, to_bytes
from solvers.settings.options import SolverOptions
from solvers.templates import TEMPLATES

GROUPS = [
    ("torus:4x8", "all_gather", (0, 1, 2, 3)),
    ("torus:4x8", "all_reduce", (0, 1, 9)),
    ("dgx-a100:boxes=4", "all_reduce", tuple(range(8))),
    ("dgx-a100:boxes=4", "all_to_all", (0, 3, 9, 11)),
    ("cloudmatrix384:nodes=2", "reduce_scatter", (0, 1, 16, 17)),
    ("leaf-spine:4x2x4", "all_gather", (0, 5, 10)),
]


@pytest.fixture(scope="module", params=GROUPS, ids=lambda case: " ".join(map(str, case)))
def best(request):
    """Give the schedule of highest throughput of a group."""
    spec, name, ranks = request.param
    machine = commplan.topology(spec)
    return commplan.plan(machine, commplan.collective(name, ranks)).schedule


def test_a_schedule_of_the_part_is_as_fast_in_the_whole_machine(best):
    around = find_nearby(best)
    assert around is not None
    assert around.cut.topology.ranks < best.topology.ranks
    assert verify(replace(around.best, bound=commplan.Bound(None, "none", None))).correct
    tried = 0
    for template, known in TEMPLATES.values():
        if best.collective.name not in known:
            continue
        try:
            made = template(around.best.topology, around.best.collective)
        except commplan.CommplanError:
            continue
        wide = around.back(made)
        tried += 1
        assert wide.topology is best.topology
        assert verify(wide).correct
        assert simulate(wide, 65536).seconds == pytest.approx(simulate(made, 65536).seconds)
    assert tried


def test_the_best_schedule_itself_comes_back_as_it_was(best):
    around = find_nearby(best)
    again = from_bytes(to_bytes(around.best))  # equal, and another value
    assert around.back(again).transfers is best.transfers
    assert simulate(around.best, 2**20).seconds == pytest.approx(simulate(best, 2**20).seconds)


def test_symmetries_that_move_nothing_in_the_part_keep_their_images():
    """Half of an MI300X: three of four images were lost, and the prediction was below the bound."""
    machine, what = commplan.topology("mi300x"), commplan.collective("broadcast", (2, 4, 5, 7), 5)
    options = SolverOptions(max_height=3)
    made = commplan.plan(machine, what, options=options).schedule
    around = find_nearby(made)
    assert around is not None
    assert verify(replace(around.best, bound=commplan.Bound(None, "none", None))).correct
    assert simulate(around.best, 2**28).seconds == pytest.approx(simulate(made, 2**28).seconds)


def test_where_the_group_is_most_of_the_machine_there_is_no_part():
    machine = commplan.topology("torus:3x3")
    for ranks in (range(9), range(6), (0,)):
        found = commplan.plan(machine, commplan.collective("all_gather", ranks)).schedule
        assert find_nearby(found) is None
