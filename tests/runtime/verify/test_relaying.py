"""Ranks outside a collective do what its relays say: the checker refuses everything else."""

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from runtime.verify.relaying import mark_relay_copies
from runtime.verify.verify import verify
from solvers.schedules.certificate import Bound
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from solvers.schedules.schedule import Schedule, Transfer, columns, schedule
from solvers.settings.options import SolverOptions
from solvers.solve import solve
from topologies.derive.part import without_others
from topologies.model.topology import Topology
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import full_mesh, line, torus

UNBOUND = Bound(None, "none", None)
COPIES = "a rank outside the collective copies or adds here, and may only pass on"


def over(topology: Topology, *ranks: int) -> tuple[int, ...]:
    """List the links of a way from rank to rank."""
    ends = list(zip(topology.src.tolist(), topology.dst.tolist(), strict=True))
    return tuple(ends.index(pair) for pair in itertools.pairwise(ranks))


def sent(topology: Topology, name: str, ranks: list[int], rows: list[tuple], relays: str):
    """Write a schedule of one piece: (step, src, dst, adds) each."""
    what = collective(name, ranks, ranks[0] if name in ROOTED else None)
    transfers = [
        Transfer(0, step, src, dst, over(topology, src, dst), bool(adds))
        for step, src, dst, adds in rows
    ]
    made = schedule(topology, what, [(0, Fraction(1))], transfers, UNBOUND)
    return replace(made, relays=relays)


def refused(made: Schedule) -> list[tuple[int, int, int]]:
    """Name the transfers that are marked, and see that the checker refuses just these."""
    rows = made.transfers
    marked = np.flatnonzero(mark_relay_copies(made)).tolist()
    report = verify(made)
    told = [fault for fault in report.faults if fault.endswith(COPIES)]
    assert len(told) == len(marked)
    assert report.correct == (not marked), report.faults
    assert verify(replace(made, relays="all")).correct
    return [(int(rows.step[t]), int(rows.src[t]), int(rows.dst[t])) for t in marked]


def test_a_copy_at_a_rank_outside_is_refused():
    once = [(0, 0, 3, 0), (1, 3, 1, 0)]
    mesh = full_mesh(4)
    fine = [*once, (2, 0, 2, 0)]
    assert refused(sent(mesh, "broadcast", [0, 1, 2], fine, "forward")) == []
    at_once, later = [*once, (1, 3, 2, 0)], [*once, (2, 3, 2, 0)]
    for rows, step in ((at_once, 1), (later, 2)):
        assert refused(sent(mesh, "broadcast", [0, 1, 2], rows, "forward")) == [
            (1, 3, 1),
            (step, 3, 2),
        ]


def test_what_comes_twice_may_go_twice():
    mesh = full_mesh(4)
    together = [(0, 0, 3, 0), (0, 0, 3, 0), (1, 3, 1, 0), (1, 3, 2, 0)]
    in_turn = [(0, 0, 3, 0), (1, 3, 1, 0), (1, 0, 3, 0), (2, 3, 2, 0)]
    assert refused(sent(mesh, "broadcast", [0, 1, 2], together, "forward")) == []
    assert refused(sent(mesh, "broadcast", [0, 1, 2], in_turn, "forward")) == []
    # The second message takes the place of the first before that went on.
    lost = [(0, 0, 3, 0), (1, 0, 3, 0), (2, 3, 1, 0), (3, 3, 2, 0)]
    assert refused(sent(mesh, "broadcast", [0, 1, 2], lost, "forward")) == [(2, 3, 1), (3, 3, 2)]


def test_a_sum_at_a_rank_outside_is_refused_though_it_goes_on_once():
    mesh = full_mesh(4)
    rows = [(0, 1, 3, 0), (1, 2, 3, 1), (2, 3, 0, 1)]
    assert refused(sent(mesh, "reduce", [0, 1, 2], rows, "forward")) == [(1, 2, 3)]
    in_turn = [(0, 1, 3, 0), (1, 3, 0, 1), (1, 2, 3, 0), (2, 3, 0, 1)]
    assert refused(sent(mesh, "reduce", [0, 1, 2], in_turn, "forward")) == []


def test_ranks_that_take_part_copy_and_add_as_they_like():
    rows = [(0, 0, 1, 1), (0, 2, 1, 1), (1, 1, 0, 0), (1, 1, 2, 0)]
    assert refused(sent(line(4), "all_reduce", [0, 1, 2], rows, "forward")) == []


def test_a_machine_with_links_at_ranks_outside_is_refused_where_these_do_nothing():
    rows = [(0, 0, 1, 0), (1, 1, 2, 0)]
    whole = line(4)
    made = sent(whole, "broadcast", [0, 1, 2], rows, "none")
    assert verify(made).faults == ("rank 3 takes no part, and yet the machine has links there",)
    left = without_others(whole, [0, 1, 2])
    assert verify(sent(left, "broadcast", [0, 1, 2], rows, "none")).correct


@pytest.mark.parametrize("relays", ["none", "forward", "all"])
@pytest.mark.parametrize("name", COLLECTIVES)
def test_schedules_of_groups_keep_to_it_and_say_so(name, relays):
    ranks = (1, 2, 5, 6)
    what = collective(name, ranks, 5 if name in ROOTED else None)
    made = solve(torus([2, 4]), what, options=SolverOptions(relays=relays))
    assert made.relays == relays
    report = verify(made)
    assert report.correct, report.faults
    if relays != "all":
        assert report.optimal
        assert not mark_relay_copies(made).any()


@pytest.mark.parametrize("seed", range(8))
def test_one_more_message_out_of_a_relay_is_refused(seed):
    """Whatever leaves a rank outside cannot leave once more, but with the relays all."""
    topology = random_machine(seed, 5, 1, density=0.05)
    draw = np.random.default_rng(seed)
    ranks = sorted(draw.choice(5, 2, replace=False).tolist())
    made = solve(topology, collective("all_gather", ranks), options=SolverOptions(relays="forward"))
    rows = [made.transfers[t] for t in range(len(made.transfers))]
    outside = [row for row in rows if row.src not in ranks]
    for row in outside:
        again = replace(made, transfers=columns([*rows, row]))
        assert mark_relay_copies(again).any()
        assert not verify(again).correct
