"""Topology files in JSON: figures exact, and the place of what is wrong."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from topologies.formats.duplicate_keys import refuse_duplicates
from topologies.formats.reader import Table, topology
from topologies.formats.writer import describe
from topologies.model.messages import one_line
from topologies.model.topology import Topology

NUMBER_LIMIT = 200  # characters


def sniff(text: str) -> bool:
    """Tell whether a text is JSON by its first letter."""
    return text.lstrip()[:1] == "{"


def read(text: str) -> Topology:
    """Make the topology that a text describes.

    Raises:
        ValueError: with the line and the column where the text is wrong.
        TopologyError: with every mistake of the description.
    """
    try:
        document = json.loads(
            text,
            parse_float=number(Decimal),
            parse_int=number(int),
            parse_constant=Decimal,
            object_pairs_hook=lambda pairs: _make_table(pairs, text),
        )
    except json.JSONDecodeError as error:
        what = one_line(error.msg).lower()
        raise ValueError(f"line {error.lineno}, column {error.colno}: {what}") from None
    return topology(document)


def write(made: Topology) -> str:
    """Describe a topology, one line for each element of a list of tables or lists.

    Raises:
        TopologyError: a file cannot say what the topology is.
    """
    fields = describe(made)
    lines = (f'"{key}": {write_lines(value, inline)}' for key, value in fields.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


@dataclass(frozen=True)
class _Digits:
    """A number of very many digits, or with a very large exponent: no field takes it."""

    text: str

    def __str__(self) -> str:
        return self.text


def number(kind: Callable[[str], int | Decimal]) -> Callable[[str], int | Decimal | _Digits]:
    """Make a parser of numbers that leaves absurdly long ones as they are written."""

    def parse(digits: str) -> int | Decimal | _Digits:
        try:
            return kind(digits) if len(digits) <= NUMBER_LIMIT else _Digits(digits)
        except InvalidOperation:
            return _Digits(digits)

    return parse


def _make_table(pairs: list[tuple[str, Any]], text: str) -> Table:
    """Make a table of the keys and values of one.

    Raises:
        ValueError: a key is given twice; with its place in the text.
    """
    table = dict(pairs)
    if len(table) < len(pairs):
        refuse_duplicates(text)
    return table


def write_lines(value: object, write_one: Callable[[object], str]) -> str:
    """Write a list of tables or lists on lines of their own, anything else on one."""
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "[\n  " + ",\n  ".join(map(write_one, value)) + "\n]"
    return write_one(value)


def inline(value: object) -> str:
    """Write a value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {inline(v)}' for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
