import json
from pathlib import Path

import pytest

from commplan.fitting.fitted import known_library
from commplan.selection.tuned import hccl
from commplan.selection.tuned.protocols import UnmeasuredError, protocol_rules
from commplan.selection.tuned.tuner_files import (
    TunerError,
    first,
    read_csv,
    read_ncclx_csv,
    read_ncclx_json,
    write_csv,
    write_ncclx_csv,
    write_ncclx_json,
)
from commplan.selection.tuned.tuners import UNTRIED
from topologies.formats import spec

NCCL = ("nccl", "nccl-9", "nccl-8", "ncclx", "ncclx-json")
READ = {"ncclx": read_ncclx_csv, "ncclx-json": read_ncclx_json}
# NCCL 2.29.2 on eight B200, all_gather, as it was measured: seconds by bytes.
MEASURED = {2**22: 29.23e-6, 2**23: 44.18e-6, 2**24: 103.86e-6, 2**25: 113.75e-6}


@pytest.fixture(scope="module")
def rules():
    machine = spec.topology("dgx-b200")
    return protocol_rules(machine, known_library(machine), "NCCL", bool(machine.multicast.any()))


def test_rules_stand_where_the_library_was_measured_to_lose(rules):
    assert {rule.word for rule in rules} == {"allgather", "reducescatter"}
    [eight] = [rule for rule in rules if rule.word == "allgather" and rule.ranks == 8]
    assert (eight.protocol, eight.usual) == ("ll128", "simple")
    assert 2**23 < eight.least <= 2**24 <= eight.most < 2**25
    # Twice the bytes took 2.35 times as long, where LL128 ends.
    assert MEASURED[2**24] / MEASURED[2**23] > eight.gain[0] * 1.5


def test_what_cannot_be_told_apart_has_no_rule():
    machine = spec.topology("dgx-h100")
    assert protocol_rules(machine, known_library(machine), "NCCL", adds=True) == []


@pytest.mark.parametrize("target", NCCL)
def test_files_say_the_same_in_every_form(call, tmp_path, rules, target):
    found = call("select", "dgx-b200", "--target", target, "-o", "rules", "--json")
    assert found.exit_code == 0, found.stderr
    answer = json.loads(found.stdout)
    assert answer["notes"][0] == UNTRIED
    text = (tmp_path / "rules").read_text()
    assert UNTRIED in text
    rows = READ.get(target, read_csv)(text)
    assert len(rows) == len(rules) == len(answer["rules"]) == len(answer["rows"])
    gains = [row["default_seconds"] / row["predicted_seconds"] for row in answer["rows"]]
    pairs = zip(gains, answer["rules"], strict=True)
    assert all(r["least_gain"] <= gain * 1.001 <= r["most_gain"] * 1.002 for gain, r in pairs)
    for ranks, size, says in ((8, 2**24, "ring ll128"), (8, 2**25, ""), (4, 2**23, "ring ll128")):
        assert first(rows, "allgather", size, 1, ranks) == says
    assert first(rows, "allgather", 2**24, 2, 8) == ""
    assert first(rows, "allreduce", 2**24, 1, 8) == ""


def test_numbers_of_fields_are_those_that_the_loader_counts(rules):
    for fields in (8, 9, 10):
        lines = write_csv(rules, ["note"], fields).splitlines()
        assert {len(line.split(",")) for line in lines if not line.startswith("#")} == {fields}
    assert read_csv(write_csv([], ["note"])) == []
    assert read_ncclx_csv(write_ncclx_csv([], ["note"])) == []
    assert read_ncclx_json(write_ncclx_json([], ["note"])) == []


