from fractions import Fraction

import numpy as np
import pytest

from bench.zoo import SPEED, exchanging_star, gathering_ring, route, zoo
from runtime.metrics.link_loads import algbw, loads, throughput
from solvers.schedules.kinds import collective
from solvers.schedules.unfold import unfold
from topologies.presets import shapes

ZOO = list(zoo())


@pytest.mark.parametrize(("name", "one"), ZOO, ids=[name for name, _ in ZOO])
def test_each_link_carries_what_the_images_put_on_it(name, one):
    whole, expected = unfold(one), [Fraction(0)] * one.topology.links
    for transfer in map(whole.transfers.__getitem__, range(len(whole.transfers))):
        block = int(whole.block[transfer.piece])
        for link in transfer.route:
            expected[link] += whole.share[transfer.piece] * one.collective.fraction(block)
    found = loads(one)
    assert [found.load[orbit] for orbit in found.orbit.tolist()] == expected


def test_the_busiest_link_decides():
    line = shapes.line(3, bandwidth=SPEED)
    hops = [(0, 0, 0, 1, False), (1, 0, 1, 2, False), (2, 0, 0, 1, False)]
    pieces = [(b, Fraction(1)) for b in range(3)]
    one = route(line, collective("all_gather", range(3)), pieces, hops)
    found = throughput(one)
    assert found.algbw == Fraction(SPEED * 3, 2)
    assert found.busiest is not None
    assert line.link_name(found.busiest) == "r0 -> r1"


def test_known_rates_are_exact():
    assert algbw(gathering_ring(5, group=True)) == Fraction(SPEED * 2 * 5, 4)
    assert algbw(exchanging_star(4, group=True)) == Fraction(SPEED * 4, 3)


def test_shares_of_large_denominators_stay_exact():
    line = shapes.line(2, bandwidth=SPEED)
    odd = Fraction(1, 3**70)
    what = collective("broadcast", range(2), 0)
    hops = [(p, 0, 0, 1, False) for p in range(2)]
    assert algbw(route(line, what, [(0, odd), (0, 1 - odd)], hops)) == SPEED
    assert algbw(route(line, what, [(0, odd), (0, 1 - odd)], hops[:1])) == SPEED * 3**70


def test_where_nothing_moves_there_is_no_rate():
    alone = shapes.line(1)
    one = route(alone, collective("all_gather", [0]), [(0, Fraction(1))], [])
    assert throughput(one).algbw is None
    assert throughput(one).busiest is None
    assert np.array_equal(one.transfers.route, [])
