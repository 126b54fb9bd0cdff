from fractions import Fraction

import pytest

from runtime.simulate.dataflow import finish
from runtime.simulate.simulate import simulate
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Transfer, schedule
from solvers.solve import solve
from solvers.templates import TEMPLATES
from topologies.model.topology import Link, Switch, build
from topologies.presets.shapes import full_mesh, line, ring, star

ALPHA, RATE = 1e-6, 25e9
SIZE = 10**6


def near(value):
    return pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_rings_take_the_textbook_time(n):
    for name, rounds in (("all_gather", n - 1), ("all_reduce", 2 * (n - 1))):
        made = TEMPLATES["ring"][0](ring(n), collective(name, range(n)))
        assert finish(made, SIZE) == near(rounds * (ALPHA + SIZE / n / RATE))


def test_a_switch_stores_what_it_passes_on():
    made = TEMPLATES["direct"][0](star(5), collective("all_to_all", range(5)))
    assert finish(made, SIZE) == near(2 * ALPHA + 5 * SIZE / 5 / RATE)


def test_pieces_of_one_block_follow_each_other_without_waiting_for_steps():
    machine, what = line(3), collective("broadcast", range(3), 0)
    link = {(int(a), int(b)): i for i, (a, b) in enumerate(zip(machine.src, machine.dst))}  # noqa: B905
    pieces = [(0, Fraction(1, 4))] * 4
    sends = [
        Transfer(p, p + hop, hop, hop + 1, (link[hop, hop + 1],))
        for p in range(4)
        for hop in range(2)
    ]
    made = schedule(machine, what, pieces, sends, UNPROVED)
    assert finish(made, SIZE) == near(5 * SIZE / 4 / RATE + 2 * ALPHA)


def test_a_copy_in_a_switch_loads_the_link_into_it_once():
    links = [Link(f"g{i}", "s", Fraction(10**9), duplex=True) for i in range(4)]
    machine = build("copying", [f"g{i}" for i in range(4)], [Switch("s", multicast=True)], links)
    into = next(i for i in range(machine.links) if machine.src[i] == 0)
    out = [i for i in range(machine.links) if machine.src[i] == 4 and machine.dst[i] != 0]
    sends = [
        Transfer(0, 0, 0, 4, (into,)),
        *(Transfer(0, 1, 4, int(machine.dst[i]), (i,)) for i in out),
    ]
    what = collective("broadcast", range(4), 0)
    made = schedule(machine, what, [(0, Fraction(1))], sends, UNPROVED, in_network=True)
    assert finish(made, SIZE) == near(2 * SIZE / 1e9)


def test_a_group_is_played_as_the_whole():
    best = solve(full_mesh(6), collective("all_gather", range(6)))
    assert finish(best, SIZE) == near(simulate(best, SIZE, "store-and-forward", 1).seconds)


def test_nothing_takes_no_time():
    assert finish(solve(ring(1), collective("all_gather", range(1))), SIZE) == 0
