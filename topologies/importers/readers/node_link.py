"""Graphs in networkx's node-link JSON."""

import json
from typing import Any

from topologies.formats.json_text import NUMBER_LIMIT
from topologies.importers.draft import Cable, Draft
from topologies.importers.texts import attributes
from topologies.model.messages import one_line, show_value

LIMIT = 1_000_000  # edges


def sniff(text: str) -> bool:
    """Tell whether a text is a JSON object with nodes and links."""
    head = text.lstrip()[:1] == "{" and '"commplan/' not in text[:200]
    return head and '"nodes"' in text and ('"links"' in text or '"edges"' in text)


def read(text: str, name: str) -> Draft:
    """Read a graph; an undirected edge is a link both ways.

    Raises:
        ValueError: it is none, with the place.
    """
    document = _parse(text)
    if not isinstance(document, dict):
        raise ValueError(f"file: found {show_value(document)}, expected an object")
    kinds: dict[str, str] = {}
    for i, node in enumerate(_objects(document, "nodes")):
        point = _name(node.get("id"), f"nodes[{i}].id")
        if point in kinds:
            raise ValueError(f"nodes[{i}].id: {show_value(point)} is there twice")
        kinds[point] = _kind(node)
    key = "links" if "links" in document else "edges"
    duplex = document.get("directed") is not True
    cables = [
        _cable(edge, f"{key}[{i}]", kinds, duplex) for i, edge in enumerate(_objects(document, key))
    ]
    if not cables or len(cables) > LIMIT:
        raise ValueError(f"{key}: {len(cables):,}, expected 1 to {LIMIT:,}")
    return attributes.graph(name, kinds, cables)


def _parse(text: str) -> Any:  # noqa: ANN401
    """Read JSON, figures as they are written."""

    def figure(digits: str) -> str:
        if len(digits) > NUMBER_LIMIT:
            raise ValueError(f"a number of {len(digits)} digits")
        return digits

    try:
        return json.loads(text, parse_float=figure, parse_int=figure, parse_constant=figure)
    except json.JSONDecodeError as error:
        what = one_line(error.msg).lower()
        raise ValueError(f"line {error.lineno}, column {error.colno}: {what}") from None


def _objects(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Take a list of objects.

    Raises:
        ValueError: it is none.
    """
    value = document.get(key)
    if not isinstance(value, list):
        raise ValueError(f"{key}: found {show_value(value)}, expected a list")
    for i, each in enumerate(value):
        if not isinstance(each, dict):
            raise ValueError(f"{key}[{i}]: found {show_value(each)}, expected an object")
    return value


def _name(value: object, place: str) -> str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return "-".join(value)  # a tuple, as of a grid
    raise ValueError(f"{place}: found {show_value(value)}, expected a name or a number")


def _kind(node: dict[str, Any]) -> str:
    """Read what a node is."""
    found = next((node[key] for key in ("kind", "type", "role") if key in node), "")
    return found if isinstance(found, str) else ""


def _cable(edge: dict[str, Any], place: str, kinds: dict[str, str], duplex: bool) -> Cable:
    """Read an edge.

    Raises:
        ValueError: an end is no node, or a figure is wrong.
    """
    ends = [_name(edge.get(key), f"{place}.{key}") for key in ("source", "target")]
    for end in ends:
        if end not in kinds:
            raise ValueError(f"{place}: no node has the id {show_value(end)}")
    return attributes.cable(ends[0], ends[1], edge, place, duplex)
