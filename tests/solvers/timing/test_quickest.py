"""Trees that grow by arrival are right, and as quick as latency allows where data are small."""

from fractions import Fraction

import pytest

from runtime.metrics.pacing import MOST_LEAD
from runtime.simulate.simulate import simulate
from runtime.verify.determinism import is_deterministic
from runtime.verify.verify import verify
from solvers.bounds.latency import latency
from solvers.routing.switch_paths import SwitchPath
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.settings.deadline import NotFound
from solvers.settings.options import SWITCHINGS
from solvers.timing import quickest
from solvers.timing.arrivals import LinkClock
from solvers.timing.quickest import quickest_trees
from topologies.formats.spec import topology
from topologies.model.topology import Link, Switch, build

WAY = SwitchPath(0, 1, (0, 1))
ROOTED = ("broadcast", "reduce", "scatter", "gather")


def made(machine, name, size=2**10, switching="cut-through"):
    what = collective(name, range(machine.ranks), 0 if name in ROOTED else None)
    return list(quickest_trees(machine, what, size, switching, UNPROVED))


def played(schedule, size=2**10, switching="cut-through"):
    return simulate(schedule, size, switching, 1, lead=MOST_LEAD).seconds


@pytest.mark.parametrize("spec", ["random:6:seed=3", "irregular:seed=11", "dgx-1", "star:2"])
@pytest.mark.parametrize("name", COLLECTIVES)
def test_quick_trees_are_right(spec, name):
    found = made(topology(spec), name)
    assert found
    for words, each in found:
        assert verify(each).correct, words
        assert is_deterministic(each), words
    assert len({words for words, _ in found}) == len(found)


@pytest.mark.parametrize("name", sorted({*COLLECTIVES} - {"all_reduce"}))
def test_of_small_data_they_take_little_more_than_the_latency(name):
    machine = topology("random:8:switches=2:seed=1")
    found = made(machine, name)
    least = latency(machine, found[0][1].collective)
    assert min(played(each) for _, each in found) <= 1.15 * least


def test_a_small_sum_for_everyone_goes_to_the_middle_and_back():
    machine = topology("random:8:switches=2:seed=1")
    assert min(played(each) for _, each in made(machine, "all_reduce")) < 7.1e-6


def test_nothing_is_made_where_nothing_moves():
    what = collective("all_gather", [0])
    assert not list(quickest_trees(topology("ring:1"), what, 2**10, "cut-through", UNPROVED))


@pytest.mark.parametrize("overhead", [0.0, 7e-6])
@pytest.mark.parametrize("switching", SWITCHINGS)
def test_a_clock_tells_what_is_simulated(switching, overhead):
    links = [Link("a", "s", Fraction(10**9), 1e-6), Link("s", "b", Fraction(3 * 10**9), 2e-6)]
    links += [Link("b", "a", Fraction(10**9), 1e-6)]
    machine = build("two", ["a", "b"], [Switch("s")], links, overhead=[overhead, overhead])
    what = collective("broadcast", range(2), 0)
    ((_, each), *_) = quickest_trees(machine, what, 6000, switching, UNPROVED)
    clock = LinkClock(machine, whole=switching == "store-and-forward")
    alone = clock.arrival(0.0, WAY, 6000)
    assert alone == pytest.approx(played(each, 6000, switching))
    assert clock.send(0.0, WAY, 6000) == alone
    assert clock.arrival(0.0, WAY, 6000) == pytest.approx(alone + max(6e-6, overhead))


def test_what_is_too_much_to_look_at_is_refused(monkeypatch):
    monkeypatch.setattr(quickest, "MOST_WORK", 10)
    with pytest.raises(NotFound, match="too many pieces and ways"):
        made(topology("star:6"), "all_gather")