def test_the_first_rule_that_matches_counts_and_minus_one_is_any():
    text = "allreduce,0,100,tree,ll,-1,-1,-1\nallreduce,0,1000,ring,simple,4,2,16,-1,1\n"
    rows = read_csv(text)
    assert first(rows, "allreduce", 100, 5, 40) == "tree ll"
    assert first(rows, "allreduce", 101, 2, 16) == "ring simple"
    assert first(rows, "allreduce", 101, 2, 8) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("allreduce,0,1,ring,ll,-1,1", "line 1: 7 fields, expected 8 to 10"),
        ("all_gather,0,1,ring,ll,-1,1,8", "'all_gather', expected broadcast"),
        ("allgather,0,1,rings,ll,-1,1,8", "'rings', expected tree"),
        ("allgather,0,1,ring,LL,-1,1,8", "'LL', expected ll"),
        ("allgather,2,1,ring,ll,-1,1,8", "no size is between"),
        ("allgather,0,1.5,ring,ll,-1,1,8", "'1.5', expected a whole number"),
        ("# " + "x" * 254, "256 bytes, at most 255 are one"),
    ],
)
def test_lines_that_the_loader_would_take_for_others_are_refused(text, says):
    with pytest.raises(TunerError, match=says):
        read_csv(text)


@pytest.mark.parametrize(
    ("word", "inside", "outside"),
    [
        ("*", (0, 2**40), ()),
        ("5", (5,), (4, 6)),
        ("[2,4]", (2, 4), (1, 5)),
        ("(2,4)", (3,), (2, 4)),
        ("(1,)", (2, 2**40), (1,)),
        ("(,4]", (0, 4), (5,)),
    ],
)
def test_intervals_are_those_of_ncclx(word, inside, outside):
    rows = read_ncclx_csv(f"allgather,{word},ring,ll,-1,*,*")
    assert all(first(rows, "allgather", 8 * size, 1, 8) for size in inside)
    assert not any(first(rows, "allgather", 8 * size, 1, 8) for size in outside)


@pytest.mark.parametrize("word", ["(2,3)", "[4,2]", "[1,2", "a", ""])
def test_intervals_that_ncclx_fails_at_are_refused(word):
    with pytest.raises(TunerError):
        read_ncclx_csv(f"allgather,{word},ring,ll,-1,*,*")


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"rules": {}}, "no list of rules"),
        ({"rules": [{"filter": {"collective": "allgather"}}]}, "expected filter and config"),
        ({"rules": [{"filter": {"size": 1}, "config": {}}]}, "expected filter and config"),
        ({"rules": [{"filter": {"nNodes": [1]}, "config": {}}]}, "expected a number or a word"),
    ],
)
def test_json_that_ncclx_fails_at_is_refused(tree, says):
    with pytest.raises(TunerError, match=says):
        read_ncclx_json(json.dumps(tree))


