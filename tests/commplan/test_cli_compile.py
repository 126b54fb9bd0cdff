import json
import os
from fractions import Fraction

import pytest

from commplan import Infeasible, NotFound, WrongSchedule, load_schedule
from commplan.candidates import large


def test_a_bound_comes_with_its_cut(ask):
    found = ask("bound", "ring:4", "all_gather")
    assert found["algbw_exact"] == "200/3"
    assert found["algbw_GBps"] == float(Fraction(200, 3))
    assert found["scope"] == "cut"
    assert len(found["certificate"]["inside"]) == 3


def test_a_bound_by_prices_has_a_price_for_each_link(ask):
    found = ask("bound", "dgx-1", "all_to_all")
    assert (found["algbw_exact"], found["scope"]) == ("75/1", "prices")
    certificate = found["certificate"]
    assert len(certificate["class_of_link"]) == 32
    assert max(certificate["class_of_link"]) < len(certificate["price"])


def test_a_bound_is_one_line_for_a_person(call):
    assert call("bound", "ring:4", "broadcast", "--root", "1").stdout == (
        "broadcast with root 1 on ring:4, 4 ranks: at most 50 GB/s (cut)\n"
    )


def test_compile_answers_with_every_field(ask):
    made = ask("compile", "cloudmatrix384:nodes=1", "all_gather", "-o", "x.json.gz")
    assert made["algbw_GBps"] == made["bound_GBps"] == 448.0
    assert made["optimal"] is True
    assert (made["scope"], made["solver"]) == ("cut", "forest")
    assert made["predicted_seconds"] is made["bound_seconds"] is None
    assert 0 < made["seconds"] < 60
    assert 10 < made["peak_memory_MB"] < 4096
    assert 1 <= made["height"] <= 15
    assert made["transfers"] >= 16 * 15


def test_compile_tells_a_person_the_proof(call):
    lines = call("compile", "ring:4", "all_gather", "-o", "x.json").stdout.splitlines()
    assert lines[:6] == [
        "all_gather on ring:4, 4 ranks",
        "  bound       66.6667 GB/s (cut)",
        "  achieved    66.6667 GB/s, optimal: proved",
        "  reached     66.6625 GB/s predicted at 1 GiB: 99.99%, in 512 chunks, lead 3",
        "  height      2 messages one after the other",
        "  transfers   24 (forest)",
    ]
    assert lines[-1] == "  written to  x.json"


def test_a_size_is_rounded_down_to_whole_elements_and_predicted(ask):
    made = ask("compile", "ring:4", "all_gather", "-o", "x.json", "--size", "1030")
    assert made["size"] == 1024
    assert made["bound_seconds"] <= made["predicted_seconds"]
    half = ask(
        "compile", "ring:4", "all_gather", "-o", "x.json", "--size", "1030", "--type", "int8"
    )
    assert half["size"] == 1028


def test_what_is_chosen_depends_on_how_messages_cross_several_links(ask):
    words = ("irregular:seed=3", "all_to_all", "--size", "1MiB", "--explain")
    found = {
        switching: ask("compile", *words, "--switching", switching, "-o", f"{switching}.json")
        for switching in ("cut-through", "store-and-forward")
    }
    for switching, made in found.items():
        played = ask("simulate", f"{switching}.json", "--size", "1MiB", "--switching", switching)
        assert made["predicted_seconds"] == played["predicted_seconds"]
    other = ask(
        "simulate", "cut-through.json", "--size", "1MiB", "--switching", "store-and-forward"
    )
    assert found["store-and-forward"]["predicted_seconds"] <= other["predicted_seconds"]


def test_some_ranks_and_a_root_can_be_chosen(ask, call):
    made = ask("compile", "ring:8", "broadcast", "-o", "x.json", "--ranks", "0-2,6", "--root", "6")
    assert made["optimal"]
    assert "with root 6 on ring:8, 4 of 8 ranks" in call("verify", "x.json").stdout


