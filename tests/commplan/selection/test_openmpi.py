import json

import pytest

from commplan.selection.algorithm import Rule
from commplan.selection.choose import ALIKE, BURSTS, ROUNDS, SMALLER, STEADY, doubts
from commplan.selection.mpi.openmpi import (
    HEADER,
    OpenMpi,
    OpenMpiJson,
    RulesError,
    default,
    eager_limit,
    read_json,
    read_text,
)
from commplan.selection.mpi.openmpi_algorithms import ALGORITHMS, FIXED, NAMES, SAME
from commplan.selection.play import stages
from runtime.fabric.hosts import AT_ONCE
from topologies.presets.shapes import line, star

SPREADS = {each.title: each for each in ALGORITHMS["broadcast"]}
RULES = {
    "broadcast": {
        8: [Rule(1000, None), Rule(50_000, SPREADS["6 binomial"]), Rule(2**62, None)],
        5: [Rule(2**62, SPREADS["3 pipeline segment=8192"])],
    }
}


@pytest.mark.parametrize("library", [OpenMpi(), OpenMpiJson()])
def test_a_rule_holds_for_its_sizes_and_processes_alone(library):
    written = library.write(RULES)
    says = {
        (n, size): library.read(written, "broadcast", n, size)
        for n in (2, 5, 6, 7, 8, 9, 100)
        for size in (0, 1000, 1001, 50_000, 50_001, 2**30)
    }
    chosen = {key: title for key, title in says.items() if title}
    piped = {
        (5, size): "3 pipeline segment=8192" for size in (0, 1000, 1001, 50_000, 50_001, 2**30)
    }
    assert chosen == {**piped, (8, 1001): "6 binomial", (8, 50_000): "6 binomial"}
    assert library.read(written, "all_gather", 8, 2000) is None


def test_without_rules_nothing_is_listed():
    empty = {"broadcast": {8: [Rule(2**62, None)]}}
    assert read_text(OpenMpi().write(empty)) == {}
    assert read_json(OpenMpiJson().write(empty)) == {}


def test_the_library_s_own_choice_is_that_of_its_sources():
    assert default("all_gather", 8, 2**20).title == "3 recursive_doubling"
    assert default("all_gather", 6, 2**20).title == "2 bruck"
    assert default("all_gather", 40, 40 * 2000).title == "5 neighbor"
    assert default("all_gather", 40, 40 * 70_000).title == "4 ring"
    assert default("broadcast", 8, 2**20).title == "1 basic_linear"
    assert default("broadcast", 4, 2**20).title == "2 chain"
    assert default("all_reduce", 8, 2**13 - 1).title == "3 recursive_doubling"
    assert default("all_reduce", 8, 2**13).title == "6 rabenseifner"
    assert default("all_to_all", 100, 100 * 300_000).title == "2 pairwise"
    assert default("reduce_scatter", 100, 10_000) is None
    assert default("broadcast", 5000, 10_000) is None


def test_the_tables_name_what_there_is():
    for collective, table in FIXED.items():
        ends = [end for end, _ in table]
        assert ends == sorted(ends)
        known = {int(each.name.split()[0]) for each in ALGORITHMS[collective]}
        for _, choices in table:
            assert [end for end, _ in choices] == sorted(end for end, _ in choices)
            for _, number in choices:
                assert 1 <= number <= len(NAMES[collective])
        assert set(SAME[collective].values()) <= known


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rule-file 1", "found 'r', expected numbers"),
        ("1 7 1 8 1 0 5 0", "rule: found None"),
        ("1 7 1 8 1 16 5 0 0", "the first is not from size 0 on"),
        ("1 7 2 8 1 0 5 0 0 8 1 0 5 0 0", "8 processes after 8"),
        ("1 7 1 8 1 0 5 0 0 9", "numbers are left over"),
        ("23", "collectives: found 23, expected a number up to 22"),
    ],
)
def test_text_that_the_loader_would_pass_over_is_refused(text, says):
    with pytest.raises(RulesError, match=says):
        read_text(text)


def changed(**fields):
    rule = {"alg": "binomial", "msg_size_min": 0} | fields
    part = {"comm_size_min": 8, "rules": [rule]}
    return {"rule_file_version": 3, "module": "tuned", "collectives": {"bcast": [part]}}


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ([], "no object with collectives"),
        (changed() | {"rule_file_version": 2}, "expected rule_file_version 3"),
        (changed() | {"collectives": {"Bcast": []}}, "collectives: 'Bcast'"),
        (changed(alg="binomal"), "alg 'binomal' is no algorithm of broadcast"),
        (changed(alg=10), "alg '10' is no algorithm of broadcast"),
        (changed(msg_size_min="many"), "msg_size_min is 'many', expected a number or inf"),
        (changed(segsize=4), "expected an object of msg_size_min"),
    ],
)
def test_json_that_the_loader_would_pass_over_is_refused(tree, says):
    with pytest.raises(RulesError, match=says):
        read_json(json.dumps(tree))


