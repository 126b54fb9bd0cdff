"""From the fields of a topology file to those of a short one, where rows repeat."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from topologies.formats.compact.expand import NAMES, Table, expand
from topologies.formats.compact.fold import Item, Loop, Row, Shape, Slot, fold
from topologies.formats.compact.patterns import Place, split
from topologies.model.topology import IntArray, TopologyError

LETTERS = "ijklmnopqrstuvwxyz"
MOST = 200_000  # rows that are looked at

Key = tuple[str, int]  # a place for a number, by the shape of the name and the number's turn in it


def shorten(fields: Table) -> Table:
    """Give the fields with loops over indices where that halves the rows, else as they are.

    What the short form stands for is written out again and compared, so that nothing is lost.
    """
    listed: dict[str, list[Any]] = {key: fields.get(key, []) for key in NAMES}
    total = sum(map(len, listed.values()))
    names = [_table(row)["name"] for key in ("ranks", "switches") for row in listed[key]]
    if total > MOST or any(brace in name for name in names for brace in "{}"):
        return fields
    numbers = Numbers.of([*names, *(_plane(row) for row in listed["links"] if "plane" in row)])
    folded = {key: fold([numbers.row(row, key) for row in rows]) for key, rows in listed.items()}
    writer = Writer(numbers, [item for items in folded.values() for item in items])
    short = {key: [writer.write(item, ()) for item in items] for key, items in folded.items()}
    rows = [_permutation(writer, names, row) for row in fields.get("symmetry", [])]
    made: Table = {key: short.get(key, value) for key, value in fields.items()}
    if rows:
        made["symmetry"] = rows
    head = {key: made.pop(key) for key in ("format", "name")}
    made = {**head, "counts": writer.counts, **made}
    if not writer.counts or 2 * sum(map(_rows, short.values())) > total:
        return fields
    return made if _stands_for(made, fields) else fields


def _stands_for(short: Table, fields: Table) -> bool:
    """Tell whether the short form stands for the long one."""
    try:
        full = expand(short)[0]
    except TopologyError:
        return False
    return all(
        list(map(_table, full[key])) == list(map(_table, value))
        if key in NAMES
        else full[key] == value
        for key, value in fields.items()
    )


def _rows(rows: Sequence[Any]) -> int:
    return sum(1 + _rows(row["rows"]) if "rows" in _table(row) else 1 for row in rows)


def _plane(row: Table) -> str:
    """Name the plane of a link, as if it were a vertex: indices then stand for its number."""
    return f"plane {row['plane']}"


def _table(row: Table | str) -> Table:
    return {"name": row} if isinstance(row, str) else row


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers in the names of ranks and switches: the values at each place."""

    values: dict[Key, set[int]]

    @classmethod
    def of(cls, names: Sequence[str]) -> "Numbers":
        """Collect the values at each place of each shape of names."""
        values: dict[Key, set[int]] = {}
        for name in names:
            shape, numbers = split(name)
            for place, number in enumerate(numbers):
                values.setdefault((shape, place), set()).add(number)
        return cls(values)

    def size(self, key: Key) -> int:
        """Count the values at a place, if they are 0, 1 and so on without a gap."""
        values = self.values[key]
        return len(values) if max(values) == len(values) - 1 else 0

    def row(self, row: Table | str, key: str) -> Row:
        """Take a row apart."""
        table = _table(row)
        texts = {k: _plane(table) if k == "plane" else table[k] for k in NAMES[key] if k in table}
        slots: list[Slot] = []
        numbers: list[int] = []
        for shape, found in map(split, texts.values()):
            numbers += found
            slots += [Slot(shape, i, self.size((shape, i))) for i in range(len(found))]
        names = tuple((k, split(text)[0]) for k, text in texts.items())
        rest = tuple((k, v) for k, v in table.items() if k not in texts)
        return Row(Shape(tuple(slots), names, rest, row is table), tuple(numbers))


