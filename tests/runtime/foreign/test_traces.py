"""Traces: read back as they were, played by the rules of the simulators, refused where damaged."""

import json
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import networkx as nx
import pytest

from runtime.emit.targets import emit, emit_files
from runtime.emit.traces.build import make_trace
from runtime.emit.traces.ordering import order_by_requirements
from runtime.foreign.errors import ForeignError
from runtime.foreign.traces import chakra, goal
from runtime.foreign.traces.play import between_endpoints, over_links, play
from runtime.foreign.traces.timeline import LINKS, timeline
from runtime.foreign.traces.trace import Kind, Node
from runtime.program.program import ProgramError
from runtime.simulate.simulate import simulate
from tests.runtime.emit.test_mscclpp import schedule
from topologies.formats.spec import topology

PING = (
    (Node(Kind.SEND, 1, 1000, 7), Node(Kind.RECEIVE, 1, 1000, 8, requires=(0,))),
    (Node(Kind.RECEIVE, 0, 1000, 7), Node(Kind.SEND, 0, 1000, 8, requires=(0,))),
)


def test_the_time_of_a_message_is_that_of_loggp():
    # 1000 bytes at 2 ns a byte, L = 500 ns, there and back.
    ways = between_endpoints(2, 500e-9, 2e-9)
    assert play(PING, ways, stored=False) == pytest.approx(2 * 2.5e-6)
    assert play(PING, ways, stored=False, overhead=1e-7) == pytest.approx(2 * 2.6e-6)
    # ASTRA-sim's: each of two links has to have all of it.
    assert play(PING, ways, stored=True) == pytest.approx(2 * 4.5e-6)


def test_work_and_the_order_of_starting_are_kept():
    ways = between_endpoints(2, 0.0, 1e-9)
    slow = (Node(Kind.WORK, nanoseconds=5000), Node(Kind.SEND, 1, 1000, 0, (), (0,)))
    late = (Node(Kind.WORK, nanoseconds=5000), Node(Kind.SEND, 1, 1000, 0, (0,)))
    other = (Node(Kind.RECEIVE, 0, 1000, 0),)
    assert play((slow, other), ways, stored=False) == pytest.approx(5e-6)
    assert play((late, other), ways, stored=False) == pytest.approx(6e-6)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda node: replace(node, tag=9),
        lambda node: replace(node, size=999),
        lambda node: replace(node, requires=(1,)),
    ],
)
def test_what_never_matches_is_a_deadlock(spoil):
    ways = between_endpoints(2, 0.0, 1e-9)
    with pytest.raises(ForeignError, match="deadlock: rank"):
        play((PING[0], (spoil(PING[1][0]), PING[1][1])), ways, stored=False)


@pytest.mark.parametrize(
    "node", [Node(Kind.SEND, 5), Node(Kind.SEND, 0), Node(Kind.WORK, requires=(3,))]
)
def test_a_node_that_makes_no_sense_is_refused(node):
    with pytest.raises(ForeignError, match="rank 0, node 0"):
        play(((node,), ()), between_endpoints(2, 0.0, 1e-9), stored=False)


@pytest.mark.parametrize("name", ["all_gather", "all_reduce", "all_to_all", "reduce_scatter"])
@pytest.mark.parametrize("machine", ["star:5", "ring:4", "torus:2x3", "dgx-1"])
def test_a_trace_takes_the_time_that_is_simulated(machine, name):
    made = schedule(machine, name)
    trace, ranks, routes = make_trace(made, 2**18, None, None)
    ways = over_links(made.topology, ranks, routes)
    for switching in ("store-and-forward", "cut-through"):
        expected = simulate(made, 2**18, switching, joined=0).seconds
        for each in (trace, order_by_requirements(trace)):
            took = play(each, ways, stored=switching == "store-and-forward")
            assert took == pytest.approx(expected, rel=0.01)
    if machine == "star:5":
        alpha, rate = made.topology.alpha, float(made.topology.bandwidth[0])
        loggp = between_endpoints(5, float(alpha[0] + alpha[1]), 1 / rate)
        assert play(trace, loggp, stored=False) == pytest.approx(expected, rel=0.01)


