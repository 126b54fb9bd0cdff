"""Few trees for each root: no more than asked for, and near the best choice where that is known."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from bench.optimum import trees as all_trees
from commplan.anytime.limits import count_trees
from runtime.verify.verify import verify
from solvers.schedules.kinds import collective
from solvers.settings.options import SolverOptions
from solvers.solve import solve
from solvers.trees import tree_limit
from topologies.formats import spec
from topologies.model.topology import Link, build
from topologies.presets.random_machines import random_machine


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(tree_limit, "CHOOSING", 0.5)
    monkeypatch.setattr(tree_limit, "STARTS", 24)


FORESTS = ("all_gather", "reduce_scatter", "broadcast", "reduce", "all_reduce")


def few(topology, what, most):
    made = solve(topology, what, options=SolverOptions(trees=most))
    report = verify(made)
    assert report.correct, report.faults
    assert count_trees(made) <= most
    return report.algbw


@pytest.mark.parametrize("name", FORESTS)
def test_more_trees_are_no_slower_and_enough_of_them_are_the_fastest(name):
    topology = spec.topology("torus:2x3")
    what = collective(name, range(topology.ranks))
    rates = [few(topology, what, most) for most in (1, 2, 64)]
    assert rates == sorted(rates)
    assert rates[-1] == verify(solve(topology, what)).algbw


def best_single(topology, what):
    """Try every choice of one tree for each rank."""
    choices = [
        [np.array(load) for load in all_trees(topology, what, rank, False)] for rank in what.ranks
    ]
    least = min((sum(chosen) / topology.bandwidth).max() for chosen in product(*choices))
    return len(what.ranks) / least


def test_one_tree_for_each_rank_is_mostly_the_best_choice():
    met = 0
    for seed in range(5):
        topology = random_machine(seed, 3, seed % 2)
        what = collective("all_gather", range(3))
        best, found = best_single(topology, what), float(few(topology, what, 1))
        assert found <= best * (1 + 1e-9), seed
        met += found >= best * (1 - 1e-9)
    assert met >= 4


@pytest.mark.parametrize("seed", [3, 5])
def test_a_root_without_a_share_has_no_trees(monkeypatch, seed):
    def of_one_root(search, best):
        return [tree for tree in best if tree.family.root == best[0].family.root]

    monkeypatch.setattr(tree_limit._Search, "_choose", of_one_root)
    assert few(random_machine(seed, 4, 0), collective("all_reduce", range(4)), 2) > 0


@pytest.mark.parametrize("back", [Fraction(4), Fraction(1, 10_000)])
@pytest.mark.parametrize("most", [1, 2])
def test_lopsided_pairs_of_ranks_have_few_trees(back, most):
    links = [Link("r0", "r1", Fraction(rate)) for rate in (1, 4, 2)] + [Link("r1", "r0", back)]
    made = build("lopsided", ["r0", "r1"], [], links)
    assert few(made, collective("all_reduce", range(2)), most) > 0
