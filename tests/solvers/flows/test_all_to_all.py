"""Schedules of flows against the plain multicommodity LP, and closed forms."""

from fractions import Fraction
from pathlib import Path

import pytest

from bench.optimum import optimum
from runtime.verify.verify import verify
from solvers.flows.all_to_all import decompose_flow, path_transfers, route_all_to_all, route_scatter
from solvers.lp.linear_program import Infeasible
from solvers.schedules.files import save
from solvers.schedules.kinds import collective
from solvers.settings.deadline import NO_DEADLINE
from solvers.solve import solve
from topologies.formats.files import load
from topologies.model.topology import Link, Switch, build
from topologies.presets.random_machines import AWKWARD, EVEN, random_machine
from topologies.presets.shapes import full_mesh, line, ring, torus
from topologies.symmetry.group import declared_group, trivial

DATA = Path(__file__).parents[2] / "data"
FLOWS = ("all_to_all", "scatter", "gather")


def drawn(seed, ranks, switches):
    rates = AWKWARD if seed % 4 == 3 else EVEN
    return random_machine(seed, ranks, switches, rates, density=0.1)


def solved(topology, what, group=None):
    """Solve without symmetry, unless it is given, and have the result checked."""
    solver = route_all_to_all if what.name == "all_to_all" else route_scatter
    report = verify(solver(topology, what, group or trivial(topology), NO_DEADLINE))
    assert report.optimal, report.faults
    return report


@pytest.mark.parametrize("name", FLOWS)
def test_no_flow_is_faster(name):
    for seed in range(12):
        topology = drawn(seed, 2 + seed % 4, seed % 4)
        what = collective(name, range(topology.ranks))
        expected = optimum(topology, what)
        assert float(solved(topology, what).algbw) == pytest.approx(expected, rel=1e-9), seed


@pytest.mark.parametrize("name", FLOWS)
def test_ranks_outside_relay(name):
    for seed in range(8):
        topology = drawn(seed, 5, seed % 2)
        what = collective(name, (0, 2, 3))
        expected = optimum(topology, what)
        assert float(solved(topology, what).algbw) == pytest.approx(expected, rel=1e-9), seed


@pytest.mark.parametrize("dims", [[3, 3], [4, 4], [5, 5], [6, 6]], ids=str)
def test_square_tori_exchange_at_the_rate_of_their_distances(dims):
    """Per pair 8 / w^3 for even w and 8 / (w (w^2 - 1)) for odd w, over links of rate 1.

    All links together over the sum of all distances: n 4 links over n^2 times the mean distance,
    w/2 for even w and (w^2 - 1)/(2 w) for odd w.
    """
    topology, w = torus(dims, bandwidth=Fraction(1)), dims[0]
    report = solved(topology, collective("all_to_all", range(w * w)), declared_group(topology))
    for_each_pair = Fraction(8, w**3) if w % 2 == 0 else Fraction(8, w * (w * w - 1))
    assert report.algbw == w * w * for_each_pair


@pytest.mark.parametrize("n", [3, 4, 5, 8])
def test_rings_exchange_at_the_rate_of_their_distances(n):
    topology = ring(n, bandwidth=Fraction(1))
    report = solved(topology, collective("all_to_all", range(n)), declared_group(topology))
    assert report.algbw == Fraction(2 * n, n * n // 4)


def test_a_line_exchanges_as_fast_as_its_middle_allows():
    report = solved(line(6, bandwidth=Fraction(1)), collective("all_to_all", range(6)))
    assert report.algbw == Fraction(6, 9)


def test_direct_links_are_taken_where_they_do():
    report = solved(full_mesh(5, bandwidth=Fraction(1)), collective("all_to_all", range(5)))
    assert (report.algbw, report.height) == (5, 1)


def test_the_published_pair_of_dgx2_exchanges_at_its_optimum():
    """The fluid optimum is 12.5 GB/s, of which TE-CCL (SIGCOMM 2024) reaches 12.42."""
    topology = load(DATA / "teccl-dgx2-2x16.toml")
    report = verify(solve(topology, collective("all_to_all", range(32))))
    assert report.optimal
    assert report.algbw == Fraction(12.5) * 10**9


@pytest.mark.parametrize("name", FLOWS)
def test_a_rank_out_of_reach_is_infeasible(name):
    links = [Link("a", "b", Fraction(1), duplex=True), Link("c", "a", Fraction(1))]
    topology = build("dead end", ["a", "b", "c"], [], links)
    root = {"scatter": 0, "gather": 2}.get(name)
    with pytest.raises(Infeasible):
        solved(topology, collective(name, range(3), root))


def diamond():
    """Lead from a to d over b and over c, and around a cycle of b and c."""
    paths = ["ab", "ac", "bd", "cd", "bc", "cb"]
    return build("diamond", list("abcd"), [], [Link(*path, Fraction(1)) for path in paths])


def test_a_flow_is_peeled_into_ways_that_add_up_to_it():
    flow = [Fraction(3, 4), Fraction(5, 4), Fraction(1, 2), Fraction(1), Fraction(1, 4), 0]
    needs = {1: Fraction(0), 2: Fraction(1, 2), 3: Fraction(3, 2)}
    found = list(decompose_flow(diamond(), 0, needs, flow))
    load = [sum(amount for _, amount, path in found if e in path) for e in range(6)]
    assert load == flow
    for target, need in needs.items():
        assert sum(amount for to, amount, _ in found if to == target) == need


def test_cycles_in_a_flow_are_dropped():
    flow = [Fraction(1), Fraction(0), Fraction(1), Fraction(0), Fraction(2), Fraction(2)]
    found = list(decompose_flow(diamond(), 0, {3: Fraction(1)}, flow))
    assert found == [(3, 1, [0, 2])]


def test_ways_are_cut_at_ranks_but_not_at_switches():
    links = [Link(*ends, Fraction(1)) for ends in ("as", "sb", "bt", "ts", "sc")]
    made = build("ways", list("abc"), [Switch("s"), Switch("t")], links)
    found = path_transfers(made, [0, 1, 2, 3, 4], 7)
    assert [(t.piece, t.step, t.src, t.dst, t.route) for t in found] == [
        (7, 0, 0, 1, (0, 1)),
        (7, 1, 1, 2, (2, 3, 4)),
    ]


@pytest.mark.parametrize("name", FLOWS)
def test_the_same_question_has_the_same_answer_to_the_byte(name, tmp_path):
    topology = drawn(2, 5, 2)
    what = collective(name, range(5))
    solver = route_all_to_all if name == "all_to_all" else route_scatter
    for file in ("first.json", "second.json"):
        save(solver(topology, what, trivial(topology), NO_DEADLINE), tmp_path / file)
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()
