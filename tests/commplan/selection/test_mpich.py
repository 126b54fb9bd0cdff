import json
import subprocess
import sys
from functools import partial

import pytest

from commplan.selection.algorithm import Algorithm, Rule
from commplan.selection.choose import ROUNDS, SEGMENTED, SMALLER, STEADY, SWAPPED, choose, doubts
from commplan.selection.mpi.mpich import mpich
from commplan.selection.mpi.mpich_algorithms import ALGORITHMS
from commplan.selection.mpi.mpich_rules import PAGE, call_of, set_rules, text
from commplan.selection.mpi.mpich_tree import (
    LibraryError,
    TreeError,
    check,
    in_library,
    load,
    look_up,
)
from commplan.selection.play import stages
from runtime.launch.mpi import find
from solvers.selectable import spreads, trees
from topologies.presets.shapes import full_mesh, line, star

SUPERNODES = """format = "commplan/topology/1"
name = "supernodes"
counts = {s = 2, h = 2}
ranks = ["h{s}{h}"]
switches = [{name = "s{s}"}]
links = [
  {src = "h{s}{h}", dst = "s{s}", bandwidth_GBps = 0.05, latency_us = 10, duplex = true},
  {src = "s0", dst = "s1", bandwidth_GBps = 0.0125, latency_us = 10, duplex = true},
]
"""
VARIABLE = "MPIR_CVAR_COLL_SELECTION_TUNING_JSON_FILE"
PROGRAM = """
import numpy as np
from mpi4py import MPI
world = MPI.COMM_WORLD
for n in (2**8, 2**18):
    mine = np.full(n, world.rank, dtype=np.float32)
    gathered = np.zeros(4 * n, dtype=np.float32)
    world.Allgather(mine, gathered)
    assert (gathered == np.repeat(np.arange(4), n)).all()
    summed = np.zeros(n, dtype=np.float32)
    world.Allreduce(mine, summed)
    assert (summed == 6).all()
    world.Alltoall(gathered, gathered.copy())
    world.Bcast(mine, 0)
    assert (mine == 0).all()
"""


@pytest.fixture(scope="module")
def installed():
    if find().kind != "mpich":
        pytest.skip("needs MPICH")
    return mpich()


def branches(node, key):
    return node[next(name for name in node if name.startswith(key))]


def test_the_tree_lies_in_the_library_and_chooses_as_mpich_does(installed):
    assert len(installed.tree) >= 40
    call = call_of("allgather", 8, 2**20)
    assert look_up(installed.tree, "allgather", call).name == "MPIR_Allgather_intra_ring"
    assert installed.default("all_gather", 8, 2**10).name.endswith("recursive_doubling")
    assert installed.default("broadcast", 12, 2**20).name.endswith("scatter_ring_allgather")
    assert installed.default("all_to_all", 8, 8 * 256).name.endswith("brucks")
    assert installed.default("all_to_all", 8, 8 * 257).name.endswith("scattered")


def test_a_rule_holds_for_its_sizes_and_processes_alone(installed):
    ring = next(a for a in installed.catalogue["all_gather"] if a.name.endswith("ring"))
    rules = [Rule(2**15, None), Rule(2**17, ring), Rule(2**40, None)]
    made = set_rules(installed.tree, {"allgather": {8: rules, 4: rules}})

    def name(n, size):
        return look_up(made, "allgather", call_of("allgather", n, size)).name

    usual = "MPIR_Allgather_intra_recursive_doubling"
    assert [name(8, size) for size in (2**15, 2**16, 2**17, 2**17 + 8)] == [
        *(usual, ring.name, ring.name, usual),
    ]
    assert name(16, 2**16) == name(2, 2**16) == usual
    assert name(4, 2**16) == ring.name
    other = {key: node for key, node in made.items() if key != "collective=allgather"}
    assert other == {k: node for k, node in installed.tree.items() if k in other}


def test_operations_that_may_not_be_split_keep_the_library_s_choice(installed):
    shared = next(a for a in installed.catalogue["all_reduce"] if a.name.endswith("_allgather"))
    made = set_rules(installed.tree, {"allreduce": {8: [Rule(2**40, shared)]}})
    node = branches(made["collective=allreduce"]["comm_type=intra"], "comm_size<=8")
    node = branches(node, "avg_msg_size=any")
    own = installed.tree["collective=allreduce"]["comm_type=intra"]
    assert node["is_commutative=no"] == own
    assert node["is_commutative=yes"]["is_op_built_in=no"] == own
    assert node["is_commutative=yes"]["is_op_built_in=yes"]["count<pow2"] == own


def test_a_file_never_fills_whole_pages():
    tree = {"collective=bcast": {"x" * (PAGE - 32): {}}}
    lengths = {len(text({"collective=bcast": {"x" * k: {}}})) for k in range(4040, 4100)}
    assert PAGE not in lengths
    assert PAGE + 1 in lengths
    assert len(text(tree)) % PAGE


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ([], "no tree of collectives"),
        ({"bcast": {}}, "expected collective=NAME"),
        ({"collective=bcast": {}}, "leads to no algorithm"),
        ({"collective=bcast": {"comm_size<=x": {}}}, "knows no 'comm_size<=x'"),
        ({"collective=bcast": {"avg_msg_size<=2147483648": {}}}, "knows no"),
        ({"collective=bcast": {"algorithm=A": {"k=2": {"more": {}}}}}, "have nothing below"),
    ],
)
def test_what_the_loader_would_stop_at_is_refused(tree, says):
    with pytest.raises(TreeError, match=says):
        check(tree, "file")


