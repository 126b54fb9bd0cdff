"""`commplan frontier`: its table, its files, and what it refuses."""

import json


def test_the_frontier_is_a_table_with_verified_schedules(ask, tmp_path):
    made = ask("frontier", "dgx-1", "all_gather", "--chunks", "6", "-o", ".")
    assert (made["least_steps"], made["least_rounds_per_chunk"]) == (2, "7/6")
    assert made["complete"]
    found = [row for row in made["points"] if row["answer"] == "found"]
    assert [(r["steps"], r["rounds"], r["chunks"]) for r in found] == [(2, 3, 2), (3, 7, 6)]
    for row in made["points"]:
        assert (row["path"] is not None) == (row["answer"] == "found")
    for row in found:
        assert sum(row["rounds_of_steps"]) == row["rounds"]
        verified = ask("verify", row["path"])
        assert verified["algbw_GBps"] >= row["algbw_GBps"] * (1 - 1e-12)
        assert verified["optimal"] == (row["rounds_per_chunk"] == "7/6")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "all_gather-2-3-2.json",
        "all_gather-3-7-6.json",
    ]


def test_a_person_reads_one_line_for_each_answer(call):
    lines = call("frontier", "ring:4", "all_reduce", "--chunks", "2").stdout.splitlines()
    assert lines[0] == "all_reduce on ring:4, 4 ranks: at least 4 steps, 3 rounds for each chunk"
    assert lines[2].split()[:4] == ["4", "6", "2", "3"]
    assert "  found (search" in lines[2]
    assert lines[3].startswith("  complete, ")


def test_nothing_found_is_a_no(call):
    result = call("frontier", "ring:8", "all_gather", "--steps", "2", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["points"] == []


def test_what_is_wrong_is_one_line(call):
    for words, said in (
        (("ring:4", "all_gather", "-o", "none"), "Invalid value for '-o' / '--output': none: "),
        (("ring:4", "all_gather", "--chunks", "0"), "Invalid value for '--chunks': "),
        (("ring:4", "all_sum"), "no collective is named 'all_sum'"),
    ):
        result = call("frontier", *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"commplan: {said}")
        assert result.stderr.count("\n") == 1


def test_a_machine_with_too_many_ways_is_a_no_in_one_line(call):
    result = call("frontier", "leaf-spine:8x64x8", "all_gather")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "too many for an exact schedule" in result.stderr


def test_one_rank_moves_nothing_in_any_number_of_steps(call):
    result = call("frontier", "ring:1", "all_gather")
    assert (result.exit_code, result.stdout) == (0, "all_gather on ring:1, 1 rank: nothing moves\n")
