"""Where messages cost something, as few are chosen as take about as long."""

from dataclasses import replace

import pytest

from commplan.candidates.thrift import fewer_chunks, spare_messages
from commplan.candidates.tuning import BUSY, CHEAP, ROOM
from commplan.planning.planner import plan
from runtime.metrics.chunking import chunks, message_cost
from runtime.metrics.pacing import pacing_of, with_pacing
from runtime.program.scratch import scratch
from runtime.simulate.simulate import simulate
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from topologies.formats.spec import topology

SIZE = 2**26


def planned(overhead):
    machine = topology(f"star:8:bandwidth=1:overhead={overhead}")
    return plan(machine, collective("all_reduce", range(8)), size=SIZE)


@pytest.fixture(scope="module")
def costly():
    return planned(200)


def test_fewer_chunks_are_taken_where_that_costs_little(costly):
    """The plan's own pacing is among those that fewer chunks are drawn from, but for its pace."""
    found = costly.schedule
    usual = with_pacing(found, replace(pacing_of(found), pace=1.0))
    assert chunks(found, SIZE) <= chunks(usual, SIZE) / 2
    for sharing in ("fifo", "fair"):
        ours, more = (simulate(each, SIZE, sharing=sharing).seconds for each in (found, usual))
        assert ours <= CHEAP * more


def test_they_are_not_fewer_than_needed(costly):
    """Twice as many would keep a rank busy, and still fewer do so no more or take longer."""
    found = costly.schedule
    assert 2 * chunks(found, SIZE) * message_cost(found) > BUSY * costly.predicted
    half = with_pacing(found, next(fewer_chunks(pacing_of(found))))
    assert (
        chunks(found, SIZE) * message_cost(found) <= BUSY * costly.predicted
        or scratch(half, chunks(half, SIZE)) > ROOM
        or simulate(half, SIZE).seconds > costly.predicted
    )


def test_nothing_changes_where_messages_cost_nothing():
    found = planned(0).candidates
    assert spare_messages(list(found), SIZE, Watch(), "cut-through", None) == list(found)
