import pytest

from bench.contest.arguments import arguments


def test_sizes_grow_by_a_factor_or_an_increment():
    assert arguments("all_reduce", 4, ["-b", "8", "-e", "1K", "-f", "4"]).sizes == (8, 32, 128, 512)
    found = arguments("all_reduce", 4, ["-b", "1M", "-e", "3MiB", "-i", "1M"])
    assert found.sizes == (2**20, 2**21, 3 * 2**20)


def test_a_beginning_beyond_the_end_is_one_size():
    assert arguments("broadcast", 2, ["-b", "1G"]).sizes == (2**30,)


def test_roots_and_operations_are_for_those_that_have_them():
    gather = arguments("all_gather", 4, ["-r", "2", "-o", "max"])
    assert (gather.root, gather.op) == (-1, "none")
    reduce = arguments("reduce", 4, ["-r", "2", "-o", "max"])
    assert (reduce.root, reduce.op) == (2, "max")


def test_processes_may_play_any_ranks():
    assert arguments("scatter", 3, ["--map", "7,0,4"]).played == (7, 0, 4)
    assert arguments("scatter", 3, []).played == (0, 1, 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-b", "0"], "argument -b/--begin: '0' is no size, such as 8, 64K or 1M"),
        (["-f", "1"], "argument -f/--factor: '1' is no whole number from 2"),
        (["-n", "0"], "argument -n/--iterations: '0' is no whole number from 1"),
        (["--map", "0,0"], "argument --map: expected 2 ranks, one for each process"),
        (["--map", "0,1,2"], "argument --map: expected 2 ranks, one for each process"),
        (["-r", "2"], "argument -r: 2 is no process, expected 0 to 1"),
        (["-o", "band"], "argument -o: op 'band' joins bits of integers, not float32"),
    ],
)
def test_a_mistake_is_told_in_one_line(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        arguments("reduce", 2, words)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"commplan: {said}\n"
