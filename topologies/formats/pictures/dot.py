"""Pictures of topologies for Graphviz: written, never read."""

from collections.abc import Sequence
from typing import NoReturn

from topologies.model.topology import Topology
from topologies.model.units import rate


def sniff(text: str) -> bool:
    """Tell whether a text begins as a graph of Graphviz."""
    return text.lstrip().startswith(("digraph", "strict digraph"))


def read(text: str) -> NoReturn:
    """Refuse to read: a picture says less than a topology.

    Raises:
        ValueError: always.
    """
    raise ValueError("a picture for Graphviz, which is written and not read")


def write(made: Topology) -> str:
    """Draw a topology: boxes are ranks, ellipses switches, each link with its bandwidth."""
    return draw(made, [f"label={quote(rate(each))}" for each in made.bandwidth])


def draw(made: Topology, links: Sequence[str], chosen: Sequence[int] | None = None) -> str:
    """Draw vertices, and links with attributes of Graphviz.

    Args:
        made: the machine.
        links: attributes of each link drawn.
        chosen: the links drawn, if not all.
    """
    lines = [f"digraph {quote(made.name)} {{"]
    for vertex, name in enumerate(made.names):
        shape = "box" if vertex < made.ranks else "ellipse"
        lines.append(f"  v{vertex} [label={quote(name)}, shape={shape}];")
    numbers = range(made.links) if chosen is None else chosen
    for link, attributes in zip(numbers, links, strict=True):
        lines.append(f"  v{made.src[link]} -> v{made.dst[link]} [{attributes}];")
    return "\n".join([*lines, "}"]) + "\n"


def quote(text: str) -> str:
    """Write a text as a string of Graphviz, of what can be printed."""
    kept = "".join(sign if sign.isprintable() else "?" for sign in text)
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'
