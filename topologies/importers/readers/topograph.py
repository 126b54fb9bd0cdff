"""Models of clusters as topograph has them in YAML: a table of switches, and blocks of nodes."""

import re

from topologies.importers.draft import Draft
from topologies.importers.texts.hostlist import expand
from topologies.importers.texts.switch_tree import Row, tree
from topologies.importers.texts.yaml_text import items, parse, table, word
from topologies.model.messages import show_value


def sniff(text: str) -> bool:
    """Tell whether a text has both parts at its left edge."""
    head = text[:50_000]
    return all(re.search(rf"^{key}\s*:\s*(#.*)?$", head, re.M) for key in ("switches", "blocks"))


def read(text: str, name: str) -> Draft:
    """Read a model; a switch that is named as below another and not described has nothing below.

    Raises:
        ValueError: something in it is wrong, with its place.
    """
    model = table(parse(text), "file")
    below: dict[str, list[str]] = {}
    for switch, value in table(model.get("switches"), "switches").items():
        place = f"switches.{switch}"
        inner = items(table(value or {}, place).get("switches"), f"{place}.switches")
        below[switch] = [word(each, f"{place}.switches") for each in inner]
    hosts: dict[str, list[str]] = {}
    for i, each in enumerate(items(model.get("blocks"), "blocks")):
        block = table(each, f"blocks[{i}]")
        switch = word(block.get("switch"), f"blocks[{i}].switch")
        hosts.setdefault(switch, []).extend(_nodes(block.get("nodes"), f"blocks[{i}].nodes"))
    named = [each for inner in below.values() for each in inner]
    rows = [
        Row(switch, below.get(switch, ()), hosts.get(switch, ()), f"switch {show_value(switch)}")
        for switch in dict.fromkeys((*below, *named, *hosts))
    ]
    return tree(name, rows)


def _nodes(value: object, place: str) -> list[str]:
    """List nodes; those that are mere numbers get a letter in front."""
    try:
        found = [host for text in items(value, place) for host in expand(word(text, place))]
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    return [f"n{host}" if host.isdigit() else host for host in found]
