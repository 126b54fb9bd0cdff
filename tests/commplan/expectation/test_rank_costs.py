import json
from fractions import Fraction

import numpy as np
import pytest

from commplan.expectation.rank_costs import UnpricedError, as_written, rank_costs
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.kinds import collective
from solvers.solve import bound
from topologies.formats import spec
from topologies.model.topology import Link, Switch, build


def boxes(sizes, rate, uplink):
    hosts = [f"h{i}" for i in range(sum(sizes))]
    box = [b for b, size in enumerate(sizes) for _ in range(size)]
    links = [Link(h, f"s{b}", Fraction(rate), duplex=True) for h, b in zip(hosts, box, strict=True)]
    links.append(Link("s0", "s1", Fraction(uplink), duplex=True))
    return build("boxes", hosts, [Switch("s0"), Switch("s1")], links)


@pytest.mark.parametrize(
    "machine",
    [
        boxes((4, 4), 400, 100),
        boxes((5, 3), 200, 50),
        *(spec.topology(name) for name in ("dgx-a100:boxes=2", "torus:2x3", "star:5", "dgx-1")),
    ],
    ids=lambda machine: machine.name,
)
def test_what_all_pairs_cost_together_is_the_time_of_the_bound(machine):
    ranks = range(machine.ranks)
    found = bound(machine, collective("all_to_all", ranks))
    costs = rank_costs(machine, ranks, found)
    assert costs.shape == (machine.ranks, machine.ranks)
    assert (np.diag(costs) == 0).all()
    assert np.isfinite(costs).all()
    assert (costs >= 0).all()
    assert costs.sum() / machine.ranks == pytest.approx(1 / float(found.algbw))


def test_only_the_scarce_link_costs_and_both_ways_alike():
    machine = boxes((5, 3), 200, 50)
    costs = rank_costs(machine, range(8), bound(machine, collective("all_to_all", range(8))))
    inside = np.equal.outer(np.arange(8) < 5, np.arange(8) < 5)
    assert (costs[inside] == 0).all()
    assert costs[~inside] == pytest.approx(1 / 100)


def test_without_a_certificate_there_are_no_costs():
    with pytest.raises(UnpricedError, match="has no prices"):
        rank_costs(spec.topology("star:3"), range(3), UNPROVED)


def test_figures_are_rounded():
    assert as_written(np.array([[0.0, 1 / 3e9]])) == [[0.0, 0.333333]]


def test_the_command_prints_the_matrix_alone(call):
    words = ("expect", "star:4", "--format", "rank-costs")
    rows = json.loads(call(*words, "--ranks", "0-2").stdout)
    assert [len(row) for row in rows] == [3, 3, 3]
    wrong = call(*words, "all_gather")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "takes TOPOLOGY, all_to_all and --ranks alone" in wrong.stderr
