"""Every collective on every machine of the zoo, with its proof; symmetry; determinism."""

from dataclasses import replace
from fractions import Fraction

import pytest

from bench.random_machines import machine
from runtime.verify import verify
from solvers.collective import COLLECTIVES, ROOTED, collective
from solvers.linear import Infeasible
from solvers.schedule_file import save
from solvers.solve import bound, kept_symmetry, solve
from topologies.machines.huawei import cloudmatrix384
from topologies.shapes import leaf_spine, ring, star, torus
from topologies.topology import Link, build

MANY = 12  # ranks above which a machine is solved with its symmetry only


@pytest.mark.parametrize("name", COLLECTIVES)
def test_every_schedule_is_right_and_proved_optimal(small_machine, name):
    made = solve(small_machine, collective(name, range(small_machine.ranks)))
    report = verify(made)
    assert report.optimal, report.faults
    assert report.algbw == made.bound.algbw


@pytest.mark.parametrize("name", COLLECTIVES)
def test_symmetry_changes_the_work_but_not_the_rate(small_machine, name):
    if small_machine.ranks > MANY or not len(small_machine.symmetry):
        pytest.skip("nothing to compare")
    what = collective(name, range(small_machine.ranks))
    plain = replace(small_machine, symmetry=small_machine.symmetry[:0])
    report = verify(solve(plain, what))
    assert report.optimal
    assert report.algbw == solve(small_machine, what).bound.algbw


@pytest.mark.parametrize("name", COLLECTIVES)
def test_the_bound_is_found_alone_too(name):
    for seed in range(8):
        topology = machine(seed, 4, 2)
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
        timeless = replace(made, provenance=made.provenance | {"seconds": 0})
        save(timeless, tmp_path / file)
    first, second = (tmp_path / f"{file}.json.gz" for file in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", ["all_gather", "all_reduce", "all_to_all"])
def test_a_whole_supernode_of_768_dies_is_solved_in_seconds(name):
    topology = cloudmatrix384()
    report = verify(solve(topology, collective(name, range(topology.ranks)), seconds=60.0))
    assert report.optimal, report.faults


def test_provenance_says_who_and_how_long():
    made = solve(ring(3), collective("all_gather", range(3)))
    assert made.provenance["solver"] == "forest"
    assert made.provenance["seconds"] < 60


def test_all_of_the_symmetry_is_kept_where_everyone_takes_part():
    topology = torus([3, 4])
    assert kept_symmetry(topology, collective("all_reduce", range(12))).order == 12


def test_what_is_kept_of_the_symmetry_keeps_the_ranks_and_the_root():
    topology = leaf_spine(2, 2, 3)
    for what in (
        collective("all_reduce", (0, 1, 2)),
        collective("broadcast", range(6), 4),
        collective("gather", (1, 2, 3), 2),
    ):
        group = kept_symmetry(topology, what)
        for element in group.elements:
            assert sorted(element[list(what.ranks)]) == list(what.ranks)
            assert what.root is None or element[what.root] == what.root
    assert kept_symmetry(star(4), collective("all_reduce", (0, 2))).order == 2


def test_impossible_is_said_at_once():
    topology = build("apart", ["a", "b"], [], [Link("a", "b", Fraction(1))])
    for name in ("all_gather", "all_reduce", "all_to_all"):
        with pytest.raises(Infeasible):
            solve(topology, collective(name, (0, 1)))


@pytest.mark.parametrize("name", ["all_gather", "all_reduce", "all_to_all"])
def test_latencies_decide_between_schedules_of_equal_rate(name):
    ways = [("a", "b", 9e-6), ("a", "b", 1e-6), ("a", "b", 5e-6), ("b", "a", 1e-6)]
    links = [Link(src, dst, Fraction(1), alpha) for src, dst, alpha in ways]
    made = solve(build("pair", ["a", "b"], [], links), collective(name, (0, 1)))
    assert verify(made).optimal
    assert set(made.transfers.route.tolist()) == {1, 3}
