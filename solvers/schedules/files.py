"""The schedule file: JSON in columns, gzipped where its name ends in .gz; never trusted."""

import gzip
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from solvers.schedules.collective import CollectiveError
from solvers.schedules.columns import FORMAT, Columns, pack, unpack
from solvers.schedules.schedule import Schedule
from topologies.formats import atomic, contents
from topologies.formats.duplicate_keys import refuse_duplicates
from topologies.model.arguments import of, whole
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.messages import one_line, show_value
from topologies.model.topology import Topology, TopologyError, digest
from topologies.model.units import Bytes

SET_FORMAT = "commplan/set/1"
OTHERS = {  # of the package, that are no schedules: what they are, and who takes them
    "commplan/together/1": ", collectives at the same time, for `verify`, `simulate` and `run`",
    "commplan-contingency/1": ", a table of failures, whose schedules lie beside it",
    "commplan/job-plan/1": ", what `commplan job -o` says of its folder, whose schedules lie in it",
}
SIZE_LIMIT = 256 * 10**6  # bytes, unpacked
LARGE = 16 * 10**6  # bytes, from which packing is not to take longer than solving
ENDINGS = (".json", ".json.gz", ".gz")
MAYBE = (contents.SCHEDULE, contents.SCHEDULES, contents.TOGETHER, contents.OBJECT)
_GZIP = b"\x1f\x8b"


class ScheduleFileError(CommplanError, ValueError):
    """A file that holds no schedule, or one for another machine."""

    exit_code = WRONG_INPUT


class _Head(msgspec.Struct):
    """What every version of the file begins with."""

    format: str | None = None


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """A schedule of a set, and the least size in bytes that it is for."""

    start: int
    schedule: msgspec.Raw


class _Set(msgspec.Struct, forbid_unknown_fields=True):
    """Schedules of one collective on one machine, for sizes that ascend."""

    format: str
    parts: list[_Entry]


def load(path: atomic.Name, size: Bytes | None = None) -> Schedule:
    """Read a schedule; its parts fit each other, but only `verify` tells whether it is right.

    Args:
        path: of a schedule file, or of a set of schedules.
        size: in bytes; says which one of a set.

    Raises:
        ScheduleFileError: one line, with the place in the file; or a set, and no size.
    """
    if size is not None:
        whole("size", size)
    with name_file(path):
        return _decode(_pick(read(path), size))


def load_all(path: atomic.Name) -> tuple[Schedule, ...]:
    """Read every schedule of a file, as `load` does: those of a set, or the one that it holds."""
    return tuple(schedule for _, schedule in load_parts(path))


def load_parts(path: atomic.Name) -> tuple[tuple[Bytes, Schedule], ...]:
    """Read every schedule of a file with the least size, in bytes, that it is for."""
    with name_file(path):
        data = read(path)
        if msgspec.json.decode(data, type=_Head).format != SET_FORMAT:
            return ((0, _decode(data)),)
        return tuple((part.start, _decode(bytes(part.schedule))) for part in _parts(data))


def read(path: atomic.Name) -> bytes:
    """Read what is a schedule or a set of them, as far as its beginning tells, and unpack it."""
    data = _unzip(atomic.read(path, SIZE_LIMIT))
    contents.expect(data, MAYBE, "a schedule, as `commplan compile` writes it")
    return data


def format_of(path: atomic.Name) -> str | None:
    """Read what format a file says that it is of.

    Raises:
        ScheduleFileError: as of `load`.
    """
    with name_file(path):
        return msgspec.json.decode(read(path), type=_Head).format


def is_set(path: atomic.Name) -> bool:
    """Tell whether a file holds a set of schedules.

    Raises:
        ScheduleFileError: as of `load`.
    """
    return format_of(path) == SET_FORMAT


@contextmanager
def name_file(path: atomic.Name) -> Iterator[None]:
    """Say in one line, with the file, what is wrong with it.

    Raises:
        ScheduleFileError: anything was.
    """
    try:
        yield
        return
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
    except TopologyError as error:
        fault = error.faults[0]
    except msgspec.ValidationError as error:
        fault = _put_place_first(str(error))
    except msgspec.DecodeError as error:
        fault = f"damaged: {str(error)[:1].lower()}{str(error)[1:]}"
    except RecursionError:
        fault = "nested too deeply"
    except (ValueError, CollectiveError) as error:
        fault = str(error)
    raise ScheduleFileError(one_line(f"{path}: {fault}"))


def save(schedule: Schedule, path: atomic.Name) -> None:
    """Write a schedule, always as the same bytes; whole or not at all.

    Args:
        schedule: any.
        path: where to; a name that ends in .gz is compressed.

    Raises:
        ScheduleFileError: it could not be read again, or the file cannot be written.
    """
    of("schedule", schedule, Schedule)
    try:
        data = to_bytes(schedule) + b"\n"
        _decode(data)
        atomic.expect_ending(path, ENDINGS)
        atomic.write(path, _zip(data) if str(path).lower().endswith(".gz") else data)
    except OSError as error:
        raise ScheduleFileError(one_line(f"{path}: {(error.strerror or '').lower()}")) from None
    except ValueError as error:
        raise ScheduleFileError(one_line(f"{path}: not written: {error}")) from None


