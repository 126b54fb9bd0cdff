from fractions import Fraction
from itertools import product

import pytest

from runtime.metrics.height import height
from runtime.metrics.link_loads import algbw
from runtime.verify.verify import verify
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import all_gather
from solvers.schedules.kinds import ROOTED, collective
from solvers.templates import TEMPLATES
from solvers.templates.layout import TemplateError
from topologies.model.topology import Link, build
from topologies.presets.huawei import cloudmatrix384
from topologies.presets.shapes import full_mesh, hypercube, line, mesh, ring, star, torus

CASES = [(template, name) for template, (_, names) in TEMPLATES.items() for name in names]
# Sums that must pass through ranks with an own part; the machines below have to relay.
NEEDS_CIRCLE = {
    *(("ring", name) for name in ("reduce_scatter", "all_reduce")),
    *(("two-way ring", name) for name in ("reduce", "reduce_scatter", "all_reduce")),
}
MIXES = {
    ("recursive_doubling", "all_reduce"),
    ("recursive_halving", "reduce_scatter"),
    ("recursive_halving", "all_reduce"),
    ("bruck", "reduce_scatter"),
    ("bruck", "all_reduce"),
    ("bruck, far first", "reduce_scatter"),
    ("bruck, far first", "all_reduce"),
    ("swing", "reduce_scatter"),
    ("swing", "reduce"),
    ("swing", "all_reduce"),
    ("direct", "all_reduce"),
    ("binomial", "reduce"),
    ("binomial", "all_reduce"),
    *((f"recursive exchange {radix}", "all_reduce") for radix in (4, 8)),
    *(
        (f"{template}{radix}", name)
        for template in ("recursive sharing ", "bruck ")
        for radix in (4, 8)
        for name in ("reduce_scatter", "all_reduce")
    ),
    *((f"{radix}-nomial", name) for radix in (4, 8) for name in ("reduce", "all_reduce")),
}


def make(template, name, machine, ranks=None, root=None):
    chosen = range(machine.ranks) if ranks is None else ranks
    return TEMPLATES[template][0](machine, collective(name, chosen, root))


def test_every_template_is_correct_or_refuses(small_machine):
    refused = {}
    for template, name in CASES:
        try:
            schedule = make(template, name, small_machine)
        except TemplateError as fault:
            refused[template, name] = str(fault)
        else:
            report = verify(schedule)
            assert report.correct, (template, name, report.faults)
    assert refused.keys() <= NEEDS_CIRCLE | MIXES
    assert "\n" not in "".join(refused.values())


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7, 8, 13])
def test_machines_that_join_all_ranks_refuse_nothing(n):
    for template, name in CASES:
        report = verify(make(template, name, star(n)))
        assert report.correct, (template, name, report.faults)


@pytest.mark.parametrize("template", TEMPLATES)
def test_any_rank_can_be_the_root_of_a_subset(template):
    chosen = (1, 2, 4, 5, 7)
    for name in TEMPLATES[template][1]:
        for root in chosen if name in ROOTED else [None]:
            report = verify(make(template, name, star(9), chosen, root))
            assert report.correct, (name, root, report.faults)


@pytest.mark.parametrize("name", ["all_gather", "reduce_scatter", "all_reduce"])
def test_ranks_outside_a_subset_relay(name):
    schedule = make("ring", name, ring(8), (0, 2, 4, 6))
    assert verify(schedule).correct
    assert {1, 3, 5, 7} <= set(schedule.transfers.dst.tolist())


def test_blocks_of_unequal_size_are_carried():
    for template in ("ring", "recursive_doubling", "direct"):
        schedule = TEMPLATES[template][0](star(4), all_gather((0, 1, 2, 3), (1, 2, 0, 5)))
        assert verify(schedule).correct


@pytest.mark.parametrize(("template", "name"), sorted(MIXES))
def test_sums_are_not_passed_through_ranks_with_a_part_of_them(template, name):
    with pytest.raises(TemplateError, match="another part"):
        make(template, name, line(5))


