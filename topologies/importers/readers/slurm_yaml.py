"""Slurm's topology.yaml: several topologies, of which one is the default."""

import re
from typing import Any

from topologies.importers.draft import Draft
from topologies.importers.readers.slurm_conf import BLOCKS, under_one
from topologies.importers.texts.hostlist import expand
from topologies.importers.texts.switch_tree import Row, tree
from topologies.importers.texts.yaml_text import Tree, items, parse, table, word
from topologies.model.messages import list_names


def sniff(text: str) -> bool:
    """Tell whether a text is a list of topologies."""
    head = text[:20_000]
    return bool(re.search(r"^\s*-\s+topology\s*:", head, re.M)) or (
        bool(re.search(r"^\s*topology\s*:\s*\S", head, re.M))
        and bool(re.search(r"^\s*-?\s*(tree|block|flat)\s*:", head, re.M))
    )


def read(text: str, name: str) -> Draft:
    """Read the default topology, or the first that is a tree or has blocks.

    Raises:
        ValueError: there is none, or something in it is wrong; with its place.
    """
    listed = items(parse(text), "file")
    tables = [table(each, f"[{i}]") for i, each in enumerate(listed)]
    known = [(i, each) for i, each in enumerate(tables) if "tree" in each or "block" in each]
    if not known:
        raise ValueError("no topology with `tree` or `block`: a flat one says nothing")
    default = [pair for pair in known if str(pair[1].get("cluster_default")).lower() == "true"]
    number, chosen = (default or known)[0]
    others = [str(each.get("topology")) for each in tables if each is not chosen]
    notes = [f"topologies left out: {list_names(others)}"] if others else []
    if "tree" in chosen:
        return tree(name, _switches(chosen["tree"], f"[{number}].tree"), notes)
    blocks = _blocks(chosen["block"], f"[{number}].block")
    return tree(name, under_one(blocks), [*notes, BLOCKS])


def _switches(value: object, place: str) -> list[Row]:
    rows = []
    for i, each in enumerate(items(table(value, place).get("switches"), f"{place}.switches")):
        at = f"{place}.switches[{i}]"
        row = table(each, at)
        below = _hosts(row, "children", at)
        rows.append(
            Row(word(row.get("switch"), f"{at}.switch"), below, _hosts(row, "nodes", at), at)
        )
    return rows


def _blocks(value: object, place: str) -> list[Row]:
    rows = []
    for i, each in enumerate(items(table(value, place).get("blocks"), f"{place}.blocks")):
        at = f"{place}.blocks[{i}]"
        row = table(each, at)
        rows.append(Row(word(row.get("block"), f"{at}.block"), (), _hosts(row, "nodes", at), at))
    return rows


def _hosts(row: Tree, key: str, place: str) -> list[str]:
    """Read a list of hosts, as one text or several."""
    value: Any = row.get(key)
    if value is None or value == "":
        return []
    texts = value if isinstance(value, list) else [value]
    try:
        return [host for text in texts for host in expand(word(text, key))]
    except ValueError as error:
        raise ValueError(f"{place}.{key}: {error}") from None
