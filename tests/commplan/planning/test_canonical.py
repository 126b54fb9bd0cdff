"""The same answers, in whatever order a machine is written down."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.relabelled import predict, shuffle, spread, turn
from commplan.planning.canonical import canonical_view
from commplan.planning.planner import plan
from commplan.planning.size_set import size_set
from runtime.execute import executor
from runtime.interpret.check import faults
from runtime.program.lower import elements, lower
from runtime.verify.verify import verify
from solvers.kept_symmetry import find_symmetry
from solvers.schedules.collective import all_gather
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from solvers.schedules.unfold import unfold
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from solvers.solve import solve
from topologies.formats.files import load
from topologies.formats.spec import topology
from topologies.presets.random_machines import wild_machine
from topologies.symmetry.group import Group, count_orbits, link_orbits

DATA = Path(__file__).parents[2] / "data"
COLUMNS = ("src", "dst", "capacity", "alpha", "overhead", "mate", "symmetry")
PAIRS = [
    ("torus:2x5", "torus:5x2"),
    ("torus:2x3x4", "torus:3x4x2"),
    ("torus:3x4:overhead=1:ports=1", "torus:4x3:overhead=1:ports=1"),
    ("mesh:2x5", "mesh:5x2"),
    ("nd-full-mesh:2x5:bandwidth=10x25", "nd-full-mesh:5x2:bandwidth=25x10"),
]


@pytest.mark.parametrize("name", COLLECTIVES)
@pytest.mark.parametrize(("machine", "turned"), PAIRS)
def test_machines_with_turned_dimensions_are_planned_for_as_one(machine, turned, name):
    one, other = (
        canonical_view(made, collective(name, range(made.ranks)))
        for made in (topology(machine), topology(turned))
    )
    for column in COLUMNS:
        own, others = (getattr(seen.topology, column) for seen in (one, other))
        assert np.array_equal(own, others), column
    assert one.collective.ranks == other.collective.ranks
    assert one.collective.root == other.collective.root


def test_turned_dimensions_get_equal_answers():
    for name in ("all_gather", "all_reduce"):
        one, other = (
            plan(topology(each), collective(name, range(10)), size=2**16)
            for each in ("torus:2x5", turn("torus:2x5"))
        )
        assert one.predicted == pytest.approx(other.predicted, rel=1e-6)
        assert one.bound == pytest.approx(other.bound, rel=1e-12)
        assert one.report.algbw == other.report.algbw


@pytest.mark.parametrize("name", COLLECTIVES)
@pytest.mark.parametrize("machine", ["leaf-spine:2x2x3", "ring:6:overhead=0.5"])
def test_shuffled_machines_get_equal_predictions(machine, name):
    made = topology(machine)
    times = [predict(made, name, 0, 2**16, natural=False)]
    other, place = shuffle(made, len(name))
    times.append(predict(other, name, place[0], 2**16, natural=False))
    assert spread(times) <= 0.02


@pytest.mark.parametrize("name", ["all_gather", "broadcast"])
@pytest.mark.parametrize("machine", ["hypercube:3", "mesh:2x3", "torus:4x4", "dgx-1", "mi250"])
def test_small_machines_are_planned_for_as_one_whether_they_declare_symmetry(machine, name):
    made = topology(machine)
    other, place = shuffle(made, 1, symmetry=False)
    one, another = (
        canonical_view(each, collective(name, range(each.ranks), root if name in ROOTED else None))
        for each, root in ((made, 0), (other, place[0]))
    )
    for column in COLUMNS:
        assert np.array_equal(getattr(one.topology, column), getattr(another.topology, column))
    groups = [find_symmetry(seen.topology, seen.collective) for seen in (one, another)]
    assert np.array_equal(*(group.generators for group in groups))


def test_planes_of_switches_do_not_mix_in_a_group_that_is_found():
    """Two nodes of a CloudMatrix384: 7 planes, of which each has 16 switches that look alike."""
    made = topology("cloudmatrix384:nodes=2")
    other, _ = shuffle(made, 0, symmetry=False)
    one, another = (canonical_view(m, collective("all_reduce", range(32))) for m in (made, other))
    for column in COLUMNS:
        assert np.array_equal(getattr(one.topology, column), getattr(another.topology, column))
    group = find_symmetry(another.topology, another.collective)
    sizes = np.bincount(link_orbits(another.topology, group))
    assert group.order == 32
    assert set(sizes.tolist()) == {32}  # as the declared ones, and of every kind of link


@pytest.mark.parametrize(
    "machine", ["leaf-spine:6x3x8", "nvl72", "cloudmatrix384:nodes=4", "dgx-2:boxes=4"]
)
def test_what_is_found_beyond_small_machines_is_as_good_as_what_they_declare(machine):
    made = topology(machine)
    what = collective("all_reduce", range(made.ranks))
    bare, _ = shuffle(made, 0, symmetry=False)
    orbits = []
    for each in (made, bare):
        seen = canonical_view(each, what).topology
        group = Group(seen.symmetry)
        links = np.bincount(link_orbits(seen, group))
        orbits.append((group.order, sorted(links.tolist()), count_orbits(group, seen.vertices)))
    assert orbits[0] == orbits[1]


def test_ranks_that_share_an_adapter_are_near_and_the_group_that_a_preset_declares_is_found():
    """Two DGX-2: pairs share an adapter, eight share six switches; the search left six orbits."""
    made = topology("dgx-2:boxes=2")
    bare, _ = shuffle(made, 0, symmetry=False)
    one, another = (canonical_view(m, collective("all_reduce", range(32))) for m in (made, bare))
    for column in COLUMNS:
        assert np.array_equal(getattr(one.topology, column), getattr(another.topology, column))
    group = Group(another.topology.symmetry)
    assert (group.order, count_orbits(group, 32)) == (32, 1)


def test_a_larger_machine_without_declared_symmetry_gets_an_equal_prediction():
    """Leaves that share three spines: a group that turns these too gives a plan 5 % slower."""
    made = topology("leaf-spine:6x3x8")
    bare, _ = shuffle(made, 0, symmetry=False)
    times = [predict(each, "all_reduce", 0, 2**16, natural=False) for each in (made, bare)]
    assert spread(times) <= 0.02


def test_declared_symmetry_stays_where_no_other_is_asked_for():
    made = topology("hypercube:3")
    seen = canonical_view(made, collective("all_gather", range(8)), "declared")
    assert len(seen.topology.symmetry) == len(made.symmetry)
    bare, _ = shuffle(made, 0, symmetry=False)
    assert not len(
        canonical_view(bare, collective("all_gather", range(8)), "declared").topology.symmetry
    )


@pytest.mark.parametrize("name", COLLECTIVES)
def test_what_is_planned_in_another_order_is_right_where_it_is_turned_back(name):
    for seed in range(3):
        made = wild_machine(seed, 5)
        members = range(max(2, made.ranks - 1))
        what = collective(name, members, members[-1] if name in ROOTED else None)
        seen = canonical_view(made, what)
        found = solve(seen.topology, seen.collective)
        back = seen.back(found)
        assert verify(back).correct
        assert verify(back).algbw == verify(found).algbw
        assert not faults(lower(back, 60), what)
        again = seen.forth(back)
        assert np.array_equal(again.transfers.src, found.transfers.src)
        assert np.array_equal(again.transfers.route, found.transfers.route)
        assert np.array_equal(again.block, found.block)


def test_the_group_and_the_prices_are_turned_back_too():
    made = topology("torus:3x4")
    what = collective("all_to_all", range(12))
    seen = canonical_view(made, what)
    back = seen.back(solve(seen.topology, seen.collective))
    assert back.group.order > 1
    report = verify(back)
    assert report.correct
    assert report.optimal


def test_a_set_is_one_of_the_machine_asked_for():
    machine, what = topology("torus:2x5"), collective("all_gather", range(10))
    parts = size_set(plan(machine, what).schedule, 2**12, 2**20, Watch(30))
    for part in parts:
        assert part.best.schedule.topology is machine
        assert verify(part.best.schedule).correct


def test_blocks_of_unequal_sizes_are_planned_for_as_they_stand():
    made = topology("ring:4")
    assert canonical_view(made, all_gather(tuple(range(4)), [1, 2, 3, 4])) is None
    assert canonical_view(made, replace(collective("all_gather", range(4)), name="file")) is None


def test_a_group_moves_each_rank_by_its_order_in_an_order_that_is_not_regular():
    """Two DGX-2 of which half the GPUs send to the other box and half receive from it."""
    machine = load(DATA / "teccl-dgx2-2x16.toml")
    asked = collective("all_gather", range(32))
    seen = canonical_view(machine, asked)
    assert find_symmetry(seen.topology, seen.collective).order == 16
    made = plan(machine, asked, options=SolverOptions(in_network=True))
    assert made.report.optimal
    assert len(unfold(made.schedule).share) <= 64


def allocate(schedule, size, chunks):
    """Give the bytes of scratch that the rank with most of them allocates."""
    program = lower(schedule, elements(schedule.collective, size, "float32"), chunks=chunks)
    return max(
        executor.memory(executor.part(program, rank))[2] for rank in range(schedule.topology.ranks)
    )


@pytest.mark.parametrize("most", [None, Fraction(2, 5), Fraction(1, 5)])
def test_scratch_is_that_of_the_machine_asked_for_not_of_its_order(most):
    # In the order of its own each message of this plan is one stretch; turned back, few are.
    machine, size = topology("random:11:switches=1:seed=3006"), 2**16
    made = plan(machine, collective("all_gather", range(11)), size=size, max_scratch=most)
    allocated = allocate(made.schedule, size, made.candidates[0].chunks)
    assert allocated == pytest.approx(made.scratch * size, abs=4)
    if most is None:
        assert allocated > Fraction(2, 5) * size  # so that the limits of the other cases bind
    else:
        assert allocated <= most * size


def test_a_set_keeps_to_scratch_on_the_machine_asked_for():
    machine, size, most = topology("random:11:switches=1:seed=3006"), 2**16, Fraction(2, 5)
    best = plan(machine, collective("all_gather", range(11))).schedule
    [row] = size_set(best, size, size, Watch(), max_scratch=most)
    assert allocate(row.best.schedule, size, row.best.chunks) <= most * size
