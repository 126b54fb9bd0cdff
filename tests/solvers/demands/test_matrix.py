"""Demand matrices: from files that nobody vouches for, and from descriptions."""

import io

import numpy as np
import pytest

from solvers.demands import files
from solvers.demands.files import DemandError
from solvers.demands.matrix import demand

MATRIX = np.array([[0, 10, 2], [7, 1, 0], [3, 3, 3]])


@pytest.mark.parametrize("ending", ["csv", "json", "npy"])
def test_a_file_gives_back_what_was_written(tmp_path, ending):
    path = tmp_path / f"demand.{ending}"
    files.save(MATRIX, path)
    assert (demand(str(path), 3) == MATRIX).all()
    assert (demand(str(path), 3, token_bytes=512) == MATRIX * 512).all()


def test_a_csv_may_have_comments_blank_lines_and_whole_decimals(tmp_path):
    path = tmp_path / "demand.csv"
    path.write_text("# from, to\n\n0, 1.0\n2e3,0\n")
    assert demand(str(path), 2).tolist() == [[0, 1], [2000, 0]]


@pytest.mark.parametrize("dtype", ["<f4", ">i2", "u1", "<u8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_of_any_number_type_and_order_is_read(tmp_path, dtype, order):
    path = tmp_path / "demand.npy"
    np.save(path, np.array(MATRIX, dtype=dtype, order=order))
    assert (demand(str(path), 3) == MATRIX).all()


WRONG = [
    ("0,1\n2", "row 2: found 1 number, row 1 has 2"),
    ("0,1\n-2,0", "row 2, column 1: found -2, expected 0 to"),
    ("0,nan\n2,0", "row 1, column 2: found 'nan', expected a whole number from 0 to 2^53"),
    ("0,inf\n2,0", "row 1, column 2: found 'inf', expected a whole number"),
    ("0,1\n2.5,0", "row 2, column 1: found '2.5', expected a whole number"),
    ("0,1\nx,0", "row 2, column 1: found 'x', expected a whole number"),
    ("0,1\n,0", "row 2, column 1: found '', expected a whole number"),
    ("0,1e30\n1,0", "row 1, column 2: found '1e30', expected a whole number"),
    (
        "0,999999999999999\n1,0",
        "row 1, column 2: found 999999999999999, expected 0 to 274877906944",
    ),
    ("0,0\n0,0", "all entries are 0, expected something to send"),
    ("0,1,2\n1,0,2\n1,2,0", "found 3 x 3 entries, expected 2 x 2"),
    ("", "found an empty file, expected lines of numbers, as its name ends in .csv"),
    ("[[0, 1]]", "found a JSON list, expected lines of numbers"),
    ("\udcff", "found binary data, expected lines of numbers"),
    ("x,y\n\udcff", "found binary data, expected lines of numbers"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_wrong_entry_is_named_by_file_row_and_column(tmp_path, text, said):
    path = tmp_path / "demand.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DemandError) as told:
        demand(str(path), 2)
    assert str(told.value).startswith(f"{path}: {said}")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[0, 1], [null, 0]]", "row 2, column 1: found null, expected a whole number"),
        ("[[0, 1], [true, 0]]", "row 2, column 1: found true, expected a whole number"),
        ("[[0, 1], [1e999, 0]]", "no JSON: "),
        ('{"a": 1}', "expected a list of rows, each a list of numbers"),
        ("[" * 5000, "no JSON: "),
        ("[[0, 1], [", "no JSON: "),
    ],
)
def test_json_that_is_no_matrix_is_refused(tmp_path, text, said):
    path = tmp_path / "demand.json"
    path.write_text(text)
    with pytest.raises(DemandError) as told:
        demand(str(path), 2)
    assert str(told.value).startswith(f"{path}: {said}")


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (npy(np.array([[0, None], [1, 0]], dtype=object), allow_pickle=True), "npy: found 2 dim"),
        (npy(np.ones(4)), "npy: found 1 dimensions of float64, expected 2 of numbers"),
        (npy(np.ones((2, 2)))[:-8], "npy: the file does not hold the 2 x 2 entries it says"),
        (npy(np.array([[0, np.nan], [1, 0]])), "row 1, column 2: found nan, expected a whole"),
        (npy(np.array([[0, 1], [1.5, 0]])), "row 2, column 1: found 1.5, expected a whole"),
        (b"\x93NUMPY\x09\x00", "npy: version 9.0 is unknown"),
        (npy(np.ones((2, 2))).replace(b"}", b"("), "npy: damaged header"),
        (b"no array", "found text, expected a numpy array, as its name ends in .npy"),
        (b"", "found an empty file, expected a numpy array"),
    ],
)
def test_npy_that_is_no_matrix_is_refused(tmp_path, data, said):
    path = tmp_path / "demand.npy"
    path.write_bytes(data)
    with pytest.raises(DemandError) as told:
        demand(str(path), 2)
    assert str(told.value).startswith(f"{path}: {said}")


