"""Every collective on every machine of the zoo, with its proof; symmetry; determinism."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bench.broken import without_link
from runtime.verify.verify import verify
from solvers.kept_symmetry import find_symmetry, find_symmetry_left
from solvers.lp.linear_program import Infeasible
from solvers.registry import SOLVERS, choose_solver
from solvers.schedules.collective import all_gather
from solvers.schedules.files import save
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from solvers.solve import bound, solve
from topologies.derive.damage import Damage, damaged
from topologies.formats.spec import topology
from topologies.model.topology import Link, build
from topologies.presets.amd import mi250
from topologies.presets.huawei import cloudmatrix384
from topologies.presets.nvidia import dgx_a100
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import leaf_spine, ring, star, torus
from topologies.symmetry.group import count_orbits, link_images, trivial


@pytest.mark.parametrize("name", COLLECTIVES)
def test_every_schedule_is_right_and_proved_optimal(small_machine, name, solved):
    made = solved(small_machine, name)
    report = verify(made)
    assert report.optimal, report.faults
    assert report.algbw == made.bound.algbw


@pytest.mark.parametrize("ports", [1, 2, 7])
@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_the_ports_of_a_full_mesh_are_kept_busy(n: int, ports: int) -> None:
    machine = topology(f"full-mesh:{n}:bandwidth=1:ports={ports}")
    rate = Fraction(10**9 * min(ports, n - 1))
    for name in ("all_gather", "reduce_scatter", "all_to_all", "scatter", "gather"):
        made = solve(machine, collective(name, range(n), 0 if name in ROOTED else None))
        assert verify(made).algbw == made.bound.algbw == rate * n / (n - 1)
    for name in ("broadcast", "reduce"):
        made = solve(machine, collective(name, range(n), 0))
        assert verify(made).algbw == made.bound.algbw == rate


@pytest.mark.parametrize("name", COLLECTIVES)
def test_symmetry_changes_the_work_but_not_the_rate(symmetric_machine, name, solved):
    what = collective(name, range(symmetric_machine.ranks))
    solver = SOLVERS[choose_solver(what)]
    report = verify(solver.solve(symmetric_machine, what, trivial(symmetric_machine), Watch(60)))
    assert report.optimal
    assert report.algbw == solved(symmetric_machine, name).bound.algbw


@pytest.mark.parametrize("name", COLLECTIVES)
def test_the_bound_is_found_alone_too(name):
    for seed in range(3):
        topology = random_machine(seed, 4, 2 - seed % 2)
        what = collective(name, range(4))
        assert bound(topology, what).algbw == verify(solve(topology, what)).algbw


@pytest.mark.parametrize("name", COLLECTIVES)
def test_any_rank_can_be_the_root_and_any_ranks_take_part(name):
    topology = torus([2, 4])
    members = (1, 2, 6, 7)
    made = solve(topology, collective(name, members, 6 if name in ROOTED else None))
    report = verify(made)
    # Ranks that do not take part forward; in all_reduce they might add as well, and be faster.
    assert report.optimal or (name == "all_reduce" and report.correct)
    assert set(made.collective.ranks) == set(members)


@pytest.mark.parametrize("name", COLLECTIVES)
def test_the_same_question_has_the_same_answer_to_the_byte(name, tmp_path):
    for file in ("first.json.gz", "second.json.gz"):
        made = solve(torus([3, 3]), collective(name, range(9)))
        save(made, tmp_path / file)
    first, second = (tmp_path / f"{file}.json.gz" for file in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", ["all_gather", "all_reduce", "all_to_all"])
def test_a_whole_supernode_of_768_dies_is_solved_in_seconds(name):
    topology = cloudmatrix384()
    report = verify(solve(topology, collective(name, range(topology.ranks)), watch=Watch(60)))
    assert report.optimal, report.faults


def test_provenance_says_who_and_not_how_long():
    made = solve(ring(3), collective("all_gather", range(3)))
    assert made.provenance == {"solver": "forest"}


def test_all_of_the_symmetry_is_kept_where_everyone_takes_part():
    topology = torus([3, 4])
    assert find_symmetry(topology, collective("all_reduce", range(12))).order == 12


def test_what_is_kept_of_the_symmetry_keeps_the_ranks_and_the_root():
    topology = leaf_spine(2, 2, 3)
    for what in (
        collective("all_reduce", (0, 1, 2)),
        collective("broadcast", range(6), 4),
        collective("gather", (1, 2, 3), 2),
    ):
        group = find_symmetry(topology, what)
        for element in group.elements:
            assert sorted(element[list(what.ranks)]) == list(what.ranks)
            assert what.root is None or element[what.root] == what.root
    assert find_symmetry(star(4), collective("all_reduce", (0, 2))).order == 2


@pytest.mark.parametrize(("machine", "gone"), [(dgx_a100(4), 0), (torus([3, 4]), 5)])
def test_what_a_damaged_machine_keeps_is_guessed_as_well_as_found(machine, gone):
    link = int(np.flatnonzero(machine.src == gone)[-1])
    left = damaged(machine, Damage(((link, Fraction(0)),)))
    what = collective("all_gather", range(machine.ranks))
    guessed = find_symmetry_left(left, what)
    link_images(left.topology, guessed.generators)  # else it raises
    found = find_symmetry(left.topology, what)
    assert count_orbits(guessed, machine.ranks) <= 2 * count_orbits(found, machine.ranks)


UNDECLARED = {
    "mi250": (mi250(2), 8, {"all_gather": "354.133", "all_reduce": "177.067"}),
    "dgx-a100": (dgx_a100(8), 64, {"all_gather": "228.571", "all_reduce": "114.286"}),
    "torus": (torus([4, 4, 4]), 64, {"all_gather": "152.381", "all_to_all": "50.000"}),
}


@pytest.mark.parametrize("name", UNDECLARED)
def test_symmetry_that_is_not_declared_is_found(name):
    topology, order, rates = UNDECLARED[name]
    plain = replace(topology, symmetry=topology.symmetry[:0])
    for asked, rate in rates.items():
        made = solve(plain, collective(asked, range(plain.ranks)), watch=Watch(60))
        report = verify(made)
        assert report.optimal, report.faults
        assert made.group.order == order
        assert f"{float(report.algbw) / 1e9:.3f}" == rate


@pytest.mark.parametrize("name", ["broadcast", "reduce"])
def test_a_root_keeps_the_symmetry_around_it(name):
    topology = torus([5, 5])
    made = solve(topology, collective(name, range(25), 5))
    report = verify(made)
    assert report.optimal, report.faults
    assert made.group.order == 8
    assert (made.group.elements[:, 5] == 5).all()


def test_a_broadcast_over_the_whole_supernode_is_optimal():
    topology = cloudmatrix384()
    report = verify(
        solve(topology, collective("broadcast", range(topology.ranks)), watch=Watch(60))
    )
    assert report.optimal, report.faults
    assert report.algbw == 392 * 10**9


def test_a_dead_link_leaves_symmetry_that_helps():
    broken = without_link(cloudmatrix384(4), "n1.d3", "n1.L1.2")
    made = solve(broken, collective("all_gather", range(broken.ranks)), watch=Watch(60))
    assert verify(made).optimal
    assert made.group.order >= 3 * 16


def test_blocks_of_unequal_sizes_keep_only_what_keeps_the_sizes():
    topology = ring(6)
    what = all_gather(tuple(range(6)), [1, 2, 1, 2, 1, 2])
    group = find_symmetry(topology, what)
    assert group.order == 3
    assert verify(solve(topology, what)).optimal
    assert find_symmetry(topology, all_gather(tuple(range(6)), [1, 2, 3, 4, 5, 6])).order == 1


def test_a_machine_where_nothing_looks_alike_is_not_searched(monkeypatch):
    monkeypatch.setattr("solvers.kept_symmetry.find_group", None)
    topology = ring(5)
    uneven = replace(topology, capacity=1 + np.arange(topology.links))
    bare = replace(uneven, symmetry=topology.symmetry[:0])
    assert find_symmetry(bare, collective("all_gather", range(5))).order == 1
    assert find_symmetry(topology, collective("all_gather", range(5))).order == 5


def test_impossible_is_said_at_once():
    topology = build("apart", ["a", "b"], [], [Link("a", "b", Fraction(1))])
    for name in ("all_gather", "all_reduce", "all_to_all"):
        with pytest.raises(Infeasible):
            solve(topology, collective(name, (0, 1)))


@pytest.mark.parametrize("name", ["all_gather", "all_reduce", "all_to_all"])
def test_latencies_decide_between_schedules_of_equal_rate(name):
    paths = [("a", "b", 9e-6), ("a", "b", 1e-6), ("a", "b", 5e-6), ("b", "a", 1e-6)]
    links = [Link(src, dst, Fraction(1), alpha) for src, dst, alpha in paths]
    made = solve(build("pair", ["a", "b"], [], links), collective(name, (0, 1)))
    assert verify(made).optimal
    assert set(made.transfers.route.tolist()) == {1, 3}


@pytest.mark.parametrize(("symmetry", "order"), [("found", 8), ("declared", 1), ("none", 1)])
def test_symmetry_is_looked_for_only_where_that_is_asked_for(symmetry, order):
    what = collective("all_gather", range(8))
    bare = replace(ring(8), symmetry=ring(8).symmetry[:0])
    made = solve(bare, what, options=SolverOptions(symmetry))
    assert made.group.order == order
    assert verify(made).optimal
    assert bound(bare, what, options=SolverOptions(symmetry)).algbw == made.bound.algbw


@pytest.mark.parametrize(("symmetry", "order"), [("found", 8), ("declared", 8), ("none", 1)])
def test_declared_symmetry_is_used_unless_none_is_asked_for(symmetry, order):
    made = solve(ring(8), collective("all_to_all", range(8)), options=SolverOptions(symmetry))
    assert made.group.order == order
    assert verify(made).optimal


def test_another_word_for_the_symmetry_to_use_is_refused():
    with pytest.raises(ValueError, match="'all', expected one of found, declared, none"):
        SolverOptions("all")
