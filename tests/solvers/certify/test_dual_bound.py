"""What prices prove, against every tree there is, where many links are free and relays crowd."""

from fractions import Fraction

import numpy as np
import pytest

from bench.optimum import trees
from solvers.certify.dual_bound import Unproven, prove_by_prices
from solvers.kept_symmetry import find_symmetry
from solvers.schedules.certificate import Prices
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import collective
from topologies.derive.restrict import restrict
from topologies.model.topology import IntArray, Topology, integers
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import leaf_spine, star, torus
from topologies.symmetry.group import link_images, orbits, trivial


def least(topology: Topology, what: Collective, price: IntArray) -> int:
    """Price every tree; sums for all may be complete anywhere."""

    def cheapest(root: int, inward: bool) -> int:
        found = trees(topology, what, root, inward)
        return min((int(np.dot(load, price)) for load in found), default=2**40)

    if what.name == "all_reduce":
        roots = range(topology.vertices)
        return what.total * min(cheapest(r, True) + cheapest(r, False) for r in roots)
    return sum(
        int(what.sizes[block]) * cheapest(int(holders[0]), False)
        for block, holders in enumerate(what.holders)
    )


def agrees(topology: Topology, what: Collective, price: IntArray, **options: object) -> bool:
    """Compare what is proved with the capacity at these prices over the least that is paid."""
    asked = restrict(topology, what.ranks) if options.get("relays") == "forward" else topology
    same = collective(what.name, range(len(what.ranks))) if asked is not topology else what
    pays = least(asked, same, price)
    takes = topology.unit * Fraction(int((topology.capacity * price).sum()))
    certificate = Prices(tuple(map(Fraction, price.tolist())), np.arange(topology.links))
    try:
        found = prove_by_prices(topology, what, certificate, trivial(topology), **options)
    except Unproven:
        return pays == 0
    return pays > 0 and found == takes * what.total / pays


@pytest.mark.parametrize("relays", ["forward", "all"])
@pytest.mark.parametrize("name", ["all_reduce", "all_gather"])
@pytest.mark.parametrize("seed", range(6))
def test_prices_with_zeros_prove_what_the_cheapest_of_all_trees_pay(seed, name, relays):
    topology = random_machine(seed, 4, 1, density=0.05)
    draw = np.random.default_rng(seed)
    ranks = sorted(draw.choice(4, 2, replace=False).tolist())
    for _ in range(2):
        price = draw.integers(0, 3, topology.links) * (draw.random(topology.links) < 0.6)
        assert agrees(topology, collective(name, ranks), integers(price), relays=relays)


@pytest.mark.parametrize("seed", range(8))
def test_so_they_do_where_some_switches_copy_and_others_add(seed):
    topology = random_machine(seed, 2, 3, density=0.05, flags=True)
    draw = np.random.default_rng(seed)
    price = integers(draw.integers(0, 3, topology.links) * (draw.random(topology.links) < 0.5))
    assert agrees(topology, collective("all_reduce", (0, 1)), price, in_network=True)


@pytest.mark.parametrize("relays", ["forward", "all"])
@pytest.mark.parametrize(
    ("topology", "ranks"),
    [
        (torus([2, 4]), (0, 2, 4, 6)),
        (torus([3, 3]), (0, 1, 2)),
        (star(6), (0, 2, 4)),
        (leaf_spine(2, 2, 3), (0, 1, 3, 4)),
    ],
)
def test_symmetry_changes_nothing_of_what_prices_with_zeros_prove(topology, ranks, relays):
    what = collective("all_reduce", ranks)
    group = find_symmetry(topology, what)
    assert group.order > 1
    classes = orbits(link_images(topology, group.generators), topology.links)
    draw = np.random.default_rng(0)
    for _ in range(12):
        price = draw.integers(0, 3, classes.max() + 1) * (draw.random(classes.max() + 1) < 0.6)
        certificate = Prices(tuple(map(Fraction, price.tolist())), classes)
        found = []
        for kept in (group, trivial(topology)):
            try:
                found.append(prove_by_prices(topology, what, certificate, kept, relays=relays))
            except Unproven:
                found.append(None)
        assert found[0] == found[1]
