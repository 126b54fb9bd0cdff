"""A number of bytes for each rank, from the command line: planned, run, and what is refused."""

from pathlib import Path

import pytest

BLOCKS = ("--blocks", "1000,0,3001,500")


def test_a_row_in_a_file_says_the_same(ask):
    Path("row.csv").write_text("1000,0,3001,500\n", encoding="utf-8")
    told = ask("bound", "ring:4", "all_gatherv", *BLOCKS)
    assert told == ask("bound", "ring:4", "all_gatherv", "--demand", "row.csv")
    # All but the rank's own bytes come in over two links of 25 GB/s.
    assert told["algbw_exact"] == "50/1"


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("all_gatherv", ("c",)),
        ("reduce_scatterv", ("mpi4py", "c")),
        ("gatherv", ("c",)),
        ("scatterv", ("mpi4py",)),
    ],
)
def test_it_runs_with_the_sum_as_its_size(ask, mpi, name, targets):
    made = ask("compile", "ring:4", name, *BLOCKS, "-o", "v.json")
    assert made["size"] == 4492  # of 1125 whole elements, in proportion, 249, 750 and 124
    assert ask("verify", "v.json")["correct"]
    assert ask("simulate", "v.json")["size"] == 4492
    for target in targets:
        ran = ask("run", "v.json", "--target", target)
        assert (ran["wrong"], ran["ranks"], ran["size"]) == (0, 4, 4492)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("all_gatherv",), "all_gatherv needs --blocks 1000,0,3000,... or --demand FILE"),
        (("all_gatherv", "--blocks", "1,2"), "blocks: found 2, expected 4, one for each rank"),
        (("all_gatherv", "--blocks", "0,0,0,0"), "blocks: all blocks are 0, expected something"),
        (("gatherv", "--blocks", "1,-2,3,4"), "blocks: block 2: '-2' is no size"),
        (("gatherv", "--blocks", "1,2,3," + "9" * 400), "blocks: block 4: '999"),
        (("gatherv", "--blocks", "1TiB,1,1,1"), "blocks: block 1: found 1099511627776, expected 0"),
        (("gatherv", *BLOCKS, "--root", "4"), "Invalid value for --root: "),
        (("all_gather", *BLOCKS), "--blocks is for all_gatherv, reduce_scatterv, gatherv, scatt"),
        (("all_gatherv", *BLOCKS, "--demand", "r.csv"), "--blocks and --demand say the same; give"),
        (("all_gatherv", *BLOCKS, "--size", "64KiB"), "Invalid value for --size: it is 4501, the"),
        (("all_gatherv", "--demand", "no.csv"), "no.csv: no such file or directory"),
    ],
)
def test_what_are_no_blocks_is_said_in_a_line(call, words, said):
    answer = call("compile", "ring:4", *words, "-o", "x.json")
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"commplan: {said}")
    assert len(answer.stderr.splitlines()) == 1