def test_with_rendezvous_a_message_waits_for_both_ends_and_a_send_for_the_other():
    ways = between_endpoints(2, 500e-9, 1e-9)  # 1000 bytes: 1 us at each adapter, 0.5 us between
    sender = (Node(Kind.SEND, 1, 1000, 0), Node(Kind.WORK, nanoseconds=1000, requires=(0,)))
    receiver = (Node(Kind.WORK, nanoseconds=5000), Node(Kind.RECEIVE, 0, 1000, 0, (0,)))
    assert play((sender, receiver), ways, stored=True) == pytest.approx(5e-6)
    assert play((sender, receiver), ways, stored=True, rendezvous=True) == pytest.approx(8.5e-6)


def test_what_comes_at_one_time_may_go_in_the_order_of_its_way():
    # Two messages leave rank 0 at once; one of them goes on from rank 1.
    machine = topology("line:3")
    sends = (Node(Kind.SEND, 1, 1000, 0), Node(Kind.SEND, 2, 1000, 0))
    trace = (sends, (Node(Kind.RECEIVE, 0, 1000, 0),), (Node(Kind.RECEIVE, 0, 1000, 0),))
    ways = over_links(machine, range(3))
    alpha, each = float(machine.alpha[0]), 1 / float(machine.bandwidth[0])
    assert play(trace, ways, stored=True) == pytest.approx(3000 * each + 2 * alpha)
    first = play(trace, ways, stored=True, far_first=True)
    assert first == pytest.approx(2000 * each + 2 * alpha)


def test_the_order_of_starting_is_said_by_what_is_required():
    """Without it the second message overtakes the first, whose data come late."""
    sends = (
        *(Node(Kind.WORK, nanoseconds=1000 * (i + 1)) for i in range(3)),
        Node(Kind.SEND, 1, 1000, 0, requires=(0, 1, 2)),
        Node(Kind.SEND, 1, 1000, 1, follows=(3,)),
        Node(Kind.SEND, 1, 1000, 2, requires=(0,), follows=(4,)),
    )
    hears = tuple(Node(Kind.RECEIVE, 0, 1000, tag) for tag in range(3))
    ways = between_endpoints(2, 0.0, 1e-9)
    loose = tuple(replace(node, follows=()) for node in sends)
    [ordered, _] = order_by_requirements((sends, hears))
    assert not any(node.follows for node in ordered)
    found = [play((each, hears), ways, stored=False) for each in (sends, loose, ordered)]
    assert found == [pytest.approx(seconds) for seconds in (6e-6, 4e-6, 6e-6)]


def test_goal_and_chakra_say_the_same_always_in_the_same_bytes():
    made = schedule("ring:4", "all_reduce")
    text, files = emit(made, "goal:size=64KiB"), emit_files(made, "chakra:size=64KiB")
    assert (text, files) == (emit(made, "goal:size=64KiB"), emit_files(made, "chakra:size=64KiB"))
    trace = goal.decode(text)
    ordered = order_by_requirements(trace)
    for rank, nodes in enumerate(ordered):
        assert chakra.decode(rank, files[f"algorithm.{rank}.et"]) == nodes
    assert sorted(files)[-2:] == ["workload.2.et", "workload.3.et"]
    with pytest.raises(ProgramError, match="folder of files"):
        emit(made, "chakra")
    with pytest.raises(ProgramError, match="one text"):
        emit_files(made, "goal")


def test_a_collective_that_astra_sim_does_not_take_is_refused():
    with pytest.raises(ProgramError, match="not broadcast"):
        emit_files(schedule("ring:4", "broadcast"), "chakra")
    with pytest.raises(ProgramError, match="more than"):
        emit(schedule("ring:4", "all_to_all"), "goal:chunks=60000")


