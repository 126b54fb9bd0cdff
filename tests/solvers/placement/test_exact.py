"""All placements on small trees of tiers: what is found is the optimum, as trying all shows."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

from solvers.jobs.job import Flow, Hidden, Job, Layout
from solvers.placement.judge import Judge
from solvers.placement.search import place
from topologies.formats.spec import topology
from topologies.model.topology import Link, Switch, build

COLLECTIVES = ("all_gather", "reduce_scatter", "all_to_all", "all_reduce")


def boxes(count, each, up):
    """Make boxes of ranks on switches, whose way to the others is `up` times as wide."""
    names = [f"b{box}.r{rank}" for box in range(count) for rank in range(each)]
    rate = Fraction(10**9)
    links = [Link(name, name.partition(".")[0] + ".s", rate, 1e-6, True) for name in names]
    links += [Link(f"b{b}.s", "top", rate * each * up, 1e-6, True) for b in range(count)]
    return build("boxes", names, [*(Switch(f"b{b}.s") for b in range(count)), Switch("top")], links)


def least(judge, count, each):
    """Try which box each rank is in, all ways."""
    found = set()
    for way in permutations(range(count * each)):
        label = np.array(way) // each
        found.add(tuple(label.tolist()))
    best = np.inf
    for label in found:
        placed = np.empty(count * each, dtype=np.int64)
        for box in range(count):
            placed[np.array(label) == box] = np.arange(box * each, (box + 1) * each)
        best = min(best, judge.seconds(placed))
    return best


@pytest.mark.parametrize(
    ("shape", "layout", "kinds", "seed"),
    [
        ((2, 3), {"tp": 3, "dp": 2}, ("tp", "dp"), 1),
        ((3, 2), {"tp": 2, "pp": 3}, ("tp", "pp"), 2),
        ((2, 4), {"cp": 2, "pp": 2, "dp": 2, "ep": 4}, ("cp", "ep", "pp", "dp"), 3),
        ((2, 4), {"tp": 2, "pp": 4, "virtual": 2}, ("tp", "pp"), 4),
    ],
)
def test_no_placement_is_better(shape, layout, kinds, seed):
    draw = np.random.default_rng(seed)
    flows = tuple(
        Flow(
            kind,
            "send" if kind == "pp" else COLLECTIVES[draw.integers(4)],
            int(draw.integers(10**5, 10**7)),
            int(draw.integers(1, 5)),
        )
        for kind in kinds
    )
    rules = {kinds[0]: Hidden(part=0.25, seconds=0.01)}
    job = Job("commplan/job/1", "any", Layout(etp=1, **layout), flows=flows, hidden=rules)
    machine = boxes(*shape, Fraction(1, 4))
    found, best = place(machine, job), least(Judge(machine, job), *shape)
    assert found.judged.seconds == pytest.approx(best, rel=1e-9)
    assert best * (1 - 2e-3) <= found.bound <= best * (1 + 1e-9)


def test_boxes_that_share_unevenly_may_be_better_than_any_nested_order():
    flows = (
        Flow("cp", "all_gather", 10**7, 2),
        Flow("ep", "all_reduce", 2 * 10**7, 2),
        Flow("pp", "send", 10**7, 4),
        Flow("dp", "all_to_all", 3 * 10**7, 3),
    )
    job = Job("commplan/job/1", "any", Layout(cp=2, ep=4, etp=1, pp=2, dp=2), flows=flows)
    machine = boxes(2, 4, Fraction(1, 2))
    nested, found = place(machine, job, exchange=False), place(machine, job)
    assert found.judged.seconds <= nested.judged.seconds
    assert found.gap < 1e-3


def test_pins_and_dead_ranks_are_kept():
    flows = (Flow("tp", "all_reduce", 10**7, 2), Flow("dp", "all_reduce", 10**6, 1))
    job = Job("commplan/job/1", "any", Layout(tp=2, dp=3), flows=flows)
    found = place(boxes(2, 4, Fraction(1, 4)), job, [0, 1, 2, 4, 5, 6, 7], {0: 4})
    assert found.ranks[0] == 4
    assert 3 not in found.ranks
    assert len(set(found.ranks.tolist())) == 6


def test_a_machine_that_is_no_tree_keeps_its_bound():
    flows = (Flow("tp", "all_reduce", 10**7, 2), Flow("dp", "all_reduce", 10**6, 1))
    job = Job("commplan/job/1", "any", Layout(tp=2, dp=4), flows=flows)
    found = place(topology("torus:2x4"), job)
    assert found.bound <= found.judged.seconds
