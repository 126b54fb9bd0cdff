"""The core in C and its twin play the same, and what they play is what it is meant to be."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from runtime.metrics import chunking
from runtime.metrics.pacing import ORDERS, Pacing, pacing_of, with_pacing
from runtime.simulate import messages as making
from runtime.simulate.classes import Classes
from runtime.simulate.messages import Cutting, make_traffic
from runtime.simulate.play import is_built, play_in_c, play_in_python
from runtime.simulate.simulate import SHARINGS, simulate
from runtime.simulate.twin import NEVER, Station
from solvers.bounds.time_bound import time_lower_bound
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Transfer
from solvers.schedules.schedule import schedule as put_together
from solvers.schedules.unfold import unfold
from solvers.settings.options import SWITCHINGS
from solvers.solve import solve
from solvers.templates import TEMPLATES
from solvers.templates.layout import TemplateError
from topologies.formats.spec import topology
from topologies.model.errors import ArgumentError
from topologies.model.topology import Link, Switch, build, frozen
from topologies.presets.random_machines import (
    irregular_machine,
    random_machine,
    wild_machine,
)
from topologies.presets.shapes import line, star

core = pytest.mark.skipif(not is_built(), reason="there was no compiler at install")
NAMES = ("all_reduce", "all_gather", "all_to_all", "broadcast", "reduce", "reduce_scatter")
MB = 10**6


def unlike(schedule, size, chunks, joined=2**14):
    """List the ways in which the core and its twin differ."""
    classes = Classes(schedule)
    for whole, (fair, lead) in product((False, True), ((False, 1), (False, 4), (True, 3))):
        cutting = Cutting(size, chunks, joined, ORDERS[lead % 2], pacing_of(schedule).phases)
        work = make_traffic(schedule, classes, cutting, whole, fair)
        ours, theirs = play_in_c(work, lead), play_in_python(work, lead)
        if ours != theirs:
            yield whole, fair, lead, ours, theirs


@core
def test_a_play_is_given_up_only_where_its_end_is_after_the_limit():
    machine = wild_machine(3, 7)
    made = solve(machine, collective("all_gather", range(machine.ranks)))
    work = make_traffic(made, Classes(made), Cutting(MB, 3, 2**14, "place"), False)
    whole = play_in_c(work, 3)
    for limit in (whole.end // 2, whole.end - 1, whole.end, 2 * whole.end):
        ours, theirs = play_in_c(work, 3, limit), play_in_python(work, 3, limit)
        assert ours.late == theirs.late
        assert not ours.late or whole.end > limit
        assert ours.late or ours == theirs == whole
    assert play_in_c(work, 3, whole.end // 2).late


VARIED = (
    *("ring-1", "ring-5", "line-5", "star-3", "full_mesh-3", "torus-2x4", "mesh-3x3"),
    *("hypercube-3", "nd-full-mesh-2x3", "leaf-spine-2x2x2", "dgx-1", "one port"),
)


@core
@pytest.mark.parametrize("small_machine", VARIED, indirect=True)
def test_core_and_twin_agree_on_templates(small_machine):
    for name, (template, kinds) in TEMPLATES.items():
        for what in kinds:
            try:
                made = template(small_machine, collective(what, range(small_machine.ranks)))
            except (TemplateError, ValueError):
                continue
            assert list(unlike(made, MB, 3)) == [], (name, what)


@core
@pytest.mark.parametrize("seed", range(15))
def test_core_and_twin_agree_on_wild_machines(seed):
    drawn = wild_machine(seed, 7)
    for name in (NAMES[seed % 6], NAMES[(seed + 1) % 6]):
        root = 0 if name in ("broadcast", "reduce") else None
        made = solve(drawn, collective(name, range(drawn.ranks), root))
        made = with_pacing(made, Pacing(phases=1 + seed % 3, dealt=seed % 2 > 0))
        for size, chunks in ((300, 1), (10**8, 4)):
            assert list(unlike(made, size, chunks)) == []


@core
@pytest.mark.parametrize("seed", range(10))
def test_core_and_twin_agree_where_pieces_have_different_numbers_of_chunks(seed, monkeypatch):
    drawn = random_machine(seed, 6, 2)
    made = solve(drawn, collective("all_reduce", range(6)))
    cuts = np.random.default_rng(seed).integers(1, 8, made.pieces)
    monkeypatch.setattr(making, "chunks_of", lambda schedule, size, chunks: cuts)
    assert list(unlike(made, 10**6, 7)) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_station_takes_the_first_gap_that_is_long_enough(seed):
    draw, station, taken = np.random.default_rng(seed), Station(), np.zeros(400, dtype=bool)
    now = 0
    for _ in range(40):
        now += int(draw.integers(0, 3))
        ready, work = now + int(draw.integers(0, 9)), int(draw.integers(1, 6))
        end, free = station.reserve(now, ready, work)
        begin = end - work
        fits = [t for t in range(ready, 390) if not taken[t : t + work].any()]
        assert begin == fits[0]
        if free == NEVER:
            assert not taken[now:begin].any()
        else:
            assert taken[free - 1]
            assert not taken[free:begin].any()
        taken[begin : begin + work] = True


@pytest.mark.parametrize("seed", range(5))
def test_images_take_all_gaps_until_they_have_gone(seed):
    draw, station, taken = np.random.default_rng(seed), Station(), np.zeros(900, dtype=bool)
    now = 0
    for turn in range(60):
        now += int(draw.integers(0, 9))
        ready, work = now + int(draw.integers(0, 20)), int(draw.integers(1, 6))
        gaps = np.flatnonzero(~taken[ready:]) + ready
        if turn % 2:
            taken[station.reserve(now, ready, work)[0] - work :][:work] = True
            continue
        end, free = station.reserve_apart(now, ready, work)
        assert end == gaps[work - 1] + 1
        assert free == NEVER or free <= gaps[0]
        taken[gaps[:work]] = True


def chain(rates, alpha=0.0):
    links = [Link(f"r{i}", f"r{i + 1}", Fraction(rate), alpha) for i, rate in enumerate(rates)]
    return build("chain", [f"r{i}" for i in range(len(rates) + 1)], [], links)


FIRST = Transfer(0, 0, 0, 1, (0,))


def two_blocks(lead, blocking=False, first=FIRST):
    """Let b's own block leave in step 1, after a slow message of step 0, or beside it."""
    back = Link("r1", "r0", Fraction(10**8))
    links = [Link("r0", "r1", Fraction(10**8)), Link("r1", "r2", Fraction(10**9)), back]
    made = put_together(
        build("chain", ["r0", "r1", "r2"], [], links),
        collective("all_gather", range(3)),
        [(b, Fraction(1)) for b in range(3)],
        [first, Transfer(1, 1, 1, 2, (1,))],
        UNPROVED,
    )
    return simulate(made, 3 * MB, chunks=1, lead=lead, blocking=blocking).seconds


