"""`commplan import`: files in, a topology file and a few lines out."""

import json
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "bench" / "data" / "imports"
NCCL, FABRIC = str(SAMPLES / "nccl-nvswitch.xml"), str(SAMPLES / "ibnetdiscover.out")


def test_a_person_reads_what_there_is_what_was_assumed_and_what_is_odd(call):
    result = call("import", NCCL, FABRIC, "-o", "mine.toml")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "ibnetdiscover: 16 ranks, 16 switches, 96 links, written to mine.toml"
    words = {line.split()[0] for line in lines[1:]}
    assert {"boxes", "rails", "oversubscribed", "note", "assumed", "odd"} <= words
    assert "  boxes           4 of 4 GPUs" in lines


def test_the_file_says_the_evidence_of_each_link_and_is_planned_on(call, ask):
    fields = ask("import", "auto", NCCL, "-o", "mine.toml", "--hosts", "2")
    assert fields["ranks"] == 8
    text = Path("mine.toml").read_text()
    assert {'evidence = "stated"', 'evidence = "profile"'} <= {
        word.strip(" {},") for line in text.splitlines() for word in line.split(",")
    }
    # Two adapters bring four of eight blocks into a box.
    bound = ask("bound", "mine.toml", "all_gather")
    assert bound["algbw_GBps"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["nccl", FABRIC], "this is the output of ibnetdiscover, expected NCCL topology XML"),
        (["ncl", NCCL], "no import format is named 'ncl'; nearest: nccl"),
        ([NCCL, "--profile", "h10"], "no hardware profile is named 'h10'; nearest: h100"),
        (["nowhere.xml"], "nowhere.xml: no such file or directory"),
        ([NCCL, "--hosts", "0"], "Invalid value for '--hosts'"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(call, words, fault):
    result = call("import", *words, "-o", "mine.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert fault in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("mine.toml").exists()


def test_json_names_what_was_read(call, tmp_path):
    (tmp_path / "edges.csv").write_text("src,dst,bandwidth_GBps\na,b,1\nb,a,1\n")
    told = json.loads(call("import", "edges.csv", "-o", "mine.toml", "--json").stdout)
    assert (told["format"], told["ranks"], told["links"]) == ("csv", 2, 2)
    assert told["assumed"]
