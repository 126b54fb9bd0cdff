"""The scratch that is told is that of the programs that are made."""

import pytest

from runtime.alone import own_exchange
from runtime.alone.own_program import lower_for
from runtime.alone.own_scratch import needed_scratch
from runtime.metrics.chunking import LARGE
from runtime.program.program import Buffer
from runtime.program.scratch import scratch
from solvers.flows.exchange import route_exchange
from solvers.schedules.computed.exchange import exchange
from solvers.settings.deadline import Watch
from solvers.settings.options import DEFAULT_OPTIONS
from topologies.formats.spec import topology


def routed(name):
    machine = topology(name)
    ranks = tuple(range(machine.ranks))
    return route_exchange(machine, exchange(ranks), Watch(60), DEFAULT_OPTIONS)


@pytest.mark.parametrize("name", ["torus:4x5", "mi250:boxes=1", "star:5"])
def test_of_a_large_exchange_it_is_the_most_of_the_parts_of_all_ranks(name, monkeypatch):
    schedule = routed(name)
    assert needed_scratch(schedule) == scratch(schedule)  # as long as all are made together
    monkeypatch.setattr(own_exchange, "WRITTEN", 0)
    count = LARGE // 4
    parts = [lower_for(schedule, rank, count) for rank in range(schedule.topology.ranks)]
    most = max(int(each.program.counts[each.process, Buffer.SCRATCH]) for each in parts)
    assert needed_scratch(schedule) * count == most


def test_where_more_ranks_differ_it_is_that_of_a_program_for_all(monkeypatch):
    monkeypatch.setattr(own_exchange, "WRITTEN", 0)
    assert needed_scratch(routed("torus:8x8")) != scratch(routed("torus:8x8"))
    monkeypatch.setattr("runtime.alone.own_scratch.KINDS", 0)
    assert needed_scratch(routed("torus:8x8")) == scratch(routed("torus:8x8"))
