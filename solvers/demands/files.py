"""Matrices of whole numbers in files: CSV, JSON and npy without pickles; never trusted."""

import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import NoReturn

import msgspec
import numpy as np
from numpy.lib import format as npy

from topologies.formats import atomic, contents
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.messages import one_line, show_value
from topologies.model.topology import IntArray
from topologies.model.units import count_of

SIZE_LIMIT = 256 * 10**6  # bytes of a file
# A whole number in plain ASCII digits, also as spreadsheets write it (`12.0`, `1e6`); spaces and
# tabs may stand around it. Python's own reading would take `1_000` and wide digits as well.
_NUMBER = re.compile(r"[ \t]*-?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?[ \t]*")
EXACT = 2**53  # floats up to here are whole numbers without doubt
SUFFIXES = (".csv", ".json", ".npy")


# What a file of each ending may hold, what is wanted first; of the rest it is told what is wrong.
KINDS = {
    ".csv": (contents.NUMBERS, contents.TEXT),
    ".json": (contents.LIST, contents.OBJECT, contents.NUMBERS, contents.TEXT),
    ".npy": (contents.ARRAY,),
}


class DemandError(CommplanError, ValueError):
    """A matrix that cannot be a demand, or a file or description that gives none."""

    exit_code = WRONG_INPUT


def is_name(text: str) -> bool:
    """Tell whether a text names a file: by its ending, a folder, or because there is one."""
    named = os.path.sep in text or text.lower().endswith(SUFFIXES)
    return named or ("\0" not in text and os.path.exists(text))


def cell(row: int, column: int) -> str:
    """Name an entry, for a person who counts from 1."""
    return f"row {row + 1}, column {column + 1}"


def load(path: atomic.Name) -> IntArray:
    """Read a matrix of whole numbers; the name's ending tells the format.

    Raises:
        DemandError: one line with the file, and the row and column where one is wrong.
    """
    try:
        data = atomic.read(path, SIZE_LIMIT)
        _expect_kind(path, data)
        match Path(path).suffix.lower():
            case ".npy":
                return _from_npy(data)
            case ".json":
                return _whole(_json_rows(data))
            case ".csv":
                return _whole(_csv_rows(data))
            case ending:
                raise ValueError(f"found the ending {ending!r}, expected {' or '.join(SUFFIXES)}")
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
    except ValueError as error:
        fault = str(error)
    raise DemandError(one_line(f"{path}: {fault}"))


def _expect_kind(path: atomic.Name, data: bytes) -> None:
    """Refuse a file that holds something else than its name says.

    Raises:
        ValueError: naming both.
    """
    ending = Path(path).suffix.lower()
    if ending in KINDS:
        contents.expect(data, KINDS[ending], f"{KINDS[ending][0]}, as its name ends in {ending}")
    elif (found := contents.kind(data)) not in (contents.NUMBERS, contents.LIST, contents.ARRAY):
        raise ValueError(f"found {found}, expected a matrix of numbers ({', '.join(SUFFIXES)})")


def save(matrix: IntArray, path: atomic.Name) -> None:
    """Write a matrix in the format that the name's ending tells; whole or not at all.

    Raises:
        DemandError: another ending, or the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending not in SUFFIXES:
        known = " or ".join(SUFFIXES)
        raise DemandError(one_line(f"{path}: found the ending {ending!r}, expected {known}"))
    try:
        atomic.write(path, _encode(matrix, ending))
    except OSError as error:
        raise DemandError(one_line(f"{path}: {(error.strerror or '').lower()}")) from None


def _encode(matrix: IntArray, ending: str) -> bytes | str:
    if ending == ".npy":
        file = io.BytesIO()
        npy.write_array(file, np.ascontiguousarray(matrix, dtype="<i8"), allow_pickle=False)
        return file.getvalue()
    lines = [",".join(map(str, row)) for row in matrix.tolist()]
    if ending == ".csv":
        return "\n".join(lines) + "\n"
    return "[" + ",\n ".join(f"[{line}]" for line in lines) + "]\n"


def _csv_rows(data: bytes) -> Iterable[Sequence[object]]:
    """Split lines at commas; lines that are empty or begin with # are left out."""
    for line in re.split("\r\n|\n|\r", data.decode("utf-8-sig")):
        bare = line.strip(" \t")
        if bare and not bare.startswith("#"):
            yield line.split(",")