def test_a_lead_lets_the_next_step_begin():
    assert two_blocks(1) == pytest.approx(MB / 10**8 + MB / 10**9)
    assert two_blocks(2) == pytest.approx(MB / 10**8)


def test_a_blocking_rank_waits_for_what_it_gets_and_not_for_what_it_sends():
    assert two_blocks(2, blocking=True) == pytest.approx(MB / 10**8 + MB / 10**9)
    sent = Transfer(1, 0, 1, 0, (2,))
    assert two_blocks(1, first=sent) == pytest.approx(MB / 10**8 + MB / 10**9)
    assert two_blocks(2, blocking=True, first=sent) == pytest.approx(MB / 10**8)


def test_blocking_is_for_schedules_without_a_group():
    with pytest.raises(ArgumentError, match="expected a schedule without a group"):
        simulate(solve(star(4), collective("all_gather", range(4))), MB, blocking=True)


def test_a_message_that_cannot_start_holds_back_those_behind_it_to_the_same_rank_alone():
    links = [
        *(Link("a", "b", Fraction(10**8)), Link("b", "c", Fraction(10**9))),
        Link("b", "d", Fraction(10**9)),
    ]
    machine = build("fork", list("abcd"), [], links)
    what = collective("all_gather", range(4))
    # Piece 0 goes from b to c and to d in step 1, in front of b's own block to c.
    sends = [
        *(Transfer(0, 0, 0, 1, (0,)), Transfer(0, 1, 1, 2, (1,)), Transfer(1, 1, 1, 2, (1,))),
        Transfer(1, 1, 1, 3, (2,)),
    ]
    pieces = [(b, Fraction(1)) for b in range(4)]
    whole = put_together(machine, what, pieces, sends, UNPROVED)
    assert simulate(whole, 4 * MB, chunks=1, lead=2, order="piece").seconds == pytest.approx(
        MB / 10**8 + 2 * MB / 10**9
    )
    fourth = replace(whole, transfers=whole.transfers.rows(np.array([0, 1, 3])))
    assert simulate(fourth, 4 * MB, chunks=1, lead=2).seconds == pytest.approx(
        MB / 10**8 + MB / 10**9
    )


