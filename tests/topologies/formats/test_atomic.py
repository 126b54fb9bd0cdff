import os
import stat
from pathlib import Path

import pytest

from topologies.formats import atomic


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_has_the_usual_mode(tmp_path):
    (tmp_path / "usual").write_text("")
    atomic.write(tmp_path / "new", "text")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert (tmp_path / "new").read_text() == "text"


def test_a_file_that_is_there_keeps_its_mode(tmp_path):
    file = tmp_path / "x"
    file.write_text("old")
    for mode in (0o600, 0o754):
        file.chmod(mode)
        atomic.write(file, "new")
        assert stat.S_IMODE(file.stat().st_mode) == mode
    assert names(tmp_path) == ["x"]


def test_all_names_of_a_file_show_what_is_written(tmp_path):
    file, other = tmp_path / "x", tmp_path / "y"
    file.write_text("an old and longer text")
    other.hardlink_to(file)
    atomic.write(file, "new")
    assert other.read_text() == "new"
    assert file.samefile(other)


def test_a_symbolic_link_is_written_through(tmp_path):
    (tmp_path / "folder").mkdir()
    link, target = tmp_path / "link", tmp_path / "folder" / "x"
    link.symlink_to(target)
    for text in ("first", "second"):
        atomic.write(link, text)
        assert link.is_symlink()
        assert target.read_text() == text
    assert names(tmp_path / "folder") == ["x"]


def test_a_loop_of_symbolic_links_is_refused_and_stays(tmp_path):
    for name, target in (("a", "b"), ("b", "a")):
        (tmp_path / name).symlink_to(tmp_path / target)
    with pytest.raises(OSError, match="symbolic links") as caught:
        atomic.write(tmp_path / "a", "text")
    assert caught.value.filename == str(tmp_path / "a")
    assert all(path.is_symlink() for path in tmp_path.iterdir())


def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    atomic.write(tmp_path / "fifo", "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert names(tmp_path) == ["fifo"]


def test_an_open_file_is_written_to_where_it_stands(tmp_path):
    with (tmp_path / "log").open("a+b") as file:
        file.write(b"before ")
        file.flush()
        atomic.write(f"/dev/fd/{file.fileno()}", "text")
    assert (tmp_path / "log").read_text() == "before text"


def test_an_open_file_that_is_none_is_named():
    with pytest.raises(OSError, match="Bad file descriptor: '/dev/fd/9999'"):
        atomic.write("/dev/fd/9999", "text")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_is_told_with_the_name():
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        atomic.write("/dev/full", "text")


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_whatever_ends_the_writing_leaves_the_old_file_alone(tmp_path, monkeypatch, error):
    (tmp_path / "x").write_text("old")

    def failing(*_):
        assert len(names(tmp_path)) == 2
        raise error

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises((KeyboardInterrupt, OSError)):
        atomic.write(tmp_path / "x", "new")
    assert names(tmp_path) == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_long_names_are_written(tmp_path):
    for name in ("x" * 255, "\N{OX}" * 63):
        atomic.write(tmp_path / name, "text")
        assert (tmp_path / name).read_text() == "text"
