from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.mutations import trial
from bench.oracle import right
from bench.zoo import SPEED, gathering_ring, route, summing_star, zoo
from runtime.verify.verify import SHOWN, verify
from solvers.certify import dual_bound
from solvers.certify.certificates import TREES, prove
from solvers.certify.dual_bound import Unproven
from solvers.schedules.certificate import Bound, Cut, Prices
from solvers.schedules.collective import all_reduce
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule, Transfer, columns, schedule
from solvers.schedules.unfold import unfold
from topologies.model.topology import Link, build, integers
from topologies.presets import shapes
from topologies.symmetry.group import Group


def proof_of(claimed: Schedule) -> Fraction:
    """Work out what the certificate of a schedule's bound proves."""
    certificate = claimed.bound.certificate
    assert certificate is not None
    return prove(claimed.topology, claimed.collective, certificate, claimed.group)


ZOO = list(zoo())


def edit(given: Schedule, index: int, **changes: object) -> Schedule:
    rows = [given.transfers[t] for t in range(len(given.transfers))]
    rows[index] = rows[index]._replace(**changes)  # type: ignore[arg-type]
    return replace(given, transfers=columns(rows))


@pytest.mark.parametrize(("name", "given_one"), ZOO, ids=[name for name, _ in ZOO])
def test_right_schedules_pass_and_the_second_opinion_agrees(name, given_one):
    report = verify(given_one)
    assert report.faults == ()
    assert report.correct
    assert right(given_one)


@pytest.mark.parametrize(("name", "given_one"), ZOO, ids=[name for name, _ in ZOO])
def test_written_out_a_schedule_is_what_its_representatives_say(name, given_one):
    assert replace(verify(unfold(given_one)), busiest=None) == replace(
        verify(given_one), busiest=None
    )


def test_optimal_is_said_of_those_that_reach_their_bound_alone():
    optimal = {name for name, given_one in ZOO if verify(given_one).optimal}
    assert {name for name, _ in ZOO} - optimal == {
        f"ring {n} adds, group={group}" for n in (3, 5) for group in (False, True)
    } | {"cube doubles"}


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_every_mutation_is_refused_unless_it_is_still_right(seed):
    found = trial(seed)
    assert found.accepted == found.right, (found.schedule, found.mutation)


def random_certificate(given_one: Schedule, seed: int) -> Bound:
    draw, topology = np.random.default_rng(seed), given_one.topology
    if draw.random() < 0.5:
        inside = np.flatnonzero(draw.random(topology.vertices) < draw.random())
        return Bound(None, "cut", Cut(inside, bool(draw.integers(2))))
    classes = int(draw.integers(1, 6))
    prices = [Fraction(int(a), int(b)) for a, b in draw.integers(1, 9, (classes, 2))]
    prices[0] *= int(draw.integers(2))
    what = given_one.collective.name
    certificate = Prices(tuple(prices), draw.integers(0, classes, topology.links))
    return Bound(None, TREES if what == "all_reduce" else "prices", certificate)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.integers(0, len(ZOO) - 1), st.integers(0, 2**32 - 1))
def test_no_certificate_proves_less_than_a_right_schedule_reaches(place, seed):
    name, given_one = ZOO[place]
    reached = verify(given_one).algbw
    given_one = replace(given_one, bound=random_certificate(given_one, seed))
    try:
        limit = proof_of(given_one)
    except Unproven:
        return
    assert limit is not None
    assert reached is not None
    assert limit >= reached, name
    slow = name.startswith(("ring 3 adds", "ring 5 adds", "cube"))
    claimed = verify(replace(given_one, bound=replace(given_one.bound, algbw=limit)))
    assert claimed.correct
    assert not (slow and claimed.optimal)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_a_group_changes_nothing_about_what_prices_prove(seed):
    with_group = [one for _, one in ZOO if len(one.group.generators)]
    given_one = with_group[seed % len(with_group)]
    cheap, dear = Fraction(seed % 7, 3), Fraction(seed % 5 + 1, 2)
    entering_switch = (given_one.topology.dst >= given_one.topology.ranks).astype(np.int64)
    scope = TREES if given_one.collective.name == "all_reduce" else "prices"
    bound = Bound(None, scope, Prices((dear, cheap), entering_switch))
    with_bound = replace(given_one, bound=bound)
    assert proof_of(with_bound) == proof_of(unfold(with_bound))


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        (Fraction(SPEED), "30 GB/s, not 12 GB/s"),
        (Fraction(10 * SPEED), "30 GB/s, not 120 GB/s"),
        (Fraction(5 * SPEED + 1, 2), "30 GB/s, not 60000000001/2000000000 GB/s"),
        (None, "30 GB/s, but no bound is claimed"),
    ],
)
def test_a_claim_of_anything_but_what_is_proved_is_a_fault(claim, told):
    ring = gathering_ring(5, group=False)
    report = verify(replace(ring, bound=replace(ring.bound, algbw=claim)))
    assert report.faults == (f"bound: the certificate proves {told}",)
    assert not report.optimal


