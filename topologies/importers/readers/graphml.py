"""GraphML, as networkx and editors of graphs write it."""

from topologies.importers.draft import Cable, Draft
from topologies.importers.texts import attributes
from topologies.importers.texts.xml_text import Element, begins_with, parse
from topologies.model.messages import show_value

KINDS = ("kind", "type", "role")


def sniff(text: str) -> bool:
    """Tell whether a text is XML of a <graphml>."""
    return begins_with(text, "graphml")


def read(text: str, name: str) -> Draft:
    """Read the first graph; an undirected edge is a link both ways.

    Raises:
        ValueError: it is none, or an edge has no such ends; with the line.
    """
    root = parse(text, "graphml")
    keys = {
        key.need("id"): (key.get("attr.name") or key.need("id"), _default(key))
        for key in root.all("key")
    }
    graph = next(root.all("graph"), None)
    if graph is None:
        raise root.fault("no <graph> in it")
    usual = {key.need("id") for key in root.all("key") if key.get("for") in ("edge", "all")}
    defaults = {keys[key][0]: keys[key][1] for key in usual if keys[key][1]}
    kinds: dict[str, str] = {}
    for node in graph.all("node"):
        point = node.need("id")
        if point in kinds:
            raise node.fault(f"the node {show_value(point)} is there twice")
        data = _data(node, keys)
        kinds[point] = next((data[key] for key in KINDS if key in data), "")
    directed = graph.get("edgedefault") == "directed"
    cables = [_cable(edge, keys, defaults, kinds, directed) for edge in graph.all("edge")]
    if not cables:
        raise graph.fault("no edge in the graph")
    return attributes.graph(name, kinds, cables)


def _default(key: Element) -> str:
    found = next(key.all("default"), None)
    return "" if found is None else "".join(found.texts).strip()


def _data(element: Element, keys: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Read the attributes of a node or an edge.

    Raises:
        ValueError: one has no key.
    """
    found = {}
    for data in element.all("data"):
        key = data.need("key")
        if key not in keys:
            raise data.fault(f"no key has the id {show_value(key)}")
        found[keys[key][0]] = "".join(data.texts).strip()
    return found


def _cable(
    edge: Element,
    keys: dict[str, tuple[str, str]],
    defaults: dict[str, str],
    kinds: dict[str, str],
    directed: bool,
) -> Cable:
    ends = [edge.need("source"), edge.need("target")]
    for end in ends:
        if end not in kinds:
            raise edge.fault(f"no node has the id {show_value(end)}")
    own = {"true": True, "false": False}.get(edge.get("directed"), directed)
    return attributes.cable(
        ends[0], ends[1], defaults | _data(edge, keys), f"line {edge.line}", not own
    )
