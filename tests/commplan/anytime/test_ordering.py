"""An all_to_all without a size: rounds that flood nobody, at the throughput that is proved."""

import pytest

import commplan
from commplan.anytime import ordering
from solvers.schedules.piece_loads import incast_bytes
from solvers.solve import solve

LARGE = 2**30


def planned(spec, size=None):
    machine = commplan.topology(spec)
    return commplan.plan(
        machine, commplan.collective("all_to_all", range(machine.ranks)), size=size
    )


@pytest.mark.parametrize(
    "spec",
    [
        *("ring:8", "torus:4x4", "hypercube:4", "dgx-1", "mi250:boxes=2", "dgx-a100:boxes=4"),
        *("dgx-h100:boxes=2", "nvl72", "leaf-spine:4x4x4:oversubscription=2", "atlas-a2:boxes=2"),
    ],
)
def test_the_simulator_confirms_the_optimum_at_large_sizes(spec):
    made = planned(spec)
    assert made.report.optimal
    assert commplan.simulate(made.schedule, LARGE).algbw >= 0.97 * float(made.report.algbw)


@pytest.mark.parametrize("spec", ["star:9", "dgx-a100:boxes=4", "dgx-h100:boxes=2"])
def test_on_switches_each_receiver_hears_from_one_sender_at_a_time(spec):
    assert incast_bytes(planned(spec).schedule) == 0


def test_small_messages_all_go_at_once_and_large_ones_in_rounds():
    small, large = (planned("star:9", size) for size in (2**12, 2**30))
    assert small.schedule.transfers.step.max() == 0
    assert large.schedule.transfers.step.max() == 7
    assert small.predicted < commplan.simulate(large.schedule, 2**12).seconds


def test_the_order_that_is_there_is_not_compared_with_itself():
    made = planned("star:9", 2**30)
    assert made.schedule.provenance["order"] == "8 rounds"
    assert "8 rounds" not in {each.name for each in made.candidates}


@pytest.mark.parametrize("spec", ["torus:3x4", "star:9", "dgx-1"])
def test_of_very_many_transfers_an_order_is_taken_without_playing_any(spec, monkeypatch):
    monkeypatch.setattr(ordering, "MANY", 0)
    monkeypatch.setattr(ordering, "simulate", None)
    made = planned(spec)
    assert made.report.optimal
    assert made.schedule.provenance["order"]
    assert commplan.simulate(made.schedule, LARGE).algbw >= 0.9 * float(made.report.algbw)


@pytest.mark.parametrize("size", [2**12, None])
def test_an_order_is_carried_over_to_a_schedule_that_is_like_it(size):
    old = planned("star:9", size).schedule
    whole = solve(old.topology, old.collective)
    again = ordering.order_like(whole, old)
    assert again.transfers.step.max() == old.transfers.step.max()
    assert again.provenance["order"] == ("8 rounds" if size is None else "all at once")