def test_json_without_ends_holds_for_all_and_takes_numbers():
    text = json.dumps(changed(alg=6, msg_size_max="inf"))
    assert OpenMpiJson().read(text, "broadcast", 2**20, 2**30) == "6 binomial"
    assert OpenMpiJson().read(text, "broadcast", 7, 0) is None


@pytest.mark.parametrize("target", ["openmpi", "openmpi-json"])
def test_the_command_writes_a_file_that_is_read_back(call, tmp_path, target, monkeypatch):
    monkeypatch.delenv(AT_ONCE, raising=False)
    found = call("select", "star:6", "broadcast", "--target", target, "-o", "rules")
    assert found.exit_code == 0, found.stderr
    assert f"export {AT_ONCE}=2097152" in found.stdout
    assert "OMPI_MCA_coll_tuned_use_dynamic_rules=1" in found.stdout
    text = (tmp_path / "rules").read_text()
    assert read_text(text) if target == "openmpi" else read_json(text)


@pytest.mark.parametrize(
    ("given", "limit"),
    [("2097152", 2**21 - HEADER), ("10", 0), ("", 0), ("2m", 0), ("-1", 0), ("9" * 5000, 0)],
)
def test_what_is_sent_without_asking_is_known_where_the_environment_says_so(
    monkeypatch, given, limit
):
    monkeypatch.setenv(AT_ONCE, given)
    assert eager_limit() == limit
    monkeypatch.delenv(AT_ONCE)
    assert eager_limit() == 0


def test_messages_that_ask_are_swapped_one_after_the_other():
    doubling = named("all_gather", "3")
    known, plain = (stages(star(4), range(4), eager)[0] for eager in (2**20, 0))
    takes = [each.seconds("all_gather", doubling, 2**22) for each in (known, plain)]
    assert takes[0] / takes[1] == pytest.approx(5 / 3, rel=0.01)  # 1 + 2 + 2 MiB for 1 + 2
    takes = [each.seconds("all_gather", doubling, 2**21) for each in (known, plain)]
    assert takes[0] == pytest.approx(takes[1])


def test_what_is_sent_without_asking_holds_its_process_up_no_longer():
    pairwise = named("all_to_all", "2")
    known, plain = (stages(line(5), range(5), eager)[0] for eager in (2**21, 0))
    assert known.seconds("all_to_all", pairwise, 2**20) < 0.95 * plain.seconds(
        "all_to_all", pairwise, 2**20
    )


def test_where_it_is_known_what_asks_less_is_doubted():
    [stage, *_] = stages(star(8), range(8), 2**20)
    doubling, ring, near = (named("all_gather", number) for number in "345")
    linear, pairwise = (named("all_to_all", number) for number in "12")
    cut = SPREADS["3 pipeline segment=8192"]
    assert doubts(stage, "all_gather", near, 2**20, doubling) == ALIKE
    assert doubts(stage, "all_gather", near, 2**24, doubling) == 1
    assert doubts(stage, "all_gather", ring, 2**20, doubling) == STEADY
    assert doubts(stage, "all_gather", ring, 2**20, named("all_gather", "2")) == STEADY
    [seven, *_] = stages(star(7), range(7), 2**20)
    assert doubts(seven, "all_gather", ring, 2**20, named("all_gather", "2")) == 0
    assert doubts(stage, "all_gather", ring, 2**15, doubling) == BURSTS > SMALLER
    assert doubts(stage, "all_to_all", pairwise, 2**20, linear) == 1
    assert doubts(stage, "all_to_all", pairwise, 2**24, linear) == ROUNDS
    assert doubts(stage, "all_to_all", pairwise, 2**15, linear) == 1
    assert doubts(stage, "all_to_all", pairwise, 2**14, linear) == SMALLER
    assert doubts(stage, "broadcast", cut, 2**20, SPREADS["1 basic_linear"]) == 1
    assert doubts(stage, "all_to_all", linear, 2**20, linear) == STEADY


def named(collective, number):
    return next(each for each in ALGORITHMS[collective] if each.title.split()[0] == number)
