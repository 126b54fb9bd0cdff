"""Topology files in GraphML, as networkx and many tools for graphs read and write it."""

from fractions import Fraction
from xml.etree.ElementTree import ParseError

from topologies.model.topology import Topology, TopologyError


def sniff(text: str) -> bool:
    """Tell whether a text is XML by its first letter."""
    return text.lstrip()[:1] == "<"


def read(text: str) -> Topology:
    """Make the topology of a graph whose attributes are those of `to_networkx`.

    Raises:
        ValueError: with the line and the column where the text is wrong.
        TopologyError: with every mistake of the graph.
    """
    # Loaded late, as networkx is in the way of every command that needs no graph.
    import networkx as nx

    from topologies.formats.networkx_graph import from_networkx

    if "<!DOCTYPE" in text:
        raise ValueError("a document type, expected plain GraphML")
    try:
        # A multigraph keeps the numbers of the links, which are the keys of the edges.
        graph = nx.parse_graphml(text, force_multigraph=True)
    except ParseError as error:
        line, column = error.position
        raise ValueError(f"line {line}, column {column + 1}: no XML") from None
    except (nx.NetworkXException, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"no GraphML: {' '.join(str(error).split())}") from None
    return from_networkx(graph)


def write(made: Topology) -> str:
    """Describe a topology; the evidence of its link classes and its symmetry are left out.

    Raises:
        TopologyError: a bandwidth is no decimal number of bytes per second.
    """
    import networkx as nx

    from topologies.formats.networkx_graph import to_networkx

    graph = to_networkx(made)
    del graph.graph["classes"]
    for src, dst, attributes in graph.edges(data=True):
        attributes["bandwidth"] = _decimal(attributes["bandwidth"], f"edge {src} -> {dst}")
    return "\n".join(nx.generate_graphml(graph)) + "\n"


def _decimal(bandwidth: int | Fraction, place: str) -> int | float:
    """Write a bandwidth as GraphML can say it; a float stands for the decimal that it prints as."""
    if isinstance(bandwidth, int) or Fraction(repr(float(bandwidth))) == bandwidth:
        return bandwidth if isinstance(bandwidth, int) else float(bandwidth)
    raise TopologyError([f"{place}: bandwidth is {bandwidth}, which GraphML cannot say exactly"])
