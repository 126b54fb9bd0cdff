"""What is said of processes that the kernel ended."""

import signal

import pytest

from runtime.launch import kills


@pytest.fixture
def groups(monkeypatch, tmp_path):
    """Give a folder of control groups that counts one kill."""
    (tmp_path / "memory.events").write_text("low 0\noom 2\noom_kill 1\noom_group_kill 0\n")
    monkeypatch.setattr(kills, "CGROUPS", tmp_path)
    monkeypatch.setattr(kills, "_own", lambda: "none/of/these")
    return tmp_path


def test_kills_for_want_of_memory_are_counted_where_the_kernel_tells(groups):
    assert kills.count_kills()["this control group"] == 1


def test_the_first_version_of_control_groups_counts_as_well(groups):
    (groups / "memory.events").unlink()
    (groups / "memory").mkdir()
    (groups / "memory" / "memory.oom_control").write_text("under_oom 0\noom_kill 3\n")
    assert kills.count_kills()["this control group"] == 3


def test_a_kill_is_put_down_to_memory_only_where_the_kernel_counted_one():
    before, after = {"the computer": 4, "this control group": 0}, {"the computer": 5}
    said = kills.advice(signal.SIGKILL, before, after | {"this control group": 1})
    assert said.startswith("meanwhile the kernel killed 1 process of this control group for want")
    assert "1 process of the computer" in kills.advice(signal.SIGKILL, before, after)
    assert kills.advice(signal.SIGKILL, before, before) == (
        "the kernel counted no kill for want of memory in the computer or this control group"
    )
    assert "is not known" in kills.advice(signal.SIGKILL, {}, {})


def test_other_signals_are_named_and_no_more():
    assert kills.advice(signal.SIGSEGV, {}, {}) == ""
    assert kills.name(signal.SIGSEGV) == "signal 11 (SIGSEGV)"
    assert kills.name(40) == "signal 40"


def test_a_bus_error_tells_how_much_shared_memory_there_is(monkeypatch):
    monkeypatch.setattr(kills, "SHARED", "/nowhere")
    assert "(there is none here)" in kills.advice(signal.SIGBUS, {}, {})
