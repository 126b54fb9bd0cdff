import json
from dataclasses import replace

import pytest

from bench.contest.arguments import arguments
from bench.contest.rows import Row, Timing
from bench.contest.tables import FIELDS, TABLES, About

TIMING = Timing(seconds=2e-3, mean=1.5e-3, least=1e-3, most=2e-3, wrong=0)
ROW = Row(
    size=2**20,
    elements=2**18,
    dtype="float32",
    op="sum",
    root=-1,
    iterations=20,
    factor=1.5,
    ours=TIMING,
    in_place=replace(TIMING, wrong=None),
    theirs=replace(TIMING, seconds=3e-3, mean=3e-3),
    predicted=1.9e-3,
    bound=1e-3,
    chosen="ring, reversed",
    chunks=4,
    way="core",
)
ALONE = replace(ROW, ours=None, in_place=None, predicted=None, bound=None)


def about(name="all_reduce"):
    return About(arguments(name, 4, []), "ring:4", "MPICH 5", [(11, "a"), (12, "b")])


def written(form, row, name="all_reduce"):
    head, line, end = TABLES[form]
    where = about(name)
    return [*head(where), *line(where, row), *end(where, [row])]


def test_a_row_of_nccl_has_its_thirteen_columns_first_and_ours_after_them():
    [row] = [line.split() for line in written("nccl", ROW) if not line.startswith("#")]
    assert row == [
        *("1048576", "262144", "float", "sum", "-1", "2000.00", "0.52", "0.79", "0"),
        *("2000.00", "0.52", "0.79", "N/A", "3000.00", "1.50", "1900.00", "50.00"),
    ]


def test_the_columns_of_nccl_stand_below_their_heads():
    lines = written("nccl", ROW)
    units = next(line for line in lines if "(elements)" in line)
    row = next(line for line in lines if not line.startswith("#"))
    ends = [units.index("(B)") + 3, units.index("(elements)") + len("(elements)")]
    assert [row[:end].split()[-1] for end in ends] == ["1048576", "262144"]
    assert len(row) == len(units)


def test_wrong_elements_are_told_at_the_end():
    lines = written("nccl", replace(ROW, ours=replace(TIMING, wrong=3)))
    assert "# Out of bounds values : 3 FAILED" in lines


def test_hccl_says_success_or_failed_and_the_mean():
    assert written("hccl", ROW)[-1].split(" | ")[:4] == [
        *("1048576          ", "        1500.00", "             0.69905", "success      "),
    ]
    assert "failed" in written("hccl", replace(ROW, ours=replace(TIMING, wrong=3)))[-1]


def test_osu_counts_the_bytes_for_one_other_where_there_is_a_block_for_each():
    words = written("osu", ROW)[-1].split()
    assert words[:5] == ["1048576", "1500.00", "1000.00", "2000.00", "20"]
    block = replace(ROW, elements=2**16, op="none")
    assert written("osu", block, "all_gather")[-1].startswith("262144 ")


def test_csv_and_json_hold_the_same_numbers():
    heads, row = (line.split(",") for line in written("csv", ROW))
    assert tuple(heads) == FIELDS
    assert len(row) == len(FIELDS)
    [told] = json.loads(written("json", ROW)[0])["rows"]
    assert [str(told[name]) for name in FIELDS[:-3]] == [x or "None" for x in row[:-3]]


@pytest.mark.parametrize("form", TABLES)
def test_what_was_not_timed_is_left_out(form):
    assert written(form, ALONE)
