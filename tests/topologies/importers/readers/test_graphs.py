"""Edge lists, node-link JSON and GraphML: the unit is in the name of an attribute."""

import json

import networkx as nx
import pytest

from topologies.formats import files
from topologies.formats.spec import topology
from topologies.importers.importing import import_files

CSV = "src,dst,bandwidth_GBps,latency_us\n"


def test_lines_to_and_fro_are_one_link(imported, rates, bound):
    made = imported("edges.csv").topology
    assert (made.ranks, made.names[4], made.links) == (4, "sw0", 12)
    assert rates(made)["a0", "a1"] == 100
    assert sorted({each.name for each in made.classes}) == ["link of layer 0", "link of layer 1"]
    # A board takes in two of four blocks over two times 12.5.
    assert bound(made, "all_gather") == pytest.approx(25 * 4 / 2)


def test_a_link_one_way_stays_one_and_is_told(tmp_path):
    (tmp_path / "e.csv").write_text(CSV + "a,b,1,0\nb,c,1,0\nc,a,1,0\n")
    made = import_files([str(tmp_path / "e.csv")])
    assert made.topology.links == 3
    assert made.odd == ("one way only: a -> b, b -> c, c -> a",)


def test_an_undirected_graph_has_links_both_ways(imported, rates):
    made = imported("graph.json")
    assert made.topology.links == 10
    assert rates(made.topology)["r1", "r0"] == 50
    assert "latency of link: 1 us (1 us)" in made.assumed


def test_graphml_of_networkx_is_read(imported):
    made = imported("ring.graphml").topology
    assert (made.ranks, made.links, set(made.bandwidth)) == (4, 8, {25e9})
    assert set(made.alpha) == {1e-6}


@pytest.mark.parametrize("machine", ["torus:2x3", "star:5", "dgx-h100"])
def test_graphml_of_commplan_is_read_as_well(machine, tmp_path):
    made = topology(machine)
    files.save(made, tmp_path / "m.graphml")
    again = import_files([str(tmp_path / "m.graphml")]).topology
    assert (again.names, again.links) == (made.names, made.links)
    assert sorted(again.bandwidth) == sorted(made.bandwidth)


def test_an_undirected_graphml_with_defaults_is_read(tmp_path, rates):
    graph = nx.Graph()
    graph.add_edge("a", "b", bandwidth_Gbps=400)
    nx.write_graphml(graph, tmp_path / "g.graphml")
    made = import_files([str(tmp_path / "g.graphml")]).topology
    assert rates(made) == {("a", "b"): 50.0, ("b", "a"): 50.0}


@pytest.mark.parametrize(
    ("attributes", "gigabytes", "evidence"),
    [
        ({"bandwidth_GBps": 12.5}, 12.5, "stated"),
        ({"bandwidth_Gbps": 100}, 12.5, "stated"),
        ({"bandwidth": 12.5e9}, 12.5, "stated"),
        ({"bandwidth": 12.5}, 12.5, "assumed"),
        ({}, 25.0, "assumed"),
    ],
)
def test_a_number_without_a_unit_is_told(tmp_path, rates, attributes, gigabytes, evidence):
    edge = {"source": 0, "target": 1} | attributes
    graph = {"directed": False, "nodes": [{"id": 0}, {"id": 1}], "links": [edge]}
    (tmp_path / "g.json").write_text(json.dumps(graph))
    made = import_files([str(tmp_path / "g.json")])
    assert set(rates(made.topology).values()) == {gigabytes}
    assert [each.evidence for each in made.topology.classes] == [evidence]
    assert any(text.startswith("rate") for text in made.assumed) == (evidence == "assumed")


@pytest.mark.parametrize(
    ("form", "text", "fault"),
    [
        ("csv", CSV, "no link below the heading"),
        ("csv", CSV + "a,b,1", "line 2: 3 fields, expected 4"),
        ("csv", CSV + "a,b,-1,0", "line 2: bandwidth_GBps: found '-1', expected a number from 0"),
        ("csv", CSV + "a,b,0,0", "line 2: the bandwidth is 0, expected more"),
        ("csv", CSV + ",b,1,0", "line 2: src is empty, expected a name"),
        ("csv", CSV + '"a,b,1,0', "line 2: unexpected end of data"),
        ("csv", "src,dst,speed\na,b,1", "line 1: found 'speed', expected src,dst,bandwidth_GBps"),
        ("node-link", '{"nodes": [], "links": []}', "links: 0, expected 1 to"),
        ("node-link", '{"nodes": {}, "links": []}', "nodes: found a table, expected a list"),
        (
            "node-link",
            '{"nodes": [{"id": 1}, {"id": 1}], "links": []}',
            "nodes[1].id: '1' is there",
        ),
        ("node-link", '{"nodes": [', "line 1, column 12: expecting value"),
        ("graphml", "<graphml/>", "line 1: no <graph> in it"),
        ("graphml", "<graphml><graph><edge/></graph></graphml>", "line 1: <edge> without 'source'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(draft, form, text, fault):
    with pytest.raises(ValueError, match=r"^") as told:
        draft(form, text)
    assert str(told.value).startswith(fault)


@pytest.mark.parametrize(
    ("name", "fault"),
    [('"a\x1b[2J"', "is no name"), ('"a:b"', "is no name"), ("a" * 2000, "2,000")],
)
def test_names_that_are_none_are_refused_in_one_line(tmp_path, name, fault):
    from topologies.model.topology import TopologyError

    (tmp_path / "e.csv").write_text(CSV + f"{name},c,1,0\n")
    with pytest.raises(TopologyError) as told:
        import_files([str(tmp_path / "e.csv")])
    assert fault in str(told.value)
    assert str(told.value).isprintable()


def test_names_with_spaces_and_quotes_are_names(tmp_path):
    (tmp_path / "e.csv").write_text(CSV + '"a ""b""",c d,1,0\nc d,"a ""b""",1,0\n')
    assert import_files([str(tmp_path / "e.csv")]).topology.names == ('a "b"', "c d")
