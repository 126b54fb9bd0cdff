"""The topology file as JSON Schema, made of the same lists of fields as its reader."""

from typing import Any

from topologies.formats.reader import CLASS, EVIDENCE, FIELDS, FORMAT, LINK, RANK, SWITCH, Table
from topologies.model.names import TEXT_LIMIT

MILLION = 10**6
_TEXT: Table = {"type": "string", "maxLength": TEXT_LIMIT}
_FLAG: Table = {"type": "boolean"}
_FIGURE: Table = {
    "description": "a number that is not negative, or a fraction as text",
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": "^[0-9]{1,60}/[0-9]{1,60}$"},
    ],
}
_ROW: dict[str, Table] = {
    "name": _TEXT,
    "kind": _TEXT,
    "overhead_us": _FIGURE,
    "ports": {"type": "integer", "minimum": 1, "maximum": MILLION},
    "multicast": _FLAG,
    "reduce": _FLAG,
    "src": _TEXT,
    "dst": _TEXT,
    "bandwidth_GBps": _FIGURE,
    "latency_us": _FIGURE,
    "duplex": _FLAG,
    "class": _TEXT,
    "plane": {"type": ["integer", "string"]},
    "layer": {"type": "integer", "minimum": 0, "maximum": MILLION},
    "source": _TEXT,
    "evidence": {"enum": list(EVIDENCE)},
    "efficiency": _FIGURE,
    "efficiency_source": _TEXT,
}
_REPEATED: Table = {
    "type": "object",
    "description": "rows that are repeated together, once for each value of the indices",
    "properties": {"each": _TEXT, "rows": {"type": "array"}},
    "required": ["each", "rows"],
    "additionalProperties": False,
}


def schema() -> Table:
    """Give the JSON Schema of a topology file, with rows that have indices or without."""
    rank = {"anyOf": [_TEXT, *_rows(RANK, 1)]}
    symmetry = {"anyOf": [_list({"type": "integer", "minimum": 0}), {"type": "object"}]}
    fields: dict[str, Any] = {
        "format": {"const": FORMAT},
        "name": _TEXT,
        "ranks": _list(rank),
        "switches": _list({"anyOf": _rows(SWITCH, 1)}),
        "links": _list({"anyOf": _rows(LINK, 3)}),
        "classes": _list(_row(CLASS, 1)),
        "symmetry": _list(symmetry),
        "counts": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": FORMAT,
        "type": "object",
        "properties": {key: fields[key] for key in FIELDS},
        "required": list(FIELDS[:3]),
        "additionalProperties": False,
    }


def _list(item: Table) -> Table:
    return {"type": "array", "items": item}


def _rows(fields: tuple[str, ...], needed: int) -> list[Table]:
    """Give what a row may be: itself, with indices or without, or several repeated together."""
    row = _row(fields, needed)
    return [row | {"properties": row["properties"] | {"each": _TEXT}}, _REPEATED]


def _row(fields: tuple[str, ...], needed: int) -> Table:
    """Give a table with some fields, the first of which must be there."""
    return {
        "type": "object",
        "properties": {key: _ROW[key] for key in fields},
        "required": list(fields[:needed]),
        "additionalProperties": False,
    }
