import pytest

from bench.contest.arguments import arguments


def test_sizes_grow_by_a_factor_or_an_increment():
    assert arguments("all_reduce", 4, ["-b", "8", "-e", "1K", "-f", "4"]).sizes == (8, 32, 128, 512)
    found = arguments("all_reduce", 4, ["-b", "1M", "-e", "3MiB", "-i", "1M"])
    assert found.sizes == (2**20, 2**21, 3 * 2**20)


@pytest.mark.parametrize(
    "line",
    [
        "-b 8 -e 128M -f 2 -g 1",
        "-g 1 -t 1 -d float -o sum -z 0 -m 1",
        "--minbytes 8 --maxbytes 1M --stepfactor 2 --iters 20 --warmup_iters 5 --check 1",
        "-b 8 -e 1G -i 1048576 -w 1 -n 5 -p 1 -N 1 -G 0 -C 0 -a 3 -R 0 -y 0 -T 0 -c 0 -d half",
        "-b 8K -e 64M -f 2 -d fp32 -o sum -p 4",
        "-b8 -e64K -dbfloat16 -oprod",
    ],
)
def test_a_line_for_nccl_tests_or_hccl_test_is_taken_as_it_is(line):
    assert arguments("all_reduce", 4, line.split()).sizes


def test_letters_count_as_in_nccl_tests_and_units_as_in_the_commands():
    found = arguments("all_reduce", 2, ["-b", "64K", "-e", "64KiB"])
    assert found.sizes == (65536,)
    assert arguments("all_reduce", 2, ["-b", "64KB", "-e", "64KB"]).sizes == (64000,)


def test_a_step_in_bytes_is_called_so():
    assert arguments("all_reduce", 2, ["-b", "1M", "-e", "4M", "-i", "1M"]).step == "1048576(bytes)"
    assert arguments("all_reduce", 2, ["-b", "1M", "-e", "4M", "-f", "4"]).step == "4(factor)"


def test_a_beginning_beyond_the_usual_end_is_one_size():
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
        (["-b", "0"], "argument -b/--begin/--minbytes: 0 is not from 1 byte to 1024 TiB"),
        (
            ["-b", "1_000"],
            "argument -b/--begin/--minbytes: '1_000' is no size, such as 4096, 64KiB, 64K or 256MB",
        ),
        (["-b", "1M", "-e", "1K"], "argument -b: 1 MiB is above the end, 1 KiB"),
        (["-i", "0"], "argument -i/--increment/--stepbytes: 0 is not from 1 byte to 1024 TiB"),
        (["-i", "1M", "-f", "2"], "argument -i: the step is given as a factor (-f) already"),
        (
            ["-f", "1"],
            "argument -f/--factor/--stepfactor: '1' is no whole number from 2 to 1000000000",
        ),
        (
            ["-n", "0"],
            "argument -n/--iterations/--iters: '0' is no whole number from 1 to 1000000000",
        ),
        (
            ["-r", "+1"],
            "argument -r/--root: '+1' is no whole number from 0 to 1000000000",
        ),
        (
            ["-g", "8"],
            "argument -g/--ngpus: found '8', expected 1: each process plays one rank: "
            "mpirun -n says how many there are",
        ),
        (
            ["-m", "8:1048576"],
            "argument -m/--agg_iters: found '8:1048576', expected 1: calls are timed one by one "
            "(OSU's -m 8:1M is -b 8 -e 1M here)",
        ),
        (
            ["-x", "200"],
            "argument -x: found '200': nccl-tests and OSU mean different things; "
            "-w takes the runs before those timed",
        ),
        (["-c", "5"], "argument -c/--check: found '5', expected 0 or 1: results are compared once"),
        (["-p", "3"], "argument -p: 3 do not divide the 2 processes"),
        (
            ["-o", "summ"],
            "argument -o/--op: no operation is named 'summ'; nearest: sum; "
            "known: sum, min, max, prod, avg, band, bor, bxor",
        ),
        (
            ["-o", "all"],
            "argument -o/--op: one operation at a time: sum, min, max, prod, avg, band, bor, bxor",
        ),
        (["--time-limit", "nan"], "argument --time-limit: 'nan' is no number, such as 12 or 0.5"),
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
