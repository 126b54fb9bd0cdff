"""What no rank needs is left out, and the rates stay."""

from fractions import Fraction

import pytest

from topologies.importers.draft import ADAPTER, RANK, SWITCH, Cable, Draft, Vertex
from topologies.importers.trimming import contract, drop_dead_ends, trim


def ranks(*names):
    return [Vertex(name, RANK, "GPU") for name in names]


def pcie(*names):
    return [Vertex(name, SWITCH, "PCIe") for name in names]


def cable(src, dst, rate=10, medium="PCIe", **more):
    return Cable(src, dst, medium, Fraction(rate), 1e-6, **more)


def test_a_chain_is_one_cable_as_slow_as_its_slowest_part():
    chain = [cable("a", "p"), cable("p", "q", 4), cable("q", "b", 6)]
    vertices, cables = contract([*ranks("a", "b"), *pcie("p", "q")], chain)
    assert [each.name for each in vertices] == ["a", "b"]
    assert [({each.src, each.dst}, each.rate) for each in cables] == [({"a", "b"}, 4)]
    assert cables[0].alpha == pytest.approx(3e-6)


def test_what_three_share_stays():
    vertices = [*ranks("a", "b", "c"), *pcie("p")]
    star = [cable(name, "p") for name in "abc"]
    assert contract(vertices, star) == (tuple(vertices), tuple(star))


def test_dead_ends_go_as_far_as_they_reach():
    vertices = [*ranks("a", "b"), *pcie("p", "q", "r")]
    cables = [cable("a", "b"), cable("b", "p"), cable("p", "q"), cable("p", "r")]
    left, kept = drop_dead_ends(vertices, cables)
    assert [each.name for each in left] == ["a", "b"]
    assert kept == (cables[0],)


def test_pcie_is_left_out_only_where_nothing_else_is_needed():
    vertices = (*ranks("a", "b", "c"), *pcie("p"), Vertex("n", ADAPTER, "adapter"))
    tree = [cable(name, "p") for name in "abc"] + [cable("n", "p", medium="network")]
    direct = [cable("a", "b", 50, "NVLink"), cable("b", "c", 50, "NVLink")]
    joined = trim(Draft("m", vertices, (*direct, *tree)))
    assert {each.base for each in joined.cables} == {"NVLink"}
    assert any("PCIe between them is left out" in note for note in joined.notes)
    apart = trim(Draft("m", vertices, (*direct[:1], *tree)))
    assert {each.base for each in apart.cables} == {"NVLink", "PCIe"}


def test_a_large_network_takes_no_longer_for_each_host(draft):
    # A set copied for each host at a switch would take minutes.
    block = (
        'Ca 1 "H-{0:x}" # "n{0} mlx5_0"\n[1]({0:x}) "S-1"[{0}] # lid 7 lmc 0 "leaf" lid 1 4xHDR\n'
    )
    text = 'Switch 36 "S-1" # "leaf" port 0 lid 1 lmc 0\n'
    text += "".join(block.format(i) for i in range(2, 9000))
    left = trim(draft("ibnetdiscover", text))
    assert len(left.cables) == 8998
