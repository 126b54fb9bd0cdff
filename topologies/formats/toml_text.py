"""Topology files in TOML: figures exact, and the place of what is wrong."""

import re
import tomllib
from decimal import Decimal

from topologies.formats import json_text
from topologies.formats.compact.describe import shorten
from topologies.formats.json_text import number
from topologies.formats.reader import topology
from topologies.formats.writer import describe
from topologies.model.topology import Topology

# tomllib takes time that grows with the square of the parts of one dotted key.
DOTTED = re.compile(r"(?<![\w\"'.-])(?:(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+){50}")
_LONG = re.compile(r"[0-9_]{4000}")

_BARE = re.compile(r"[A-Za-z0-9_-]+")

NOTE = """\
# A row stands once for each value of its indices: from 0 to what `counts` says, less one, the first
# index slowest. {g+1} is the next value of g, after the last one the first; {g^1} flips a bit.
"""
_BEGINNING = re.compile(r"\s*(#|\[|[\w\"'.-]+[ \t]*=)")


def sniff(text: str) -> bool:
    """Tell whether a text begins as TOML does: a comment, a table or a key."""
    return _BEGINNING.match(text) is not None


def read(text: str) -> Topology:
    """Make the topology that a text describes.

    Raises:
        ValueError: with the line and the column where the text is wrong.
        TopologyError: with every mistake of the description.
    """
    return topology(_parse(text))


def write(made: Topology) -> str:
    """Describe a topology, one line for each element of a list of tables or lists.

    Rows that repeat are written once, with indices.

    Raises:
        TopologyError: a file cannot say what the topology is.
    """
    fields = shorten(describe(made))
    head = NOTE if "counts" in fields else ""
    return head + "".join(f"{key} = {_lines(value, 0)}\n" for key, value in fields.items())


def _parse(text: str) -> object:
    if dotted := DOTTED.search(text):
        line = text.count("\n", 0, dotted.start()) + 1
        raise ValueError(f"line {line}: a key of more than 50 parts")
    try:
        return tomllib.loads(text, parse_float=number(Decimal))
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).rpartition(" (at ")
        raise ValueError(f"{place.rstrip(')')}: {what[:1].lower()}{what[1:]}") from None
    except ValueError:  # of a whole number, which tomllib reads by itself
        long = _LONG.search(text)
        line = text.count("\n", 0, long.start() if long else 0) + 1
        raise ValueError(f"line {line}: a number of too many digits") from None


def _lines(value: object, depth: int) -> str:
    """Write a list of tables or lists on lines of their own, a group with its rows below it."""
    if not (isinstance(value, list) and any(isinstance(item, dict | list) for item in value)):
        return _inline(value)
    margin = "  " * depth
    rows = ",\n".join(f"{margin}  {_row(item, depth)}" for item in value)
    return f"[\n{rows}\n{margin}]"


def _row(item: object, depth: int) -> str:
    if isinstance(item, dict) and "rows" in item:
        return f"{{each = {_inline(item['each'])}, rows = {_lines(item['rows'], depth + 1)}}}"
    return _inline(item)


def _inline(value: object) -> str:
    if isinstance(value, dict):
        pairs = (f"{_key(key)} = {_inline(v)}" for key, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json_text.inline(value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json_text.inline(key)
