"""From a file whose rows have indices to the file with all rows that they stand for.

`counts = {b = 4, g = 8}` says how many values an index has. A row with `b{b}.g{g}` stands once for
each value of its indices, in the order in which they appear; `each = "g b=0..2"` gives another
order, the first index slowest, and fewer values (`g=0..6/2` is every second one).
`{each = "b", rows = [...]}` repeats several rows together. A symmetry may be a table of names:
`{"b{b}" = "b{b+1}"}` leaves all others in place.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from topologies.formats.compact.patterns import INDEX, Parts, fill, indices, parse
from topologies.model.messages import show_value, unknown
from topologies.model.topology import TopologyError

COUNT_LIMIT = 10**6
ROW_LIMIT = 250_000  # of each list: a few seconds, and some hundred MB
DEPTH_LIMIT = 8
MOVE_LIMIT = 2**24  # vertices of all permutations
NAMES = {"ranks": ("name",), "switches": ("name",), "links": ("src", "dst", "plane")}
_WORD = re.compile(rf"({INDEX})(?:=([0-9]{{1,7}})\.\.([0-9]{{1,7}})(?:/([1-9][0-9]{{0,6}}))?)?")

Table = dict[str, Any]
Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A row of a file, or several, and the values of the indices that they are repeated over."""

    place: str
    over: tuple[tuple[str, range], ...]
    row: Any
    names: tuple[tuple[str, Parts], ...] = ()
    rows: tuple["Repeat", ...] = ()

    @property
    def count(self) -> int:
        """Count the rows that this stands for."""
        inside = sum(each.count for each in self.rows) if self.rows else 1
        return prod(len(values) for _, values in self.over) * inside


def expand(document: Table) -> tuple[Table, dict[str, list[str]]]:
    """Write out all rows of a document that has `counts`.

    Returns:
        The document without `counts`, and the place in the file of each row of each list.

    Raises:
        TopologyError: with every mistake of the indices, or of too many rows.
    """
    counts = _read_counts(document["counts"])
    full = {key: value for key, value in document.items() if key != "counts"}
    places: dict[str, list[str]] = {}
    for key in NAMES:
        if isinstance(rows := full.get(key, []), list):
            read = _read_rows(rows, key, key, counts, (), 0)
            if (total := sum(each.count for each in read)) > ROW_LIMIT:
                raise TopologyError([f"{key}: {total:,} rows, at most {ROW_LIMIT:,} are read"])
            pairs = [pair for each in read for pair in _write_rows(each, counts, {})]
            full[key], places[key] = [row for row, _ in pairs], [place for _, place in pairs]
    if isinstance(full.get("symmetry"), list):
        full["symmetry"] = _expand_symmetry(full, counts)
    return full, places


def _read_counts(value: object) -> dict[str, int]:
    """Read how many values each index has.

    Raises:
        TopologyError: something else than a table of whole numbers.
    """
    if not isinstance(value, dict):
        raise TopologyError([f"counts: found {show_value(value)}, expected a table"])
    faults = []
    for name, count in value.items():
        if not re.fullmatch(INDEX, name):
            faults.append(f"counts: {show_value(name)} is no index, expected letters, then digits")
        elif type(count) is not int or not 1 <= count <= COUNT_LIMIT:
            faults.append(f"counts.{name}: found {show_value(count)}, expected 1 to a million")
    if faults:
        raise TopologyError(faults)
    return value


def _read_rows(
    rows: Sequence[Any], place: str, key: str, counts: Counts, bound: tuple[str, ...], depth: int
) -> tuple[Repeat, ...]:
    """Read the rows of a list, or of a group in it; `bound` are the indices of groups around.

    Raises:
        TopologyError: with every mistake of the indices.
    """
    if depth > DEPTH_LIMIT:
        raise TopologyError([f"{place}: more than {DEPTH_LIMIT} groups within each other"])
    read: list[Repeat] = []
    faults: list[str] = []
    for i, row in enumerate(rows):
        try:
            read.append(_read_row(row, f"{place}[{i}]", key, counts, bound, depth))
        except TopologyError as error:
            faults += error.faults
        except ValueError as error:
            faults.append(f"{place}[{i}]{error}")
    if faults:
        raise TopologyError(faults)
    return tuple(read)


def _read_row(
    row: Any,  # noqa: ANN401
    place: str,
    key: str,
    counts: Counts,
    bound: tuple[str, ...],
    depth: int,
) -> Repeat:
    """Read one row or group.

    Raises:
        ValueError: a mistake, after the place in the row.
        TopologyError: mistakes of the rows of a group.
    """
    table = {"name": row} if isinstance(row, str) else row
    if not isinstance(table, dict):
        return Repeat(place, (), row)
    if "rows" in table:
        return _read_group(table, place, key, counts, bound, depth)
    names = tuple(
        (name, parse_at(f".{name}", table[name]))
        for name in NAMES[key]
        if isinstance(table.get(name), str)
    )
    used = list(dict.fromkeys(index for _, parts in names for index in indices(parts)))
    _check_known(used, counts)
    usual = [index for index in used if index not in bound]
    over = _read_each(table.get("each"), counts, bound, usual)
    missing = [index for index in usual if index not in dict(over)]
    if missing:
        raise ValueError(f".each: {missing[0]} is missing, which the names have")
    kept = row if isinstance(row, str) else {k: v for k, v in row.items() if k != "each"}
    return Repeat(place, over, kept, names)


