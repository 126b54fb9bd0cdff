"""Groups of ranks: proved optimal, equal to an LP that knows nothing of parts, in order."""

from fractions import Fraction

import numpy as np
import pytest

from bench.optimum import optimum
from commplan import Infeasible
from commplan.planning.relayed import best_with_relays
from runtime.verify.verify import verify
from solvers.certify.certificates import prove
from solvers.groups.parts import (
    submachines,
    submachines_with_helpers,
    to_submachine,
    whole_bound,
)
from solvers.groups.reach import restrict_relays
from solvers.schedules.capabilities import RELAYS, Relays
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from solvers.solve import bound, solve
from topologies.derive.part import submachine
from topologies.derive.restrict import restrict
from topologies.formats.spec import topology as named
from topologies.model.topology import Topology
from topologies.presets.huawei import cloudmatrix384
from topologies.presets.nvidia import dgx_a100
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import ring, torus
from topologies.symmetry.group import trivial

TOLERANCE = 1e-9  # of the LP, which computes in floats
GB = 10**9


def drawn(seed: int) -> tuple[Topology, list[int]]:
    """Draw a machine, with and without switches, and a group of its ranks that are not all."""
    draw = np.random.default_rng([seed, 9])
    ranks = int(draw.integers(3, 5))
    made = random_machine(seed, ranks, int(draw.integers(0, 3)), density=0.05)
    return made, sorted(draw.choice(ranks, int(draw.integers(2, min(ranks, 4))), False).tolist())


def asked(name: str, ranks: list[int], place: int = -1) -> Collective:
    return collective(name, ranks, ranks[place] if name in ROOTED else None)


def opinion(topology: Topology, name: str, ranks: list[int], relays: Relays) -> float:
    """Give the optimum of the LP over all trees in which ranks outside are switches.

    With the relays all they stay ranks that may copy and add.
    """
    if relays == "all":
        return optimum(topology, asked(name, ranks))
    left = restrict_relays(topology, asked(name, ranks), relays)
    return optimum(restrict(left, ranks), asked(name, list(range(len(ranks)))))


@pytest.mark.parametrize("name", COLLECTIVES)
@pytest.mark.parametrize("relays", ["none", "forward"])
def test_groups_of_random_machines_are_proved_and_equal_an_lp(name, relays):
    connected = 0
    for seed in range(6):
        topology, ranks = drawn(seed)
        what, options = asked(name, ranks), SolverOptions(relays=relays)
        try:
            made = solve(topology, what, Watch(60), options)
        except Infeasible:
            assert relays == "none"
            continue
        report = verify(made)
        assert report.optimal, (seed, report.faults)
        best = opinion(topology, name, ranks, relays)
        assert float(report.algbw) == pytest.approx(best, rel=TOLERANCE), seed
        assert bound(topology, what, Watch(60), options).algbw == report.algbw
        connected += 1
    assert connected >= 2


@pytest.mark.parametrize("name", COLLECTIVES)
def test_more_help_is_never_slower_and_its_bound_holds(name):
    for seed in range(8, 12):
        topology, ranks = drawn(seed)
        what, rates = asked(name, ranks), []
        for relays in RELAYS:
            try:
                made = best_with_relays(topology, what, Watch(60), SolverOptions(relays=relays))
            except Infeasible:
                assert relays == "none"
                continue
            assert made.schedule.relays == relays
            rates.append(made.report.algbw)
            limit = made.schedule.bound.algbw
            assert limit is not None
            assert limit >= made.report.algbw
        assert rates == sorted(rates)
        best = opinion(topology, name, ranks, "all")
        assert float(limit) >= best * (1 - TOLERANCE)
        assert float(rates[-1]) <= best * (1 + TOLERANCE)


# What a rank sends in GB/s, over all links that lead somewhere: with none, forward (n / (2 (n - 1))
# of it is the rate of an all_reduce, n / (n - 1) that of an all_gather); and the rate with all.
KNOWN = [
    ("star:8", (0, 1, 2, 3), 25, 25, 25),
    ("star:8", (0, 2, 5, 6), 25, 25, 25),
    ("torus:4x4", (0, 1, 2, 3), 50, 100, Fraction(250, 3)),
    ("torus:4x4", (0, 5, 10, 15), None, 100, 100),
    ("cloudmatrix384:nodes=2", (0, 8, 16, 24), 196, 392, None),
    ("dgx-a100:boxes=4", (0, 1, 2, 3), 325, 325, 325),
    ("dgx-a100:boxes=4", (0, 8, 16, 24), 25, 200, Fraction(400, 3)),
]


@pytest.mark.parametrize(("name", "ranks", "alone", "passing", "helped"), KNOWN)
def test_four_ranks_of_a_machine_reach_what_their_own_links_carry(
    name, ranks, alone, passing, helped
):
    topology = named(name)
    for relays, rate in (("none", alone), ("forward", passing)):
        for what, share in (
            ("all_reduce", Fraction(4, 6)),
            ("all_gather", Fraction(4, 3)),
            ("reduce_scatter", Fraction(4, 3)),
            ("broadcast", 1),
            ("scatter", Fraction(4, 3)),
        ):
            if rate is None:
                with pytest.raises(Infeasible, match=r"into 4 parts: r0.0 \| r1.1 \| r2"):
                    solve(topology, asked(what, ranks), Watch(60), SolverOptions(relays=relays))
                continue
            made = solve(topology, asked(what, ranks), Watch(60), SolverOptions(relays=relays))
            assert verify(made).optimal
            assert made.bound.algbw == rate * share * GB, (relays, what)
    if helped is not None:
        options = SolverOptions(relays="all")
        made = best_with_relays(topology, asked("all_reduce", ranks), Watch(60), options)
        assert made.report.optimal
        assert made.report.algbw == helped * GB


