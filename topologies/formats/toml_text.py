"""Topology files in TOML: figures exact, and the place of what is wrong."""

import re
import tomllib
from decimal import Decimal

from topologies.formats import json_text
from topologies.formats.json_text import number, write_lines
from topologies.formats.reader import topology
from topologies.formats.writer import describe
from topologies.model.topology import Topology

# tomllib takes time that grows with the square of the parts of one dotted key.
_DOTTED = re.compile(r"(?<![\w\"'.-])(?:(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+){50}")
_LONG = re.compile(r"[0-9_]{4000}")

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

    Raises:
        TopologyError: a file cannot say what the topology is.
    """
    fields = describe(made)
    return "".join(f"{key} = {write_lines(value, _inline)}\n" for key, value in fields.items())


def _parse(text: str) -> object:
    if dotted := _DOTTED.search(text):
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


def _inline(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_inline(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json_text.inline(value)