def test_a_claim_without_certificate_is_a_fault():
    ring = gathering_ring(5, group=False)
    report = verify(replace(ring, bound=Bound(Fraction(SPEED * 5, 2), "cut", None)))
    assert report.faults == ("bound: nothing proves 30 GB/s",)
    assert not report.optimal


def test_without_a_claim_a_right_schedule_is_correct_and_not_optimal():
    ring = gathering_ring(5, group=False)
    report = verify(replace(ring, bound=Bound(None, "", None)))
    assert report.correct
    assert not report.optimal


def test_the_scope_must_be_the_certificate_s():
    star = summing_star(4, group=False)
    report = verify(replace(star, bound=replace(star.bound, scope="prices")))
    assert report.faults == ("bound: the scope is 'prices', expected 'reduce-broadcast trees'",)


@pytest.mark.parametrize(
    ("certificate", "fault"),
    [
        (Cut(integers([0, 99])), "beyond the 5"),
        (Cut(integers([])), "no data"),
        (Cut(integers(range(5))), "no data"),
        (Prices((Fraction(1),), integers([0])), "prices for 1 links"),
        (Prices((Fraction(1),), integers([7] * 10)), "no price class"),
        (Prices((Fraction(-1),), integers([0] * 10)), "price -1"),
        (Prices((Fraction(0),), integers([0] * 10)), "for nothing"),
        (Prices((), integers([0] * 10)), "no price class"),
    ],
)
def test_a_malformed_certificate_is_named(certificate, fault):
    scope = "cut" if isinstance(certificate, Cut) else "prices"
    ring = replace(gathering_ring(5, group=False), bound=Bound(None, scope, certificate))
    report = verify(ring)
    assert len(report.faults) == 1
    assert fault in report.faults[0]
    assert not report.optimal


def test_faults_in_the_data_are_told_in_words():
    ring = gathering_ring(3, group=False)
    late = edit(ring, 0, step=5)
    assert verify(late).faults == (
        "piece 0 (block 0): rank 1 sends to rank 2 in step 1 but holds nothing",
        "piece 0 (block 0): rank 2 ends without the contribution of rank 0",
    )
    star = summing_star(4, group=False)
    twice = replace(
        star, transfers=columns([*map(star.transfers.__getitem__, range(24)), star.transfers[0]])
    )
    assert verify(twice).faults[0] == (
        "piece 0 (block 0): rank 1 sends to rank 0 in step 0: contribution of rank 1 added twice"
    )
    lost = edit(star, 0, reduce=False)
    assert "replaces or adds to" in verify(lost).faults[0]


def test_messages_that_meet_must_bring_the_same():
    mesh = shapes.full_mesh(4)
    pieces = [(0, Fraction(1))]
    copies = [(0, 0, 0, 1, False), (0, 0, 0, 2, False), (0, 1, 1, 3, False), (0, 1, 2, 3, False)]
    wasteful = route(mesh, collective("broadcast", range(4), 0), pieces, copies)
    assert verify(wasteful).correct
    assert right(wasteful)
    mixed = route(mesh, collective("reduce", (1, 2, 3), 3), pieces, [(0, 1, 1, 3, True), copies[3]])
    other = route(mesh, collective("reduce", (1, 2, 3), 3), pieces, [copies[2], copies[3]])
    for ambiguous in (mixed, other):
        assert "another message" in " ".join(verify(ambiguous).faults)
        assert not right(ambiguous)


def test_routes_are_followed_link_by_link():
    line = shapes.line(3)
    what = collective("broadcast", range(3), 0)
    hop = {(int(a), int(b)): e for e, (a, b) in enumerate(zip(line.src, line.dst, strict=True))}
    pieces = [(0, Fraction(1))]

    def fault(*routes: tuple[int, int, tuple[int, ...]]) -> str:
        rows = [Transfer(0, s, a, b, route) for s, (a, b, route) in enumerate(routes)]
        return verify(schedule(line, what, pieces, rows, Bound(None, "", None))).faults[0]

    assert "passes through a rank" in fault((0, 2, (hop[0, 1], hop[1, 2])))
    assert "not connected" in fault((0, 2, (hop[0, 1], hop[0, 1], hop[1, 2])))
    assert "does not start" in fault((0, 2, (hop[1, 2],)))
    assert "does not end" in fault((0, 2, (hop[0, 1],)))
    assert "no links" in fault((0, 2, ()))
    assert "there is no link 99" in fault((0, 2, (99,)))
    assert "there is no rank 3" in fault((0, 3, (0,)))
    assert "send to itself" in fault((0, 0, (hop[0, 1], hop[1, 0])))


