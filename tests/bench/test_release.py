"""A release is refused where something is missing in it."""

import pytest

from bench.release import (
    ROOT,
    WANTED,
    ReleaseError,
    refuse,
    source_faults,
    version_faults,
    wheel_faults,
)
from commplan._version import VERSION

LIBRARIES = ["runtime/execute/libcommplan.so", "runtime/simulate/libplay.so"]


def test_a_wheel_must_have_its_types_and_texts_and_no_tests():
    names = [*WANTED, *LIBRARIES]
    assert list(wheel_faults(names, compiled=True)) == []
    assert list(wheel_faults(names[1:], compiled=True)) == ["commplan/py.typed is missing"]
    found = list(wheel_faults([*names, "tests/x.py"], compiled=True))
    assert found == ["tests/ should not be there"]
    assert len(list(wheel_faults(names, compiled=False))) == 2


def test_a_source_archive_must_have_what_tests_need():
    assert "x/README.md" not in list(source_faults(["x/README.md"]))
    assert "tests/conftest.py is missing" in list(source_faults(["x/README.md"]))


def test_the_changelog_knows_the_version_and_says_nothing_twice():
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert list(version_faults(VERSION, changes)) == []
    assert list(version_faults("0.1.0", "## [0.0.9]\n"))
    assert list(version_faults("0.1.0", "## [Unreleased]\n- a\n- a\n"))


def test_faults_end_it():
    with pytest.raises(ReleaseError, match="x: a; b"):
        refuse(["a", "b"], "x")
