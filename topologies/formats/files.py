"""The topology file, in JSON or TOML: one schema, figures exact, every mistake named at once."""

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from topologies.formats import atomic
from topologies.formats.duplicate_keys import refuse_twins
from topologies.formats.reader import Table, topology
from topologies.formats.writer import describe
from topologies.model.arguments import of
from topologies.model.messages import one_line, prefixed
from topologies.model.topology import Topology, TopologyError

SIZE_LIMIT = 50 * 10**6  # bytes
NUMBER_LIMIT = 200  # characters
# tomllib takes time that grows with the square of the parts of one dotted key.
_DOTTED = re.compile(r"(?<![\w\"'.-])(?:(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+){50}")

_LONG = re.compile(r"[0-9_]{4000}")


def load(path: atomic.Name) -> Topology:
    """Read a topology file; `.toml` and `.json` say which language, else its first letter does.

    Raises:
        TopologyError: with every mistake of the file, one line each, with its place.
    """
    try:
        text = atomic.read(path, SIZE_LIMIT).decode("utf-8-sig")
        document = _parse(text, str(path))
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
    except UnicodeDecodeError as error:
        fault = f"byte {error.start}: not UTF-8 text"
    except RecursionError:
        fault = "nested too deeply"
    except ValueError as error:
        fault = str(error)
    else:
        return _made(document, path)
    raise TopologyError(prefixed(path, [fault]))


def _made(document: object, path: atomic.Name) -> Topology:
    """Make the topology, with the name of the file before each fault."""
    try:
        return topology(document)
    except TopologyError as error:
        raise TopologyError(prefixed(path, error.faults)) from None


def _parse(text: str, path: str) -> object:
    """Read JSON or TOML; numbers with a point become decimals.

    Raises:
        ValueError: with the line and the column where the text is wrong.
    """
    is_json = path.lower().endswith(".json") or text.lstrip()[:1] == "{"
    if path.lower().endswith(".toml") or not is_json:
        return _parse_toml(text)
    try:
        return json.loads(
            text,
            parse_float=_number(Decimal),
            parse_int=_number(int),
            parse_constant=Decimal,
            object_pairs_hook=lambda pairs: _without_twins(pairs, text),
        )
    except json.JSONDecodeError as error:
        what = one_line(error.msg).lower()
        raise ValueError(f"line {error.lineno}, column {error.colno}: {what}") from None


def _parse_toml(text: str) -> object:
    if dotted := _DOTTED.search(text):
        line = text.count("\n", 0, dotted.start()) + 1
        raise ValueError(f"line {line}: a key of more than 50 parts")
    try:
        return tomllib.loads(text, parse_float=_number(Decimal))
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).rpartition(" (at ")
        raise ValueError(f"{place.rstrip(')')}: {what[:1].lower()}{what[1:]}") from None
    except ValueError:  # of a whole number, which tomllib reads by itself
        long = _LONG.search(text)
        line = text.count("\n", 0, long.start() if long else 0) + 1
        raise ValueError(f"line {line}: a number of too many digits") from None


@dataclass(frozen=True)
class _Digits:
    """A number of very many digits, or with a very large exponent: no field takes it."""

    text: str

    def __str__(self) -> str:
        return self.text


def _number(kind: Callable[[str], int | Decimal]) -> Callable[[str], int | Decimal | _Digits]:
    """Make a parser of numbers that leaves those of another world as they are written."""

    def parse(digits: str) -> int | Decimal | _Digits:
        try:
            return kind(digits) if len(digits) <= NUMBER_LIMIT else _Digits(digits)
        except InvalidOperation:
            return _Digits(digits)

    return parse


def _without_twins(pairs: list[tuple[str, Any]], text: str) -> Table:
    """Make a table of the keys and values of one.

    Raises:
        ValueError: a key is given twice; with its place in the text.
    """
    table = dict(pairs)
    if len(table) < len(pairs):
        refuse_twins(text)
    return table


def save(made: Topology, path: atomic.Name) -> None:
    """Write a topology file, TOML where the name ends so, else JSON; whole or not at all.

    Raises:
        TopologyError: a file cannot say what the topology is, or cannot be written.
    """
    of("topology", made, Topology)
    write = _toml if str(path).lower().endswith(".toml") else _json
    try:
        atomic.write(path, write(describe(made)))
    except OSError as error:
        raise TopologyError(prefixed(path, [(error.strerror or str(error)).lower()])) from None


def _json(fields: Table) -> str:
    """Write a table as JSON, one line for each element of a list of tables or lists."""
    lines = (f'"{key}": {_spread(value, _json_value)}' for key, value in fields.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _toml(fields: Table) -> str:
    """Write a table as TOML, one line for each element of a list of tables or lists."""
    return "".join(f"{key} = {_spread(value, _toml_value)}\n" for key, value in fields.items())


def _spread(value: object, inline: Callable[[object], str]) -> str:
    """Write a list of tables or lists on lines of their own, anything else on one."""
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "[\n  " + ",\n  ".join(map(inline, value)) + "\n]"
    return inline(value)


def _json_value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {_json_value(v)}' for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json_value, value)) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def _toml_value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml_value(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return _json_value(value)
