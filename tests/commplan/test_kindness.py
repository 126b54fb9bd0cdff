"""The library is as kind as the command line: what cannot be meant is a CommplanError in a line."""

from dataclasses import replace
from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest

import commplan
from commplan.communicator.placement import place
from solvers.schedules.collective import all_gather
from topologies.presets.shapes import ring

MACHINE = ring(3)
WHAT = commplan.collective("all_reduce", range(3))
MADE = commplan.plan(MACHINE, WHAT).schedule
TOKENS = commplan.tokens("hot:tokens=4:experts=3:top=2:hot=1", 3)
LINK = commplan.Link("a", "b", Fraction(1))
INTS = np.arange(3)


def over(schedule, **columns):
    return replace(schedule, transfers=replace(schedule.transfers, **columns))


FAR = MADE.transfers.src + 9
CALLS = {
    "collective: name": lambda: commplan.collective(3, range(3)),
    "collective: unknown": lambda: commplan.collective("allreduce", range(3)),
    "collective: text": lambda: commplan.collective("all_reduce", "012"),
    "collective: number": lambda: commplan.collective("all_reduce", 3),
    "collective: texts": lambda: commplan.collective("all_reduce", ["a", "b"]),
    "collective: floats": lambda: commplan.collective("all_reduce", [0.5, 1]),
    "collective: negative": lambda: commplan.collective("all_reduce", [-1, 0]),
    "collective: none": lambda: commplan.collective("all_reduce", []),
    "collective: twice": lambda: commplan.collective("all_reduce", [0, 0]),
    "collective: root": lambda: commplan.collective("broadcast", range(3), 7),
    "collective: root text": lambda: commplan.collective("broadcast", range(3), "0"),
    "collective: no root": lambda: commplan.collective("all_reduce", range(3), 0),
    "collective: by hand": lambda: commplan.Collective("x", [0], [1], [[0]], [[0]]),
    "collective: lists": lambda: replace(WHAT, sizes=[1]),
    "all_to_allv: list": lambda: commplan.all_to_allv((0, 1), [[1, 2], [3, 4]]),
    "all_to_allv: ranks": lambda: commplan.all_to_allv(2, np.eye(2, dtype=int)),
    "dispatch: tokens": lambda: commplan.dispatch((0, 1, 2), np.eye(3)),
    "dispatch: ranks": lambda: commplan.dispatch((0, 1), TOKENS),
    "combine: ranks": lambda: commplan.combine("012", TOKENS),
    "tokens: text": lambda: commplan.tokens(5, 3),
    "tokens: none": lambda: commplan.tokens("hot:tokens=4:experts=9", 3, 0),
    "tokens: ranks": lambda: commplan.tokens("hot:tokens=4:experts=9", 2.5),
    "tokens: experts": lambda: commplan.tokens("nowhere.csv", 3, None, "8"),
    "Tokens: lists": lambda: commplan.Tokens([0], [[True]], [1]),
    "Tokens: lengths": lambda: commplan.Tokens(INTS, np.ones((2, 3), dtype=bool), INTS),
    "demand: text": lambda: commplan.demand(None, 3),
    "demand: ranks": lambda: commplan.demand("uniform", "3"),
    "demand: bytes": lambda: commplan.demand("uniform", 3, -1),
    "import_files: text": lambda: commplan.import_files("node0.xml"),
    "import_files: numbers": lambda: commplan.import_files([3]),
    "import_files: none": lambda: commplan.import_files([]),
    "import_files: format": lambda: commplan.import_files(["README.md"], "ncl"),
    "import_files: profile": lambda: commplan.import_files(["README.md"], profiles=["h10"]),
    "stages: text": lambda: commplan.stages("matrix"),
    "stages: ragged": lambda: commplan.stages([[1, 2], [3]]),
    "stages: floats": lambda: commplan.stages(np.eye(3)),
    "stages: cuts": lambda: commplan.stages(np.eye(3, dtype=int), nan),
    "plan: machine": lambda: commplan.plan("ring:3", WHAT),
    "plan: collective": lambda: commplan.plan(MACHINE, "all_reduce"),
    "plan: other ranks": lambda: commplan.plan(MACHINE, commplan.collective("all_reduce", [0, 9])),
    "plan: shapeless": lambda: commplan.plan(
        MACHINE, replace(WHAT, name="some_sum", outputs=(*WHAT.outputs[:2], WHAT.outputs[2][:0]))
    ),
    "plan: buffers": lambda: commplan.plan(MACHINE, replace(WHAT, name="all_gather")),
    "plan: size 0": lambda: commplan.plan(MACHINE, WHAT, size=0),
    "plan: size -5": lambda: commplan.plan(MACHINE, WHAT, size=-5),
    "plan: size 1.5": lambda: commplan.plan(MACHINE, WHAT, size=1.5),
    "plan: size nan": lambda: commplan.plan(MACHINE, WHAT, size=nan),
    "plan: size text": lambda: commplan.plan(MACHINE, WHAT, size="1MiB"),
    "plan: seconds": lambda: commplan.plan(MACHINE, WHAT, seconds=nan),
    "plan: no seconds": lambda: commplan.plan(MACHINE, WHAT, seconds=0),
    "plan: options": lambda: commplan.plan(MACHINE, WHAT, options="found"),
    "plan: scratch": lambda: commplan.plan(MACHINE, WHAT, max_scratch="50%"),
    "plan: watch": lambda: commplan.plan(MACHINE, WHAT, watch=3),
    "bound: machine": lambda: commplan.bound("ring:3", WHAT),
    "bound: collective": lambda: commplan.bound(MACHINE, None),
    "SolverOptions: word": lambda: commplan.SolverOptions("all"),
    "SolverOptions: height": lambda: commplan.SolverOptions(max_height=0),
    "SolverOptions: text": lambda: commplan.SolverOptions(trees="2"),
    "SolverOptions: half": lambda: commplan.SolverOptions(max_height=1.5),
    "simulate: size": lambda: commplan.simulate(MADE, -5.0),
    "simulate: nothing": lambda: commplan.simulate(MADE, 0),
    "simulate: nan": lambda: commplan.simulate(MADE, nan),
    "simulate: endless": lambda: commplan.simulate(MADE, inf),
    "simulate: schedule": lambda: commplan.simulate("s.json", 64),
    "simulate: links": lambda: commplan.simulate(over(MADE, src=FAR), 64),
    "simulate: switching": lambda: commplan.simulate(MADE, 64, "wormhole"),
    "simulate: chunks": lambda: commplan.simulate(MADE, 64, chunks=2.5),
    "verify: schedule": lambda: commplan.verify("s.json"),
    "lower: schedule": lambda: commplan.lower("s.json", 4),
    "lower: links": lambda: commplan.lower(over(MADE, dst=FAR), 4),
    "lower: count": lambda: commplan.lower(MADE, 0),
    "lower: half": lambda: commplan.lower(MADE, 1.5),
    "lower: dtype": lambda: commplan.lower(MADE, 4, dtype="float33"),
    "lower: op": lambda: commplan.lower(MADE, 4, op="mean"),
    "lower: list": lambda: commplan.lower(MADE, 4, dtype=["float32"]),
    "lower: chunks": lambda: commplan.lower(MADE, 4, chunks="2"),
    "lower: joined": lambda: commplan.lower(MADE, 4, joined=-1),
    "emit: target": lambda: commplan.emit(MADE, "cuda"),
    "emit: list": lambda: commplan.emit(MADE, ["c"]),
    "emit: schedule": lambda: commplan.emit(None, "c"),
    "run: sizes": lambda: commplan.run(MADE, 64),
    "run: no sizes": lambda: commplan.run(MADE, []),
    "run: size": lambda: commplan.run(MADE, [0]),
    "run: dtype": lambda: commplan.run(MADE, [64], dtype="float33"),
    "run: op": lambda: commplan.run(MADE, [64], op="mean"),
    "run: target": lambda: commplan.run(MADE, [64], "cuda"),
    "run: iterations": lambda: commplan.run(MADE, [64], iterations=0),
    "run: timeout": lambda: commplan.run(MADE, [64], timeout=nan),
    "run: map": lambda: commplan.run(MADE, [64], played=[0, 0, 1]),
    "load_schedule: nothing": lambda: commplan.load_schedule(None),
    "load_schedule: size": lambda: commplan.load_schedule("s.json", "1MiB"),
    "load_schedule: none": lambda: commplan.load_schedule("/nowhere/s.json"),
    "save_schedule: schedule": lambda: commplan.save_schedule(MACHINE, "/nowhere/s.json"),
    "save_schedule: path": lambda: commplan.save_schedule(MADE, 3),
    "load_topology: nothing": lambda: commplan.load_topology(None),
    "save_topology: machine": lambda: commplan.save_topology(MADE, "/nowhere/t.json"),
    "save_topology: path": lambda: commplan.save_topology(MACHINE, 3),
    "check_topology: schedule": lambda: commplan.check_topology(MACHINE, MACHINE),
    "check_topology: machine": lambda: commplan.check_topology(MADE, "ring:3"),
    "topology: number": lambda: commplan.topology(3),
    "topology: unknown": lambda: commplan.topology("rign:3"),
    "topology: parameter": lambda: commplan.topology("ring:x"),
    "topology: empty": lambda: commplan.topology(""),
    "from_networkx: text": lambda: commplan.from_networkx("graph"),
    "to_networkx: text": lambda: commplan.to_networkx("ring:3"),
    "build: ranks": lambda: commplan.build("m", [0, 1], [], []),
    "build: switches": lambda: commplan.build("m", ["a", "b"], ["s"], []),
    "build: links": lambda: commplan.build("m", ["a", "b"], [], [("a", "b", 1)]),
    "build: bandwidth": lambda: commplan.build("m", ["a", "b"], [], [LINK._replace(bandwidth="1")]),
    "build: latency": lambda: commplan.build("m", ["a", "b"], [], [LINK._replace(alpha=None)]),
    "build: ends": lambda: commplan.build("m", ["a", "b"], [], [LINK._replace(dst=1)]),
    "build: name": lambda: commplan.build(None, ["a", "b"], [], [LINK]),
    "build: class": lambda: commplan.build("m", ["a", "b"], [], [LINK._replace(link_class=4)]),
    "build: kinds": lambda: commplan.build("m", ["a", "b"], [], [LINK], kinds=[1, 2]),
    "build: classes": lambda: commplan.build("m", ["a", "b"], [], [LINK], classes=["fast"]),
    "build: overhead": lambda: commplan.build("m", ["a", "b"], [], [LINK], overhead=["1", "2"]),
    "build: symmetry": lambda: commplan.build("m", ["a", "b"], [], [LINK], symmetry=[["b", "a"]]),
    "Topology: list": lambda: replace(MACHINE, src=[0, 1, 2]),
    "Topology: range": lambda: replace(MACHINE, src=MACHINE.src + 3),
    "Topology: length": lambda: replace(MACHINE, alpha=MACHINE.alpha[:-1]),
    "Topology: nan": lambda: replace(MACHINE, alpha=MACHINE.alpha * nan),
    "Topology: unit": lambda: replace(MACHINE, unit=1.5),
    "Schedule: list": lambda: replace(MADE, block=[0, 0, 0]),
    "Schedule: shares": lambda: replace(MADE, share=(0.5, 0.5)),
    "Schedule: machine": lambda: replace(MADE, topology="ring:3"),
    "Schedule: bound": lambda: replace(MADE, bound=None),
    "Transfers: list": lambda: over(MADE, src=[0]),
    "Transfers: floats": lambda: over(MADE, step=MADE.transfers.step * 0.5),
    "placed: number": lambda: place(MACHINE, ["h"] * 3, 3),
    "placed: texts": lambda: place(MACHINE, ["h"] * 3, ["a", "b", "c"]),
    "placed: range": lambda: place(MACHINE, ["h"] * 3, [0, 1, 3]),
    "placed: mapping": lambda: place(MACHINE, ["h"], {"h": 1}),
    "expect: collectives": lambda: commplan.expect(MACHINE, "all_gather", [1024]),
    "judge: rows": lambda: commplan.judge(MACHINE, None),
    "replan: damage": lambda: commplan.replan(MADE, None),
    "compare: schedule": lambda: commplan.compare(None),
    "job: folder": lambda: commplan.job(3),
    "schema: kind": lambda: commplan.schema("nosuch"),
    "lower: huge": lambda: commplan.lower(MADE, 10**20),
    "collective: huge": lambda: commplan.collective("all_gather", range(10**9)),
    "Executor: program": lambda: commplan.Executor(MADE, None),
    "Executor: way": lambda: commplan.Executor(commplan.lower(MADE, 4), None, way="fast"),
    "Executor: limit": lambda: commplan.Executor(commplan.lower(MADE, 4), None, limit=nan),
}


@pytest.mark.parametrize("call", CALLS)
def test_what_cannot_be_meant_is_said_in_a_line(call):
    with pytest.raises(commplan.CommplanError) as caught:
        CALLS[call]()
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.exit_code in (1, 2)


def test_numbers_of_numpy_are_as_good_as_python_s():
    ranks = np.arange(3)
    what = commplan.collective("broadcast", ranks, np.int64(1))
    made = commplan.plan(MACHINE, what, size=np.int64(64), seconds=np.float32(9))
    assert made.size == 64
    assert commplan.lower(made.schedule, np.int32(8)).count == 8
    assert all_gather((0, 1, 2)).blocks == 3
