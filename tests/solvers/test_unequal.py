"""Collectives with a number of bytes for each rank: bound, planned and checked at the optimum."""

from dataclasses import replace
from fractions import Fraction
from itertools import chain, combinations

import numpy as np
import pytest

from runtime.metrics.busbw import factor
from runtime.verify.verify import verify
from solvers.fallback import fallback_schedule
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.collective import CollectiveError, Movement
from solvers.schedules.kinds import collective, pattern_of, remake
from solvers.solve import bound, solve
from topologies.formats.spec import topology as named
from topologies.presets.random_machines import random_machine
from topologies.symmetry.group import trivial

NAMES = ("all_gatherv", "reduce_scatterv", "gatherv", "scatterv")
MACHINES = ("ring:1", "ring:2", "star:3", "ring:3", "full-mesh:5", "hypercube:3")


def tightest(topology, what):
    """Try every set of vertices: what must leave it, over the links that leave it."""
    limits = []
    vertices = range(topology.vertices)
    for some in chain.from_iterable(combinations(vertices, k) for k in vertices):
        inside = np.isin(vertices, some)
        data = sum(
            int(size)
            for size, holders, wanters in zip(what.sizes, what.holders, what.wanters, strict=True)
            if inside[holders].any() and not inside[wanters].all()
        )
        if data:
            leaves = inside[topology.src] & ~inside[topology.dst]
            rate = int(topology.capacity[leaves].sum()) * topology.unit
            limits.append(rate * Fraction(what.total, data))
    return min(limits, default=None)


def drawn(name, n, seed):
    """Draw bytes for n ranks, about a third of them 0, and a root."""
    draw = np.random.default_rng(seed)
    blocks = draw.integers(0, 1000, n) * (draw.random(n) < 0.7)
    blocks[int(draw.integers(n))] += 1 + seed
    root = int(draw.integers(n)) if name in ("gatherv", "scatterv") else None
    return collective(name, range(n), root, blocks=blocks.tolist())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spec", MACHINES)
def test_schedules_attain_the_tightest_of_all_cuts(name, spec):
    topology = named(spec)
    for seed in range(2):
        what = drawn(name, topology.ranks, seed)
        found = verify(solve(topology, what))
        limit = tightest(topology, what)
        assert found.correct
        assert found.algbw == limit == bound(topology, what).algbw, what.sizes
        assert verify(fallback_schedule(topology, what, trivial(topology), UNPROVED)).correct


@pytest.mark.parametrize("name", NAMES)
def test_machines_without_regularity_are_proved_too(name):
    for seed in range(2):
        topology = random_machine(seed, 4, 1)
        found = verify(solve(topology, drawn(name, 4, seed)))
        assert found.correct
        assert found.optimal


@pytest.mark.parametrize("name", NAMES)
def test_some_ranks_of_a_machine_do_as_well(name):
    topology = named("ring:6")
    root = 4 if name in ("gatherv", "scatterv") else None
    what = collective(name, (4, 1, 2), root, blocks=[400, 100, 0])
    assert (what.ranks, what.sizes.tolist()) == ((1, 2, 4), [100, 400])
    assert verify(solve(topology, what)).correct


@pytest.mark.parametrize("name", NAMES)
def test_what_is_changed_in_a_schedule_is_found(name):
    topology = named("star:3")
    root = 1 if name in ("gatherv", "scatterv") else None
    made = solve(topology, collective(name, range(3), root, blocks=[5, 7, 9]))
    what = made.collective
    empty = tuple(own[:-1] for own in what.outputs)
    for wrong in (
        replace(made, share=(made.share[0] / 2, *made.share[1:])),
        replace(made, block=made.block[::-1]),
        replace(made, collective=replace(what, outputs=empty)),
        replace(made, collective=replace(what, inputs=empty)),
        replace(made, collective=replace(what, root=2)),
    ):
        assert not verify(wrong).correct
    more = replace(made.bound, algbw=made.bound.algbw * 2)
    assert not verify(replace(made, bound=more)).optimal
    larger = replace(what, sizes=what.sizes * np.array([1, 1, 3]))
    assert verify(replace(made, collective=larger)).algbw != made.bound.algbw


def test_nothing_to_move_is_a_schedule_too():
    what = collective("gatherv", range(3), 1, blocks=[0, 8, 0])
    assert what.shape.movement is Movement.STAY
    found = verify(solve(named("ring:3"), what))
    assert found.correct
    assert found.algbw is None
    assert factor(what) == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_collective_is_made_again_from_its_bytes(name):
    what = drawn(name, 5, 1)
    again = remake(what)
    assert again.root == what.root
    for ours, theirs in zip(
        (*what.inputs, *what.outputs), (*again.inputs, *again.outputs), strict=True
    ):
        assert ours.tolist() == theirs.tolist()


def test_patterns_fit_where_every_rank_has_a_block():
    assert pattern_of(collective("all_gatherv", range(3), blocks=[1, 2, 3])) == "all_gather"
    assert pattern_of(collective("all_gatherv", range(3), blocks=[1, 0, 3])) == ""


def test_the_bus_carries_all_but_the_least_block():
    assert factor(collective("all_gatherv", range(3), blocks=[5, 2, 3])) == Fraction(8, 10)
    assert factor(collective("scatterv", range(3), 1, blocks=[5, 2, 3])) == Fraction(8, 10)


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([1, 2], "found 2 blocks, expected 3"),
        ([0, 0, 0], "all blocks are 0"),
        ([1, -2, 3], "expected a whole number from 0 to"),
        ([1, 2**39, 3], "expected a whole number from 0 to"),
        ([1, 1.5, 3], "whole number"),
        ("123", "a list of whole numbers"),
        (None, "needs the bytes of each rank's block"),
    ],
)
def test_what_are_no_blocks_is_said(blocks, words):
    with pytest.raises(CollectiveError, match=words):
        collective("all_gatherv", range(3), blocks=blocks)


def test_equal_collectives_take_no_blocks():
    with pytest.raises(CollectiveError, match="all_gather has equal blocks"):
        collective("all_gather", range(3), blocks=[1, 2, 3])