def test_a_timeline_shows_every_rank_and_link():
    made = schedule("star:3", "all_gather")
    trace, ranks, routes = make_trace(made, 2**16, None, None)
    ways = over_links(made.topology, ranks, routes)
    text, took = timeline(trace, ways, made.topology, ranks, stored=False)
    events = json.loads(text)["traceEvents"]
    slices = [event for event in events if event["ph"] == "X"]
    assert took == pytest.approx(simulate(made, 2**16, joined=0).seconds, rel=0.01)
    assert max(event["ts"] + event["dur"] for event in slices) == pytest.approx(took * 1e6)
    names = {event["args"]["name"] for event in events if event["ph"] == "M"}
    assert {"to r1", "from r1", "links", *made.topology.names[:3]} <= names
    # No link carries two messages at once, and in no row does anything overlap.
    rows = {(e["pid"], e["tid"]) for e in slices}
    assert sum(process == LINKS for process, _ in rows) == made.topology.links
    for row in rows:
        own = sorted((e["ts"], e["dur"]) for e in slices if (e["pid"], e["tid"]) == row)
        assert all(a + b <= c + 1e-5 for (a, b), (c, _) in pairwise(own))


def test_a_graph_says_what_links_carry_and_the_way_of_a_piece():
    made = schedule("star:3", "all_reduce")
    graph = emit(made, "dot")
    assert graph.count("->") == made.topology.links
    assert graph.count('color="red"') == 6
    assert 'label="step 0 +"' in emit(made, "dot:piece=0")
    with pytest.raises(ProgramError, match="piece is 99"):
        emit(made, "dot:piece=99")
    read = nx.parse_graphml(emit(made, "graphml"))
    assert (read.number_of_nodes(), read.number_of_edges()) == (4, 6)
    assert {data["busy"] for *_, data in read.edges(data=True)} == {1.0}


GOAL = "num_ranks 2\nrank 0 {\nl0: send 8b to 1 tag 0\n}\nrank 1 {\nl0: recv 8b from 0 tag 0\n}\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("num_ranks 2", "num_ranks two", "line 1"),
        ("num_ranks 2", "num_ranks 3", "expected 'rank 2 {'"),
        ("num_ranks 2", "num_ranks 1", "line 5"),
        ("rank 1 {", "rank 7 {", "line 5"),
        ("send 8b", "send 8x", "line 3"),
        ("l0: send", "l5: send", "label l5"),
        ("tag 0\n}", "tag 0\nl0 requires l9\n}", "line 4: l9 is no label of a line above"),
        ("tag 0\n}", "tag 0\nl0 requires l1\nl1: calc 0\n}", "line 4: l1 is no label"),
        ("l0: send", "l0 irequires l0\nl0: send", "line 3: l0 is no label"),
        ("from 0 tag 0\n}\n", "from 0 tag 0\n", "does not end"),
        (GOAL, "", "line 1"),
    ],
)
def test_goal_that_is_wrong_is_refused_with_its_line(old, new, said):
    assert len(goal.decode(GOAL)) == 2
    with pytest.raises(ForeignError, match=said):
        goal.decode(GOAL.replace(old, new, 1))


def test_a_damaged_chakra_trace_is_refused():
    data = chakra.encode(0, PING[0])
    assert chakra.decode(0, data) == PING[0]
    with pytest.raises(ForeignError, match="a message of rank 0 in the trace of rank 1"):
        chakra.decode(1, data)
    for end in range(len(data)):
        with suppress(ForeignError):
            assert len(chakra.decode(0, data[:end])) < 2
    for place in range(len(data)):
        for bit in (1, 128):
            changed = bytearray(data)
            changed[place] ^= bit
            with suppress(ForeignError):
                chakra.decode(0, bytes(changed))
