"""all_to_allv from the command line: its demand, its stages, and what is refused."""

import json

import pytest


def test_a_described_demand_is_written_and_planned(ask, call):
    made = ask("demand", "lognormal:sigma=1,mean=1000", "--ranks", "6", "-o", "d.csv")
    assert made["total"] > made["moving"] > made["most_sent"] > 0
    from_file = ask("compile", "star:6", "all_to_allv", "--demand", "d.csv", "-o", "a.json")
    described = ("--demand", "lognormal:sigma=1,mean=1000")
    same = ask("compile", "star:6", "all_to_allv", *described, "-o", "b.json")
    assert from_file["bound_GBps"] == same["bound_GBps"]
    assert from_file["optimal"]
    assert json.loads(call("bound", "star:6", "all_to_allv", *described, "--json").stdout)[
        "algbw_GBps"
    ] == pytest.approx(from_file["bound_GBps"])


def test_the_size_is_that_of_the_demand_and_stages_decide(ask):
    words = ("star:8", "all_to_allv", "--demand", "lognormal:sigma=1", "-o", "x.json")
    large = ask("compile", *words, "--type", "int8")
    assert large["predicted_seconds"] >= large["bound_seconds"]
    tried = {row["name"]: row for row in large["frontier"]}
    assert tried["pairwise"]["stages"] == 7
    assert tried["pairwise"]["ratio"] > tried["first fit, 1 n cuts"]["ratio"] >= 1 - 1e-9
    assert tried["birkhoff"]["ratio"] == pytest.approx(1)
    assert large["lock_step_ratio"] >= 1 - 1e-9
    fastest = min(row["predicted_seconds"] for row in large["frontier"])
    assert large["predicted_seconds"] == fastest
    small = ask("compile", *words, "--size", "64KiB")
    assert small["stages"] == 1 < large["stages"]
    simulated = ask("simulate", "x.json")
    assert simulated["size"] == pytest.approx(large["size"], abs=200)


def test_verify_and_emit_take_it(ask, call, tmp_path):
    words = ("--demand", "hot:tokens=64,share=0.4", "-o", "x.json")
    ask("compile", "ring:4", "all_to_allv", *words)
    assert ask("verify", "x.json")["program_checked"]
    for target, name in (("c", "x.c"), ("mpi4py", "x.py")):
        assert call("emit", "x.json", "--target", target, "-o", name).exit_code == 0
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.mpi
def test_it_runs_with_the_size_of_its_demand(ask, mpi):
    words = ("--demand", "lognormal:mean=4000", "--ranks", "0,2,3")
    made = ask("compile", "star:4", "all_to_allv", *words, "-o", "x.json")
    ran = ask("run", "x.json", "--iterations", "2", "--target", "c")
    assert (ran["wrong"], ran["size"], ran["ranks"]) == (0, made["size"], 3)


@pytest.mark.mpi
@pytest.mark.parametrize("name", ["dispatch", "combine"])
def test_tokens_are_planned_verified_and_sent(ask, mpi, tmp_path, name):
    """Four tokens of each rank, two experts on each: a file, with a token that has one expert."""
    rows = [f"{3 * i % 8},{(5 * i + 1) % 8 if i else -1}" for i in range(16)]
    (tmp_path / "tokens.csv").write_text("\n".join(rows))
    words = ("--demand", "tokens.csv", "--experts", "8", "--token-bytes", "512")
    made = ask("compile", "leaf-spine:2x2x2", name, *words, "-o", "x.json")
    assert made["bound_GBps"] >= made["algbw_GBps"] > 0
    assert ask("verify", "x.json")["program_checked"]
    assert ask("simulate", "x.json")["size"] == made["size"]
    for target in ("c", "mpi4py"):
        ran = ask("run", "x.json", "--iterations", "2", "--target", target)
        assert (ran["wrong"], ran["size"], ran["ranks"]) == (0, made["size"], 4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("all_to_allv",), "all_to_allv needs --demand FILE or --demand DESCRIPTION"),
        (("all_to_all", "--demand", "uniform"), "--demand is for all_to_allv, combine, dispatch, "),
        (("dispatch",), "dispatch needs --demand FILE or --demand DESCRIPTION"),
        (("combine", "--demand", "uniform"), "uniform: it routes no tokens; hot, grouped and "),
        (("dispatch", "--demand", "d.csv"), "d.csv: row 2, column 3: found '-', expected a whole"),
        (("all_to_allv", "--experts", "8"), "--experts is for dispatch and combine, not for all_"),
        (
            ("dispatch", "--demand", "hot", "--experts", "8"),
            "hot: the experts are a parameter of it",
        ),
        (
            ("dispatch", "--demand", "hot", "--root", "1"),
            "dispatch needs the experts of its tokens",
        ),
        (("all_to_allv", "--demand", "uniform:x=1"), "uniform:x=1: no parameter is named 'x'; "),
        (
            ("all_to_allv", "--demand", "d.csv"),
            "d.csv: row 2, column 3: found '-', expected a whole",
        ),
        (
            ("all_to_allv", "--demand", "d.csv", "--ranks", "0-9"),
            "Invalid value for --ranks: '0-9'",
        ),
        (("all_to_allv", "--demand", "none.npy"), "none.npy: no such file or directory"),
        (("all_to_allv", "--demand", "uniform", "--token-bytes", "0"), "Invalid value for '--tok"),
        (
            ("all_to_allv", "--demand", "uniform", "--ranks", "1,1"),
            "Invalid value for --ranks: listed more than once: ",
        ),
    ],
)
def test_a_wrong_demand_is_one_line_and_nothing_is_written(call, tmp_path, words, said):
    (tmp_path / "d.csv").write_text("0,1,2\n3,0,-\n1,1,1\n")
    result = call("compile", "star:3", "-o", "x.json", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"commplan: {said}")
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["d.csv"]


def test_a_size_is_asked_for_where_there_is_no_demand(call, ring4):
    result = call("simulate", "ring4.json")
    assert (result.exit_code, result.stderr) == (2, "commplan: Missing option '--size'.\n")


def test_a_demand_for_an_unknown_ending_is_refused(call, tmp_path):
    result = call("demand", "uniform", "--ranks", "2", "-o", "d.txt")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "d.txt: found the ending '.txt', expected .csv or .json or .npy" in result.stderr
    assert not list(tmp_path.iterdir())
