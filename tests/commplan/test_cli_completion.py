"""Shells complete commands and options."""

import os
import subprocess
import sys

import pytest

ASK = {"_COMMPLAN_COMPLETE": "bash_complete"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_commplan(call, shell):
    result = call("completion", shell)
    assert result.exit_code == 0
    assert "_COMMPLAN_COMPLETE=" in result.stdout


def test_a_shell_of_another_name_is_refused(call):
    assert call("completion", "tcsh").exit_code == 2


@pytest.mark.parametrize(
    ("words", "number", "completed"),
    [
        ("commplan com", 1, ["compile", "compare", "completion"]),
        ("commplan compile --sw", 2, ["--switching"]),
    ],
)
def test_words_are_completed(words, number, completed):
    ended = subprocess.run(
        [sys.executable, "-m", "commplan"],
        env=os.environ | ASK | {"COMP_WORDS": words, "COMP_CWORD": str(number)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stderr == ""
    assert [line.partition(",")[2] for line in ended.stdout.splitlines()] == completed
