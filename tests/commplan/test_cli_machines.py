def test_every_listed_name_can_be_built(ask):
    listed = ask("topologies")["topologies"]
    ring = next(row for row in listed if row["name"] == "ring:8")
    assert (ring["ranks"], ring["switches"], ring["links"]) == (8, 0, 16)
    supernode = next(row for row in listed if row["name"] == "cloudmatrix384")
    assert (supernode["ranks"], supernode["switches"]) == (768, 448)
    assert all(row["summary"] for row in listed)


def test_a_person_gets_a_line_for_each_machine(call, ask):
    lines = call("topologies").stdout.splitlines()
    assert lines[0].split() == ["name", "ranks", "switches", "links", "summary"]
    assert len(lines) == 1 + len(ask("topologies")["topologies"])


def test_a_written_machine_is_read_again(call, ask, tmp_path):
    counts = {"name": "star:5", "ranks": 5, "switches": 1, "links": 10}
    assert ask("topology", "star:5", "-o", "star.toml") == counts
    assert ask("topology", "star.toml", "-o", "again.json") == counts
    assert (tmp_path / "again.json").exists()
    assert call("topology", "star:5", "-o", "star.json").stdout == (
        "star:5: 5 ranks, 1 switch, 10 links, written to star.json\n"
    )


def test_an_unknown_machine_is_named_with_the_nearest_and_all_that_there_are(call):
    result = call("topology", "tors:4x4", "-o", "x.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "commplan: no machine and no file is named 'tors'; nearest: torus; known: ring, line, "
        "full-mesh, star, torus, mesh, hypercube, nd-full-mesh, leaf-spine, cloudmatrix384, "
        "atlas-a2, dgx-1, dgx-a100, dgx-h100, nvl72, mi300x, mi250, random, wild, "
        "irregular\n"
    )


def test_every_mistake_of_a_file_gets_a_line(call, tmp_path):
    (tmp_path / "bad.json").write_text(
        '{"format": "commplan/topology/1", "name": "bad", "ranks": ["a", "b"], "switches": [],'
        ' "links": [{"src": "a", "dst": "c", "bandwidth_GBps": 1},'
        ' {"src": "b", "dst": "a", "bandwidth_GBps": 0}]}'
    )
    result = call("bound", "bad.json", "all_gather")
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("commplan: bad.json: links[") for line in lines)
