"""What libraries send is right for any number of processes in any order."""

from functools import partial

import pytest

from runtime.verify.verify import verify
from solvers.routing.router import RouteError
from solvers.selectable import exchanges, gathers, nhr, spreads, sums, trees
from solvers.selectable.messages import in_turns, to_schedule
from solvers.selectable.network import network
from topologies.model.topology import Link, Switch, build
from topologies.presets.shapes import hypercube, star

TREES = (
    *(partial(tree, k=k) for tree in trees.TREES.values() for k in (2, 3, 4)),
    *(trees.binomial, trees.chain, partial(trees.chain, chains=3)),
    partial(trees.kary, k=1),
)
ANY = [
    *(("all_gather", each) for each in (gathers.ring, gathers.direct, gathers.linear)),
    *(("all_gather", partial(gathers.bruck, k=k)) for k in (2, 3, 4)),
    *(
        ("all_gather", partial(gathers.exchange, k=k, far_first=far))
        for k in (2, 3, 4)
        for far in (False, True)
    ),
    ("broadcast", partial(spreads.scatter_gather, ring=True)),
    *(("broadcast", lambda n, tree=tree: spreads.down_tree(tree(n))) for tree in TREES),
    *(("broadcast", lambda n, tree=tree: spreads.one_by_one(tree(n))) for tree in TREES),
    *(("all_reduce", lambda n, tree=tree: sums.up_and_down(tree(n))) for tree in TREES),
    *(("all_reduce", partial(sums.whole_exchange, k=k)) for k in (2, 3, 4)),
    *(
        ("all_reduce", partial(sums.halving_doubling, k=k, far_first=far))
        for k in (2, 3)
        for far in (False, True)
    ),
    *(
        ("all_reduce", each)
        for each in (sums.ring, sums.reduced_then_sent, sums.one_shot, sums.two_shot)
    ),
    *(("all_to_all", each) for each in (exchanges.at_once, exchanges.pairwise)),
    *(("all_to_all", partial(exchanges.bruck, k=k)) for k in (2, 3)),
    ("all_to_all", partial(exchanges.in_batches, batch=2)),
    *(("reduce_scatter", each) for each in (sums.shares_halving, sums.shares_pairwise)),
    *(("reduce_scatter", each) for each in (sums.shares_ring, sums.shares_at_once, nhr.shares)),
    *(("scatter", each) for each in (spreads.scatter_at_once, nhr.scatter)),
    *(("broadcast", each) for each in (spreads.scatter_gather_at_once, nhr.broadcast)),
    ("all_gather", nhr.gather),
    ("all_reduce", nhr.total),
]
POWERS = [
    ("broadcast", partial(spreads.scatter_gather, ring=False)),
    ("all_reduce", partial(sums.ring, doubles=True)),
]
EVEN = [("all_gather", gathers.neighbour_exchange)]


@pytest.mark.parametrize("n", [2, 3, 5, 6, 8])
def test_every_pattern_does_what_its_collective_asks_for(n):
    played = tuple(range(n))[::-1]
    net = network(star(n), played)
    cases = ANY + POWERS * (n in (2, 8)) + EVEN * (n % 2 == 0)
    for name, make in cases:
        made = to_schedule(make(n), net, name, played, "test")
        assert verify(made).faults == (), (name, make, n)


def test_rounds_and_messages_are_those_of_the_algorithms():
    assert {m.round for m in gathers.ring(8).messages} == set(range(7))
    assert len(gathers.bruck(8).messages) == 3 * 8
    assert len(exchanges.pairwise(8).messages) == 7 * 8
    assert [len(m.pieces) for m in gathers.bruck(6).messages[::6]] == [1, 2, 2]
    assert trees.knomial_left(8, 2)[0] == [1, 5, 7]
    # NHR: as many rounds as doubling, and most data to the next in number.
    assert [(m.dst, len(m.pieces)) for m in nhr.gather(5).messages if m.src == 0] == [
        *((4, 1), (2, 1), (1, 2)),
    ]
    assert trees.knomial_right(8, 2)[0] == [1, 2, 4]
    assert trees.doubling(8) == [[1, 2, 4], [3, 5], [6], [7], [], [], [], []]
    assert trees.doubling(5) == [[1, 2, 4], [3], [], [], []]


def test_nobody_waits_for_one_of_several_where_all_goes_at_once_or_round_a_ring():
    steady = [exchanges.at_once(5), gathers.bruck(5, 5), gathers.ring(5), sums.ring(4)]
    assert all(each.is_steady for each in steady)
    others = [exchanges.pairwise(5), gathers.bruck(5), sums.two_shot(3), sums.whole_exchange(4)]
    assert not any(each.is_steady for each in others)


def test_ranks_on_the_way_forward_and_are_never_the_slowest():
    cube = hypercube(3)
    net = network(cube, tuple(range(8)))
    assert {len(route) for route in net.routes.values()} == {3, 4, 5}
    assert net.topology.bandwidth[cube.links :].min() > cube.bandwidth.max()
    made = to_schedule(gathers.ring(8), net, "all_gather", tuple(range(8)), "test")
    assert verify(made).faults == ()


def test_a_rank_beside_a_switch_forwards_nothing():
    assert network(star(4), (0, 1, 2, 3)).topology is not None
    assert network(star(4), (0, 1, 2, 3)).topology.vertices == 5


def test_ranks_that_nobody_asks_for_may_be_apart():
    links = [Link("a", "c", 1, duplex=True)]
    assert network(build("apart", ["a", "b", "c"], [], links), (0, 2)).routes[0, 2] == (0,)


def test_what_is_not_joined_is_refused():
    apart = build("apart", ["a", "b"], [Switch("s")], [Link("a", "s", 1, duplex=True)])
    with pytest.raises(RouteError, match="no path from"):
        network(apart, (0, 1))


def test_of_two_that_swap_much_one_comes_first_as_often_the_lower_one():
    plain = gathers.recursive_doubling(8)
    assert plain.is_single
    assert plain.most == 4
    made = in_turns(plain, 2)
    late = [each for each in made.messages if each.round % 2]
    assert {len(each.pieces) for each in late} == {2, 4}
    assert len(late) * 2 == sum(len(each.pieces) >= 2 for each in plain.messages)
    assert sum(each.src > each.dst for each in late) * 2 == len(late)
    assert in_turns(gathers.ring(8), 1).messages == tuple(
        each._replace(round=2 * each.round) for each in gathers.ring(8).messages
    )
    assert not exchanges.at_once(3).is_single
