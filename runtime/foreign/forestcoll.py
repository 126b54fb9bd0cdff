"""ForestColl's spanning trees: XML with a tree for each root and index, sends and their paths."""

import re

from runtime.foreign.errors import ForeignError
from runtime.foreign.sends import MOST_PARTS, Send
from topologies.importers.texts.xml_text import Element, parse
from topologies.model.messages import one_line, show_value

NODE = r"\(\s*(-?\d{1,6})\s*,\s*'([\w-]{1,20})'\s*,\s*(-?\d{1,6})\s*\)|(\d{1,6})"
Node = tuple[int, str, int]


def read(text: str) -> tuple[int, list[Send]]:
    """Read the number of ranks and the sends of an all_gather.

    A node is (box, kind, number) or a number alone; ranks are in order of these. Each
    tree carries `nchunks` of the `nchunkspernode` parts of its root's block, and a send of it comes
    a step after the one into its source.

    Raises:
        ForeignError: it is no such file, with the line.
    """
    try:
        top = parse(text, "Algo")
        parts = top.whole("nchunkspernode", most=MOST_PARTS)
        trees = list(top.all("tree"))
        ranks = sorted({node for tree in trees for node in (_node(tree, "root"), *_ends(tree))})
        place = {node: i for i, node in enumerate(ranks)}
        sends: list[Send] = []
        used = dict.fromkeys(ranks, 0)
        for tree in trees:
            root = _node(tree, "root")
            count = tree.whole("nchunks", most=MOST_PARTS)
            for part in range(used[root], used[root] + count):
                sends += _tree(tree, root, part, place)
            used[root] += count
        if len(sends) > 0 and set(used.values()) != {parts}:
            raise top.fault(f"trees of {sorted(set(used.values()))} parts, expected {parts} of all")
    except ValueError as error:
        raise ForeignError(one_line(f"no trees of ForestColl: {error}")) from None
    return len(ranks), sends


def _node(element: Element, key: str) -> Node:
    found = re.fullmatch(NODE, element.need(key).strip(), re.ASCII)
    if found is None:
        raise element.fault(f"{key} is {show_value(element.get(key))}, expected (0, 'GPU', 0)")
    box, kind, number = found[1], found[2], found[3]
    return (0, "", int(found[4])) if box is None else (int(box), kind, int(number))


def _ends(tree: Element) -> set[Node]:
    return {_node(send, key) for send in tree.all("send") for key in ("src", "dst")}


def _tree(tree: Element, root: Node, part: int, place: dict[Node, int]) -> list[Send]:
    """Give the sends of one part, in steps by their distance from the root.

    Raises:
        ValueError: a send whose source has nothing yet.
    """
    depth = {root: 0}
    found = []
    for send in tree.all("send"):
        src, dst = _node(send, "src"), _node(send, "dst")
        if src not in depth or dst in depth:
            raise send.fault("no tree from its root outwards")
        depth[dst] = depth[src] + 1
        found.append(Send(place[src], place[dst], (place[root], part), depth[src]))
    return found
