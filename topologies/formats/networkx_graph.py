"""networkx graphs as an interchange form, in and out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from math import isfinite
from numbers import Rational, Real
from typing import Any, TypeVar

import networkx as nx

from topologies.derive.ports import with_ports
from topologies.model import reachability
from topologies.model.arguments import of, refuse
from topologies.model.messages import prefix, show_value
from topologies.model.topology import Link, LinkClass, Switch, Topology, TopologyError, build
from topologies.model.units import Seconds

Figure = TypeVar("Figure", float, Fraction)
Attributes = Mapping[str, Any]


def to_networkx(topology: Topology) -> nx.MultiDiGraph:
    """Make a graph whose nodes are the names of the vertices and whose edges are the links.

    Nodes: kind ("rank" or "switch"), hardware (the kind as the topology says it); ranks have
    overhead (seconds), switches multicast and reduce. Edges: key is the number of the link;
    bandwidth (bytes per second, exact), alpha (seconds), duplex, link_class (a name), plane. The
    graph: name, classes. A declared symmetry is left out: an edited graph would belie it.

    Args:
        topology: the machine.
    """
    of("topology", topology, Topology)
    graph = nx.MultiDiGraph(name=topology.name, classes=topology.classes)
    for v, name in enumerate(topology.names):
        graph.add_node(name, **_node(topology, v))
    for link in range(topology.links):
        bandwidth = int(topology.capacity[link]) * topology.unit
        graph.add_edge(
            topology.names[topology.src[link]],
            topology.names[topology.dst[link]],
            key=link,
            bandwidth=bandwidth.numerator if bandwidth.denominator == 1 else bandwidth,
            alpha=float(topology.alpha[link]),
            duplex=bool(topology.mate[link] >= 0),
            link_class=topology.classes[topology.link_class[link]].name,
            plane=int(topology.plane[link]),
        )
    return graph


def _node(topology: Topology, vertex: int) -> Attributes:
    if vertex < topology.ranks:
        overhead = float(topology.overhead[vertex])
        return {"kind": "rank", "hardware": topology.kinds[vertex], "overhead": overhead}
    return {
        "kind": "switch",
        "hardware": topology.kinds[vertex],
        "multicast": bool(topology.multicast[vertex]),
        "reduce": bool(topology.reduce[vertex]),
    }


def from_networkx(
    graph: nx.Graph, *, bandwidth: Fraction | float | None = None, alpha: Seconds = 0.0
) -> Topology:
    """Make a topology from a graph with the attributes that `to_networkx` writes.

    Any of networkx's four kinds of graph will do; an undirected edge is a duplex link. Only the
    bandwidth is needed, on each edge or here for the edges that have none; a float stands for the
    decimal that it prints as. alpha (seconds) is for edges that have none. A node without a kind is
    a rank; it may state its ports, how many of its links it uses at once. Ranks, switches and links
    are numbered in the order of the graph, links by their keys where those are numbers.

    Args:
        graph: directed or not, with parallel edges or not.
        bandwidth: in bytes per second, of edges that state none.
        alpha: in seconds, of edges that state none.

    Raises:
        TopologyError: with every mistake of the graph, one line each.
    """
    if not isinstance(graph, nx.Graph):
        refuse("graph", graph, "a graph of networkx", lambda fault: TopologyError([fault]))
    reader = _Reader(graph, {"bandwidth": bandwidth, "alpha": alpha})
    nodes = {node: attributes.get("kind", "rank") for node, attributes in graph.nodes(data=True)}
    for node, kind in nodes.items():
        if kind not in ("rank", "switch"):
            found = show_value(kind)
            reader.faults.append(f"node {node}: kind is {found}, expected 'rank' or 'switch'")
    ranks = [node for node, kind in nodes.items() if kind != "switch"]
    classes = _classes(graph)
    switches = [_switch(n, graph.nodes[n]) for n, kind in nodes.items() if kind == "switch"]
    links = reader.links({c.name: i for i, c in reversed(list(enumerate(classes)))})
    overhead = [reader.node_figure(node, "overhead") for node in ranks]
    ports = [reader.ports(node) for node in ranks]
    kinds = [str(graph.nodes[node].get("hardware", "rank")) for node in ranks]
    name = str(graph.graph.get("name") or "graph")
    try:
        if reader.faults:
            raise TopologyError(reader.faults)
        made = build(
            name,
            list(map(str, ranks)),
            switches,
            links,
            kinds=kinds,
            classes=classes,
            overhead=overhead,
        )
        if faults := reachability.faults_undirected(made):
            raise TopologyError(faults)
        return with_ports(made, ports)
    except TopologyError as error:
        raise TopologyError(prefix(name, error.faults)) from None


def _switch(node: object, attributes: Attributes) -> Switch:
    return Switch(
        str(node),
        bool(attributes.get("multicast", False)),
        bool(attributes.get("reduce", False)),
        str(attributes.get("hardware", "switch")),
    )


def _classes(graph: nx.Graph) -> list[LinkClass]:
    """List the classes that the graph declares, then those that only edges name."""
    declared = [c for c in graph.graph.get("classes", ()) if isinstance(c, LinkClass)]
    used = (data.get("link_class", "link") for _, _, data in graph.edges(data=True))
    names = dict.fromkeys(chain((c.name for c in declared), map(str, used)))
    return declared + [LinkClass(name) for name in names if name not in {c.name for c in declared}]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes figures out of a graph and notes each mistake, so that reading can go on."""

    graph: nx.Graph
    defaults: Mapping[str, Fraction | float | None]
    faults: list[str] = field(default_factory=list)

    def links(self, classes: Mapping[str, int]) -> list[Link]:
        """Read the edges; two opposite directed ones that are marked duplex become one link."""
        links: list[Link] = []
        waiting: dict[Link, list[int]] = {}
        for src, dst, data in self._edges():
            link = self._link(str(src), str(dst), data, classes)
            opposite = link._replace(src=link.dst, dst=link.src)
            if self.graph.is_directed() and link.duplex and waiting.get(opposite):
                waiting[opposite].pop()
                continue
            if self.graph.is_directed() and link.duplex:
                waiting.setdefault(link, []).append(len(links))
            links.append(link)
        for alone in chain.from_iterable(waiting.values()):
            link = links[alone]
            self.faults.append(f"edge {link.src} -> {link.dst}: duplex, but no edge leads back")
        return links

    def _edges(self) -> list[tuple[object, object, Attributes]]:
        """List the edges, by key where all keys are different numbers."""
        if not self.graph.is_multigraph():
            return list(self.graph.edges(data=True))
        edges = list(self.graph.edges(keys=True, data=True))
        keys = [key for _, _, key, _ in edges]
        if all(isinstance(key, int) for key in keys) and len(set(keys)) == len(keys):
            edges.sort(key=lambda edge: edge[2])
        return [(src, dst, data) for src, dst, _, data in edges]

    def _link(self, src: str, dst: str, data: Attributes, classes: Mapping[str, int]) -> Link:
        place = f"edge {src} -> {dst}"
        plane = data.get("plane", -1)
        return Link(
            src,
            dst,
            self._figure(data, "bandwidth", place, _exact, Fraction(1)),
            self._figure(data, "alpha", place, float, 0.0),
            not self.graph.is_directed() or bool(data.get("duplex", False)),
            classes[str(data.get("link_class", "link"))],
            plane if isinstance(plane, int) else -1,
        )

    def node_figure(self, node: object, key: str) -> float:
        """Read a figure of a node, 0 where there is none."""
        data = {key: 0.0} | dict(self.graph.nodes[node])
        return self._figure(data, key, f"node {node}", float, 0.0)

    def ports(self, node: object) -> int:
        """Read how many links a node uses at once, 0 where it does not say."""
        count = self.graph.nodes[node].get("ports", 0)
        if isinstance(count, int) and ("ports" not in self.graph.nodes[node] or count >= 1):
            return count
        found = show_value(count)
        self.faults.append(f"node {node}: ports is {found}, expected a whole number from 1")
        return 0

    def _figure(
        self,
        data: Attributes,
        key: str,
        place: str,
        convert: Callable[[Any], Figure],
        instead: Figure,
    ) -> Figure:
        """Read a figure that is finite and not negative; `instead` stands for a wrong one."""
        value = data.get(key, self.defaults.get(key))
        if value is None:
            self.faults.append(f"{place}: no attribute {key!r}")
        elif not isinstance(value, Real | Decimal) or not isfinite(value) or value < 0:
            self.faults.append(
                f"{place}: {key} is {show_value(value)}, expected a number, 0 or more"
            )
        else:
            return convert(value)
        return instead


def _exact(value: Rational | Real | Decimal) -> Fraction:
    """Write a number exactly, a float as the decimal that it prints as."""
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    return Fraction(value if isinstance(value, Decimal) else repr(float(value)))