def test_files_are_read_as_the_loader_reads_them(installed, tmp_path):
    file = tmp_path / "tree.json"
    file.write_text(text(installed.tree))
    assert load(file) == installed.tree
    file.write_text(json.dumps({"collective=bcast": {"algorithm=A": {}}}))
    with pytest.raises(TreeError, match="1 collectives, expected all"):
        load(file)
    whole = json.dumps(installed.tree)
    file.write_text(whole + " " * (-len(whole) % PAGE))
    with pytest.raises(TreeError, match="whole pages"):
        load(file)
    with pytest.raises(LibraryError, match="no selection tree"):
        in_library(file)
    with pytest.raises(TreeError, match="no such file"):
        load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("star:4", "--target", "mpihc"), 2, "nearest: mpich"),
        (("star:4", "gather", "--target", "mpich"), 2, "no collective is named 'gather'"),
        (("star:4", "--ranks", "0", "--target", "mpich"), 2, "1 process, expected 2 to 512"),
        (("star:4", "--target", "mpich", "--library", "none.so"), 2, "none.so: no such file"),
        (("star:4", "--target", "openmpi", "--library", "a.so"), 2, "--library is for mpich and"),
        (("star:4", "--target", "mpich", "--map", "none.txt"), 2, "none.txt: no such file"),
        (("star:4", "--target", "openmpi", "--margin", "nan"), 2, "'nan' is no number in 0<=x<=10"),
    ],
)
def test_wrong_questions_end_in_one_line_and_write_nothing(call, tmp_path, words, code, says):
    found = call("select", *words, "-o", "tuning.json")
    assert found.exit_code == code, found.stderr
    assert says in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert not (tmp_path / "tuning.json").exists()


def test_what_is_predicted_best_needs_the_least_margin():
    [stage, *_] = stages(star(4), range(4))
    known = {each.title: each for all_of in ALGORITHMS.values() for each in all_of}
    scattered, pairwise = (known[f"MPIR_Alltoall_intra_{way}"] for way in ("scattered", "pairwise"))
    cut = next(each for title, each in known.items() if "pipelined_tree" in title)
    assert doubts(stage, "all_to_all", scattered, 2**20, None) == STEADY < 1
    assert doubts(stage, "all_to_all", scattered, 2**20, scattered) == STEADY
    assert doubts(stage, "all_to_all", scattered, 2**20, pairwise) == SWAPPED < 0
    assert doubts(stage, "all_to_all", pairwise, 2**20, pairwise) == 1
    assert doubts(stage, "all_to_all", pairwise, 2**20, scattered) == ROUNDS > 1
    assert doubts(stage, "all_to_all", scattered, 2**10, pairwise) == SMALLER
    assert doubts(stage, "broadcast", cut, 2**20, None) == SEGMENTED


@pytest.mark.mpi
def test_an_unchanged_program_runs_with_the_file(installed, call, tmp_path):
    (tmp_path / "machine.toml").write_text(SUPERNODES)
    (tmp_path / "map.txt").write_text("h00\nh10\nh01\nh11\n")
    words = ("machine.toml", "--map", "map.txt", "--target", "mpich", "-o", "t.json", "--json")
    answer = json.loads(call("select", *words).stdout)
    rules = {rule["collective"]: rule for rule in answer["rules"] if rule["algorithm"]}
    assert len(answer["rows"]) == sum(rule["algorithm"] is not None for rule in answer["rules"])
    assert all(row["predicted_seconds"] < row["default_seconds"] for row in answer["rows"])
    assert rules["all_gather"]["most_gain"] > 2
    assert answer["load"] == f'export {VARIABLE}="$PWD"/t.json'
    (tmp_path / "program.py").write_text(PROGRAM)
    here = find()
    command = [*here.command_line(4), sys.executable, "-m", "mpi4py", "program.py"]
    place = {**here.environment(60), VARIABLE: str(tmp_path / "t.json")}
    ended = subprocess.run(
        command, cwd=tmp_path, env=place, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr


def seconds(pattern, size):
    stage = stages(full_mesh(4), range(4))[0]
    return stage.seconds("broadcast", Algorithm("any", (), pattern), size)


def test_a_tree_that_blocks_sends_to_one_child_after_the_other_but_not_in_segments():
    flat = trees.kary(4, 3)
    whole = seconds(lambda _: spreads.down_tree(flat), 2**24)
    assert seconds(lambda _: spreads.one_by_one(flat), 2**24) == pytest.approx(3 * whole, rel=0.01)
    cut = partial(spreads.one_by_one, flat, 2**15)
    assert seconds(lambda _: cut(), 2**24) == pytest.approx(whole, rel=0.01)
    assert seconds(lambda _: cut(), 2**15) == pytest.approx(
        seconds(lambda _: spreads.one_by_one(flat), 2**15)
    )


def test_segments_must_promise_twice_the_margin():
    machine = line(4)
    stage = stages(machine, range(4))[0]
    slow = Algorithm("slow", (), lambda _: spreads.one_by_one(trees.binomial(4)))
    cut = Algorithm("cut", (), lambda n: spreads.down_tree(trees.chain(n), 2**18))
    size = 2**20
    gain = stage.seconds("broadcast", slow, size) / stage.seconds("broadcast", cut, size)
    assert gain > 1.1
    for margin, chosen in (((gain - 1) / 1.9, None), ((gain - 1) / 2.1, cut)):
        [found] = choose([stage], "broadcast", [size], [slow, cut], lambda *_: slow, margin)
        assert found.chosen is chosen
