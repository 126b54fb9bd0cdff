"""Switches that copy and add: what the checker lets them do, and what runs."""

from dataclasses import replace
from fractions import Fraction

import pytest

from runtime.program.lower import lower
from runtime.program.program import ProgramError
from runtime.simulate.simulate import simulate
from runtime.verify.verify import verify
from solvers.schedules.certificate import Bound, Prices
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule, Transfer, columns, schedule
from topologies.model.topology import Topology, integers
from topologies.presets.shapes import star

HUB = 4
NO_BOUND = Bound(None, "none", None)


def link(machine: Topology, src: int, dst: int) -> int:
    return next(e for e in range(machine.links) if (machine.src[e], machine.dst[e]) == (src, dst))


def up(machine: Topology, rank: int, step: int = 0) -> Transfer:
    return Transfer(0, step, rank, HUB, (link(machine, rank, HUB),), reduce=True)


def down(machine: Topology, rank: int, step: int = 1) -> Transfer:
    return Transfer(0, step, HUB, rank, (link(machine, HUB, rank),))


def summed(multicast: bool = True, reduce: bool = True, **changes: object) -> Schedule:
    """Add up in the switch of a star of four, 1 GB/s each, and hand out from there."""
    machine = star(4, bandwidth=10**9, alpha=1e-6, multicast=multicast, reduce=reduce)
    rows = [move(machine, rank) for move in (up, down) for rank in range(4)]
    what = collective("all_reduce", range(4))
    made = schedule(machine, what, [(0, Fraction(1))], rows, NO_BOUND, in_network=True)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_switch_with_both_flags_adds_and_copies():
    report = verify(summed())
    assert report.faults == ()
    assert (report.algbw, report.height) == (10**9, 2)


def test_a_switch_without_the_flag_is_refused():
    assert verify(summed(reduce=False)).faults[0] == (
        "piece 0 (block 0): rank 0 to switch s0 in step 0: the switch does not add"
    )
    assert verify(summed(multicast=False)).faults == tuple(
        f"piece 0 (block 0): switch s0 to rank {rank} in step 1: the switch does not copy, and "
        "sends this piece a second time"
        for rank in (1, 2, 3)
    )
    assert "neither copies nor adds" in verify(summed(False, False)).faults[0]


def test_a_schedule_that_does_not_say_so_has_no_switch_at_an_end():
    assert "there is no rank 4 (there are 4)" in verify(summed(in_network=False)).faults[0]


def test_a_switch_that_only_adds_may_send_the_sum_once():
    machine = star(4, bandwidth=10**9, reduce=True)
    what = collective("reduce", range(4), 0)
    rows = [*(up(machine, rank) for rank in (1, 2, 3)), down(machine, 0)._replace(reduce=True)]
    made = schedule(machine, what, [(0, Fraction(1))], rows, NO_BOUND, in_network=True)
    assert verify(made).correct


@pytest.mark.parametrize("lost", range(8))
def test_any_lost_message_is_noticed(lost):
    made = summed()
    rows = [made.transfers[t] for t in range(8) if t != lost]
    assert not verify(replace(made, transfers=columns(rows))).correct


def test_a_message_that_leaves_the_switch_too_early_is_noticed():
    made = summed()
    rows = [made.transfers[t] for t in range(8)]
    rows[7] = rows[7]._replace(step=0)
    faults = verify(replace(made, transfers=columns(rows))).faults
    assert "switch s0 sends to rank 3 in step 0 but holds nothing" in faults[0]


def test_prices_of_trees_over_ranks_alone_prove_nothing_where_switches_add():
    """At equal prices a plain all_reduce pays 12 of 8 links, one through the switch pays 8."""
    prices = Prices((Fraction(1),), integers([0] * 8))
    plain = Bound(Fraction(2 * 10**9, 3), "reduce-broadcast trees", prices)
    assert (
        "certificate proves 1 GB/s, not 0.666666667 GB/s" in verify(summed(bound=plain)).faults[0]
    )
    able = verify(summed(bound=replace(plain, algbw=Fraction(10**9))))
    assert able.correct
    assert able.optimal


def test_it_is_simulated_as_ranks_are():
    found = simulate(summed(), 10**6, chunks=1)
    # Up and down 1 MB at 1 GB/s, and a microsecond for each link.
    assert found.seconds == pytest.approx(2 * (1e-3 + 1e-6), rel=1e-6)


def test_no_program_is_made_of_it():
    with pytest.raises(ProgramError, match=r"^in-network schedule: switch s0 copies or adds"):
        lower(summed(), 8)
