"""Launchers say how many processes a computer has."""

import pytest

from runtime.execute.crowding import TOLD, is_crowded


@pytest.fixture(autouse=True)
def _four_cores(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    for name in TOLD:
        monkeypatch.delenv(name, raising=False)


def test_alone_nobody_is_in_the_way():
    assert not is_crowded()


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize(("processes", "more"), [("1", False), ("4", False), ("5", True)])
def test_more_processes_than_cores_are_too_many(monkeypatch, name, processes, more):
    monkeypatch.setenv(name, processes)
    assert is_crowded() is more


@pytest.mark.parametrize("words", ["", "many", "-3"])
def test_what_is_no_number_says_nothing(monkeypatch, words):
    monkeypatch.setenv(TOLD[0], words)
    assert not is_crowded()
