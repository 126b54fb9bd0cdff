"""`upgrade` and `compare` on the command line."""


def test_upgrade_says_what_binds_what_more_brings_and_the_cheapest_change(call, ask):
    words = ("upgrade", "dgx-a100:boxes=4", "all_gather", "all_to_all")
    found = ask(*words, "--to", "1.5", "--step", "NVLink 3=50")
    rows = {row["class"]: row for row in found["collectives"][0]["classes"]}
    assert rows["NVLink 3"]["slope"] == 0
    assert rows["HDR InfiniBand"]["slope"] > 0
    assert found["change"]["proved"]
    bases = [row["bound_GBps"] for row in found["collectives"]]
    reached = found["change"]["bound_GBps"]
    assert all(now >= 1.5 * base for now, base in zip(reached, bases, strict=True))
    assert "more on these alone brings nothing" in call(*words).stdout
    assert {row["collective"] for row in found["binds"]} == {"all_gather", "all_to_all"}
    first = found["binds"][0]
    assert (first["class"], first["links"]) == ("HDR InfiniBand", 8)
    assert first["GBps_per_GBps"] == rows["HDR InfiniBand"]["slope"]
    assert (first["until_GBps"] or 0) > 0
    assert found["cost"] == found["change"]["cost"] > 0
    assert found["changes"][0]["added_GBps"] > 0


def test_a_budget_buys_the_best_that_costs_so_much(call, ask):
    words = ("upgrade", "dgx-a100:boxes=2", "all_gather")
    found = ask(*words, "--budget", "1000")
    assert found["cost"] == found["change"]["cost"] == 800
    assert found["change"]["factor"] > 1
    assert found["changes"] == [{"class": "HDR InfiniBand", "steps": 1, "added_GBps": 25}]
    assert "best for 0: nothing, proved" in call(*words, "--budget", "0").stdout


def test_with_weights_the_collectives_are_one_job(call, ask):
    words = ("upgrade", "dgx-a100:boxes=2", "all_gather", "all_reduce", "--weight", "all_reduce=4")
    found = ask(*words, "--to", "1.2")
    assert 0 < found["job"]["HDR InfiniBand"] < 0.05
    said = call(*words, "--to", "1.2").stdout
    assert "a job of 1 of all_gather, 4 of all_reduce" in said
    assert "times as fast" in said


def test_collectives_of_one_rank_are_told_to_move_nothing(call, ask):
    words = ("upgrade", "ring:4", "all_gather", "broadcast", "--ranks", "2", "--to", "2")
    lines = [f"{name}: nothing moves, no link binds" for name in words[2:4]]
    assert call(*words).stdout.splitlines() == lines
    found = ask(*words, "--weight", "broadcast=3")
    assert (found["still"], found["collectives"]) == (list(words[2:4]), [])
    assert found["change"] is found["cost"] is None


def test_wrong_words_are_one_line_and_exit_2(call):
    cases = {
        ("--to", "1"): "expected more than 1",
        ("--to", "x"): "expected a number",
        ("--to", "2", "--step", "lnk=3"): "known: dimension 0",
        ("--to", "2", "--cost", "dimension 0=-1"): "expected a number",
        ("--budget", "-3"): "expected a number",
        ("--budget", "3", "--to", "2"): "exclude each other",
        ("--weight", "broadcast=3"): "known: all_reduce",
        ("--weight", "all_reduce=0"): "nothing is moved",
        ("--step", "dimension 0=3"): "--step and --cost are for --to",
    }
    for words, line in cases.items():
        result = call("upgrade", "ring:4", "all_reduce", *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert line in result.stderr
        assert result.stderr.count("\n") == 1


def test_compare_puts_machines_side_by_side(ask):
    found = ask("compare", "ring:3..4", "full-mesh:4", "--collective", "all_gather")
    names = [row["name"] for row in found["machines"]]
    assert names == ["ring:3", "ring:4", "full-mesh:4"]
    assert [row["links"] for row in found["machines"]] == [3, 4, 6]
    bounds = [row["collectives"]["all_gather"]["bound_GBps"] for row in found["machines"]]
    assert bounds[1] < bounds[2]