def test_a_lead_of_two_pipelines_a_broadcast_to_all_of_a_star():
    made = TEMPLATES["direct"][0](star(5), collective("scatter", range(5), 0))
    one, two = (simulate(made, MB, chunks=8, lead=lead).seconds for lead in (1, 2))
    assert two <= one


@pytest.mark.parametrize("switching", ["cut-through", "store-and-forward"])
@pytest.mark.parametrize("lead", [1, 2, 3, 8])
def test_a_chain_takes_the_same_with_every_lead(lead, switching):
    made = TEMPLATES["ring"][0](line(5), collective("broadcast", range(5), 0))
    found = simulate(made, MB, switching, 16, lead=lead)
    assert found.seconds == pytest.approx((16 + 3) * (1e-6 + MB / 16 / 25e9), rel=1e-6) or lead > 1
    assert found.seconds <= (16 + 3) * (1e-6 + MB / 16 / 25e9) * (1 + 1e-6)


def funnel(sizes, rate=10**9):
    """Let some ranks send unequal pieces to one, all at once through its link."""
    n = len(sizes)
    links = [Link(f"r{i}", "s", Fraction(10 * rate)) for i in range(1, n + 1)]
    machine = build(
        "funnel",
        [f"r{i}" for i in range(n + 1)],
        [Switch("s")],
        [*links, Link("s", "r0", Fraction(rate))],
    )
    what = collective("gather", range(n + 1), 0)
    pieces = [(0, Fraction(1))]
    sends = []
    for i, parts in enumerate(sizes, 1):
        sends += [Transfer(len(pieces), 0, i, 0, (i - 1, n))]
        pieces += [(i, Fraction(parts, sum(sizes)))]
        pieces += [(i, 1 - Fraction(parts, sum(sizes)))]
    return put_together(machine, what, pieces, sends, UNPROVED)


def test_a_link_is_shared_until_the_smaller_message_has_gone():
    made, size = funnel((1, 3)), 12 * MB
    cut, stored = (
        simulate(made, size, switching, 1, sharing="fair").seconds
        for switching in ("cut-through", "store-and-forward")
    )
    assert cut == pytest.approx(4 * MB / 1e9)
    # The smaller comes 0.1 ms after the start; the larger, when two thirds of it have gone.
    assert stored == pytest.approx(0.1e-3 + 4 * MB / 1e9)


def test_a_flow_takes_what_another_cannot_use():
    links = [
        *(Link("a", "s", Fraction(10**9)), Link("b", "s", Fraction(10**8))),
        Link("s", "c", Fraction(10**9)),
    ]
    machine = build("slow", ["a", "b", "c"], [Switch("s")], links)
    what = collective("gather", range(3), 2)
    sends = [Transfer(0, 0, 0, 2, (0, 2)), Transfer(1, 0, 1, 2, (1, 2))]
    made = put_together(machine, what, [(b, Fraction(1)) for b in range(3)], sends, UNPROVED)
    assert simulate(made, 3 * MB, chunks=1, sharing="fair").seconds == pytest.approx(MB / 1e8)
    first = replace(made, transfers=made.transfers.rows(np.array([0])))
    assert simulate(first, 3 * MB, chunks=1, sharing="fair").seconds == pytest.approx(MB / 1e9)


