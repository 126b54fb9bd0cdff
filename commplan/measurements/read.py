"""A log as a file: which benchmark wrote it, and its rows."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from commplan.measurements import records, tables
from commplan.measurements.rows import Context, LogError, Measured, name_of
from topologies.formats import atomic, contents
from topologies.importers.registry import IMPORTERS
from topologies.model.messages import one_line

LIMIT = 64 * 10**6  # bytes of a log
MOST_ROWS = 10**6
Reader = Callable[[str, Context], Iterator[Measured]]
# By name: how to tell a log, and how to read it; the first that fits does.
READERS: dict[str, tuple[Callable[[str], bool], Reader]] = {
    "JSON": (records.is_json, records.read_json),
    "nccl-tests": (tables.is_nccl, tables.read_nccl),
    "hccl_test": (tables.is_hccl, tables.read_hccl),
    "OSU": (tables.is_osu, tables.read_osu),
    "commplan run": (records.is_run, records.read_run),
    "CSV": (records.is_csv, records.read_csv),
}
NEVER = frozenset({contents.EMPTY, contents.BINARY, contents.TOPOLOGY, contents.SCHEDULE})
EXPECTED = (
    "a log of nccl-tests, rccl-tests, hccl_test, OSU, NCCL's Inspector or commplan, or CSV with "
    "collective, ranks, size and seconds"
)


def load_measurements(path: atomic.Name, given: Context = Context()) -> tuple[Measured, ...]:  # noqa: B008
    """Read the rows of a log; what it does not say itself is given, or stands in its name.

    Args:
        path: of the log, of at most 64 MB.
        given: which collective it is of, and of how many ranks.

    Raises:
        LogError: one line, with the file, the line and what is wrong there.
    """
    try:
        return tuple(_rows(atomic.read(path, LIMIT), Path(path).stem, given))
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
    except ValueError as error:
        fault = str(error)
    raise LogError(one_line(f"{path}: {fault}"))


def _rows(data: bytes, stem: str, given: Context) -> Iterator[Measured]:
    found = contents.kind(data)
    if found in NEVER or found.startswith("data packed"):
        raise ValueError(f"found {found}, expected {EXPECTED}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"found {contents.BINARY}, expected {EXPECTED}") from None
    read = next((read for tells, read in READERS.values() if tells(text)), None)
    if read is None or (read is records.read_json and not records.is_ours(text)):
        raise ValueError(f"found {_name_foreign(text) or found}, expected {EXPECTED}")
    count = 0
    for count, row in enumerate(read(text, replace(given, guess=_name_in(stem))), start=1):
        if count > MOST_ROWS:
            raise ValueError(f"more than {MOST_ROWS:,} rows")
        yield row
    if not count:
        raise ValueError("it holds no measurement: it ends before the first row")


def _name_foreign(text: str) -> str | None:
    """Name a file of a format that machines are read from."""
    return next((each.what for _, each in IMPORTERS.items() if each.sniff(text)), None)


def _name_in(stem: str) -> str | None:
    """Find a collective in the name of a file, such as `all_reduce_perf-8`."""
    for end in range(len(stem[:80]), 2, -1):
        if name := name_of(stem[:end]):
            return name
    return None
