"""Which ranks a way leads to, on machines whose links lead one way."""

from fractions import Fraction

import numpy as np
import pytest

from topologies.model import reachability
from topologies.model.reachability import (
    all_joined,
    faults,
    faults_undirected,
    mark_reached,
    missing_paths,
    parts,
)
from topologies.model.topology import Link, Switch, build
from topologies.presets.shapes import star


def chain():
    """Make a -> s -> b -> c, and back from b to a."""
    ends = [("a", "s"), ("s", "b"), ("b", "c"), ("b", "a")]
    links = [Link(src, dst, Fraction(1)) for src, dst in ends]
    return build("chain", ["a", "b", "c"], [Switch("s")], links)


def test_what_is_cut_off_is_told_by_direction():
    assert faults(chain()) == ["ranks: a cannot be reached from c"]
    assert not all_joined(chain())
    assert faults_undirected(chain()) == []


def test_ranks_without_links_are_apart():
    machine = build("alone", ["a", "b"], [], [])
    assert faults_undirected(machine) == ["ranks: b cannot be reached from a, in either direction"]


def test_only_the_ways_that_are_asked_for_are_missed():
    assert missing_paths(chain(), [([0, 1], [0, 1, 2])]) == []
    assert missing_paths(chain(), [([0], [2]), ([2], [2])]) == []
    assert missing_paths(chain(), [([0, 2], [1]), ([2], [0])]) == ["no path leads from c to a, b"]


def test_a_star_joins_all():
    assert all_joined(star(4))


@pytest.mark.parametrize("seed", range(20))
def test_few_arcs_are_followed_as_scipy_follows_many(seed, monkeypatch):
    draw = np.random.default_rng(seed)
    src, dst = draw.integers(0, 12, 14 + seed), draw.integers(0, 12, 14 + seed)

    def look():
        labels = [parts(12, src, dst, strong=strong) for strong in (False, True)]
        return [*labels, mark_reached(12, src, dst, 3)]

    own = look()
    monkeypatch.setattr(reachability, "FEW", -1)
    assert all((mine == its).all() for mine, its in zip(own, look(), strict=True))


def test_parts_are_numbered_by_their_first_points():
    labels = parts(5, np.array([4, 2]), np.array([0, 1]))
    assert labels.tolist() == [0, 1, 1, 2, 0]
