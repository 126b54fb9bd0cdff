from fractions import Fraction

from solvers.schedules.capabilities import helpers, mark_branching
from topologies.model.topology import Link, Switch, build
from topologies.presets.shapes import star


def chain():
    """Join a to b over a switch that adds and one that copies; others lead nowhere."""
    ends = [("a", "adds"), ("adds", "copies"), ("copies", "b"), ("b", "mid"), ("mid", "a")]
    ends += [("a", "end"), ("source", "b"), ("b", "sink")]
    switches = [
        Switch("adds", reduce=True),
        Switch("copies", multicast=True),
        Switch("end", True, True),
        Switch("source", True, True),
    ]
    links = [Link(*pair, Fraction(1)) for pair in ends]
    return build("chain", ["a", "b", "mid", "sink"], switches, links)


def test_switches_do_what_their_flags_say_and_only_in_the_network():
    copies, adds = mark_branching(chain(), (), "all", in_network=True)
    assert copies.tolist() == [True] * 4 + [False, True, True, True]
    assert adds.tolist() == [True] * 4 + [True, False, True, True]
    copies, adds = mark_branching(chain(), (), "all", in_network=False)
    assert copies.tolist() == adds.tolist() == [True] * 4 + [False] * 4


def test_who_is_on_a_way_between_the_ranks_may_help_switches_first():
    assert [h.tolist() for h in helpers(chain(), (0, 1), "all", in_network=True)] == [
        [4, 5],
        [2, 4, 5],
    ]
    assert [h.tolist() for h in helpers(chain(), (0, 1), "all", in_network=False)] == [[], [2]]


def test_where_all_ranks_take_part_only_switches_may_help():
    assert [h.tolist() for h in helpers(star(3), (0, 1, 2), "all", in_network=True)] == [[]]
    able = star(3, multicast=True)
    assert [h.tolist() for h in helpers(able, (0, 1, 2), "all", in_network=True)] == [[3]]
    assert [h.tolist() for h in helpers(able, (0, 1, 2), "all", in_network=False)] == [[]]


def test_ranks_outside_branch_only_where_all_relays_may():
    copies, adds = mark_branching(chain(), (0, 1), "forward", in_network=False)
    assert copies.tolist() == adds.tolist() == [True] * 2 + [False] * 6
    assert [h.tolist() for h in helpers(chain(), (0, 1), "forward", in_network=True)] == [[4, 5]]
