"""Rounds of an all_to_all: only the order changes, and no link has more than fits in a round."""

from collections import Counter, defaultdict
from fractions import Fraction

import pytest

from runtime.verify.verify import verify
from solvers.schedules.kinds import collective
from solvers.schedules.piece_loads import incast_bytes
from solvers.schedules.unfold import unfold
from solvers.solve import solve
from solvers.timing.rounds import AT_ONCE, in_rounds, round_orders
from topologies.formats.spec import topology
from topologies.presets.random_machines import EVEN, random_machine
from topologies.presets.shapes import hypercube, leaf_spine, ring, star, torus

MACHINES = ("ring:6", "torus:4x4", "star:7", "dgx-a100:boxes=2", "mi250:boxes=1", "nvl72")


def solved(machine):
    return solve(machine, collective("all_to_all", range(machine.ranks)))


def found(machine):
    return dict(round_orders(solved(machine)))


def messages(schedule):
    """Count (block, share, ends, route) over the whole schedule, without the order."""
    whole = unfold(schedule)
    share = [whole.share[p] for p in whole.transfers.piece.tolist()]
    block = whole.block[whole.transfers.piece].tolist()
    rows = (whole.transfers[t]._replace(piece=0, step=0) for t in range(len(whole.transfers)))
    return Counter(zip(block, share, rows, strict=True))


def loads(schedule):
    """Add up each link's share of a block over its capacity, for each step."""
    whole, load = unfold(schedule), defaultdict(Fraction)
    for t in range(len(whole.transfers)):
        row = whole.transfers[t]
        for link in row.route:
            capacity = int(whole.topology.capacity[link])
            load[row.step, link] += whole.share[row.piece] / capacity
    return load


@pytest.mark.parametrize("spec", MACHINES)
def test_an_order_changes_steps_alone_and_stays_right(spec):
    whole = solved(topology(spec))
    before = messages(whole)
    for name, each in round_orders(whole):
        report = verify(each)
        assert report.optimal, (name, report.faults)
        assert messages(each) == before, name


@pytest.mark.parametrize("seed", range(8))
def test_orders_stay_right_on_machines_without_symmetry(seed):
    made = list(
        round_orders(solved(random_machine(seed, 3 + seed % 3, seed % 3, EVEN, density=0.2)))
    )
    assert made[-1][0] == AT_ONCE
    assert all(verify(each).optimal for _, each in made)


@pytest.mark.parametrize("spec", MACHINES)
def test_no_link_works_longer_in_a_round_than_on_the_longest_message(spec):
    machine = topology(spec)
    load = loads(next(each for _, each in round_orders(solved(machine))))
    whole = unfold(solved(machine))
    rows, longest = whole.transfers, Fraction(0)
    meeting = Counter()
    for t in range(len(rows)):
        for link in rows[t].route:
            meeting[link] += 1
            time = whole.share[rows[t].piece] / int(machine.capacity[link])
            longest = max(longest, time)
    assert max(load.values()) <= longest
    assert len({step for step, _ in load}) <= max(meeting.values()) * 2


def test_rounds_on_a_switch_are_permutations():
    name, first = next(round_orders(solved(star(7))))
    assert name == "6 rounds"
    whole = unfold(first).transfers
    for step in range(6):
        now = whole.step == step
        assert sorted(whole.src[now].tolist()) == sorted(whole.dst[now].tolist()) == list(range(7))
    assert incast_bytes(first) == 0


def test_a_ring_of_eight_has_the_time_of_eight_blocks():
    """Distances 1 to 3 both ways and half of distance 4: 1 + 2 + 3 + 4 / 2 blocks on each link."""
    load = loads(found(ring(8))[AT_ONCE])
    unit = int(ring(8).capacity[0])
    longest = defaultdict(Fraction)
    for (step, _), time in load.items():
        longest[step] = max(longest[step], time * unit)
    assert sum(longest.values()) == 8


@pytest.mark.parametrize(("made", "rounds"), [(hypercube(4), 8), (torus([4, 4]), 8)])
def test_direct_machines_need_as_many_rounds_as_blocks_cross_a_link(made, rounds):
    assert f"{rounds} rounds" in found(made)


@pytest.mark.parametrize("spec", MACHINES)
def test_no_two_orders_have_one_name(spec):
    names = [name for name, _ in round_orders(solved(topology(spec)))]
    assert len(names) == len(set(names))


def test_all_at_once_floods_where_rounds_do_not():
    each = found(star(7))
    assert incast_bytes(each[AT_ONCE]) == pytest.approx(5 / 7)
    assert incast_bytes(each["6 rounds"]) == 0


def test_traffic_within_a_leaf_goes_beside_that_across():
    """Across: 12 blocks at half the rate of 15 in and out of a host, so 12 rounds of two blocks."""
    made = leaf_spine(4, 4, 4, oversubscription=Fraction(2))
    assert next(iter(found(made))) == "12 rounds"


def test_incast_is_the_same_written_out():
    each = found(star(5))
    for name in each:
        assert incast_bytes(unfold(each[name])) == pytest.approx(incast_bytes(each[name])), name


def test_what_does_not_move_or_branches_gets_no_order():
    assert not list(round_orders(solved(ring(1))))
    tree = solve(star(3), collective("all_gather", range(3)))
    assert not list(round_orders(tree))


@pytest.mark.parametrize("spec", MACHINES)
def test_about_as_many_rounds_are_filled_as_are_asked_for(spec):
    whole = solved(topology(spec))
    for _, each in round_orders(whole):
        asked = int(each.transfers.step.max()) + 1
        name, again = in_rounds(whole, asked)
        rounds = int(again.transfers.step.max()) + 1
        assert name.split()[0] == str(rounds)
        assert asked <= rounds <= 1.5 * asked + 2
        assert messages(again) == messages(whole)
