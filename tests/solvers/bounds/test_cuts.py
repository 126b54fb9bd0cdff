"""The cut bound against every cut there is."""

from fractions import Fraction
from itertools import chain, combinations

import numpy as np
import pytest

from solvers.bounds.cuts import cut_bound, rank_bound
from solvers.certify.certificates import prove
from solvers.lp.linear_program import Infeasible, NotFound
from solvers.schedules.collective import CollectiveError, all_gather, reduce_scatter
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from solvers.settings.deadline import Watch
from topologies.model.topology import Link, Switch, build, reverse
from topologies.presets.random_machines import AWKWARD, EVEN, random_machine
from topologies.presets.shapes import ring, star
from topologies.symmetry.group import trivial

GATHER_LIKE = ("all_gather", "reduce_scatter", "broadcast", "reduce", "scatter", "gather")
NAMES = (*GATHER_LIKE, "all_reduce")


def tightest(topology, what):
    """Try every set of vertices: what must leave it, over the links that leave it."""
    limits = []
    vertices = range(topology.vertices)
    for some in chain.from_iterable(combinations(vertices, k) for k in vertices):
        inside = np.isin(vertices, some)
        data = sum(
            int(what.sizes[b])
            for b in range(what.blocks)
            if inside[what.holders[b]].any() and not inside[what.wanters[b]].all()
        )
        if data:
            leaves = inside[topology.src] & ~inside[topology.dst]
            rate = int(topology.capacity[leaves].sum()) * topology.unit
            limits.append(rate * Fraction(what.total, data))
    return min(limits)


def drawn(seed, rates=EVEN):
    """Draw a machine of up to 6 vertices and some of its ranks."""
    draw = np.random.default_rng(seed)
    ranks = int(draw.integers(2, 6))
    made = random_machine(seed, ranks, int(draw.integers(0, 7 - ranks)), rates)
    members = draw.choice(ranks, int(draw.integers(2, ranks + 1)), replace=False)
    return made, sorted(members.tolist())


def last(name, members):
    return members[-1] if name in ROOTED else None


@pytest.mark.parametrize("name", NAMES)
def test_no_cut_is_tighter(name):
    for seed in range(8):
        topology, members = drawn(seed, AWKWARD if seed % 2 else EVEN)
        what = collective(name, members, last(name, members))
        assert cut_bound(topology, what).algbw == tightest(topology, what), seed


@pytest.mark.parametrize("make", [all_gather, reduce_scatter])
def test_no_cut_is_tighter_when_blocks_are_unequal(make):
    for seed in range(10):
        topology, members = drawn(seed)
        what = make(tuple(members), [seed % 3 + 5 * i for i in range(1, len(members) + 1)])
        assert cut_bound(topology, what).algbw == tightest(topology, what), seed


@pytest.mark.parametrize("name", NAMES)
def test_the_cut_proves_the_bound(name):
    for seed in range(10):
        topology, members = drawn(seed)
        what = collective(name, members, last(name, members))
        bound = cut_bound(topology, what)
        assert bound.scope == "cut"
        assert prove(topology, what, bound.certificate, trivial(topology)) == bound.algbw


@pytest.mark.parametrize(
    ("inward", "outward"),
    [("reduce_scatter", "all_gather"), ("reduce", "broadcast"), ("gather", "scatter")],
)
def test_sums_are_bounded_like_copies_on_the_reversed_machine(inward, outward):
    for seed in range(10):
        topology, members = drawn(seed)
        there = collective(inward, members, last(inward, members))
        back = collective(outward, members, last(outward, members))
        assert cut_bound(topology, there).algbw == cut_bound(reverse(topology), back).algbw


def test_awkward_decimals_stay_exact():
    rate = Fraction("31.4159265358") * 10**9
    bound = cut_bound(ring(7, bandwidth=rate), collective("all_gather", range(7)))
    assert bound.algbw == 2 * rate * Fraction(7, 6)


def test_symmetric_ranks_share_one_flow():
    bound = cut_bound(star(500, bandwidth=Fraction(3)), collective("all_gather", range(500)))
    assert bound.algbw == 3 * Fraction(500, 499)


def test_capacities_too_large_for_an_exact_flow_are_refused():
    near = [Link(a, b, Fraction(2**45 + i), duplex=True) for i, (a, b) in enumerate(["ab", "bc"])]
    topology = build("huge", ["a", "b", "c"], [], near)
    sizes = [2**20 + 1, 3, 2**20 - 1]
    with pytest.raises(NotFound, match="too large for an exact flow"):
        cut_bound(topology, all_gather((0, 1, 2), sizes))


@pytest.mark.parametrize("name", NAMES)
def test_ranks_out_of_reach_are_named(name):
    links = [Link("a", "s", Fraction(1), duplex=True), Link("b", "s", Fraction(1))]
    topology = build("dead end", ["a", "b"], [Switch("s")], links)
    root = {"broadcast": 0, "scatter": 0, "reduce": 1, "gather": 1}.get(name)
    with pytest.raises(Infeasible, match=f"{name}: no path leads from a to b"):
        cut_bound(topology, collective(name, (0, 1), root))


@pytest.mark.parametrize("name", NAMES)
def test_a_single_rank_has_no_bound(name):
    assert cut_bound(star(1), collective(name, (0,))).algbw is None


def test_all_to_all_has_no_cut_of_this_kind():
    with pytest.raises(CollectiveError, match="no cut is known"):
        cut_bound(star(2), collective("all_to_all", (0, 1)))


@pytest.mark.parametrize("name", COLLECTIVES)
def test_no_cut_around_a_rank_is_tighter_than_the_tightest_cut(name):
    for seed in range(5):
        topology = random_machine(seed, 5, 2)
        what = collective(name, range(5), 3 if name in ROOTED else None)
        found = rank_bound(topology, what)
        assert found.algbw == prove(topology, what, found.certificate, trivial(topology))
        if name != "all_to_all":
            assert found.algbw >= cut_bound(topology, what).algbw


def test_the_best_cut_so_far_is_given_when_the_time_is_over():
    topology = random_machine(5, 6, 3)
    for name in ("all_gather", "broadcast", "scatter", "all_reduce"):
        what = collective(name, range(6))
        found = cut_bound(topology, what, Watch(0.0))
        assert found.algbw >= cut_bound(topology, what).algbw
        assert found.algbw == prove(topology, what, found.certificate, trivial(topology))
