from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.certify.certificates import prove
from solvers.certify.dual_bound import Unproven
from solvers.schedules.certificate import Bound, Cut, Prices
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule, schedule
from topologies.model.topology import Link, Switch, Topology, build, integers


def proof_of(claimed: Schedule) -> Fraction:
    """Work out what the certificate of a schedule's bound proves."""
    certificate = claimed.bound.certificate
    assert certificate is not None
    return prove(claimed.topology, claimed.collective, certificate, claimed.group)


RANKS = 4
MIRROR = {"reduce_scatter": "all_gather", "reduce": "broadcast", "gather": "scatter"}


def machine(seed: int) -> Topology:
    """Join four ranks and a switch at random, in one direction each."""
    draw = np.random.default_rng(seed)
    names = ["r0", "r1", "r2", "r3", "s0"]
    links = [
        Link(a, b, Fraction(int(draw.integers(1, 9)), int(draw.integers(1, 4))))
        for a in names
        for b in names
        if a != b and draw.random() < 0.7
    ]
    return build("random", names[:RANKS], [Switch("s0")], links)


def with_bound(topology: Topology, name: str, bound: Bound) -> Schedule:
    rooted = name in ("broadcast", "reduce", "scatter", "gather")
    what = collective(name, range(RANKS), 1 if rooted else None)
    return schedule(topology, what, [], [], bound)


def best_cut(topology: Topology, name: str) -> Fraction:
    """Try every cut, both ways."""
    found = []
    for size in range(1, topology.vertices):
        for inside in combinations(range(topology.vertices), size):
            for turned in (False, True):
                cut = Cut(integers(inside), turned)
                try:
                    found.append(proof_of(with_bound(topology, name, Bound(None, "cut", cut))))
                except Unproven:
                    continue
    return min(rate for rate in found if rate is not None)


def formula(topology: Topology, name: str) -> Fraction:
    """Give the published bound: the least over S of B+(S) over the data that leaves S."""
    found = []
    sets = [set(s) for k in range(1, 5) for s in combinations(range(topology.vertices), k)]
    for s in sets:
        side = np.isin(np.arange(topology.vertices), list(s))
        crossing = side[topology.src] & ~side[topology.dst]
        if name in MIRROR:
            crossing = ~side[topology.src] & side[topology.dst]
        leaves = topology.unit * int(topology.capacity[crossing].sum())
        inside = len([v for v in s if v < RANKS])
        data = {
            "all_gather": Fraction(inside, RANKS) * (inside < RANKS),
            "broadcast": Fraction(1 in s and inside < RANKS),
            "scatter": Fraction(RANKS - inside, RANKS) * (1 in s),
            "all_reduce": Fraction(0 < inside < RANKS),
            "all_to_all": Fraction(inside * (RANKS - inside), RANKS),
        }[MIRROR.get(name, name)]
        if data:
            found.append(leaves / data)
    return min(found)


@pytest.mark.parametrize(
    "name",
    ["all_gather", "broadcast", "scatter", "all_reduce", "all_to_all", *MIRROR],
)
@pytest.mark.parametrize("seed", range(5))
def test_the_best_cut_is_the_published_bound(name, seed):
    topology = machine(seed)
    assert best_cut(topology, name) == formula(topology, name)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(1, 10**30))
def test_prices_prove_the_same_at_every_scale(seed, scale):
    topology = machine(seed)
    draw = np.random.default_rng(seed)
    prices = [Fraction(int(p), 7) for p in draw.integers(0, 5, topology.links)]
    own = np.arange(topology.links)
    for name in ("all_gather", "reduce_scatter", "all_to_all", "reduce"):
        rates = []
        for factor in (1, scale, Fraction(1, scale)):
            certificate = Prices(tuple(p * factor for p in prices), own)
            try:
                rates.append(
                    proof_of(with_bound(topology, name, Bound(None, "prices", certificate)))
                )
            except Unproven:
                rates.append(None)
        assert rates[0] == rates[1] == rates[2]


def test_a_bus_shared_by_two_is_proved_by_prices_and_by_no_cut():
    """The cut says 2, the optimum is 1: everything crosses the middle link."""
    ends = [("a", "s1"), ("b", "s1"), ("s1", "s2"), ("s2", "a"), ("s2", "b")]
    links = [Link(x, y, Fraction(1)) for x, y in ends]
    bus = build("bus", ["a", "b"], [Switch("s1"), Switch("s2")], links)
    what = collective("all_gather", range(2))
    middle = Prices((Fraction(0), Fraction(3)), integers([0, 0, 1, 0, 0]))
    cut = Cut(integers([0, 2, 3]))
    assert proof_of(schedule(bus, what, [], [], Bound(None, "prices", middle))) == 1
    assert proof_of(schedule(bus, what, [], [], Bound(None, "cut", cut))) == 2
