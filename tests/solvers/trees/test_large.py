"""Trees of large machines, tried on small ones: as fast as those over all pairs, and checked."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from runtime.verify.verify import verify
from solvers.certify import dual_bound
from solvers.certify.certificates import prove
from solvers.certify.dual_bound import Unproven
from solvers.schedules.certificate import Prices
from solvers.schedules.collective import CollectiveError
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from solvers.settings.deadline import NO_DEADLINE, NotFound
from solvers.settings.options import DEFAULT_OPTIONS, LimitError
from solvers.solve import solve
from solvers.trees import large
from solvers.trees.large_rooted import pack_few, pack_large_rooted
from topologies.formats.spec import topology
from topologies.model.topology import frozen, integers
from topologies.symmetry.group import declared_group

MACHINES = ("torus:3x4", "torus:2x3x3", "dgx-a100:boxes=3", "cloudmatrix384:nodes=2", "ring:7")


@pytest.fixture
def as_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "MOST_PAIRS", 1)
    monkeypatch.setattr(dual_bound, "MOST_PAIRS", 1)


def solved(machine: str, name: str) -> Schedule:
    found = topology(machine)
    return solve(found, collective(name, range(found.ranks)))


@pytest.mark.usefixtures("as_large")
@pytest.mark.parametrize("name", ["all_gather", "reduce_scatter", "all_reduce"])
@pytest.mark.parametrize("machine", MACHINES)
def test_trees_of_few_parents_are_right_and_proved_optimal(machine: str, name: str) -> None:
    schedule = solved(machine, name)
    assert schedule.group.order > 1
    report = verify(schedule)
    assert report.faults == ()
    assert report.optimal


@pytest.mark.usefixtures("as_large")
@pytest.mark.parametrize("name", ["all_gather", "all_reduce"])
def test_the_representatives_are_judged_as_all_images_are(name: str) -> None:
    schedule = solved("torus:3x4", name)
    rows, draw = schedule.transfers, np.random.default_rng(1)
    tried = [schedule, replace(schedule, share=tuple(s / 2 for s in schedule.share))]
    for row in draw.choice(len(rows), 12, replace=False).tolist():
        rest = rows.rows(np.delete(np.arange(len(rows)), row))
        twice = rows.rows(np.sort(np.append(np.arange(len(rows)), row)))
        tried += [replace(schedule, transfers=each) for each in (rest, twice)]
        turned = replace(rows, reduce=frozen(rows.reduce ^ (np.arange(len(rows)) == row)))
        tried.append(replace(schedule, transfers=turned))
    verdicts = [(verify(each).correct, verify(unfold(each)).correct) for each in tried]
    assert [one for one, _ in verdicts] == [all_images for _, all_images in verdicts]
    assert verdicts[0] == (True, True)
    assert not verdicts[1][0]
    assert not any(one for one, _ in verdicts[2::3])  # a message is missing


@pytest.mark.usefixtures("as_large")
def test_a_generator_that_is_no_symmetry_is_refused() -> None:
    schedule = solved("torus:3x4", "all_gather")
    swapped = schedule.group.generators.copy()
    swapped[0, [0, 1]] = swapped[0, [1, 0]]
    group = replace(schedule.group, generators=frozen(swapped))
    assert not verify(replace(schedule, group=group)).correct


@pytest.mark.parametrize("machine", ["torus:3x3", "dgx-a100:boxes=2", "irregular:seed=2"])
@pytest.mark.parametrize("name", ["all_gather", "reduce_scatter", "all_reduce"])
def test_the_bound_by_places_is_never_below_that_of_all_pairs(
    monkeypatch: pytest.MonkeyPatch, machine: str, name: str
) -> None:
    found = topology(machine)
    what, group = collective(name, range(found.ranks)), declared_group(found)
    draw = np.random.default_rng(3)
    equal = 0
    for _ in range(20):
        of_class = tuple(Fraction(int(p)) for p in draw.integers(0, 3, 4))
        certificate = Prices(of_class, integers(draw.integers(0, 4, found.links).tolist()))
        rates = []
        for most in (4096, 1):
            monkeypatch.setattr(dual_bound, "MOST_PAIRS", most)
            try:
                rates.append(prove(found, what, certificate, group))
            except Unproven:
                rates.append(None)
        exact, weaker = rates
        assert weaker is None or (exact is not None and weaker >= exact)
        equal += weaker == exact
    assert equal


@pytest.mark.usefixtures("as_large")
def test_a_machine_of_too_many_orbits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "FAMILIES", 2)
    machine = topology("mesh:3x4")
    what = collective("all_gather", range(machine.ranks))
    with pytest.raises(large.NotFound, match="12 ranks of which"):
        large.pack_large(machine, what, declared_group(machine), large.Watch())
    assert not large.is_large(machine, what, replace(DEFAULT_OPTIONS, max_height=3))


@pytest.mark.usefixtures("as_large")
@pytest.mark.parametrize("name", ["broadcast", "reduce"])
@pytest.mark.parametrize(
    ("machine", "rate"),
    [("torus:8x4x4", 150), ("dgx-a100:boxes=9", 200), ("star:20", 25), ("star:21", 25)],
)
def test_trees_out_of_one_root_are_right_and_fast(machine: str, name: str, rate: int) -> None:
    found = topology(machine)
    schedule = pack_large_rooted(found, collective(name, range(found.ranks), 3), large.Watch())
    report = verify(schedule)
    assert report.faults == ()
    assert report.algbw is not None
    assert report.algbw >= rate * 10**9


@pytest.mark.usefixtures("as_large")
@pytest.mark.parametrize("machine", ["torus:5x3", "cloudmatrix384:nodes=3:supernodes=2"])
def test_trees_out_of_one_root_are_right_where_they_are_not_the_fastest(machine: str) -> None:
    found = topology(machine)
    made = pack_large_rooted(found, collective("broadcast", range(found.ranks), 2), large.Watch())
    report = verify(made)
    assert report.faults == ()
    assert 0.4 < float(report.algbw) / float(made.bound.algbw) <= 1


def test_schedules_of_too_many_transfers_are_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uneven, even = topology("mesh:3x4"), topology("torus:3x4")
    for name in ("all_gather", "reduce_scatter"):
        what = collective(name, range(12))
        large.refuse_too_many_transfers(even, what)
        monkeypatch.setattr(large, "MOST_TRANSFERS", 43)
        with pytest.raises(LimitError, match=r"4 ranks of mesh:3x4 differ.* 44 transfers or more"):
            large.refuse_too_many_transfers(uneven, what)
        monkeypatch.setattr(large, "MOST_TRANSFERS", 44)
        large.refuse_too_many_transfers(uneven, what)
    monkeypatch.setattr(large, "MOST_TRANSFERS", 1)
    for name in ("all_reduce", "all_to_all"):
        large.refuse_too_many_transfers(uneven, collective(name, range(12)))
    large.refuse_too_many_transfers(uneven, collective("broadcast", range(12), 0))


def test_what_is_too_large_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CollectiveError, match="expected 1 to 65,536 ranks"):
        collective("all_to_all", range(65_537))
    monkeypatch.setattr(large, "SEARCHED", 8)
    monkeypatch.setattr(large, "MOST_PAIRS", 8)
    monkeypatch.setattr(large, "FAMILIES", 2)
    machine = topology("mesh:3x4")
    what = collective("all_gather", range(12))
    with pytest.raises(LimitError, match="12 ranks of which 6 differ"):
        large.refuse_too_large(machine, what, DEFAULT_OPTIONS)
    with pytest.raises(LimitError, match="no heights"):
        large.refuse_too_large(machine, what, replace(DEFAULT_OPTIONS, max_height=2))


@pytest.mark.parametrize("name", ["broadcast", "reduce"])
def test_a_dozen_trees_reach_what_many_do(name: str) -> None:
    machine = topology("torus:4x4x4")
    best = solve(machine, collective(name, range(machine.ranks), 5))
    few = pack_few(best, NO_DEADLINE)
    report = verify(few)
    assert (few.pieces, report.faults, report.optimal) == (12, (), True)


def test_a_machine_of_switches_has_no_few_trees() -> None:
    machine = topology("star:4")
    with pytest.raises(NotFound, match="switches"):
        pack_few(solve(machine, collective("broadcast", range(4), 0)), NO_DEADLINE)
