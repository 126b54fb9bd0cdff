"""A process that ends badly says so, with its number; one that ends well says nothing."""

import os
import subprocess

import pytest

from runtime.launch.first_failure import Death, describe_exit, read_death, wrap_command


def errors(*command, **variables):
    done = subprocess.run(
        wrap_command(command),
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("variable", ["PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK"])
@pytest.mark.parametrize(
    ("deed", "code"), [("exit 3", 3), ("kill -9 $$", 137), ("kill -6 $$", 134)]
)
def test_a_bad_end_is_told(monkeypatch, variable, deed, code):
    for name in ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK"):
        monkeypatch.delenv(name, raising=False)
    found, [line] = errors("sh", "-c", deed, **{variable: "5"})
    assert (found, read_death(line)) == (code, Death(5, code))


def test_what_the_process_says_comes_through():
    assert errors("sh", "-c", "echo a b >&2; exit 0") == (0, ["a b"])


def test_words_stay_as_they_are():
    code, [line] = errors("sh", "-c", 'echo "$1,$#" >&2', "sh", "a  $b 'c' \"d\"")
    assert (code, line) == (0, "a  $b 'c' \"d\",1")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (128, "exit code 128"),
        (139, "signal 11 (SIGSEGV)"),
        (255, "exit code 255"),
        (-9, "signal 9 (SIGKILL)"),
    ],
)
def test_codes_above_128_stand_for_signals(code, words):
    assert describe_exit(code) == words
