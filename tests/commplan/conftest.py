"""The command line, called in a folder of its own."""

import json

import pytest
from click.testing import CliRunner

from commplan.cli.group import commands


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Give a function that runs `commplan WORDS...` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(commands, list(words))


@pytest.fixture
def ask(call):
    """Give a function that runs a command with --json, expects success and a clean answer."""

    def answer(*words):
        result = call(*words, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.count("\n") == 1
        return json.loads(result.stdout)

    return answer


@pytest.fixture
def ring4(call, tmp_path):
    """Give the file of an all_reduce on a ring of four."""
    assert call("compile", "ring:4", "all_reduce", "-o", "ring4.json").exit_code == 0
    return tmp_path / "ring4.json"
