"""What piles up in front of a rank, counted by hand on small stars."""

from fractions import Fraction

import pytest

from solvers.schedules.kinds import collective
from solvers.schedules.piece_loads import incast_bytes
from solvers.templates import direct, recursive_doubling, ring
from topologies.model.topology import Link, Switch, build

FAST = Fraction(2)


def star(*rates):
    ranks = [f"r{i}" for i in range(len(rates))]
    links = [Link(r, "s", rate, duplex=True) for r, rate in zip(ranks, rates, strict=True)]
    return build("star", ranks, [Switch("s")], links)


def gathered(template, *rates):
    machine = star(*rates)
    return template.schedule(machine, collective("all_gather", range(machine.ranks)))


def test_all_but_one_of_the_senders_wait():
    assert incast_bytes(gathered(direct, *[FAST] * 5)) == pytest.approx(3 / 5)
    assert incast_bytes(gathered(ring, *[FAST] * 5)) == 0


def test_chunks_share_it():
    assert incast_bytes(gathered(direct, *[FAST] * 5), 4) == pytest.approx(3 / 20)


def test_steps_under_way_together_count_together():
    """One block comes from one neighbour, then two from another: the one waits with chunks."""
    made = gathered(recursive_doubling, *[FAST] * 4)
    assert incast_bytes(made) == 0
    assert incast_bytes(made, 4) == pytest.approx(1 / 16)


def test_only_links_slower_than_what_feeds_them_count_as_slow():
    assert incast_bytes(gathered(direct, *[FAST] * 5), slow=True) == 0
    one = gathered(direct, FAST, FAST, FAST, FAST, FAST / 2)
    assert incast_bytes(one, slow=True) == pytest.approx(3 / 5)
    assert incast_bytes(gathered(ring, FAST, FAST, FAST, FAST, FAST / 2), slow=True) == 0