def test_an_npy_that_claims_to_be_huge_is_refused_before_memory_is_taken(tmp_path):
    data = npy(np.ones((2, 2)))
    shorter = b"(2, 2), }" + b" " * 11
    assert shorter in data
    data = data.replace(shorter, b"(99999999, 99999), }")
    path = tmp_path / "demand.npy"
    path.write_bytes(data)
    with pytest.raises(DemandError, match="does not hold the 99999999 x 99999 entries it says"):
        demand(str(path), 2)


def test_a_missing_file_and_an_unknown_name_are_told(tmp_path):
    with pytest.raises(DemandError, match="no such file or directory"):
        demand(str(tmp_path / "none.csv"), 2)
    with pytest.raises(DemandError, match="no distribution is named 'gauss'; known: uniform, "):
        demand("gauss:sigma=1", 2)
    with pytest.raises(DemandError, match=r"found the ending '.txt', expected .csv or "):
        files.save(MATRIX, tmp_path / "x.txt")


def test_uniform_and_lognormal_have_the_mean_that_is_asked_for():
    assert (demand("uniform:mean=64KiB", 4) == 65536).all()
    drawn = demand("lognormal:sigma=0.5,mean=1000,seed=3", 200)
    assert drawn.mean() == pytest.approx(1000, rel=0.01)
    assert np.log(drawn).std() == pytest.approx(0.5, rel=0.02)


def test_the_seed_decides():
    same = demand("lognormal:seed=1", 8), demand("lognormal:seed=1", 8)
    assert (same[0] == same[1]).all()
    assert (same[0] != demand("lognormal:seed=2", 8)).any()


def test_every_token_is_sent_to_as_many_experts_as_it_asks_for():
    for name in ("hot", "grouped", "node-limited"):
        drawn = demand(f"{name}:experts=64,tokens=100,top=8", 16, token_bytes=1)
        assert (drawn.sum(axis=1) == 800).all()


def test_one_expert_of_each_group_is_perfect_balance_where_a_rank_holds_a_group():
    """Pangu Pro MoE: with EP 8 every rank gets exactly as many copies as there are tokens."""
    assert (demand("grouped:experts=64,groups=8,top=8,tokens=50", 8, token_bytes=1) == 50).all()


def test_a_hot_expert_draws_its_share():
    drawn = demand("hot:experts=32,hot=1,share=0.5,top=1,tokens=2000", 32, token_bytes=1)
    received = drawn.sum(axis=0) / drawn.sum()
    assert received.max() == pytest.approx(0.5, abs=0.02)


def test_a_token_reaches_at_most_the_nodes_it_may():
    """DeepSeek-V3: 8 groups of 32 experts, at most 4 of them for a token."""
    drawn = demand("node-limited:groups=8,most=4,tokens=1,copies=rank", 8, token_bytes=1)
    assert ((drawn > 0).sum(axis=1) <= 4).all()
    free = demand("hot:hot=1,share=0.01,tokens=1,copies=rank", 8, token_bytes=1)
    assert (free > 0).sum(axis=1).max() > 4


def test_one_copy_for_each_rank_is_as_many_as_expected():
    """E (1 - (1 - 1/E)^k) different ranks of E for k choices, nearly: 5.25 of 8 for 8."""
    drawn = demand("hot:experts=256,hot=1,share=0.004,tokens=2000,copies=rank", 8, token_bytes=1)
    assert drawn.sum(axis=1).mean() / 2000 == pytest.approx(5.27, abs=0.05)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lognormal:mean=0", "mean is '0', expected a number of bytes such as"),
        ("lognormal:sigma=-1", "sigma is '-1', expected a number such as 12.5"),
        ("lognormal:sigma=1,sigma=2", "sigma is given twice"),
        ("uniform:seed=1", "no parameter is named 'seed'; known: mean"),
        ("hot:share=1.5", "hot must be below experts, and share between 0 and 1"),
        ("hot:experts=4,top=8", "top is 8, experts 4: these do not fit each other"),
        ("grouped:groups=3", "64 experts in 3 groups: these do not fit each other"),
        ("grouped:groups=16,top=8", "top 8 of 16 groups: these do not fit each other"),
        ("node-limited:most=9", "top 8 of 9 of 8 groups: these do not fit each other"),
        ("hot:tokens=999999999", "ranks x tokens x experts is more than 1,073,741,824"),
        ("hot:copies=node", "copies is 'node', expected expert or rank"),
    ],
)
def test_a_wrong_description_is_one_line(text, said):
    with pytest.raises(DemandError) as told:
        demand(text, 4)
    assert str(told.value).startswith(f"{text}: {said}")


def test_too_many_ranks_are_refused():
    with pytest.raises(DemandError, match="expected 1 to 4,096"):
        demand("uniform", 5000)


@pytest.mark.parametrize("ending", ["json", "csv"])
def test_a_number_of_400_digits_is_named_by_its_place(tmp_path, ending):
    path, rows = tmp_path / f"d.{ending}", [["1", "9" * 400], ["2", "3"]]
    lines = [",".join(row) for row in rows]
    text = "\n".join(lines) if ending == "csv" else f"[[{lines[0]}], [{lines[1]}]]"
    path.write_text(text)
    with pytest.raises(DemandError, match=r"row 1, column 2: found .*, expected a whole number"):
        demand(str(path), 2)
