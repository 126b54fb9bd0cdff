from fractions import Fraction

import numpy as np
import pytest

from solvers.bounds.latency import latency, mark_sharing
from solvers.schedules.kinds import COLLECTIVES, KINDS, collective
from topologies.model.topology import Link, build
from topologies.presets import shapes

ALPHA = 2e-6


@pytest.mark.parametrize(
    ("topology", "name", "hops"),
    [
        (shapes.ring(8, alpha=ALPHA), "all_gather", 4),
        (shapes.line(5, alpha=ALPHA), "reduce_scatter", 4),
        (shapes.line(5, alpha=ALPHA), "broadcast", 4),
        (shapes.star(3, alpha=ALPHA), "all_reduce", 2),
        (shapes.full_mesh(4, alpha=ALPHA), "all_to_all", 1),
        (shapes.ring(1, alpha=ALPHA), "all_gather", 0),
    ],
)
def test_the_farthest_pair_counts(topology, name, hops):
    what = collective(name, range(topology.ranks))
    assert latency(topology, what) == pytest.approx(hops * ALPHA)


def test_a_root_in_the_middle_is_nearer():
    what = collective("broadcast", range(5), 2)
    assert latency(shapes.line(5, alpha=ALPHA), what) == pytest.approx(2 * ALPHA)


def test_the_quickest_of_parallel_links_and_both_overheads_count():
    links = [Link("a", "b", Fraction(1), alpha, True) for alpha in (5e-6, 1e-6)]
    machine = build("two", ["a", "b"], [], links, overhead=[1e-7, 2e-7])
    what = collective("all_gather", range(2))
    assert latency(machine, what) == pytest.approx(1.3e-6)


@pytest.mark.parametrize("name", COLLECTIVES)
def test_pairs_share_what_one_holds_and_the_other_wants(name):
    what = collective(name, (4, 1, 7), 1 if KINDS[name].rooted else None)
    ranks = what.ranks
    shared = [
        [bool(np.isin(what.inputs[i], what.outputs[j]).any()) for j in range(len(ranks))]
        for i in range(len(ranks))
    ]
    assert mark_sharing(what).tolist() == shared