def test_hccl_s_rules_are_for_templates_that_differ_by_half(call, tmp_path):
    found = call("select", "full-mesh:8", "--target", "hccl", "-o", "rules.json", "--json")
    assert found.exit_code == 0, found.stderr
    text = (tmp_path / "rules.json").read_text()
    assert UNTRIED in text
    rules = hccl.read(text)
    assert hccl.look_up(rules, "allreduce", 8, 2**28) == "meshtwoshot"
    assert hccl.look_up(rules, "allreduce", 7, 2**28) == ""
    # The loader counts what one rank holds of an all_gather, of others the largest buffer.
    rows = {row["collective"]: row for row in json.loads(found.stdout)["rows"]}
    least = rows["reduce_scatter"]["from_bytes"]
    assert rows["allgather"]["from_bytes"] == least
    each = -(-least // 8)
    sizes = [
        ("allgather", each),
        ("reduce_scatter", least),
        ("broadcast", 2**28),
        ("scatter", 2**28),
    ]
    for op, size in sizes:
        assert hccl.look_up(rules, op, 8, size) == "mesh"
    for op, size in [("allgather", each - 1), ("reduce_scatter", least - 1), ("reduce", 2**28)]:
        assert hccl.look_up(rules, op, 8, size) == ""


def test_one_file_of_hccl_is_for_all_groups_of_a_job(call, tmp_path):
    groups = [word for own in ("0-3", "4-7", "0,4") for word in ("--ranks", own)]
    found = call("select", "full-mesh:8", *groups, "--target", "hccl", "-o", "rules.json")
    assert found.exit_code == 0, found.stderr
    rules = hccl.read((tmp_path / "rules.json").read_text())
    assert hccl.look_up(rules, "allreduce", 4, 2**28) == "meshtwoshot"
    assert hccl.look_up(rules, "allreduce", 2, 1024) == "meshoneshot"
    assert (
        "takes one" in call("select", "full-mesh:8", *groups, "--target", "nccl", "-o", "x").stderr
    )


def changed(**fields):
    match = {"min_ranks": 8, "max_ranks": 8, "min_bytes": 0, "max_bytes": 9}
    rule = {"match": match, "engine": "aicpu", "executor": "sole", "template": "nhr", "cost": 0}
    for key, value in fields.items():
        (match if key in match else rule)[key] = value
    return {"version": 1, "op_types": {"allreduce": {"rules": [rule]}}}


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        (changed() | {"version": 2}, "expected version 1"),
        (changed() | {"op_types": {"all_reduce": {"rules": []}}}, "'all_reduce': expected 1 to"),
        (changed(template="ring"), "template is 'ring'"),
        (changed(min_ranks=9), "min_ranks 9 is more than max_ranks 8"),
        (changed(max_bytes=None), "max_bytes is 'None'"),
        (changed(cost="0"), "cost is '0'"),
        (changed(algorithm="nhr"), "expected an object of match"),
    ],
)
def test_of_one_fault_hccl_would_not_act_and_so_it_is_refused(tree, says):
    assert hccl.read(json.dumps(changed()))
    with pytest.raises(TunerError, match=says):
        hccl.read(json.dumps(tree))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("mi300x", "--target", "rccl"), 1, "RCCL was not measured on mi300x"),
        (("torus:4x4", "--target", "nccl"), 1, "NCCL was not measured on torus:4x4"),
        (("dgx-b200", "--target", "nccl", "--sizes", "1:2"), 2, "takes TOPOLOGY, --ranks and"),
        (("dgx-b200", "--target", "nccl", "--library", "x.json"), 2, "x.json: no such file"),
        (("star:4", "--target", "hccl", "--library", "x.json"), 1, "tells nothing of its templ"),
    ],
)
def test_what_nobody_measured_is_refused_and_nothing_is_written(call, tmp_path, words, code, says):
    found = call("select", *words, "-o", "rules")
    assert (found.exit_code, found.stdout) == (code, "")
    assert says in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert not (tmp_path / "rules").exists()


def test_a_fit_of_one_s_own_serves_as_what_is_shipped(call, tmp_path):
    shipped = known_library(spec.topology("dgx-b200"))
    assert shipped is not None
    path = "commplan/fitting/libraries/dgx-b200.json"
    own = (Path(__file__).parents[3] / path).read_text()
    (tmp_path / "fit.json").write_text(own)
    words = ("dgx-b200", "--target", "rccl", "--library", "fit.json", "-o", "rules.csv")
    assert call("select", *words).exit_code == 0
    assert len(read_csv((tmp_path / "rules.csv").read_text())) == 6


def test_ranks_that_were_not_measured_together_are_refused():
    machine = spec.topology("dgx-b200")
    with pytest.raises(UnmeasuredError, match="joined as those of star:4"):
        protocol_rules(spec.topology("star:4"), known_library(machine), "NCCL", adds=False)


def test_a_group_of_a_host_has_the_rules_of_as_many_ranks(rules):
    machine = spec.topology("dgx-b200:boxes=2")
    known, adds = known_library(machine), bool(machine.multicast.any())
    own = protocol_rules(machine, known, "NCCL", adds, [9, 12])
    assert own == [rule for rule in rules if rule.ranks == 2] != []
    with pytest.raises(UnmeasuredError, match="not measured on ranks that are joined"):
        protocol_rules(machine, known, "NCCL", adds, [7, 8])  # of two hosts
