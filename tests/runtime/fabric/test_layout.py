from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from runtime.fabric.layout import (
    CARRIED,
    EASY,
    VERTICES_LIMIT,
    FabricError,
    address,
    control,
    injected_rate,
    layout,
)
from topologies.model.topology import Link, build
from topologies.presets.shapes import line, ring, star


def two(forth, back):
    links = [Link("a", "b", Fraction(rate)) for rate in forth]
    links += [Link("b", "a", Fraction(rate)) for rate in back]
    return build("two", ["a", "b"], [], links)


def test_links_between_two_vertices_become_one_cable_that_carries_their_sum():
    [cable] = layout(two([10**6, 2 * 10**6], [5 * 10**6]), Fraction(1)).cables
    assert (cable.a, cable.b, cable.forth, cable.back) == (0, 1, 3e6, 5e6)


def test_a_machine_has_a_cable_for_each_pair_of_neighbours(small_machine):
    found = layout(small_machine)
    src, dst = small_machine.src.tolist(), small_machine.dst.tolist()
    pairs = {frozenset(ends) for ends in zip(src, dst, strict=True)}
    assert {frozenset((cable.a, cable.b)) for cable in found.cables} == pairs
    total = sum(cable.forth + cable.back for cable in found.cables)
    assert total == pytest.approx(found.topology.bandwidth.sum())


def test_the_scale_by_default_is_what_is_carried_with_ease(small_machine):
    sent = injected_rate(layout(small_machine).topology)
    assert sent == 0 or 0.85 * EASY < sent <= EASY


def test_latencies_are_those_of_the_computer():
    found = layout(replace(ring(4), overhead=np.full(4, 1e-6)))
    assert not found.topology.alpha.any()
    assert not found.topology.overhead.any()


def test_more_than_the_computer_carries_is_refused_with_the_largest_scale():
    with pytest.raises(FabricError, match=r"at most 400 are carried: scale 0\.002$"):
        layout(ring(4), Fraction(1))
    assert injected_rate(layout(ring(4), Fraction(1, 500)).topology) == CARRIED


def test_a_link_too_slow_to_emulate_is_refused():
    with pytest.raises(FabricError, match=r"the slowest link carries 0\.01 MB/s"):
        layout(two([10**9], [10**5]), Fraction(1, 10))


def test_too_many_vertices_are_refused():
    with pytest.raises(FabricError, match="257 ranks and switches"):
        layout(star(VERTICES_LIMIT))


def test_addresses_are_different_and_legal():
    found = [address(v) for v in range(VERTICES_LIMIT)] + [
        control(r) for r in range(VERTICES_LIMIT)
    ]
    assert len(set(found)) == 2 * VERTICES_LIMIT
    assert all(0 <= int(part) < 255 for text in found for part in text.split("."))


def test_a_single_rank_needs_no_cable():
    assert layout(line(1)).cables == ()
