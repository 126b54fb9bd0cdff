"""Elements are joined as their type asks for, in numpy and in the core alike."""

import ctypes

import numpy as np
import pytest

from runtime.execute import core
from runtime.program.elements import (
    BLOCK,
    OPERATIONS,
    TYPES,
    decode,
    divide,
    encode,
    is_float,
    join,
    refusal,
    storage,
    take_shares,
    width,
)
from runtime.program.floats import FEW, NANS, WIDE

CASES = [(op, dtype) for op in OPERATIONS for dtype in TYPES if not refusal(op, dtype)]
SPECIAL = (0.0, -0.5, 1.0, 3.0e-8, 6.0e-5, 65504.0, -70000.0, 3e38, np.inf, -np.inf, np.nan)


def bits(dtype: str, count: int, seed: int):
    """Draw elements of all kinds: any bits, and for floats the places where they break off."""
    draw = np.random.default_rng(seed)
    made = draw.integers(0, 256, count * width(dtype), dtype=np.uint8).view(storage(dtype))
    if made.dtype.kind in "fc":
        made[: len(SPECIAL)] = draw.permutation(np.array(SPECIAL, dtype=made.dtype))
    return made


@pytest.mark.parametrize(("op", "dtype"), CASES)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_the_core_and_numpy_agree_in_every_bit(op, dtype):
    if not core.status().built:
        pytest.skip(core.status().reason)
    library = ctypes.CDLL(str(core.LIBRARY))
    count = BLOCK + 77
    left, right = bits(dtype, count, 1), bits(dtype, count, 2)
    ours = left.copy()
    join(op, dtype)(ours, right)
    kind = core.JOINS.index("sum" if op == "avg" else op)
    numbers = count * (2 if dtype.startswith("c") else 1)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (left, right)]
    code = library.commplan_join(
        *(ctypes.c_int64(x) for x in (TYPES.index(dtype), kind)), *pointers, ctypes.c_int64(numbers)
    )
    assert code == core.DONE
    assert ours.tobytes() == left.tobytes()
    # One form of what is not a number, and an order of zeros: whichever of two comes first.
    swapped = bits(dtype, count, 2)
    join(op, dtype)(swapped, bits(dtype, count, 1))
    assert ours.tobytes() == swapped.tobytes()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_the_core_and_numpy_divide_alike(dtype):
    if not core.status().built:
        pytest.skip(core.status().reason)
    library = ctypes.CDLL(str(core.LIBRARY))
    ours = bits(dtype, BLOCK + 5, 3)
    theirs = ours.copy()
    divide(ours, dtype, 3)
    numbers = len(ours) * (2 if dtype.startswith("c") else 1)
    library.commplan_divide(
        ctypes.c_int64(TYPES.index(dtype)),
        ctypes.c_void_p(theirs.ctypes.data),
        *(ctypes.c_int64(x) for x in (numbers, 3)),
    )
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("dtype", [dtype for dtype in TYPES if is_float(dtype)])
@pytest.mark.filterwarnings("ignore:overflow")
def test_an_avg_takes_the_same_shares_in_the_core_and_in_numpy(dtype):
    if not core.status().built:
        pytest.skip(core.status().reason)
    library = ctypes.CDLL(str(core.LIBRARY))
    given = bits(dtype, BLOCK + 5, 4)
    ours, theirs = np.empty_like(given), np.empty_like(given)
    take_shares(ours, given, dtype, 5)
    library.commplan_take_shares(
        ctypes.c_int64(TYPES.index(dtype)),
        *(ctypes.c_void_p(array.ctypes.data) for array in (theirs, given)),
        *(ctypes.c_int64(x) for x in (len(given) * (2 if dtype.startswith("c") else 1), 5)),
    )
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_an_avg_does_not_overflow_where_the_mean_does_not(dtype):
    most = {"bfloat16": 3.3e38}.get(dtype) or np.finfo(dtype).max
    for count in (2, 3, 7):
        each = encode([most, -most, 0.5, 3.0], dtype)
        total = np.empty_like(each)
        take_shares(total, each, dtype, count)
        share = total.copy()
        for _ in range(count - 1):
            join("avg", dtype)(total, share)
        divide(total, dtype, count)
        assert total[2:].tobytes() == each[2:].tobytes()
        assert np.isfinite(decode(total, dtype)).all()
        assert np.allclose(decode(total, dtype)[:2].astype(float), decode(each, dtype)[:2], 1e-2)


def test_zeros_are_ordered_and_what_is_no_number_has_one_form():
    zeros = np.array([0.0, -0.0], dtype=np.float32)
    for op, right in (("min", [True, True]), ("max", [False, False])):
        to = zeros.copy()
        join(op, "float32")(to, -zeros)
        assert np.signbit(to).tolist() == right
    to = np.array([0xFFC12345, 0x7FC00001], dtype=np.uint32)
    for op in ("min", "max", "sum", "prod"):
        got = to.copy()
        join(op, "float32")(got.view(np.float32), np.ones(2, dtype=np.float32))
        assert got.tolist() == [0x7FC00000] * 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [FEW, FEW + 1, WIDE + 3])
@pytest.mark.parametrize("place", [0, -1])
def test_one_that_is_no_number_is_found_among_many(dtype, count, place):
    to = np.ones(count, dtype=dtype)
    odd = to.view(f"u{to.itemsize}")
    odd[place] = NANS[dtype] + 12345
    join("sum", dtype)(to, np.ones(count, dtype=dtype))
    assert odd[place] == NANS[dtype]
    assert np.count_nonzero(to == 2) == count - 1


def test_bfloat16_rounds_to_the_nearest_and_ties_to_even():
    # 1 + 2^-8 lies between 1 and 1 + 2^-7; 1 + 3 * 2^-8 between that and 1 + 2^-6.
    one, small = np.float32([1.0, 1.0 + 2**-7]), np.float32([2**-8, 2**-8])
    to, source = ((x.view(np.uint32) >> 16).astype(np.uint16) for x in (one, small))
    join("sum", "bfloat16")(to, source)
    assert (to.astype(np.uint32) << 16).view(np.float32).tolist() == [1.0, 1.0 + 2**-6]


def test_numbers_are_stored_as_their_type_and_read_again():
    held = encode([1, 2.5, 1 + 2**-8, 1 + 3 * 2**-8, np.nan], "bfloat16")
    assert held.dtype == np.uint16
    assert decode(held, "bfloat16")[:4].tolist() == [1, 2.5, 1, 1 + 2**-6]
    assert np.isnan(decode(held, "bfloat16")[4])
    assert decode(encode(1, "bfloat16"), "bfloat16") == 1
    assert encode([1, 2], "float16").dtype == np.float16


def test_integers_are_divided_towards_zero():
    array = np.array([-7, -6, 0, 7, 127, -128], dtype=np.int8)
    divide(array, "int8", 3)
    assert array.tolist() == [-2, -2, 0, 2, 42, -42]
    large = np.array([2**64 - 1], dtype=np.uint64)
    divide(large, "uint64", 2)
    assert large.tolist() == [2**63 - 1]


@pytest.mark.parametrize(
    ("op", "dtype", "why"),
    [
        ("band", "float32", "op 'band' joins bits of integers, not float32"),
        ("min", "complex64", "op 'min' needs an order, and complex64 has none"),
        ("sum", "complex64", ""),
    ],
)
def test_an_operation_that_means_nothing_is_refused(op, dtype, why):
    assert refusal(op, dtype) == why