def save_set(parts: Sequence[tuple[int, Schedule]], path: atomic.Name) -> None:
    """Write schedules, each with the size in bytes from which it is the one to take.

    Raises:
        ScheduleFileError: as of `save`.
    """
    found = [_Entry(start, msgspec.Raw(to_bytes(schedule))) for start, schedule in parts]
    data = msgspec.json.encode(_Set(SET_FORMAT, found)) + b"\n"
    try:
        atomic.expect_ending(path, ENDINGS)
        for start, _ in parts:
            _decode(_pick(data, start))
        atomic.write(path, _zip(data) if str(path).lower().endswith(".gz") else data)
    except OSError as error:
        raise ScheduleFileError(one_line(f"{path}: {(error.strerror or '').lower()}")) from None
    except ValueError as error:
        raise ScheduleFileError(one_line(f"{path}: not written: {error}")) from None


def _pick(data: bytes, size: Bytes | None) -> bytes:
    """Take out of a set the schedule for a size; what is no set stays as it is.

    Raises:
        ValueError: a set without parts or out of order, or there is no size.
    """
    if msgspec.json.decode(data, type=_Head).format != SET_FORMAT:
        return data
    parts = _parts(data)
    starts = [part.start for part in parts]
    if size is None:
        listed = ", ".join(str(start) for start in starts)
        raise ValueError(f"a set of schedules, for sizes from {listed} bytes: --size says which")
    return bytes(parts[max(bisect_right(starts, size) - 1, 0)].schedule)


def _parts(data: bytes) -> list[_Entry]:
    """Read the parts of a set.

    Raises:
        ValueError: there are none, or they are out of order.
    """
    parts = msgspec.json.decode(data, type=_Set).parts
    starts = [part.start for part in parts]
    if not starts or starts != sorted(set(starts)):
        raise ValueError("parts: expected at least one, their starts ascending")
    return parts


def to_bytes(schedule: Schedule) -> bytes:
    """Write a schedule as the bytes of its file."""
    return msgspec.json.encode(pack(schedule))


def from_bytes(data: bytes) -> Schedule:
    """Read what `to_bytes` wrote; for files from outside see `load`.

    Raises:
        ValueError: the bytes hold no schedule.
    """
    return _decode(data)


def check_topology(schedule: Schedule, topology: Topology) -> None:
    """Refuse a schedule that was made for another machine.

    Args:
        schedule: as it was read.
        topology: the machine that is given beside it.

    Raises:
        ScheduleFileError: naming both machines.
    """
    of("schedule", schedule, Schedule)
    of("topology", topology, Topology)
    ours, theirs = digest(schedule.topology), digest(topology)
    if ours != theirs:
        made, given = schedule.topology.name, topology.name
        raise ScheduleFileError(
            one_line(f"made for {made} ({ours[:12]}), but {given} ({theirs[:12]}) is given")
        )


def _decode(data: bytes) -> Schedule:
    """Read the columns, after the version has been seen to be ours."""
    found = msgspec.json.decode(data, type=_Head).format
    if found != FORMAT:
        shown = "none" if found is None else show_value(found)
        other = OTHERS.get(found or "", "")
        raise ValueError(f"format: found {shown}{other}, expected {FORMAT!r}")
    columns = msgspec.json.decode(data, type=Columns)
    refuse_duplicates(data.decode())
    return unpack(columns)


def _zip(data: bytes) -> bytes:
    """Pack data; much of it with less effort, which takes a tenth of the time."""
    return gzip.compress(data, compresslevel=1 if len(data) > LARGE else 9, mtime=0)


def _unzip(data: bytes) -> bytes:
    """Unpack what is gzipped, up to the limit.

    Raises:
        ValueError: damaged, too large, or followed by something else.
    """
    if not data.startswith(_GZIP):
        return data
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(data, SIZE_LIMIT)
    except zlib.error:
        raise ValueError("gzip: damaged") from None
    if stream.unconsumed_tail:
        raise ValueError(
            f"gzip: more than {SIZE_LIMIT / 10**6:g} MB unpacked, the most that is read"
        )
    if not stream.eof or stream.unused_data:
        raise ValueError("gzip: cut short" if not stream.eof else "gzip: something follows its end")
    return plain


def _put_place_first(message: str) -> str:
    """Turn msgspec's `What - at $.place` round: the place comes first."""
    what, _, place = message.rpartition(" - at ")
    if not what:
        return message[:1].lower() + message[1:]
    return f"{place.strip('`').removeprefix('$.')}: {what[:1].lower()}{what[1:]}"
