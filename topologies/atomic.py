"""Files at the edge of the program: written whole or not at all, read only up to a limit."""

import os
from pathlib import Path

Name = str | os.PathLike[str]


def write(path: Name, content: bytes | str) -> None:
    """Write a file beside its place, then move it there, so that no reader sees half of it.

    A device or a pipe (`/dev/stdout`) is written to, never replaced; a link keeps pointing.

    Raises:
        OSError: with the name that the caller gave.
    """
    data = content.encode() if isinstance(content, str) else content
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    beside = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        beside.write_bytes(data)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None


def read(path: Name, limit: int) -> bytes:
    """Read a file of at most `limit` bytes.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is larger, or the name is none.
    """
    with Path(path).open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"larger than {limit / 10**6:g} MB, the most that is read")
    return data