def test_a_single_rank_has_no_bandwidth(ask):
    made = ask("compile", "ring:4", "all_reduce", "-o", "x.json", "--ranks", "2")
    assert made["algbw_GBps"] is made["bound_GBps"] is None
    assert made["optimal"] is True
    assert ask("bound", "ring:4", "all_gather", "--ranks", "2")["algbw_exact"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("all_gathr",), "no collective is named 'all_gathr'; nearest: all_gather; known: "),
        (("all_gather", "--root", "1"), "all_gather has no root"),
        (("reduce", "--root", "9"), "Invalid value for --root: '9' is not among the 4 ranks 0 "),
        (
            ("all_gather", "--ranks", "0,4"),
            "Invalid value for --ranks: '4' is not among the 4 ranks ",
        ),
        (
            ("all_gather", "--ranks", "2-1"),
            "Invalid value for --ranks: '2-1' is no range, its first ",
        ),
        (("all_gather", "--ranks", "0-999999999"), "Invalid value for --ranks: '0-999999999' "),
        (("all_gather", "--ranks", "1,1"), "Invalid value for --ranks: listed more than once: r1"),
        (("all_gather", "--ranks", "0", "--ranks", "1,2"), "--ranks is given twice, expected "),
        (("reduce", "--root", "0", "--root", "1"), "--root is given twice, expected once"),
        (("all_gather", "--ranks", "rr2"), "Invalid value for --ranks: no rank is named 'rr2'; n"),
        (("all_gather", "--ranks", "+1"), "Invalid value for --ranks: no rank is named '+1'; "),
        (("all_gather", "--ranks", "1_0"), "Invalid value for --ranks: no rank is named '1_0'; "),
        (("all_gather", "--ranks", "x*"), "Invalid value for --ranks: no name of a rank is like "),
        (("reduce", "--root", "r*"), "Invalid value for --root: 'r*' are 4 ranks, expected one"),
        (("all_gather", "--time-limit", "1_0"), "Invalid value for '--time-limit': '1_0' is no "),
        (("all_gather", "--max-height", "+2"), "Invalid value for '--max-height': '+2' is no "),
        (("all_gather", "--max-height", "２"), "Invalid value for '--max-height': '２' is no "),
        (("all_gather", "--size", "64kb"), "Invalid value for '--size': '64kb' is no size, such"),
        (("all_gather", "--type", "float23"), "Invalid value for '--type': no element type is "),
        (("all_gather", "--size", "1.5MiB"), "Invalid value for '--size': '1.5MiB' is no size, "),
        (("all_gather", "--size", "0"), "Invalid value for '--size': 0 is not from 1 byte to "),
        (("all_gather", "--size", "1KIB"), "Invalid value for '--size': '1KIB' is no size, "),
        (("all_gather", "--time-limit", "0"), "Invalid value for '--time-limit': 0"),
        (
            ("all_gather", "-o", ""),
            "Invalid value for '-o' / '--output': an empty name, expected that",
        ),
        (("all_gather", "-o", "a\nb\x1b/c"), "Invalid value for '-o' / '--output': a b\\x1b/c: "),
        (("all_gather", "-o", "x" * 300), "Invalid value for '-o' / '--output': xxx"),
        (("all_gather", "-o", "."), "Invalid value for '-o' / '--output': File '.' is a dir"),
        (("all_gather", "-o", "no/x.json"), "Invalid value for '-o' / '--output': no/x.json: "),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_written(call, tmp_path, words, said):
    result = call("compile", "ring:4", "-o", "x.json", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"commplan: {said}")
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_loop_of_symbolic_links_is_refused_before_any_work(call, tmp_path):
    (tmp_path / "x.json").symlink_to("x.json")
    result = call("compile", "ring:4", "all_gather", "-o", "x.json")
    assert result.exit_code == 2
    assert result.stderr == (
        "commplan: Invalid value for '-o' / '--output': x.json: too many levels of symbolic links\n"
    )
    assert (tmp_path / "x.json").is_symlink()