def test_a_bound_where_all_may_help_is_above_what_is_reached_and_says_so():
    what, options = asked("all_reduce", (0, 1, 8, 16)), SolverOptions(relays="all")
    made = best_with_relays(named("dgx-a100:boxes=4"), what, Watch(60), options)
    assert made.report.correct
    assert made.report.algbw is not None
    assert made.report.algbw >= 150 * GB
    assert made.schedule.bound.algbw == 200 * GB
    assert not made.report.optimal


@pytest.mark.parametrize(
    ("name", "ranks"),
    [("all_reduce", range(8)), ("all_to_all", range(3, 90, 22)), ("broadcast", (5, 300, 301))],
)
def test_what_the_part_proves_is_proved_for_the_whole_machine(name, ranks):
    topology, what = cloudmatrix384(24), asked(name, tuple(ranks))
    made = solve(topology, what, Watch(60))
    assert made.topology is topology
    assert verify(made).optimal
    certificate = made.bound.certificate
    limit = prove(topology, what, certificate, trivial(topology), relays="forward")
    assert limit == made.bound.algbw


def test_a_bound_of_a_part_that_is_beaten_outside_is_told_to_be_higher():
    """A row of a torus alone has half of the links that it has over the other rows."""
    topology, what = torus([4, 4]), asked("all_reduce", (0, 1, 2, 3))
    cut = submachine(topology, [0, 1, 2, 3])
    inner = solve(cut.topology, to_submachine(cut, what), Watch(60))
    bound = whole_bound(inner.bound, cut, what, "forward", in_network=False)
    assert bound is None or bound.algbw > inner.bound.algbw


def test_parts_grow_from_the_ranks_to_their_boxes_and_hold_them_all():
    topology = dgx_a100(8)
    ranks = (0, 9, 17)
    sizes = []
    for cut in submachines(topology, asked("all_gather", ranks)):
        sizes.append(cut.topology.ranks)
        assert cut.vertices[
            list(to_submachine(cut, asked("all_gather", ranks)).ranks)
        ].tolist() == (list(ranks))
    assert sizes == sorted(sizes)
    assert sizes
    assert list(submachines(topology, asked("all_gather", range(64)))) == []


def test_helpers_are_near_and_none_of_the_group():
    topology = torus([8, 8])
    found = [
        cut.vertices.tolist()
        for cut in submachines_with_helpers(topology, asked("all_reduce", (0, 1)))
    ]
    assert found
    assert all({0, 1} < set(vertices) for vertices in found)
    assert found[0] == [0, 1, 2, 7, 8, 9, 56, 57]  # all that have a link to one of the two


def test_many_parts_are_named_in_short():
    with pytest.raises(Infeasible) as told:
        restrict_relays(ring(64), asked("all_gather", range(0, 64, 2)), "none")
    assert str(told.value).endswith("| r14 | and 24 more")
    topology, what = ring(64), asked("all_gather", [*range(20), *range(30, 32)])
    with pytest.raises(Infeasible, match=r"into 2 parts: .*r7 and 12 more \| r30, r31$"):
        restrict_relays(topology, what, "none")
    assert restrict_relays(topology, what, "forward") is topology


def test_a_regular_group_keeps_its_symmetry_in_the_whole_machine():
    topology = cloudmatrix384(nodes=8)
    made = solve(topology, asked("all_gather", list(range(0, 128, 16))), Watch(60))
    assert made.group.order >= 8
    assert len(made.transfers) * made.group.order < 1000
    assert verify(made).optimal


@pytest.mark.parametrize(
    ("name", "ranks", "rate"),
    [
        ("cloudmatrix384:nodes=16", range(0, 256, 32), 392),  # around hubs in the same nodes
        ("dgx-a100:boxes=16", range(0, 64, 16), 200),  # around hubs in other boxes
        ("dgx-a100:boxes=16", (0, 3, 16, 32, 48), 200),  # and two in a box through one there
        ("torus:6x6", (0, 7, 14, 21), 100),
    ],
)
def test_ranks_outside_add_up_for_all_as_fast_as_each_sends_and_receives(name, ranks, rate):
    options = SolverOptions(relays="all")
    made = best_with_relays(named(name), asked("all_reduce", list(ranks)), Watch(60), options)
    assert made.report.optimal
    assert made.report.algbw == rate * GB


def test_bounds_of_a_part_are_not_told_as_those_of_the_whole():
    whole, told = torus((4, 4)), []
    what = asked("all_to_all", [5, 6, 9, 10])
    watch = Watch(on_progress=lambda news: told.append(news.bound))
    best = verify(solve(whole, what, watch, SolverOptions(relays="none")))
    assert best.correct
    left = restrict_relays(whole, what, "none")
    for each in told:
        if each is not None:
            assert prove(left, what, each.certificate, trivial(left), relays="none") >= best.algbw


@pytest.mark.parametrize("name", ["all_gather", "all_to_all", "broadcast"])
def test_dead_ends_make_no_part_of_a_machine_without_others_too_narrow(name):
    whole, ranks = dgx_a100(4), [0, 8, 16, 24]
    what = asked(name, ranks)
    left = restrict_relays(whole, what, "none")
    assert next(submachines(left, what)).topology.vertices < whole.vertices
    found = solve(whole, what, options=SolverOptions(relays="none"))
    assert verify(found).optimal
    assert found.pieces <= len(ranks) ** 2
