from topologies.formats.spec import catalogue


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


def test_an_unknown_machine_is_named_with_the_nearest_name_and_where_all_are_listed(call):
    result = call("topology", "tors:4x4", "-o", "x.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "commplan: no machine and no file is named 'tors'; nearest: torus; `commplan topologies` "
        f"lists {len(catalogue())} names\n"
    )


def test_the_figures_of_a_machine_are_shown_with_their_sources(call, ask):
    answer = ask("topology", "tpu-v5p:4x4x8", "--evidence")
    assert (answer["name"], answer["ranks"]) == ("tpu-v5p:4x4x8", 128)
    both = [f for f in answer["figures"] if f["what"] in ("ICI: a chip", "ICI: a link")]
    assert [(f["value"], f["unit"], f["used"]) for f in both] == [
        ("1200", "GB/s both ways together", True),
        ("4800", "Gbit/s each way", False),
        ("90", "GB/s each way", False),
    ]
    lines = call("topology", "tpu-v5p:4x4x8", "--evidence").stdout.splitlines()
    assert len(lines) == 1 + len(answer["figures"])
    assert lines[1].startswith("* ICI: a chip")
    assert lines[1].endswith("Cloud TPU documentation, v5p")
    assert lines[2].startswith("  ICI: a chip")


def test_a_file_shows_what_its_classes_say_beside_being_written(call, ask):
    assert call("topology", "dgx-a100:boxes=2", "-o", "own.toml", "--evidence").exit_code == 0
    nvlink, reached, *_ = ask("topology", "own.toml", "--evidence")["figures"]
    assert (nvlink["what"], nvlink["value"]) == ("NVLink 3: a link", "300")
    assert nvlink["source"].startswith("12 links of 25 GB/s")
    assert (reached["value"], reached["evidence"]) == ("0.771", "measured")
    [figure] = ask("topology", "star:4", "--evidence")["figures"]
    assert (figure["value"], figure["source"], figure["evidence"]) == ("25", "", "")


def test_a_machine_written_as_a_short_file_has_the_plans_of_its_name(call, tmp_path):
    for name in ("rails:2x2", "cloudmatrix384:nodes=1"):
        assert call("topology", name, "-o", "own.toml").exit_code == 0
        assert "counts = " in (tmp_path / "own.toml").read_text()
        for machine, file in ((name, "one.json"), ("own.toml", "other.json")):
            assert call("compile", machine, "all_gather", "-o", file).exit_code == 0
        assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()


def test_a_machine_is_counted_and_links_without_a_way_back_are_named(call, tmp_path):
    assert call("topology", "star:4").stdout == "star:4: 4 ranks, 1 switch, 8 links\n"
    assert call("topology", "ring:4", "-o", "ring.toml").exit_code == 0
    text = (tmp_path / "ring.toml").read_text()
    (tmp_path / "ring.toml").write_text(text.replace(", duplex = true", ""))
    names = "r0 -> r1, r1 -> r2, r2 -> r3, r3 -> r0"
    shown = call("topology", "ring.toml").stdout.splitlines()
    assert shown == ["ring:4: 4 ranks, 0 switches, 4 links", f"4 links one way only: {names}"]


def test_a_lone_hyphen_is_no_file(call, tmp_path):
    result = call("topology", "ring:3", "-o", "-")
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "-: no name of a file; /dev/stdout is the standard output" in result.stderr


def test_a_use_of_another_machine_is_refused_with_the_name_of_its_file(call):
    assert call("compile", "ring:3", "all_gather", "-o", "three.json").exit_code == 0
    result = call("topology", "ring:4", "--draw", "four.svg", "--used", "three.json")
    assert result.exit_code == 2
    assert result.stderr.startswith("commplan: three.json: made for ring:3 (")


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


def test_a_full_disk_is_one_line_for_selection_files_too(call):
    result = call("select", "ring:2", "--target", "openmpi", "-o", "/dev/full")
    assert result.exit_code == 2
    assert result.stderr == "commplan: /dev/full: no space left on device\n"