def test_joined_messages_of_one_route_are_one_on_its_links():
    links = [Link("a", "s", Fraction(10**9)), Link("s", "b", Fraction(10**9))]
    machine = build("two", ["a", "b"], [Switch("s")], links)
    what = collective("broadcast", range(2), 0)
    sends = [Transfer(p, 0, 0, 1, (0, 1)) for p in range(4)]
    made = put_together(machine, what, [(0, Fraction(1, 4))] * 4, sends, UNPROVED)
    for joined, first in ((0, 1000), (2**14, 4000)):
        found = simulate(made, 4000, "store-and-forward", 1, joined)
        assert found.seconds == pytest.approx((first + 4000) / 1e9)
        assert (found.messages, found.least_message) == (4000 // first, first)


def test_joined_messages_of_different_routes_are_parts():
    links = [Link("a", s, Fraction(10**9)) for s in "st"]
    links += [Link(s, "b", Fraction(10**9)) for s in "st"]
    machine = build("ways", ["a", "b"], [Switch("s"), Switch("t")], links)
    what = collective("broadcast", range(2), 0)
    sends = [Transfer(p, 0, 0, 1, (p, p + 2)) for p in range(2)]
    made = put_together(machine, what, [(0, Fraction(1, 2))] * 2, sends, UNPROVED)
    with_overhead = replace(made, topology=replace(machine, overhead=frozen(np.full(2, 1e-3))))
    found = simulate(with_overhead, 2000, "store-and-forward", 1)
    assert found.messages == 1
    assert found.seconds == pytest.approx(2e-3 + 2 * 1000 / 1e9)


def test_routes_that_begin_with_one_link_flow_at_once():
    links = [Link("a", "s", Fraction(2 * 10**9))]
    links += [Link(*ends, Fraction(10**9)) for ends in ("st", "su", "tb", "ub")]
    machine = build("ways", ["a", "b"], [Switch(s) for s in "stu"], links)
    what = collective("broadcast", range(2), 0)
    sends = [Transfer(p, 0, 0, 1, (0, 1 + p, 3 + p)) for p in range(2)]
    made = put_together(machine, what, [(0, Fraction(1, 2))] * 2, sends, UNPROVED)
    assert simulate(made, 2 * MB, chunks=1, sharing="fair").seconds == pytest.approx(MB / 1e9)


def test_hours_of_many_chunks_fit_into_ticks():
    made = TEMPLATES["ring"][0](line(3), collective("broadcast", range(3), 0))
    parts = chunking.chunks(made, 10**18)
    found = simulate(made, 10**18)
    assert found.chunks == parts
    assert found.seconds > 10**18 / 25e9


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", NAMES)
def test_no_play_beats_the_bound(seed, name):
    root = 0 if name in ("broadcast", "reduce") else None
    for drawn in (irregular_machine(seed), wild_machine(seed, 6)):
        what = collective(name, range(drawn.ranks), root)
        made = solve(drawn, what)
        for size, lead, sharing in product((2**10, 2**26), (1, 3), SHARINGS):
            least = time_lower_bound(drawn, what, made.bound, size) * (1 - 1e-9) - 1e-14
            for switching in SWITCHINGS:
                found = simulate(made, size, switching, lead=lead, sharing=sharing)
                assert found.seconds >= least


@pytest.mark.parametrize("name", ["broadcast", "all_gather", "all_to_all", "all_reduce"])
@pytest.mark.parametrize("spec", ["star:6", "leaf-spine:2x2x3", "dgx-h100:boxes=2", "hypercube:3"])
def test_few_images_that_meet_are_played_as_what_they_are(name, spec):
    drawn = topology(spec)
    made = solve(drawn, collective(name, range(drawn.ranks), 0 if name == "broadcast" else None))
    for switching, lead, sharing in product(SWITCHINGS, (1, 3), SHARINGS):
        folded, whole = (
            simulate(each, 2**22, switching, 8, lead=lead, sharing=sharing).seconds
            for each in (made, unfold(made))
        )
        assert folded == pytest.approx(whole, rel=0.01)