def _json_rows(data: bytes) -> Iterable[Sequence[object]]:
    """Read a list of lists.

    Raises:
        ValueError: something else.
    """
    try:
        rows = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError("expected a list of rows, each a list of numbers")
    for i, row in enumerate(rows):
        for j, word in enumerate(row):
            if isinstance(word, str):
                raise ValueError(
                    f"{cell(i, j)}: found the text {show_value(word)}, expected a number"
                )
    return rows


def _whole(rows: Iterable[Sequence[object]]) -> IntArray:
    """Read rows of equal length.

    Raises:
        ValueError: with the row and column that is no whole number, or the row that is too short.
    """
    read: list[list[int]] = []
    for i, row in enumerate(rows):
        if i and len(row) != len(read[0]):
            raise ValueError(
                f"row {i + 1}: found {count_of(len(row), 'number')}, row 1 has {len(read[0])}"
            )
        try:
            read.append([_number(word) for word in row])
        except ValueError:
            _blame(i, row)
    if not read or not read[0]:
        raise ValueError("no entries")
    return np.array(read, dtype=np.int64)


def _number(word: object) -> int:
    """Read a whole number below 2^53; ValueError if it is none."""
    if isinstance(word, bool) or not isinstance(word, str | int | float):
        raise ValueError
    if isinstance(word, str) and not _NUMBER.fullmatch(word):
        raise ValueError
    if isinstance(word, int) and abs(word) > EXACT:  # too large for a float, it may be
        raise ValueError
    value = float(word)
    if not abs(value) <= EXACT or value != int(value):
        raise ValueError
    return int(value)


def _blame(i: int, row: Sequence[object]) -> NoReturn:
    """Name the first entry of a row that is no whole number."""
    for j, word in enumerate(row):
        try:
            _number(word)
        except ValueError:
            found = show_value(word.strip(" \t") if isinstance(word, str) else word)
            expected = "a whole number from 0 to 2^53"
            raise ValueError(f"{cell(i, j)}: found {found}, expected {expected}") from None
    raise AssertionError("every entry is a whole number")


def _from_npy(data: bytes) -> IntArray:
    """Read an array of numbers; its header is compared with the bytes there are.

    Raises:
        ValueError: no such array, or an entry that is no whole number.
    """
    file = io.BytesIO(data)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(file)
    if version not in read:
        raise ValueError(f"npy: version {version[0]}.{version[1]} is unknown")
    try:
        shape, fortran, dtype = read[version](file)
    except (ValueError, SyntaxError, TokenError, RecursionError, MemoryError):
        raise ValueError("npy: damaged header") from None
    if dtype.kind not in "iuf" or len(shape) != 2:
        raise ValueError(f"npy: found {len(shape)} dimensions of {dtype}, expected 2 of numbers")
    if shape[0] * shape[1] * dtype.itemsize != len(data) - file.tell() or 0 in shape:
        raise ValueError(f"npy: the file does not hold the {shape[0]} x {shape[1]} entries it says")
    entries = np.frombuffer(data, dtype, offset=file.tell())
    entries = entries.reshape(shape[::-1]).T if fortran else entries.reshape(shape)
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(entries.astype(np.float64)) <= EXACT) | (entries != np.trunc(entries))
    if wrong.any():
        i = int(np.argmax(wrong.any(axis=1)))
        _blame(i, entries[i].tolist())
    return entries.astype(np.int64)