@dataclass
class Writer:
    """Writes loops as rows with indices, and remembers the counts of the indices that it used."""

    numbers: Numbers
    items: Sequence[Item]
    counts: dict[str, int] = field(default_factory=dict)
    _index: dict[Key, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name the places: those that grow together in a loop have one index."""
        parent = {key: key for key in self.numbers.values}

        def root(key: Key) -> Key:
            while parent[key] != key:
                key = parent[key]
            return key

        order = {key: i for i, key in enumerate(parent)}
        for keys in _grown_together(self.items):
            first = min((root(key) for key in keys), key=order.__getitem__)
            for key in keys:
                if self.numbers.size(key) == self.numbers.size(first):
                    parent[root(key)] = first
        taken: dict[str, Key] = {}
        for key in parent:
            top = root(key)
            if top not in taken.values():
                taken[_free_name(top, taken)] = top
        names = {top: name for name, top in taken.items()}
        self._index = {key: names[root(key)] for key in parent}

    def index(self, slot: Slot | Key, bound: Sequence[str]) -> str:
        """Name the index of a place, another one where that is in use already."""
        key = (slot[0], slot[1])
        name = base = self._index[key]
        turn = 2
        while name in bound:
            name, turn = f"{base}{turn}", turn + 1
        self.counts.setdefault(name, self.numbers.size(key) or max(self.numbers.values[key]) + 1)
        return name

    def write(self, item: Item, places: Sequence[Place | None], bound: tuple[str, ...] = ()) -> Any:  # noqa: ANN401
        """Write an item as a row or a group, `places` being what stands for its numbers."""
        words: list[tuple[str, str]] = []
        inside = bound
        places = list(places) or [None] * len(item.numbers)
        while isinstance(item, Loop):
            index, word, grown = self._loop(item, inside)
            places = [new or old for new, old in zip(grown, places, strict=True)]
            words.append((index, word))
            inside = (*inside, index)
            if len(item.items) > 1:
                return self._group(item, places, words, inside)
            item = item.items[0]
        return _write_row(item, places, words)

    def _group(
        self,
        loop: Loop,
        places: Sequence[Place | None],
        words: Sequence[tuple[str, str]],
        inside: tuple[str, ...],
    ) -> Table:
        rows, at = [], 0
        for each in loop.items:
            end = at + len(each.numbers)
            rows.append(self.write(each, places[at:end], inside))
            at = end
        return {"each": " ".join(word for _, word in words), "rows": rows}

    def _loop(self, loop: Loop, bound: tuple[str, ...]) -> tuple[str, str, list[Place | None]]:
        """Choose the index of a loop, write its values, and say what stands for its numbers."""
        growing = [i for i, up in enumerate(loop.steps) if up]
        step = loop.steps[growing[0]]
        index = self.index(loop.slots[growing[0]], bound)
        count = self.counts[index]
        whole = (loop.count, step) == (count, 1)
        first = 0 if whole else min(loop.numbers[i] for i in growing)
        last = first + (loop.count - 1) * step
        word = index if whole else f"{index}={first}..{last}" + f"/{step}" * (step > 1)
        places: list[Place | None] = [None] * len(loop.numbers)
        for i in growing:
            places[i] = Place(index, "+", (loop.numbers[i] - first) % count)
        return index, word, places


def _grown_together(items: Sequence[Item]) -> Iterator[list[Key]]:
    """List the places that grow in each loop."""
    for item in items:
        if isinstance(item, Loop):
            yield [(s.shape, s.place) for s, up in zip(item.slots, item.steps, strict=True) if up]
            yield from _grown_together(item.items)


def _free_name(key: Key, taken: dict[str, Key]) -> str:
    """Name an index by the letters before its place, as long as none has the name."""
    shape, place = key
    before = "{}".join(shape.split("{}")[: place + 1])
    letters = re.search(r"[A-Za-z]{1,8}$", before)
    wanted: list[str] = [letters[0], letters[0][0]] if letters else []
    names: list[str] = [*wanted, *LETTERS, *(f"i{n}" for n in range(len(taken) + 1))]
    return next(name for name in names if name not in taken)


def _write_row(
    row: Row, places: Sequence[Place | None], words: Sequence[tuple[str, str]]
) -> Table | str:
    """Write a row; what it is repeated over is left out where the names say it."""
    texts = [str(place or number) for place, number in zip(places, row.numbers, strict=True)]
    names: dict[str, str] = {}
    at = 0
    for name, shape in row.shape.names:
        end = at + shape.count("{}")
        names[name] = _put(shape, texts[at:end])
        at = end
    usual = list(dict.fromkeys(place.letter for place in places if place))
    own = [index for index, _ in words]
    shown = own == [index for index in usual if index in own] and own == [word for _, word in words]
    each = {} if shown else {"each": " ".join(word for _, word in words)}
    if not (row.shape.table or each):
        return names["name"]
    plane: Table = {}
    if "plane" in names:
        text = names.pop("plane").removeprefix("plane ")
        plane["plane"] = int(text) if text.isdecimal() else text
    return {**each, **names, **dict(row.shape.rest), **plane}


def _permutation(writer: Writer, names: Sequence[str], row: Sequence[int]) -> Table | list[int]:
    """Write a permutation as a table of names, where adding to their numbers says what it does."""
    groups: dict[str, list[int]] = {}
    for vertex, name in enumerate(names):
        groups.setdefault(split(name)[0], []).append(vertex)
    table: Table = {}
    for shape, members in groups.items():
        images = [split(names[row[vertex]]) for vertex in members]
        if any(other != shape for other, _ in images):
            return list(row)
        moved = _moves(writer, shape, [split(names[v])[1] for v in members], [n for _, n in images])
        if moved is None:
            return list(row)
        if moved[0] != moved[1]:
            table[moved[0]] = moved[1]
    return table


def _moves(
    writer: Writer, shape: str, before: list[tuple[int, ...]], after: list[tuple[int, ...]]
) -> tuple[str, str] | None:
    """Find what is added to each number of a shape of names: a pattern, and that of its image."""
    one, other = (
        np.array(rows, dtype=np.int64).reshape(len(before), -1) for rows in (before, after)
    )
    if (one == other).all():
        return "", ""
    sizes = [writer.numbers.size((shape, place)) for place in range(one.shape[1])]
    single = [len(writer.numbers.values[shape, place]) == 1 for place in range(len(sizes))]
    if np.prod([size for size, one in zip(sizes, single, strict=True) if not one]) != len(before):
        return None
    bound: list[str] = []
    texts: tuple[list[str], list[str]] = ([], [])
    for place, size in enumerate(sizes):
        if single[place]:
            for text in texts:
                text.append(str(before[0][place]))
            continue
        step = _step(one[:, place], other[:, place], size)
        if step is None:
            return None
        index = writer.index((shape, place), bound)
        bound.append(index)
        texts[0].append(str(Place(index, "+", 0)))
        texts[1].append(str(Place(index, *step)))
    return _put(shape, texts[0]), _put(shape, texts[1])


def _put(shape: str, texts: Sequence[str]) -> str:
    """Put texts where the numbers of a shape stand."""
    pieces = shape.split("{}")
    return pieces[0] + "".join(a + b for a, b in zip(texts, pieces[1:], strict=True))


def _step(one: IntArray, other: IntArray, size: int) -> tuple[str, int] | None:
    """Find what is added around, or bit by bit, to make one column of numbers the other."""
    around, bits = (other - one) % size, other ^ one
    if (around == around[0]).all():
        return "+", int(around[0])
    return ("^", int(bits[0])) if (bits == bits[0]).all() else None
