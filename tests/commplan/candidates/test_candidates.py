"""What is searched for competes at a size, where it may be of use."""

import pytest

from bench.fabric_contest import degraded_star, slow_ring
from commplan.anytime.limits import trees
from commplan.candidates.candidates import ALIKE, CLOSE, HIGHEST, PUDDLE, compared, known
from commplan.planning.planner import plan
from runtime.metrics.height import height
from runtime.verify.verify import verify
from solvers.bounds import time_bound
from solvers.schedules.collective import collective
from solvers.schedules.piece_loads import incast
from solvers.settings.deadline import Watch
from topologies.formats.spec import topology
from topologies.presets.shapes import star

LOWER = "trees of height "


@pytest.fixture(scope="module")
def best():
    return plan(topology("torus:3x3"), collective("broadcast", range(9), 0)).schedule


def lower(found):
    return {name: schedule for name, schedule in found if name.startswith(LOWER)}


def test_lower_trees_are_right_and_as_low_as_they_say(best):
    found = lower(known(best, watch=Watch(60)))
    assert found
    for name, schedule in found.items():
        assert verify(schedule).correct
        assert height(schedule) <= int(name.removeprefix(LOWER)) < height(best)


def test_one_tree_for_a_root_competes_with_many():
    machine = slow_ring()
    best = plan(machine, collective("all_reduce", range(8))).schedule
    assert trees(best) > 1
    found = dict(known(best, watch=Watch(60)))["one tree for a root"]
    assert verify(found).correct
    assert trees(found) == 1
    assert "one tree for a root" in [
        c.name for c in compared(best, 2**20, None, Watch(60), exact=True)
    ]


def test_they_compete_at_a_small_size(best):
    names = [c.name for c in compared(best, 2**12, None, Watch(60), exact=True)]
    assert any(name.startswith(LOWER) for name in names)


def test_they_are_not_looked_for_where_nothing_is_to_be_gained():
    size = 2**32
    best = plan(topology("ring:8"), collective("all_gather", range(8))).schedule
    found = compared(best, size, None, Watch(60), exact=True)
    first = next(c for c in found if c.name == HIGHEST)
    least = time_bound.fastest(best.topology, best.collective, best.bound, size)
    assert first.height > 2
    assert first.seconds <= CLOSE * least
    assert not any(c.name.startswith(LOWER) for c in found)


def test_without_a_watch_there_is_no_search(best):
    assert not lower((c.name, c.schedule) for c in compared(best, 2**12, None, Watch(60)))


def test_matchings_are_right_and_compete(best):
    made = dict(known(best, watch=Watch(60)))
    names = [f"greedy matching, {parts}" for parts in ("1 part", "2 parts", "4 parts")]
    assert [name for name in made if name.startswith("greedy matching")] == names
    assert all(verify(made[name]).optimal for name in names)
    raced = [c.name for c in compared(best, 2**20, None, Watch(60), exact=True)]
    assert set(names) <= set(raced)


def test_a_matching_is_chosen_where_links_wait_least():
    what = collective("all_gather", range(16))
    made = plan(topology("torus:4x4"), what, size=2**24)
    assert made.reason.startswith("greedy matching")
    assert verify(made.schedule).optimal


def test_of_equals_the_one_that_piles_nothing_up_for_a_slow_rank_is_chosen():
    """A star of eight, one with half the rate: direct is predicted best by less than 1 %."""
    machine = degraded_star()
    best = plan(machine, collective("all_gather", range(8))).schedule
    found = compared(best, 2**23, None, Watch(60))
    direct = next(c for c in found if c.name == "direct")
    assert direct.seconds == min(c.seconds for c in found)
    assert incast(direct.schedule, slow=True) > 0
    assert incast(found[0].schedule, found[0].chunks, slow=True) * 2**23 <= PUDDLE
    assert found[0].seconds <= ALIKE * direct.seconds


def test_where_no_rank_is_slower_the_fastest_is_chosen():
    best = plan(star(8), collective("all_gather", range(8))).schedule
    for size in (2**12, 2**23):
        found = compared(best, size, None, Watch(60))
        assert found[0].seconds == min(c.seconds for c in found)
