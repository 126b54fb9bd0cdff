"""The machine as a value: its columns, its mistakes, its reverse, its digest."""

from fractions import Fraction

import numpy as np
import pytest

from topologies.model.topology import Link, Switch, TopologyError, build, digest, reverse
from topologies.presets.shapes import ring, star


def two_ranks(*links, **options):
    return build("two", ["a", "b"], [Switch("s", multicast=True)], links, **options)


def test_a_duplex_link_is_two_links_that_are_mates():
    machine = two_ranks(
        Link("a", "b", Fraction(3), 1e-6, duplex=True, plane=4), Link("b", "s", Fraction(5))
    )
    assert machine.src.tolist() == [0, 1, 1]
    assert machine.dst.tolist() == [1, 0, 2]
    assert machine.mate.tolist() == [1, 0, -1]
    assert machine.alpha.tolist() == [1e-6, 1e-6, 0.0]
    assert machine.plane.tolist() == [4, 4, -1]
    assert machine.link_name(2) == "b -> s"


def test_bandwidths_are_exact_multiples_of_the_largest_unit():
    machine = two_ranks(Link("a", "b", Fraction(3, 2)), Link("b", "a", Fraction(9, 4)))
    assert machine.unit == Fraction(3, 4)
    assert machine.capacity.tolist() == [2, 3]
    assert machine.bandwidth.tolist() == [1.5, 2.25]


def test_a_machine_without_links_stands():
    machine = build("one", ["a"], [], [])
    assert (machine.ranks, machine.vertices, machine.links) == (1, 1, 0)


def test_every_mistake_is_named_at_once():
    with pytest.raises(TopologyError) as refused:
        build(
            "wrong",
            ["a", "a:b"],
            [Switch("a")],
            [
                Link("a", "c", Fraction(1)),
                Link("a", "a", Fraction(1)),
                Link("a", "a:b", Fraction(0), -1.0),
            ],
            overhead=[1.0],
            symmetry=[[0, 0, 1]],
        )
    assert refused.value.faults == (
        "ranks[1]: 'a:b' is no name (printable, without ':' and ',')",
        "switches[0]: the name 'a' is used twice",
        "links[0] a -> c: no rank or switch is named c",
        "links[1] a -> a: a link joins two different vertices",
        "links[2] a -> a:b: bandwidth is 0 GB/s, expected more than 0",
        "links[2] a -> a:b: latency is -1e+06 us, expected 0 or more",
        "overhead: 1 figures for 2 ranks",
        "symmetry[0]: not a permutation of the 3 vertices",
    )


@pytest.mark.parametrize("alpha", [float("nan"), float("inf")])
def test_a_latency_that_is_no_number_is_refused(alpha):
    with pytest.raises(TopologyError, match="latency"):
        two_ranks(Link("a", "b", Fraction(1), alpha))


def test_a_machine_needs_a_rank():
    with pytest.raises(TopologyError, match="ranks: none"):
        build("none", [], [Switch("s")], [])


def test_bandwidths_that_need_too_many_bits_are_refused():
    with pytest.raises(TopologyError, match="at most 48 are exact"):
        two_ranks(Link("a", "b", Fraction(2**48)), Link("b", "a", Fraction(1)))


def test_reverse_turns_links_and_swaps_copying_and_adding():
    machine = two_ranks(Link("a", "s", Fraction(1)), Link("s", "b", Fraction(2)))
    turned = reverse(machine)
    assert (turned.src.tolist(), turned.dst.tolist()) == ([2, 1], [0, 2])
    assert turned.reduce.tolist() == [False, False, True]
    assert not turned.multicast.any()
    assert digest(reverse(turned)) == digest(machine)


def test_columns_cannot_be_changed():
    machine = ring(3)
    with pytest.raises(ValueError, match="read-only"):
        machine.capacity[0] = 7


def test_digest_is_that_of_the_content():
    assert digest(star(4)) == digest(star(4))
    others = [star(5), star(4, bandwidth=1), star(4, alpha=2e-6), star(4, multicast=True), ring(4)]
    assert len({digest(machine) for machine in [star(4), *others]}) == 6


def test_overheads_and_kinds_are_kept():
    machine = two_ranks(kinds=["die", "die"], overhead=[1e-6, 2e-6])
    assert machine.kinds == ("die", "die", "switch")
    assert np.array_equal(machine.overhead, [1e-6, 2e-6])
