"""Damaged machines: what is gone, what is slower, and what stays of the symmetry."""

from fractions import Fraction

import numpy as np
import pytest

from topologies.derive.damage import Damage, damaged
from topologies.derive.failures import read_damage
from topologies.model.topology import TopologyError
from topologies.presets.huawei import cloudmatrix384
from topologies.presets.nvidia import dgx_a100
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import ring, star, torus
from topologies.symmetry.group import link_images

MACHINES = [ring(5), star(4), torus((3, 3)), dgx_a100(boxes=2), cloudmatrix384(nodes=2)]


def by_name(topology):
    """List the links as names and figures, in any order."""
    ends = zip(topology.src.tolist(), topology.dst.tolist(), strict=True)
    rates = [int(each) * topology.unit for each in topology.capacity.tolist()]
    names = [(topology.names[a], topology.names[b]) for a, b in ends]
    return sorted(zip(names, rates, topology.alpha.tolist(), strict=True))


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_what_is_gone_is_gone_and_the_rest_is_as_it_was(machine):
    draw = np.random.default_rng(1)
    for _ in range(5):
        links = draw.choice(machine.links, 3, replace=False).tolist()
        vertex = int(draw.integers(machine.vertices))
        parts = dict(zip(links, (Fraction(0), Fraction(1, 2), Fraction(2, 3)), strict=True))
        left = damaged(machine, Damage(tuple(parts.items()), (vertex,)))
        expected = [
            (ends, rate * parts.get(link, 1), alpha)
            for link, (ends, rate, alpha) in enumerate(
                (
                    (machine.names[machine.src[link]], machine.names[machine.dst[link]]),
                    int(machine.capacity[link]) * machine.unit,
                    float(machine.alpha[link]),
                )
                for link in range(machine.links)
            )
            if parts.get(link, 1) and machine.names[vertex] not in ends
        ]
        assert by_name(left.topology) == sorted(expected)
        assert left.topology.names == tuple(n for n in machine.names if n != machine.names[vertex])
        assert left.topology.ranks == machine.ranks - (vertex < machine.ranks)
        link_images(left.topology, left.topology.symmetry)  # raises where one is no symmetry


def test_symmetry_that_keeps_the_damage_stays():
    machine = dgx_a100(boxes=2)
    dead = machine.names.index("ib")
    left = damaged(machine, Damage(vertices=(dead,)))
    assert len(left.topology.symmetry) > 0
    assert not len(damaged(ring(5), Damage(((0, Fraction(0)),))).topology.symmetry)


def test_a_machine_without_ranks_is_refused():
    with pytest.raises(TopologyError, match="no rank is left"):
        damaged(ring(2), Damage(vertices=(0, 1)))


def test_names_become_links_and_a_cable_breaks_both_ways():
    machine = star(3)
    found = read_damage(machine, without=["r0:s0"], slow=["r1:s0=0.5"])
    names = {(machine.link_name(link), left) for link, left in found.links}
    half = Fraction(1, 2)
    assert names == {("r0 -> s0", 0), ("s0 -> r0", 0), ("r1 -> s0", half), ("s0 -> r1", half)}
    eighth = read_damage(machine, slow=["r0:s0=12.5%"])
    assert {left for _, left in eighth.links} == {Fraction(1, 8)}
    assert read_damage(machine, without=["s0"]).vertices == (3,)
    assert read_damage(machine, without_ranks=["r1", "2"]).vertices == (1, 2)
    assert len(read_damage(machine, without=["r*:s0"]).links) == 6


def test_one_way_links_have_no_way_back():
    machine = random_machine(3, 6, 1)
    alone = np.flatnonzero(machine.mate < 0)
    for link in alone[:3].tolist():
        word = machine.link_name(link).replace(" -> ", ":")
        assert link in {each for each, _ in read_damage(machine, without=[word]).links}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ({"without": ["r0:so"]}, "--without: 'r0:so': no rank or switch is named 'so'"),
        ({"without": ["r0:r1"]}, "--without: no link joins r0 -> r1"),
        ({"without": ["r0"]}, "--without: 'r0' is a rank; --without-rank takes ranks away"),
        ({"without": ["so"]}, "--without: no switch is named 'so'"),
        ({"slow": ["r0:s0"]}, "--slow: 'r0:s0' says no part, expected SRC:DST=0.5"),
        ({"slow": ["r0:s0=2"]}, "2 is left, expected a part above 0 and below 1, as 0.5 or 50%"),
        (
            {"slow": ["r0:s0=0"]},
            "0 is left, expected a part above 0 and below 1, as 0.5 or 50%; --wi",
        ),
        ({"slow": ["r0:s0=1/3"]}, "what is left is '1/3', expected a part above 0 and below 1"),
        ({"slow": ["r0:s0=100%"]}, "100% is left, expected a part above 0 and below 1"),
        ({"slow": ["=0.5"]}, "--slow: '' names no link, expected SRC:DST"),
        ({"without_ranks": ["r9"]}, "--without-rank: no rank is named 'r9'"),
    ],
)
def test_a_word_that_names_nothing_is_one_line(words, line):
    with pytest.raises(TopologyError) as caught:
        read_damage(star(3), **words)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
