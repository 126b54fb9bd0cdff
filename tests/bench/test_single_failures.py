"""Single failures beside the rows that stand for them: each is found, and a wrong row is too."""

import json

import pytest

from bench.single_failures import compare, differing

# Two adapters of one figure at each host, whose cables go to other switches at other hosts.
FIRST = {"r0": ("s0", "s1"), "r1": ("s0", "s2"), "r2": ("s0", "s1"), "r3": ("s0", "s2")}


def cable(src, dst, rate, kind, *, duplex=True):
    figures = {"bandwidth_GBps": rate, "latency_us": 1, "duplex": duplex}
    return {"src": src, "dst": dst, "class": kind, **figures}


def adapters(folder):
    hosts = [
        cable(rank, switch, 10, "a" if switch in first else "b")
        for rank, first in FIRST.items()
        for switch in ("s0", "s1", "s2", "s3")
    ]
    joined = [cable("s0", "s1", 5, "c"), cable("s2", "s3", 5, "c")]
    return write(folder, 4, hosts + joined)


def write(folder, switches, links):
    machine = {
        "format": "commplan/topology/1",
        "name": "drawn by hand",
        "ranks": list(FIRST),
        "switches": [{"name": f"s{i}"} for i in range(switches)],
        "classes": [{"name": name} for name in "abc"],
        "links": links,
    }
    (folder / "machine.json").write_text(json.dumps(machine))
    return str(folder / "machine.json")


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        ("star:4", "broadcast"),
        ("torus:2x3", "all_to_all"),
        ("leaf-spine:2x2x2", "all_gather"),
        ("irregular:seed=3", "all_gather"),
    ],
)
def test_each_failure_costs_what_its_row_says(machine, name, tmp_path):
    assert compare(machine, name, tmp_path)[1] == []


def test_adapters_of_one_figure_are_alike_only_where_their_cables_go_to_switches_that_are(tmp_path):
    assert compare(adapters(tmp_path), "all_gather", tmp_path)[1] == []


def test_links_of_an_adapter_that_lead_one_way_are_several(tmp_path):
    around = [cable(f"r{i}", f"r{(i + 1) % 4}", 10, "a") for i in range(4)]
    out = [cable("r0", to, 5, "b", duplex=False) for to in ("r1", "r2")]
    machine = write(tmp_path, 0, around + out)
    assert compare(machine, "scatter", tmp_path)[1] == []
    table = json.loads((tmp_path / "failures" / "contingency.json").read_text())
    nics = {row["name"] for row in table["outcomes"] if row["kind"] == "nic"}
    assert {"r0: a", "r0: b"} <= nics


def test_a_row_that_says_something_else_or_counts_too_many_is_told(tmp_path):
    assert compare("star:4", "all_gather", tmp_path)[1] == []
    path = tmp_path / "failures" / "contingency.json"
    table = json.loads(path.read_text())
    rank = next(row for row in table["outcomes"] if row["kind"] == "rank")
    rank["lost_exact"], rank["count"] = "1/7", 5
    path.write_text(json.dumps(table))
    told = differing(tmp_path)[2]
    assert sum("says 1/7" in each for each in told) == 4
    assert [each for each in told if "counts 5" in each]
