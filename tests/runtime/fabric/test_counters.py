import pytest

from runtime.fabric.commands import HEADERS
from runtime.fabric.counters import compare_flows
from solvers.schedules.kinds import collective
from solvers.solve import solve
from topologies.presets.shapes import star

SIZE, CALLS = 4 * 10**6, 10


@pytest.fixture(scope="module")
def gather():
    return solve(star(4), collective("all_gather", range(4)))


def counted(change=lambda pair, planned: planned):
    """Let each link carry what an all_gather on a star of four puts on it, or something else."""
    pairs = [(r, 4) for r in range(4)] + [(4, r) for r in range(4)]
    share = dict.fromkeys(pairs, SIZE * CALLS * 3 / 4)
    return {pair: int(change(pair, planned) * HEADERS) for pair, planned in share.items()}


def test_bytes_as_planned_are_right(gather):
    before = dict.fromkeys(counted(), 0)
    found = compare_flows(gather, SIZE, CALLS, before, counted())
    assert len(found) == 8
    assert all(flow.right for flow in found)
    assert all(flow.counted == pytest.approx(flow.planned, rel=1e-6) for flow in found)


def test_what_was_carried_before_does_not_count(gather):
    before = dict.fromkeys(counted(), 10**9)
    after = {pair: count + 10**9 for pair, count in counted().items()}
    assert all(flow.right for flow in compare_flows(gather, SIZE, CALLS, before, after))


@pytest.mark.parametrize("factor", [0.0, 0.9, 1.1, 2.0])
def test_a_link_with_other_bytes_than_planned_is_noticed(gather, factor):
    after = counted(lambda pair, planned: planned * factor if pair == (4, 2) else planned)
    found = compare_flows(gather, SIZE, CALLS, dict.fromkeys(after, 0), after)
    assert [(flow.src, flow.dst) for flow in found if not flow.right] == [(4, 2)]


def test_messages_may_carry_headers_but_nothing_more(gather):
    # Each rank sends three messages, or one that the switch's other side gets three of.
    small, chunks = 2**16, 64
    pairs = [(r, 4) for r in range(4)] + [(4, r) for r in range(4)]
    before = dict.fromkeys(pairs, 0)
    planned = small * CALLS * 3 / 4
    message = planned + 60 * 2 * 3 * chunks * CALLS
    heavier = message + 2_000 * 200 * CALLS
    for carried, right in ((message, True), (heavier, False)):
        after = dict.fromkeys(pairs, int(carried * HEADERS))
        found = compare_flows(gather, small, CALLS, before, after, chunks)
        assert all(flow.right is right for flow in found)