def _read_group(
    table: Table, place: str, key: str, counts: Counts, bound: tuple[str, ...], depth: int
) -> Repeat:
    """Read rows that are repeated together.

    Raises:
        ValueError: a mistake, after the place in the group.
        TopologyError: mistakes of the rows.
    """
    for name in table:
        if name not in ("each", "rows"):
            raise ValueError(f": {unknown('field', name, ('each', 'rows'))}")
    if not isinstance(table["rows"], list) or not table["rows"]:
        raise ValueError(f".rows: found {show_value(table['rows'])}, expected a list of rows")
    over = _read_each(table.get("each"), counts, bound, [])
    if not over:
        raise ValueError(": the field 'each' is missing")
    inside = (*bound, *dict(over))
    rows = _read_rows(table["rows"], f"{place}.rows", key, counts, inside, depth + 1)
    return Repeat(place, over, {}, rows=rows)


def parse_at(place: str, text: str) -> Parts:
    """Split a name at its indices.

    Raises:
        ValueError: a brace that belongs to none; with the place.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{place}: found {show_value(text)}, {error}") from None


def _read_each(
    value: object, counts: Counts, bound: tuple[str, ...], usual: Sequence[str]
) -> tuple[tuple[str, range], ...]:
    """Read what a row is repeated over, the indices of its names where nothing is said.

    Raises:
        ValueError: no such list, an unknown index or one that is repeated over already.
    """
    if value is None:
        return tuple((index, range(counts[index])) for index in usual)
    words = value.split() if isinstance(value, str) else []
    found = [match for word in words if (match := _WORD.fullmatch(word))]
    if not words or len(found) < len(words) or len(words) > len(counts):
        raise ValueError(f".each: found {show_value(value)}, expected indices as in 'b g=0..2'")
    over: dict[str, range] = {}
    for word in found:
        index, first, last, step = word.groups()
        _check_known([index], counts)
        count = counts[index]
        values = range(int(first or 0), int(last or count - 1) + 1, int(step or 1))
        if not values or values[-1] >= count:
            raise ValueError(f".each: found {word[0]}, expected values from 0 to {count - 1}")
        if index in over or index in bound:
            raise ValueError(f".each: {index} is given twice")
        over[index] = values
    return tuple(over.items())


def _check_known(used: Sequence[str], counts: Counts) -> None:
    """Refuse indices without a count.

    Raises:
        ValueError: naming the first.
    """
    for index in used:
        if index not in counts:
            raise ValueError(f": {unknown('index of counts', index, counts)}")


def _write_rows(each: Repeat, counts: Counts, values: dict[str, int]) -> Iterator[tuple[Any, str]]:
    """Write out what a row stands for, each with its place in the file."""
    for chosen in product(*(numbers for _, numbers in each.over)):
        inside = values | dict(zip((index for index, _ in each.over), chosen, strict=True))
        for row in each.rows:
            yield from _write_rows(row, counts, inside)
        if not each.rows:
            yield _write_row(each, counts, inside), each.place


def _write_row(each: Repeat, counts: Counts, values: dict[str, int]) -> Any:  # noqa: ANN401
    """Write one row; the plane of a link is a number."""
    filled: Table = {name: fill(parts, values, counts) for name, parts in each.names}
    if isinstance(each.row, str):
        return filled["name"]
    if "plane" in filled and filled["plane"].isdecimal():
        filled["plane"] = int(filled["plane"])
    return each.row | filled if isinstance(each.row, dict) else each.row


def _expand_symmetry(document: Table, counts: Counts) -> list[Any]:
    """Write out permutations that are given by names.

    Raises:
        TopologyError: with every mistake, or of too many to write.
    """
    names = [
        row.get("name") if isinstance(row, dict) else row
        for key in ("ranks", "switches")
        for row in document.get(key, [])
    ]
    number = {name: i for i, name in enumerate(names) if isinstance(name, str)}
    rows, faults = [], []
    if len(document["symmetry"]) * len(names) > MOVE_LIMIT:
        raise TopologyError([f"symmetry: {len(document['symmetry']):,} are too many to write out"])
    for i, row in enumerate(document["symmetry"]):
        try:
            table = isinstance(row, dict)
            rows.append(_permute(row, number, len(names), counts) if table else row)
        except ValueError as error:
            faults.append(f"symmetry[{i}]{error}")
    if faults:
        raise TopologyError(faults)
    return rows


def _permute(table: Table, number: Mapping[str, int], count: int, counts: Counts) -> list[int]:
    """Make the permutation that sends the names of each entry to others.

    Raises:
        ValueError: a pattern that is none, or a name that nothing has; after the place.
    """
    image, total = list(range(count)), 0
    for source, target in table.items():
        if not isinstance(target, str):
            raise ValueError(f": found {show_value(target)}, expected a name")
        parts = [parse_at("", name) for name in (source, target)]
        over = indices(parts[0])
        _check_known([*over, *indices(parts[1])], counts)
        if missing := [index for index in indices(parts[1]) if index not in over]:
            raise ValueError(f": {show_value(target)} has {missing[0]}, which its source has not")
        total += prod(counts[index] for index in over)
        if total > count:
            raise ValueError(f": with {show_value(source)} more names move than there are")
        for chosen in product(*(range(counts[index]) for index in over)):
            values = dict(zip(over, chosen, strict=True))
            one, other = (fill(each, values, counts) for each in parts)
            for name in (one, other):
                if name not in number:
                    raise ValueError(f": no rank or switch is named {show_value(name)}")
            image[number[one]] = number[other]
    return image