def test_unsorted_transfers_are_a_fault():
    ring = gathering_ring(3, group=False)
    rows = ring.transfers
    assert (
        "not sorted"
        in verify(replace(ring, transfers=replace(rows, step=rows.step[::-1]))).faults[0]
    )


def test_columns_of_unequal_length_are_a_fault():
    ring = gathering_ring(3, group=False)
    rows = replace(ring.transfers, step=ring.transfers.step[1:])
    assert "differ in length" in verify(replace(ring, transfers=rows)).faults[0]
    assert "shares" in verify(replace(ring, share=ring.share[1:])).faults[0]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"ranks": (0, 1, 2, 4)}, "the buffers are not those"),
        ({"ranks": (0, 2, 1)}, "ascending"),
        ({"ranks": (0, 1, 9)}, "not among the 3"),
        ({"root": 1}, "the buffers are not those"),
        ({"sizes": integers([0, 0, 0])}, "no sizes"),
        ({"name": "my_own", "inputs": (integers([0]),) * 3}, "nobody holds block 1"),
        ({"name": "my_own", "outputs": (integers([0]),)}, "as many inputs"),
        ({"name": "my_own", "outputs": (integers([5]),) * 3}, "unknown or repeated"),
    ],
)
def test_a_collective_that_is_not_what_it_says_is_a_fault(change, fault):
    ring = gathering_ring(3, group=False)
    broken = replace(ring.collective, **change)
    topology = shapes.ring(5) if change.get("ranks") == (0, 1, 2, 4) else ring.topology
    assert fault in verify(replace(ring, collective=broken, topology=topology)).faults[0]


def test_a_wrong_group_is_a_fault():
    ring = gathering_ring(5, group=True)
    swapped = np.array([[1, 0, 2, 3, 4]])
    assert "automorphism" in verify(replace(ring, group=Group(swapped))).faults[0]
    assert "permutation" in verify(replace(ring, group=Group(swapped * 0))).faults[0]
    assert "shape" in verify(replace(ring, group=Group(swapped[:, :3]))).faults[0]


def test_a_group_that_moves_the_root_or_leaves_the_ranks_is_a_fault():
    star, turn = shapes.star(4), Group(shapes.star(4).symmetry)
    rooted = route(star, collective("broadcast", range(4), 0), [(0, Fraction(1))], [], group=turn)
    assert "moves the root" in verify(rooted).faults[0]
    some = route(star, all_reduce((0, 1)), [(0, Fraction(1))], [], group=turn)
    assert "moves ranks out" in verify(some).faults[0]


def test_many_faults_are_counted():
    ring = gathering_ring(5, group=False)
    rows = ring.transfers
    report = verify(replace(ring, transfers=replace(rows, src=rows.src + 9)))
    assert len(report.faults) == SHOWN + 1
    assert report.faults[-1] == f"and {len(rows) - SHOWN} more"


@pytest.mark.parametrize("name", ["all_reduce", "all_gather", "all_to_all", "scatter"])
def test_one_rank_has_nothing_to_prove(name):
    one = build("one", ["r0"], [], [])
    what = collective(name, [0])
    report = verify(schedule(one, what, [(0, Fraction(1))], [], Bound(None, "cut", None)))
    assert report.correct
    assert report.optimal
    assert report.algbw is None


def test_ranks_that_could_copy_for_others_count_in_the_price_of_trees():
    """Without rank 1 as a copier, the data pays the long link twice."""
    links = [Link("a", "m", Fraction(1)), Link("m", "b", Fraction(1)), Link("m", "c", Fraction(1))]
    machine = build("fork", ["a", "m", "b", "c"], [], links)
    what = collective("broadcast", [0, 2, 3], 0)
    hops = [(0, 0, 0, 1, False), (0, 1, 1, 2, False), (0, 1, 1, 3, False)]
    prices = Prices((Fraction(1), Fraction(0)), integers([0, 1, 1]))
    fork = route(machine, what, [(0, Fraction(1))], hops, Bound(Fraction(1), "prices", prices))
    report = verify(fork)
    assert report.correct
    assert report.optimal
    assert report.proved == 1


def test_prices_prove_nothing_where_too_many_outsiders_could_copy(monkeypatch):
    mesh = shapes.full_mesh(40)
    what = collective("broadcast", range(3), 0)
    prices = Prices((Fraction(1),), integers([0] * mesh.links))
    hops = [(0, 0, 0, 1, False), (0, 0, 0, 2, False)]
    wide = route(mesh, what, [(0, Fraction(1))], hops, Bound(None, "prices", prices))
    assert verify(wide).proved == Fraction(shapes.BANDWIDTH * mesh.links, 2)
    monkeypatch.setattr(dual_bound, "BRANCHING_LIMIT", 39)
    anew = replace(wide, bound=Bound(None, "prices", replace(prices)))  # nothing is kept of it
    assert verify(anew).faults == ("bound: 37 vertices that need no data could branch",)