def test_a_folder_that_takes_no_files_is_refused_before_any_work(call, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    result = call("compile", "ring:4", "all_gather", "-o", "x.json")
    assert result.exit_code == 2
    assert result.stderr == (
        "commplan: Invalid value for '-o' / '--output': x.json: the folder . takes no new files\n"
    )


def test_a_name_that_a_terminal_would_obey_is_escaped(call, ask):
    assert call("topology", "ring:3", "-o", "x\ny\x1b").stdout == (
        "ring:3: 3 ranks, 0 switches, 6 links, written to x\\ny\\x1b\n"
    )
    assert ask("compile", "ring:3", "all_gather", "-o", "x\ny\x1b")["optimal"]


def test_links_that_lead_one_way_allow_what_goes_that_way_and_the_rest_is_impossible(
    call, ask, tmp_path
):
    (tmp_path / "oneway.toml").write_text(
        'format = "commplan/topology/1"\nname = "oneway"\nranks = ["a", "b"]\nswitches = []\n'
        'links = [{src = "a", dst = "b", bandwidth_GBps = 1}]\n'
    )
    possible = {"broadcast": "a", "scatter": "a", "reduce": "b", "gather": "b"}
    hint = " (no link is `duplex`: each leads one way)"
    for name, root in possible.items():
        assert ask("bound", "oneway.toml", name, "--root", root)["algbw_GBps"]
        assert ask("compile", "oneway.toml", name, "--root", root, "-o", "x.json")["optimal"]
        assert ask("verify", "x.json")["correct"]
        other = "b" if root == "a" else "a"
        for words in (("bound",), ("compile", "-o", "y.json")):
            result = call(words[0], "oneway.toml", name, "--root", other, *words[1:])
            assert (result.exit_code, result.stdout) == (1, "")
            said = f"commplan: proved impossible: {name}: no path leads from b to a{hint}\n"
            assert result.stderr == said
    for name in ("all_gather", "reduce_scatter", "all_reduce", "all_to_all"):
        result = call("compile", "oneway.toml", name, "-o", "y.json")
        assert result.exit_code == 1
        assert result.stderr.endswith(f"{name}: no path leads from b to a{hint}\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Infeasible("no path leads from a to b"), "proved impossible: no path leads from a to b"),
        (NotFound("1 s"), "not found in time (not proved): 1 s"),
    ],
)
def test_the_impossible_is_told_from_what_was_not_found(call, tmp_path, monkeypatch, error, said):
    def failing(*_, **__):
        raise error

    monkeypatch.setattr("commplan.cli.commands.schedules.plan", failing)
    result = call("compile", "ring:4", "all_gather", "-o", "x.json", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"commplan: {said}\n"
    assert not (tmp_path / "x.json").exists()


def test_a_bug_is_one_line_and_writes_nothing(call, tmp_path, monkeypatch):
    def wrong(*_, **__):
        raise WrongSchedule("forest made a wrong schedule: rank 0 never gets it")

    monkeypatch.setattr("commplan.cli.commands.schedules.plan", wrong)
    words = ("compile", "ring:4", "all_gather", "-o", "x.json")
    result = call(*words)
    assert (result.exit_code, result.stdout) == (70, "")
    assert result.stderr == (
        "commplan: internal error: WrongSchedule: forest made a wrong schedule: rank 0 never gets "
        "it (--debug shows the trace)\n"
    )
    assert "Traceback" in call(*words, "--debug").stderr
    assert not (tmp_path / "x.json").exists()


def test_an_interruption_is_one_line(call, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("commplan.cli.commands.schedules.plan", interrupted)
    result = call("compile", "ring:4", "all_gather", "-o", "x.json")
    assert (result.exit_code, result.stderr) == (130, "commplan: interrupted\n")


def test_switches_copy_and_add_only_in_the_network(ask):
    assert ask("bound", "dgx-h100", "all_reduce", "--in-network")["algbw_GBps"] == 450
    with_switches = ask("compile", "dgx-h100", "all_reduce", "-o", "x.json", "--in-network")
    assert (with_switches["algbw_GBps"], with_switches["optimal"]) == (450, True)
    assert with_switches["in_network"] is True
    plain = ask("compile", "dgx-h100", "all_reduce", "-o", "y.json")
    assert plain["algbw_GBps"] == pytest.approx(1800 / 7)
    assert (plain["optimal"], plain["in_network"]) == (True, False)


def test_a_schedule_of_switches_is_checked_and_simulated_but_not_emitted(ask, call, tmp_path):
    call("compile", "dgx-h100", "broadcast", "-o", "x.json", "--in-network")
    assert json.loads((tmp_path / "x.json").read_text())["in_network"] is True
    found = ask("verify", "x.json")
    assert (found["correct"], found["optimal"], found["program_checked"]) == (True, True, False)
    assert "program   none: switches copy or add" in call("verify", "x.json").stdout
    assert ask("simulate", "x.json", "--size", "1GiB")["algbw_GBps"] > 400
    for words in (
        ("emit", "x.json", "--target", "c", "-o", "x.c"),
        ("run", "x.json", "--size", "1MiB"),
    ):
        refused = call(*words)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr.startswith("commplan: in-network schedule: switch b0.nvs")
        assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "x.c").exists()


def test_a_file_of_ranks_alone_does_not_speak_of_the_network(call, tmp_path):
    call("compile", "ring:4", "all_gather", "-o", "x.json")
    assert "in_network" not in json.loads((tmp_path / "x.json").read_text())


def test_symmetry_is_used_as_asked_from_the_command_line(ask):
    pieces = {}
    for symmetry in ("found", "declared", "none"):
        asked = ("dgx-1", "all_to_all", "--symmetry", symmetry)
        made = ask("compile", *asked, "-o", "x.json")
        assert made["optimal"] is True
        assert ask("bound", *asked)["algbw_GBps"] == made["algbw_GBps"]
        pieces[symmetry] = load_schedule("x.json").pieces
    assert pieces["found"] <= pieces["declared"] < pieces["none"]


@pytest.mark.parametrize(
    "words",
    [
        ("compile", "m.json", "all_gather", "-o", "m.json"),
        ("compile", "m.json", "all_gather", "-om.json"),
        ("compile", "--output=m.json", "./m.json", "all_gather"),
        ("topology", "m.json", "-o", "./m.json"),
        ("emit", "s", "--target", "c", "-o", "s"),
    ],
)
def test_what_is_read_is_not_written_over(call, words, tmp_path):
    assert call("topology", "ring:3", "-o", "m.json").exit_code == 0
    for _ in range(2):  # what was written before is replaced
        assert call("compile", "m.json", "all_gather", "-o", "s").exit_code == 0
    before = [(tmp_path / name).read_bytes() for name in ("m.json", "s")]
    ended = call(*words)
    assert ended.exit_code == 2
    assert "it is read here; expected another file to write" in ended.stderr
    assert [(tmp_path / name).read_bytes() for name in ("m.json", "s")] == before


def test_what_takes_long_to_play_is_played_where_asked(ask, monkeypatch):
    monkeypatch.setattr(large, "LARGE_WORK", 0)
    words = ("compile", "ring:4", "all_gather", "-o", "x.json")
    assert "reached" not in ask(*words)
    assert ask(*words, "--reach")["reached"]["size"] == 2**30


def test_only_what_has_no_size_is_played_at_a_large_one(call):
    result = call("compile", "ring:4", "all_gather", "-o", "x.json", "--size", "1KiB", "--reach")
    assert result.exit_code == 2
    assert "only what has no size is played at 1 GiB" in result.stderr
