from fractions import Fraction
from itertools import pairwise

import pytest

import commplan
from commplan.expectation.compiled import load_compiled
from commplan.expectation.expect import expect
from commplan.expectation.patterns import TURNS, Pattern, Patterns, Timing
from solvers.routing.router import Router
from solvers.schedules import files
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.templates import ring
from solvers.templates.ring_order import ring_order, spread_rings
from topologies.formats.spec import topology
from topologies.presets.shapes import full_mesh

SIZES = (2**12, 2**20, 2**28)


@pytest.fixture(scope="module")
def box():
    machine = topology("dgx-a100")
    return expect(machine, [collective(name, range(8)) for name in COLLECTIVES], SIZES)


def test_all_collectives_are_expected_at_all_sizes(box):
    assert [(row.collective, row.size) for row in box.rows] == [
        (name, size) for name in COLLECTIVES for size in SIZES
    ]
    assert box.not_tried == ()


def test_nothing_is_faster_than_the_bound_and_no_pattern_than_the_best(box):
    for row in box.rows:
        others = [each.seconds for each in (row.ring, row.tree) if each]
        assert row.bound <= row.best.seconds * (1 + 1e-9)
        assert all(row.best.seconds <= other * (1 + 1e-9) for other in others)


def test_a_pattern_that_is_faster_than_all_candidates_is_the_best(monkeypatch):
    def slow(best, sizes, options, watch):
        return {size: Timing("slow", 1.0, "") for size in sizes}

    monkeypatch.setattr("commplan.expectation.expect.best_by_size", slow)
    machine = topology("star:4")
    found = expect(machine, [collective("all_gather", range(4))], SIZES[:1])
    [row] = found.rows
    assert row.best in (row.ring, row.tree)
    assert row.best.seconds == min(row.ring.seconds, row.tree.seconds) < 1


def test_what_is_best_is_what_plan_finds(box):
    machine = topology("dgx-a100")
    for name in ("all_gather", "all_reduce"):
        [row] = [r for r in box.rows if (r.collective, r.size) == (name, 2**20)]
        made = commplan.plan(machine, collective(name, range(8)), size=2**20)
        assert row.best.seconds <= made.predicted * 1.01
        assert row.bound == made.bound


def test_bandwidths_are_those_of_nccl_tests(box):
    [row] = [r for r in box.rows if (r.collective, r.size) == ("all_reduce", 2**28)]
    assert row.factor == Fraction(7, 4)
    assert row.busbw(1e-3) == pytest.approx(2**28 * 1.75 / 1e-3)
    assert row.algbw(0.0) is None


def test_a_ring_goes_over_all_switches_that_join_the_same():
    # Four NVSwitches, 450 GB/s a GPU: 2 * 7 / 8 of the size at this rate.
    machine = topology("dgx-h100")
    [row] = expect(machine, [collective("all_reduce", range(8))], [2**30]).rows
    assert row.ring.seconds == pytest.approx(1.75 * 2**30 / 450e9, rel=0.01)
    assert row.best.seconds < 0.7 * row.ring.seconds  # the switches add
    [plain] = expect(machine, [collective("all_reduce", range(8))], [2**30], in_network=False).rows
    assert plain.bound == pytest.approx(row.ring.seconds, rel=0.01)


@pytest.mark.parametrize("spec", ["torus:8x8", "dgx-a100:boxes=6", "dgx-h100:boxes=5"])
@pytest.mark.parametrize("name", ["all_gather", "all_reduce"])
def test_the_beginning_of_a_long_ring_tells_how_it_goes_on(spec, name):
    machine = topology(spec)
    what = collective(name, range(machine.ranks))
    patterns = Patterns(machine, what.ranks)
    short = patterns.ring(what)
    assert short.half is not None
    assert short.turns > TURNS == short.played
    routes = Router(machine)
    orders = spread_rings(routes, ring_order(routes, what.ranks))
    long = Pattern("ring", ring.along(orders, routes, what))
    for size in (2**10, 2**20, 2**28):
        assert short.timing(size).seconds == pytest.approx(long.timing(size).seconds, rel=0.06)
    assert short.timing(2**28).seconds == pytest.approx(long.timing(2**28).seconds, rel=1e-3)


def test_a_compiled_set_is_the_best_known_of_its_collective(tmp_path):
    machine = topology("ring:4")
    what = collective("all_gather", range(4))
    made = [commplan.plan(machine, what, size=size).schedule for size in (2**10, 2**20)]
    files.save_set([(1, made[0]), (2**16, made[1])], tmp_path / "set.json")
    parts = load_compiled(tmp_path / "set.json", machine)
    rows = expect(machine, [what], (2**10, 2**20), compiled=[parts]).rows
    for row, schedule in zip(rows, made, strict=True):
        assert row.best.seconds == commplan.simulate(schedule, row.size).seconds


def test_a_compiled_set_of_another_machine_is_refused(tmp_path):
    made = commplan.plan(topology("ring:4"), collective("all_gather", range(4))).schedule
    files.save(made, tmp_path / "one.json")
    with pytest.raises(commplan.ScheduleFileError, match=r"one\.json: made for ring:4"):
        load_compiled(tmp_path / "one.json", topology("ring:5"))


@pytest.mark.parametrize(
    ("spec", "rings"),
    [("dgx-a100:boxes=2", 8), ("dgx-h100:boxes=2", 8), ("rails:2x4", 4), ("rails:4x2", 2)],
)
def test_as_many_rings_as_boxes_have_ways_out(spec, rings):
    machine = topology(spec)
    what = collective("all_reduce", range(machine.ranks))
    [row] = expect(machine, [what], [2**30], in_network=False).rows
    # Every adapter works all the time, of 25 or 50 GB/s.
    box_out = rings * (50e9 if "h100" in spec else 25e9)
    others = 2 * (machine.ranks - 1) / machine.ranks
    assert row.ring.seconds == pytest.approx(others * 2**30 / box_out, rel=0.03)


@pytest.mark.parametrize(
    ("spec", "rings"),
    [("ring:6", 1), ("star:4", 1), ("dgx-a100", 1), ("cloudmatrix384:nodes=2", 2)],
)
def test_one_ring_where_nothing_is_gained_by_more(spec, rings):
    # The two dies of a package have a way out each.
    machine = topology(spec)
    routes = Router(machine)
    assert len(spread_rings(routes, ring_order(routes, range(machine.ranks)))) == rings


@pytest.mark.parametrize(("spec", "rate"), [("mi300x", 7 * 64e9), ("atlas-a2:boxes=2", 8 * 25e9)])
def test_a_full_mesh_has_a_ring_for_each_circle_of_links(spec, rate):
    machine = topology(spec)
    what = collective("all_reduce", range(machine.ranks))
    [row] = expect(machine, [what], [2**30]).rows
    others = 2 * (machine.ranks - 1) / machine.ranks
    assert row.ring.seconds == pytest.approx(others * 2**30 / rate, rel=0.05)


@pytest.mark.parametrize("count", [4, 5, 8, 9, 16])
def test_rings_of_a_mesh_have_no_link_in_common(count):
    routes = Router(full_mesh(count))
    rings = spread_rings(routes, range(count))
    used = [pair for ring in rings for pair in pairwise([*ring, ring[0]])]
    assert len(set(used)) == len(used) == count * len(rings)
    assert all(sorted(ring) == list(range(count)) for ring in rings)
    assert len(rings) >= count - 2
