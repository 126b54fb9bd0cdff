from fractions import Fraction
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from topologies.derive.ports import with_ports
from topologies.formats import files
from topologies.formats.networkx_graph import from_networkx
from topologies.formats.spec import topology
from topologies.model.topology import Link, TopologyError, build, digest
from topologies.presets import shapes
from topologies.symmetry.group import link_images


def test_as_many_ports_as_links_change_nothing() -> None:
    for ports in (2, 3, 99):
        assert digest(with_ports(shapes.ring(5), [ports] * 5)) == digest(shapes.ring(5))


def test_the_fastest_links_count() -> None:
    speeds = [("a", "b", 5), ("a", "c", 3), ("a", "d", 2), ("b", "c", 1), ("c", "d", 1)]
    links = [Link(a, b, Fraction(speed), duplex=True) for a, b, speed in speeds]
    machine = with_ports(build("m", list("abcd"), [], links), [2, 0, 0, 1])
    assert machine.names[4:] == ("a.out", "d.out", "a.in", "d.in")
    found = {machine.link_name(link): link for link in range(machine.links)}
    for name, speed in [("a -> a.out", 8), ("a.in -> a", 8), ("d -> d.out", 2), ("d.in -> d", 2)]:
        assert machine.capacity[found[name]] * machine.unit == speed
        assert machine.alpha[found[name]] == 0
        assert machine.classes[machine.link_class[found[name]]].name == "ports"
    assert {"a.out -> b", "a.out -> d.in", "b -> c", "c -> a.in"} <= set(found)
    assert machine.mate[found["b -> c"]] == found["c -> b"]
    assert machine.mate[found["a.out -> b"]] == machine.mate[found["b -> a.in"]] == -1


def test_nobody_passes_a_rank_by() -> None:
    machine = with_ports(shapes.line(3), [0, 1, 0])
    ends = nx.MultiDiGraph(list(zip(machine.src.tolist(), machine.dst.tolist(), strict=True)))
    ends.remove_node(1)
    assert not nx.has_path(ends, 0, 2)


@pytest.mark.parametrize("name", ["torus:3x3", "hypercube:3", "dgx-a100:boxes=2", "dgx-1"])
def test_the_declared_symmetry_stays(name: str) -> None:
    whole = topology(name)
    machine = with_ports(whole, [1] * whole.ranks)
    assert len(machine.symmetry) == len(whole.symmetry)
    assert link_images(machine, machine.symmetry).shape == (len(whole.symmetry), machine.links)


def test_ports_survive_a_file_and_a_graph(tmp_path: Path) -> None:
    machine = topology("torus:3x3:ports=1:overhead=0.5")
    assert machine.name == "torus:3x3:overhead=0.5:ports=1"
    files.save(machine, tmp_path / "m.json")
    assert digest(files.load(tmp_path / "m.json")) == digest(machine)
    graph = nx.complete_graph(4)
    nx.set_node_attributes(graph, 1, "ports")
    made = from_networkx(graph, bandwidth=10**9)
    assert digest(made) == digest(
        with_ports(from_networkx(nx.complete_graph(4), bandwidth=10**9), [1] * 4)
    )
    assert np.array_equal(np.bincount(made.src)[:4], [1] * 4)


FILE = """
format = "commplan/topology/1"
name = "m"
ranks = [{name = "a", ports = %s}, "b", {name = "c", ports = 1}]
switches = [{name = "%s"}]
symmetry = %s
links = [
 {src = "a", dst = "b", bandwidth_GBps = 1, duplex = true},
 {src = "a", dst = "c", bandwidth_GBps = 1, duplex = true},
 {src = "b", dst = "c", bandwidth_GBps = 1, duplex = true},
 {src = "a", dst = "%s", bandwidth_GBps = 1, duplex = true},
]
"""


@pytest.mark.parametrize(
    ("ports", "switch", "symmetry", "fault"),
    [
        ("0", "s", "[]", "ranks[0].ports: found 0, expected 1 or more"),
        ("-3", "s", "[]", "ranks[0].ports: found -3, expected 1 or more"),
        ("true", "s", "[]", "ranks[0].ports: found true, expected a whole number"),
        ("1.5", "s", "[]", "ranks[0].ports: found 1.5, expected a whole number"),
        ("1", "a.out", "[]", "switches[1]: the name 'a.out' is used twice"),
        ("1", "s", "[[0, 2, 1, 3]]", "symmetry[0]: takes a rank to one of another number of ports"),
    ],
)
def test_wrong_ports_are_named(
    tmp_path: Path, ports: str, switch: str, symmetry: str, fault: str
) -> None:
    (tmp_path / "m.toml").write_text(FILE % (ports, switch, symmetry, switch))
    with pytest.raises(TopologyError) as caught:
        files.load(tmp_path / "m.toml")
    assert caught.value.faults == (f"{tmp_path / 'm.toml'}: {fault}",)


def test_wrong_ports_of_a_graph_are_named() -> None:
    graph = nx.complete_graph(3)
    graph.add_node(1, ports="many")
    with pytest.raises(TopologyError, match="node 1: ports is 'many', expected a whole number"):
        from_networkx(graph, bandwidth=1)
