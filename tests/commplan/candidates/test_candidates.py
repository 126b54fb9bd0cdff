"""What is searched for competes at a size, where it may be of use."""

import pytest

from bench.fabric_contest import degraded_star, slow_ring
from commplan.anytime.limits import count_trees
from commplan.candidates.generate import all_candidates
from commplan.candidates.keys import BEST, PACES, Generator, Key
from commplan.candidates.select import compare
from commplan.candidates.tuning import ALIKE, CLOSE, SLOW_INCAST_LIMIT
from commplan.planning.planner import plan
from runtime.metrics.chunking import flow_rate
from runtime.metrics.height import height
from runtime.metrics.pacing import Pacing
from runtime.verify.verify import verify
from solvers.bounds import time_bound
from solvers.schedules.kinds import collective
from solvers.schedules.piece_loads import incast_bytes
from solvers.settings.deadline import Watch
from solvers.solve import solve
from topologies.formats.spec import topology
from topologies.presets.shapes import star

ONE_TREE = Key(Generator.ONE_TREE)


@pytest.fixture(scope="module")
def best():
    return plan(topology("torus:3x3"), collective("broadcast", range(9), 0)).schedule


def of(generator, keys):
    return [key for key in keys if key.generator is generator]


def raced(best, size, **searched):
    return [c.key for c in compare(best, size, None, Watch(60), **searched)]


def test_lower_trees_are_right_and_as_low_as_they_say(best):
    found = dict(all_candidates(best, watch=Watch(60)))
    lower = of(Generator.LOW_TREES, found)
    assert lower
    for key in lower:
        assert verify(found[key]).correct
        assert height(found[key]) <= key.parameters[0] < height(best)


@pytest.mark.usefixtures("thorough")
def test_one_tree_for_a_root_competes_with_many():
    machine = slow_ring()
    best = plan(machine, collective("all_reduce", range(8))).schedule
    assert count_trees(best) > 1
    found = dict(all_candidates(best, watch=Watch(60)))[ONE_TREE]
    assert verify(found).correct
    assert count_trees(found) == 1
    assert ONE_TREE in raced(best, 2**20, exact=True)


def test_they_compete_at_a_small_size(best):
    assert of(Generator.LOW_TREES, raced(best, 2**12, exact=True))


def test_they_are_not_looked_for_where_nothing_is_to_be_gained():
    size = 2**32
    best = plan(topology("ring:8"), collective("all_gather", range(8))).schedule
    found = compare(best, size, None, Watch(60), exact=True)
    first = next(c for c in found if c.key == BEST)
    least = time_bound.time_lower_bound(best.topology, best.collective, best.bound, size)
    assert first.height > 2
    assert first.seconds <= CLOSE * least
    assert not of(Generator.LOW_TREES, [c.key for c in found])


def test_without_a_watch_there_is_no_search(best):
    assert not of(Generator.LOW_TREES, raced(best, 2**12))


def test_matchings_are_right_and_compete(best):
    made = dict(all_candidates(best, watch=Watch(60)))
    matchings = of(Generator.MATCHING, made)
    parts = ("1 part", "2 parts", "4 parts")
    words = [f"greedy matching, {each}, pieces whole, no limit of lead" for each in parts]
    assert [str(key) for key in matchings] == words
    assert all(verify(made[key]).optimal for key in matchings)
    assert set(matchings) <= set(raced(best, 2**20, exact=True))


def test_other_flows_are_right_and_compete_where_there_is_something_to_gain(solved):
    best = solved(topology("irregular:seed=2"), "all_to_all")
    found = dict(all_candidates(best, watch=Watch(60)))
    others = of(Generator.FLOW, found)
    assert others
    assert all(verify(found[key]).optimal for key in others)
    assert set(others) <= set(raced(best, 2**17, exact=True))
    assert not of(Generator.FLOW, raced(best, 2**34, exact=True))


EXACT = "exact, 4 steps, 6 rounds, 2 chunks"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (BEST, "highest throughput"),
        (BEST.at(Pacing(0.5)), "highest throughput, chunks / 2"),
        (BEST.at(Pacing(2.0, 4, "piece")), "highest throughput, chunks x 2, lead 4, by piece"),
        (Key(Generator.TEMPLATE, ("bruck, far first",)), "bruck, far first"),
        (
            Key(Generator.EXACT, (4, 6, 2), Pacing(4.0)),
            "exact, 4 steps, 6 rounds, 2 chunks, chunks x 4",
        ),
        (Key(Generator.MATCHING, (1,)), "greedy matching, 1 part"),
        (Key(Generator.LOW_TREES, (3,)), "trees of height 3"),
        (Key(Generator.FLOW, ("of few stops", "4 rounds")), "flow of few stops, 4 rounds"),
    ],
)
def test_a_key_prints_as_words_and_comes_back_from_another_pacing(key, words):
    assert str(key) == words
    assert {key.at(Pacing(pace)).at(key.pacing) for pace in PACES} == {key}


def test_a_matching_is_chosen_where_links_wait_least():
    what = collective("all_gather", range(16))
    made = plan(topology("torus:4x4"), what, size=2**24)
    assert made.reason.startswith("greedy matching")
    assert verify(made.schedule).optimal


def test_of_equals_the_one_that_piles_nothing_up_for_a_slow_rank_is_chosen():
    """A star of eight, one with half the rate: direct is predicted best by less than 1 %."""
    machine = degraded_star()
    best = plan(machine, collective("all_gather", range(8))).schedule
    found = compare(best, 2**23, None, Watch(60))
    direct = next(c for c in found if c.name == "direct")
    assert direct.seconds == pytest.approx(min(c.seconds for c in found), rel=1e-9)
    assert incast_bytes(direct.schedule, slow=True) > 0
    assert incast_bytes(found[0].schedule, found[0].chunks, slow=True) * 2**23 <= SLOW_INCAST_LIMIT
    assert found[0].seconds <= ALIKE * direct.seconds


def test_an_exchange_is_no_slower_at_a_size_at_which_more_would_pile_up(solved):
    """From 512 MiB on direct would leave more than INCAST_LIMIT in front of a rank."""
    best = solved(topology("irregular:seed=11"), "all_to_all")
    found = compare(best, 2**30, None, Watch(60))
    assert found[0].seconds * flow_rate(best) <= 1.01 * 2**30


def test_what_goes_in_small_chunks_piles_nothing_up():
    """Within a box two ways of each pair are slower than all: 400 of 600 GB/s."""
    best = solve(topology("dgx-h100"), collective("all_to_all", range(4)))
    found = compare(best, 2**28, None, Watch(60))
    assert found[0].name.startswith("highest throughput")
    assert found[0].seconds == min(c.seconds for c in found)


def test_where_no_rank_is_slower_the_fastest_is_chosen():
    best = plan(star(8), collective("all_gather", range(8))).schedule
    for size in (2**12, 2**23):
        found = compare(best, size, None, Watch(60))
        assert found[0].seconds == min(c.seconds for c in found)
