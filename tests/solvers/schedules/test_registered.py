"""A collective that is registered from outside, taken all the way."""

import numpy as np
import pytest
from click.testing import CliRunner

from commplan.cli.group import commands
from runtime.interpret.interpret import interpret
from runtime.program.lower import lower
from runtime.simulate.simulate import simulate
from runtime.verify.verify import verify
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import KINDS, Kind, collective, register
from solvers.solve import bound, solve
from topologies.formats.spec import topology
from topologies.model.topology import integers


def shift(ranks, _, __):
    """Give each rank's block to the next one."""
    n = len(ranks)
    inputs = tuple(integers([i]) for i in range(n))
    outputs = tuple(integers([(i - 1) % n]) for i in range(n))
    return Collective("shift", ranks, integers([1] * n), inputs, outputs)


@pytest.fixture
def shifting():
    register(Kind("shift", shift))
    yield
    KINDS.remove("shift")


@pytest.mark.usefixtures("shifting")
def test_a_new_collective_is_bounded_planned_checked_simulated_and_run():
    machine = topology("ring:5")
    what = collective("shift", range(5))
    made = solve(machine, what)
    report = verify(made)
    assert report.correct
    assert report.optimal
    assert report.algbw == bound(machine, what).algbw
    assert simulate(made, 2**20).seconds > 0
    inputs = [np.full(7, rank, dtype=np.float32) for rank in range(5)]
    outputs = interpret(lower(made, 7), inputs)
    assert [set(each.tolist()) for each in outputs] == [{4.0}, {0.0}, {1.0}, {2.0}, {3.0}]


@pytest.mark.usefixtures("shifting")
def test_the_commands_know_it(tmp_path):
    file = str(tmp_path / "shift.json")
    for words in (
        ("bound", "ring:4", "shift"),
        ("compile", "ring:4", "shift", "-o", file),
        ("verify", file),
        ("simulate", file, "--size", "64KiB"),
    ):
        assert CliRunner().invoke(commands, list(words)).exit_code == 0, words