def test_another_collective_is_refused_by_name():
    with pytest.raises(TemplateError, match=r"^recursive_doubling: makes .*, not broadcast$"):
        make("recursive_doubling", "broadcast", star(4))


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_ranks_that_are_not_joined_are_refused(template):
    machine = build("apart", ["a", "b", "c"], [], [Link("a", "b", Fraction(1))])
    name = TEMPLATES[template][1][0]
    with pytest.raises(TemplateError, match="no path from"):
        make(template, name, machine)


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_rounds_are_those_of_the_textbooks(n):
    log = (n - 1).bit_length()
    folds = 0 if n & (n - 1) == 0 else 2
    rounds = n.bit_length() - 1
    expected = {
        ("ring", "all_gather"): n - 1,
        ("ring", "all_reduce"): 2 * (n - 1),
        ("ring", "broadcast"): n - 1,
        ("recursive_doubling", "all_reduce"): rounds + folds,
        ("recursive_halving", "all_reduce"): 2 * rounds + folds,
        ("direct", "all_to_all"): 1,
        ("direct", "all_reduce"): 1,
        ("two-way ring", "all_gather"): n // 2,
        ("two-way ring", "all_reduce"): 2 * (n // 2),
        ("bruck", "all_gather"): log,
        ("bruck", "all_to_all"): log,
        ("bruck", "all_reduce"): 2 * log,
        ("bruck, far first", "reduce_scatter"): log,
        ("swing", "all_gather"): rounds + folds,
        ("swing", "all_reduce"): 2 * rounds + folds,
        ("swing", "broadcast"): log,
        ("binomial", "broadcast"): log,
        ("binomial", "scatter"): log,
        ("binomial", "all_reduce"): 2 * log,
    }
    steps = {case: int(make(*case, star(n)).transfers.step.max()) + 1 for case in expected}
    assert steps == expected


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_ring_and_halving_move_the_least_data(n):
    # On a star of equal links 2(n-1)/n of the vector must leave each rank.
    best = Fraction(25 * 10**9) * n / (2 * (n - 1))
    assert algbw(make("ring", "all_reduce", star(n))) == best
    for template in ("two-way ring", "bruck", "bruck, far first"):
        assert algbw(make(template, "all_reduce", star(n))) == best
    if n & (n - 1) == 0:
        assert algbw(make("recursive_halving", "all_reduce", star(n))) == best
        assert algbw(make("swing", "all_reduce", star(n))) == best


def test_two_ways_around_are_twice_as_fast_as_one():
    one, two = (algbw(make(name, "all_gather", ring(9))) for name in ("ring", "two-way ring"))
    assert two == 2 * one


def test_far_first_sends_large_messages_to_neighbours():
    machine = star(8)
    for template, expected in (("bruck", [1, 2, 4]), ("bruck, far first", [4, 2, 1])):
        rows = make(template, "all_gather", machine).transfers
        away = (rows.src - rows.dst) % 8
        assert [set(away[rows.step == step].tolist()) for step in range(3)] == [
            {distance} for distance in expected
        ]


def test_swinging_partners_of_a_ring_keep_the_loads_low():
    # All ranks of a ring of 16 may send to partners at 1, 1, 3 and 5; doubling goes to 1, 2, 4, 8.
    rates = [algbw(make(name, "all_gather", ring(16))) for name in ("swing", "recursive_doubling")]
    assert rates[0] > rates[1]


@pytest.mark.parametrize("machine", [torus([4, 4]), torus([2, 4]), torus([3, 3, 2]), hypercube(4)])
def test_a_ring_on_a_grid_goes_from_neighbour_to_neighbour(machine):
    schedule = make("ring", "all_reduce", machine)
    assert height(schedule) == 2 * (machine.ranks - 1)


def test_a_chain_follows_a_path_where_there_is_no_circle():
    assert height(make("ring", "broadcast", mesh([3, 3]))) == 8


def test_direct_sums_are_added_on_the_way_up():
    schedule = make("direct", "reduce", line(5), root=2)
    assert len(schedule.transfers) == 4
    assert height(schedule) == 2


def test_direct_sends_to_the_next_rank_first():
    schedule = make("direct", "all_to_all", full_mesh(4))
    moved = [(t.src, t.dst) for t in map(schedule.transfers.__getitem__, range(12))]
    assert moved[:4] == [(0, 1), (1, 2), (2, 3), (3, 0)]


def test_a_ring_goes_through_a_supernode_node_by_node():
    machine = cloudmatrix384(3)
    schedule = make("ring", "all_gather", machine)
    pairs = {(t.src // 16, t.dst // 16) for t in map(schedule.transfers.__getitem__, range(47))}
    assert pairs == {(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)}


def test_a_bound_is_taken_as_it_is_given():
    bound = Bound(Fraction(3), "cut", None)
    machine = star(2)
    for template, (make_it, names) in TEMPLATES.items():
        schedule = make_it(machine, collective(names[0], range(2)), bound)
        assert schedule.bound is bound
        assert schedule.provenance == {"solver": f"template {template}"}


def test_the_same_question_gives_the_same_transfers():
    for (template, name), machine in product(CASES[:3], [torus([3, 3])]):
        a, b = (make(template, name, machine).transfers for _ in range(2))
        assert a.route.tolist() == b.route.tolist()
