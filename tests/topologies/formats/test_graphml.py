"""GraphML: the same machine comes back, and what is wrong is told in one line."""

import networkx as nx
import pytest

from topologies.formats import files, spec
from topologies.formats.columns import digest
from topologies.formats.networkx_graph import from_networkx, to_networkx
from topologies.model.topology import TopologyError

EDGE = '<edge source="a" target="b"/>'
TEXT = f"""<?xml version="1.0"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<graph edgedefault="undirected"><node id="a"/><node id="b"/>{EDGE}</graph></graphml>
"""


@pytest.mark.parametrize(
    "machine", ["torus:2x3", "star:5", "dgx-a100:boxes=2", "ring:4:overhead=2", "torus:2x3:ports=1"]
)
def test_a_machine_comes_back_from_graphml_as_from_networkx(machine, tmp_path):
    made = spec.topology(machine)
    files.save(made, tmp_path / "m.graphml")
    graph = to_networkx(made)
    del graph.graph["classes"]
    assert digest(spec.topology(str(tmp_path / "m.graphml"))) == digest(from_networkx(graph))


def test_a_graph_that_networkx_wrote_is_a_machine(tmp_path):
    graph = nx.petersen_graph()
    nx.set_edge_attributes(graph, 12.5e9, "bandwidth")
    nx.set_edge_attributes(graph, 1e-6, "alpha")
    nx.write_graphml(graph, tmp_path / "no-telling-name")
    made = files.load(tmp_path / "no-telling-name")
    assert (made.ranks, made.links) == (10, 30)
    assert set(made.bandwidth) == {12.5e9}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("<graphml", "line 1, column 1: no XML"),
        ("<graph/>", "no GraphML: file not successfully read as graphml"),
        ('<!DOCTYPE g [<!ENTITY a "b">]><g/>', "a document type, expected plain GraphML"),
        (TEXT, "graph: edge a -> b: no attribute 'bandwidth'"),
        (TEXT.replace('<node id="b"/>', "<hyperedge/>"), "no GraphML: "),
    ],
)
def test_what_is_wrong_is_one_line_with_its_file(text, fault, tmp_path):
    file = tmp_path / "m.graphml"
    file.write_text(text)
    with pytest.raises(TopologyError) as refused:
        files.load(file)
    assert str(refused.value).startswith(f"{file}: {fault}")
    assert "\n" not in str(refused.value)


def test_what_graphml_cannot_say_is_not_written(tmp_path):
    made = spec.topology("leaf-spine:2x2x2:oversubscription=3")
    with pytest.raises(TopologyError, match="which GraphML cannot say exactly"):
        files.save(made, tmp_path / "m.graphml")
    assert not (tmp_path / "m.graphml").exists()
