"""Files at the edge of the program: written whole or not at all, read only up to a limit."""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from topologies.model.arguments import refuse

Name = str | os.PathLike[str]

_DESCRIPTORS = {"stdin": 0, "stdout": 1, "stderr": 2}
# What pipes held that were read already, by their names, while they are kept.
_pipes: ContextVar[dict[str, bytes] | None] = ContextVar("_pipes", default=None)


def write(path: Name, content: bytes | str) -> None:
    """Write a file beside its place, then move it there, so that no reader sees half of it.

    The file keeps its mode, and a symbolic link keeps pointing to it. What a move would spoil is
    written in place: a pipe or a device, a file with several names, one of another owner, one
    in a folder that takes no new files.

    Raises:
        OSError: with the name that the caller gave.
    """
    _expect_name(path)
    data = content.encode() if isinstance(content, str) else content
    name = os.fspath(path)
    try:
        if (descriptor := _descriptor(name)) is not None:
            with open(os.dup(descriptor), "wb") as file:
                file.write(data)
        elif _is_movable(name):
            _replace(Path(os.path.realpath(name)), data)
        else:
            Path(name).write_bytes(data)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, name) from None


def _expect_name(path: object) -> None:
    if not isinstance(path, str | os.PathLike):
        refuse("file", path, "the name of a file")


def _descriptor(name: str) -> int | None:
    """Look up the open file that a name such as /dev/stdout or /dev/fd/3 stands for.

    Opened by its name it would lose what is in it already, where it is a file.
    """
    found = re.fullmatch(r"/dev/(?:fd/([0-9]{1,4})|(std(?:in|out|err)))", name, re.ASCII)
    return (int(found[1]) if found[1] else _DESCRIPTORS[found[2]]) if found else None


def _is_movable(name: str) -> bool:
    """Tell whether a new file may take the place of what has the name now."""
    try:
        now = os.stat(name)
    except FileNotFoundError:
        return True
    return (
        stat.S_ISREG(now.st_mode)
        and now.st_nlink == 1
        and now.st_uid == os.geteuid()
        and os.access(os.path.dirname(os.path.realpath(name)), os.W_OK)
    )


def _replace(target: Path, data: bytes) -> None:
    """Write beside the target and move; leave nothing beside it, however this ends."""
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    beside = target.with_name(f".{target.name[:50]}.{os.getpid()}.part")
    beside.unlink(missing_ok=True)
    try:
        with beside.open("xb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def write_folder(path: Name, files: Mapping[str, bytes]) -> None:
    """Write the files of a new folder, or of an empty one: all of them or none.

    Args:
        path: of the folder; its parent must be there.
        files: contents by name, without folders.

    Raises:
        OSError: there is something at the place already, or it cannot be written.
    """
    with new_folder(path) as beside:
        for name, content in files.items():
            (beside / Path(name).name).write_bytes(content)


@contextmanager
def new_folder(path: Name) -> Iterator[Path]:
    """Give a folder beside the place of a new one; it is moved there if all goes well.

    However else this ends, nothing is left.

    Raises:
        OSError: with the name that the caller gave: there is something already, or it cannot be
            written.
    """
    _expect_name(path)
    target = Path(os.path.abspath(path))
    beside = target.with_name(f".{target.name[:50]}.{os.getpid()}.part")
    try:
        beside.mkdir()
        yield beside
        beside.replace(target)  # which takes the place of nothing but an empty folder
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def expect_ending(path: Name, known: Sequence[str]) -> None:
    """Refuse a name that ends as those of other files do; one without an ending may be anything.

    Raises:
        ValueError: naming the endings that are known.
    """
    _expect_name(path)
    ending = Path(path).suffix
    if ending and not os.fspath(path).lower().endswith(tuple(known)):
        raise ValueError(f"found the ending {ending!r}, expected {' or '.join(known)}")


def read(path: Name, limit: int) -> bytes:
    """Read a file of at most `limit` bytes.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is larger, or the name is none (ArgumentError).
    """
    _expect_name(path)
    data = _read(path, limit + 1)
    if len(data) > limit:
        raise ValueError(f"larger than {limit / 10**6:g} MB, the most that is read")
    return data


def _read(path: Name, most: int) -> bytes:
    """Read so many bytes at most, or what is kept of a pipe that was read to its end."""
    kept, name = _pipes.get(), os.fspath(path)
    if kept is not None and name in kept:
        return kept[name]
    with Path(path).open("rb") as file:
        data = file.read(most)
        if kept is not None and len(data) < most and stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            kept[name] = data
    return data


@contextmanager
def keep_pipes() -> Iterator[None]:
    """Keep what is read of a pipe, which gives it once, for whoever reads the same name again."""
    token = _pipes.set({})
    try:
        yield
    finally:
        _pipes.reset(token)
