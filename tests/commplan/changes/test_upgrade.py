"""How bounds grow with links: slopes beside differences, and the cheapest change by enumeration."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from commplan.changes.budget import Prices, best_change, best_job_change
from commplan.changes.design_range import expand
from commplan.changes.job_upgrade import Job
from commplan.changes.upgrade import Growth, cheapest_change
from solvers.lp.cheapest_cover import cheapest_cover
from solvers.lp.linear_program import Infeasible
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.solve import bound
from topologies.derive.widen import widen
from topologies.model.topology import Link, LinkClass, Switch, TopologyError, build
from topologies.presets.nvidia import dgx_a100
from topologies.presets.shapes import torus

GIGA = 10**9


def mixed(seed):
    """Draw a machine of five ranks and a switch with three classes of links."""
    draw = np.random.default_rng(seed)
    names = [f"r{i}" for i in range(5)]
    links = [
        Link(name, "s", Fraction(int(draw.integers(1, 9)) * GIGA), 1e-6, True, 0) for name in names
    ]
    links += [
        Link(*draw.choice(names, 2, replace=False), Fraction(int(rate) * GIGA), 1e-6, True, kind)
        for kind, rate in zip((1, 1, 2, 2), draw.integers(1, 9, 4), strict=True)
    ]
    kinds = [LinkClass(word) for word in ("up", "side", "far")]
    return build(f"mixed {seed}", names, [Switch("s")], links, classes=kinds)


MACHINES = [*map(mixed, range(2)), dgx_a100(boxes=2), torus((3, 3))]


def growth(machine, name):
    return Growth(machine, collective(name, range(machine.ranks)), Watch(60.0))


@pytest.mark.parametrize("name", ["all_gather", "all_reduce", "all_to_all", "broadcast"])
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_a_slope_is_the_difference_of_bounds_and_holds_as_far_as_it_says(machine, name):
    seen = growth(machine, name)
    what = collective(name, range(machine.ranks))
    for of in sorted(set(machine.link_class.tolist())):
        found = seen.slope(of)
        reach = found.until or Fraction(GIGA)
        points = [reach / 1000, reach] + ([reach * Fraction(11, 10)] if found.until else [])
        rates = []
        for more in points:
            added = [more * (kind == of) for kind in range(len(machine.classes))]
            rates.append(bound(widen(machine, added), what).algbw)
        assert rates[0] == seen.base + found.slope * points[0]
        assert rates[1] == seen.base + found.slope * points[1]
        if found.until:
            assert rates[2] < seen.base + found.slope * points[2]


@pytest.mark.parametrize("seed", [77, 111])
def test_a_slope_ends_where_several_lines_touch_at_the_beginning_too(seed):
    machine = mixed(seed)
    found = growth(machine, "scatter").slope(2)
    assert found.until is not None
    base = growth(machine, "scatter").base
    rates = []
    for more in (found.until, found.until + GIGA):
        wider = widen(machine, [Fraction(0), Fraction(0), more])
        rates.append(bound(wider, collective("scatter", range(5))).algbw)
    assert rates[0] == base + found.slope * found.until
    assert rates[1] - rates[0] < found.slope * GIGA


@pytest.mark.parametrize("seed", range(4))
def test_the_cheapest_change_is_that_of_enumeration(seed):
    machine, names = mixed(seed), ("all_gather", "all_to_all")
    seen = [growth(machine, name) for name in names]
    wanted = [each.base * Fraction(7, 5) for each in seen]
    step, cost = [Fraction(2 * GIGA)] * 3, [Fraction(5), Fraction(3), Fraction(4)]
    found = cheapest_change(seen, wanted, step, cost, Watch(60.0))
    best = None
    for steps in product(range(6), repeat=3):
        price = sum(c * n for c, n in zip(cost, steps, strict=True))
        if best is not None and price >= best:
            continue
        wider = widen(machine, [s * n for s, n in zip(step, steps, strict=True)])
        rates = [bound(wider, collective(name, range(5))).algbw for name in names]
        if all(rate >= least for rate, least in zip(rates, wanted, strict=True)):
            best = price
    if best is None:
        assert max(found.steps) > 5
    else:
        assert found.cost == best


def test_what_no_link_helps_is_a_no():
    seen = growth(mixed(0), "all_gather")
    with pytest.raises(Infeasible, match="no link that may be made faster"):
        cheapest_change([seen], [seen.base * 2], [Fraction(0)] * 3, [Fraction(1)] * 3, Watch(9.0))


def test_covers_are_the_cheapest_of_all():
    draw = np.random.default_rng(3)
    for _ in range(10):
        cost = [Fraction(int(each)) for each in draw.integers(1, 9, 3)]
        gain = [[Fraction(int(each), 7) for each in draw.integers(0, 5, 3)] for _ in range(3)]
        need = [Fraction(int(each), 3) for each in draw.integers(0, 9, 3)]

        def covers(n, gain=gain, need=need):
            sums = [sum(g * k for g, k in zip(row, n, strict=True)) for row in gain]
            return all(have >= least for have, least in zip(sums, need, strict=True))

        known = [n for n in product(range(9), repeat=3) if covers(n)]
        if not known:
            with pytest.raises(Infeasible):
                cheapest_cover(cost, gain, need, 8)
            continue
        prices = [sum(c * k for c, k in zip(cost, n, strict=True)) for n in known]
        found = cheapest_cover(cost, gain, need, 8)
        assert covers(found)
        assert sum(c * k for c, k in zip(cost, found, strict=True)) == min(prices)


def test_faster_links_keep_symmetry_that_keeps_their_classes():
    machine = torus((3, 3))
    wider = widen(machine, [Fraction(GIGA), Fraction(0)])
    assert len(wider.symmetry) == 2
    pairs = zip(wider.link_class.tolist(), wider.capacity.tolist(), strict=True)
    rates = {(kind, capacity * wider.unit) for kind, capacity in pairs}
    own = int(machine.capacity[0]) * machine.unit
    assert rates == {(0, own + GIGA), (1, own)}


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("ring:4", ["ring:4"]),
        ("leaf-spine:2x1x4..2x3x4", ["leaf-spine:2x1x4", "leaf-spine:2x2x4", "leaf-spine:2x3x4"]),
        ("dgx-a100:boxes=3..2", ["dgx-a100:boxes=3", "dgx-a100:boxes=2"]),
        ("../mine.toml", ["../mine.toml"]),
    ],
)
def test_ranges_stand_for_machines(spec, names):
    assert list(expand(spec)) == names


@pytest.mark.parametrize("spec", ["torus:4x4..5x5", "ring:1..900", "ring:a..b", "ring:4..4"])
def test_a_range_of_nothing_or_too_much_is_refused(spec):
    with pytest.raises(TopologyError, match=r"no range|more than 64"):
        expand(spec)


@pytest.mark.parametrize("seed", range(3))
def test_no_cheaper_change_makes_a_job_so_fast(seed):
    machine = mixed(seed)
    names, weights = ("all_gather", "all_to_all"), (Fraction(3), Fraction(1))
    growths = [growth(machine, name) for name in names]
    job, step = Job(growths, weights), [Fraction(GIGA)] * 3
    cost = [Fraction(5), Fraction(2), Fraction(3)]
    limit = job.base * Fraction(3, 4)

    def time(steps):
        wider = widen(machine, [s * n for s, n in zip(step, steps, strict=True)])
        rates = [bound(wider, g.what).algbw for g in growths]
        return sum(w / r for w, r in zip(weights, rates, strict=True))

    found = job.cheapest_change(limit, step, cost, Watch(60.0))
    assert found.time == time(found.steps) <= limit
    for steps in product(range(8), repeat=3):
        if sum(c * n for c, n in zip(cost, steps, strict=True)) < found.cost:
            assert time(steps) > limit


def test_what_a_job_saves_is_the_fall_of_its_time():
    machine = mixed(1)
    job = Job([growth(machine, name) for name in ("all_gather", "all_reduce")], (1, 2))
    slopes = [[g.slope(of) for of in range(3)] for g in job.growths]
    saved = job.savings([[each.slope for each in own] for own in slopes])
    for of, part in enumerate(saved):
        little = Fraction(GIGA, 10**6)
        wider = widen(machine, [little * (kind == of) for kind in range(3)])
        now = sum(w / bound(wider, g.what).algbw for g, w in zip(job.growths, (1, 2), strict=True))
        assert float((job.base - now) / job.base / little) == pytest.approx(float(part), rel=1e-4)


@pytest.mark.parametrize("seed", range(2))
def test_nothing_within_a_budget_is_better_and_nothing_as_good_is_cheaper(seed):
    machine, weights = mixed(seed), (Fraction(3), Fraction(1))
    growths = [growth(machine, name) for name in ("all_gather", "all_to_all")]
    job = Job(growths, weights)
    cost = [Fraction(5), Fraction(7, 2), Fraction(3)]
    prices = Prices([Fraction(2 * GIGA)] * 3, cost, Fraction(12))
    seen = []
    for steps in product(range(3), range(4), range(5)):
        price = sum(c * n for c, n in zip(cost, steps, strict=True))
        if price <= prices.budget:
            wider = widen(machine, prices.added(steps))
            rates = [bound(wider, g.what).algbw for g in growths]
            factor = min(r / g.base for r, g in zip(rates, growths, strict=True))
            seen.append((factor, sum(w / r for w, r in zip(weights, rates, strict=True)), price))
    found = best_change(growths, prices, Watch(60.0))
    highest = max(factor for factor, _, _ in seen)
    assert min(r / g.base for r, g in zip(found.reached, growths, strict=True)) == highest
    assert found.cost == min(price for factor, _, price in seen if factor == highest)
    soonest = best_job_change(job, prices, Watch(60.0))
    least = min(time for _, time, _ in seen)
    assert soonest.time == least
    assert soonest.cost == min(price for _, time, price in seen if time == least)
