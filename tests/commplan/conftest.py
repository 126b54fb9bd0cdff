"""The command line, called in a folder of its own."""

import json
from fractions import Fraction
from functools import cache

import pytest
from click.testing import CliRunner

from commplan.cli.group import commands
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.collective import all_reduce
from solvers.schedules.schedule import Transfer, schedule
from topologies.presets.shapes import full_mesh


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Give a function that runs `commplan WORDS...` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(commands, list(words))


@pytest.fixture
def in_two_orders():
    """Give an all_reduce over three: rank 0 adds up its own, 1, 2, and rank 1 its own, 2, 0."""
    machine = full_mesh(3)
    sends = [(0, 1, 0, True), (0, 2, 1, True), (0, 0, 1, True), (1, 2, 0, True), (2, 0, 2, False)]
    link = {ends: e for e, ends in enumerate(zip(machine.src, machine.dst, strict=True))}
    rows = [Transfer(0, step, a, b, (link[a, b],), adds) for step, a, b, adds in sends]
    return schedule(machine, all_reduce(range(3)), [(0, Fraction(1))], rows, UNPROVED)


@pytest.fixture
def ask(call):
    """Give a function that runs a command with --json, expects success and a clean answer."""

    def answer(*words):
        result = call(*words, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.count("\n") == 1
        return json.loads(result.stdout)

    return answer


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Give a function that compiles what many tests look at, once: from its words to the file."""
    folder = tmp_path_factory.mktemp("compiled")

    @cache
    def written(*words):
        file = folder / "plan.json"
        result = CliRunner().invoke(commands, ["compile", *words, "-o", str(file)])
        assert result.exit_code == 0, result.stderr
        return file.read_bytes()

    return written


@pytest.fixture
def ring4(compiled, tmp_path):
    """Give the file of an all_reduce on a ring of four."""
    file = tmp_path / "ring4.json"
    file.write_bytes(compiled("ring:4", "all_reduce"))
    return file
