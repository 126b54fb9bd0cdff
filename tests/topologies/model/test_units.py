"""Sizes, numbers and times as people write and read them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from topologies.model.units import bytes_of, count_of, decimal, duration, rate, size, whole


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("8", 8),
        ("8B", 8),
        ("64K", 65536),
        ("64k", 65536),
        ("64KiB", 65536),
        ("64KB", 64000),
        ("1M", 2**20),
        ("1m", 2**20),
        ("256MB", 256 * 10**6),
        ("4G", 2**32),
        ("1T", 2**40),
        ("1TB", 10**12),
    ],
)
def test_letters_alone_and_with_an_i_count_in_1024_the_others_in_1000(text, count):
    assert size(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "",
        "K",
        "1_000",
        "+5",
        "-5",
        "６４K",
        "64 K",
        "64\u00a0K",
        " 64",
        "64kb",
        "64KIB",
        "1.5M",
        "1e3",
    ],
)
def test_what_is_no_size_is_refused_with_what_one_looks_like(text):
    with pytest.raises(ValueError, match="is no size, such as 4096, 64KiB, 64K or 256MB"):
        size(text)


@pytest.mark.parametrize("text", ["0", "0K", "1025T", "9999999999999999G", str(2**63), "9" * 99])
def test_a_size_out_of_bounds_is_refused_with_the_bounds(text):
    with pytest.raises(ValueError, match="is not from 1 byte to 1024 TiB"):
        size(text)


@pytest.mark.parametrize("text", ["1_000", "+5", "-1", "５", " 5", "5\u00a0", "", "5.0", "²"])
def test_a_whole_number_is_written_in_plain_digits(text):
    with pytest.raises(ValueError, match="is no whole number from 0"):
        whole(text)


@pytest.mark.parametrize("text", ["1_0", "+1", "nan", "inf", "１", "1,5", "", ".", "1 "])
def test_a_number_is_written_in_plain_digits(text):
    with pytest.raises(ValueError, match="is no number"):
        decimal(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.02763, "27.63 ms"),
        (9.99999e-4, "1 ms"),
        (4.41e-6, "4.41 us"),
        (3.5e-10, "0.35 ns"),
        (1e-15, "less than 0.001 ns"),
        (999.99, "1000 s"),
        (1234567.0, "1,235,000 s"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1000, "1,000 bytes"),
        (1023, "1,023 bytes"),
        (65536, "64 KiB"),
        (3276 * 1024, "3276 KiB"),
        (2**30 - 64, "1 GiB less 64 bytes"),
        (2**30 - 2048, "1 GiB less 2 KiB"),
        (2**20 - 1, "1 MiB less 1 byte"),
        (96 * 2**20 - 4, "96 MiB less 4 bytes"),
        (4032, "3.938 KiB (4032 bytes)"),
        (10**6, "1 MB"),
        (64000, "64 KB"),
        (1024 * 1000, "1000 KiB"),
        (25 * 10**8, "2500 MB"),
        (496693032, "473.7 MiB (496693032 bytes)"),
        (1054269, "1.005 MiB (1054269 bytes)"),
        (2**40, "1 TiB"),
        (67 * 2**20 - 4095, "67 MiB less 4,095 bytes"),
        (2**30 - 4032, "1 GiB less 4,032 bytes"),
        (2**30 - 10001, "1 GiB (1073731823 bytes)"),
        (2**40 - 2**28 - 1, "0.9998 TiB (1099243192319 bytes)"),
        (2**54 + 1, "16,384 TiB (18014398509481985 bytes)"),
    ],
)
def test_bytes_are_told_in_the_unit_that_fits_and_exactly(count, text):
    assert bytes_of(count) == text


@given(st.floats(1e-12, 1e9))
def test_no_duration_has_an_exponent_or_more_than_four_digits_before_the_unit_changes(seconds):
    figure, unit = duration(seconds).replace("less than ", "").split()
    assert "e" not in figure
    assert unit in ("s", "ms", "us", "ns")
    assert float(figure.replace(",", "")) <= 1000 or unit == "s"


LITTLE_LESS = st.builds(  # than a round size, as sizes of whole elements are
    lambda round_size, less: max(round_size - less, 1024),
    st.builds(lambda figure, power: figure << power, st.integers(1, 1024), st.integers(10, 40)),
    st.builds(lambda figure, power: figure << power, st.integers(0, 10_001), st.integers(0, 20)),
)


@given(st.integers(1024, 2**50) | LITTLE_LESS)
@example(70250497)
@example(2**30 - 4032)
def test_the_bytes_can_be_had_back_from_what_is_told(count):
    told = bytes_of(count)
    if "(" in told:
        assert told.endswith(f"({count} bytes)")
    else:
        whole_part, _, less = told.partition(" less ")
        assert " less " not in less
        parts = [each.replace(" bytes", "B").replace(" byte", "B") for each in (whole_part, less)]
        read = [size(each.replace(" ", "").replace(",", "")) if each else 0 for each in parts]
        assert read[0] - read[1] == count


def test_a_rate_is_told_in_gigabytes_unless_it_is_tiny():
    assert rate(25 * 10**9) == "25 GB/s"
    assert rate(10**5) == "100 KB/s"
    assert rate(None) == "nothing moves"
    assert rate(10**15) == "1,000,000 GB/s"


def test_a_rate_has_digits_before_the_point():
    assert [rate(r) for r in (8 * 10**6, 2.5, 10**8, 0)] == [
        "8 MB/s",
        "2.5 B/s",
        "0.1 GB/s",
        "0 B/s",
    ]


@pytest.mark.parametrize(
    ("number", "noun", "told"),
    [
        (1, "message", "1 message"),
        (0, "switch", "0 switches"),
        (1024, "link", "1,024 links"),
        (2, "process", "2 processes"),
    ],
)
def test_what_is_counted_is_in_the_singular_where_there_is_one(number, noun, told):
    assert count_of(number, noun) == told


@pytest.mark.parametrize("text", ["1EiB", "3P", "2ZiB"])
def test_a_size_in_a_unit_that_is_too_large_is_told_the_most(text):
    with pytest.raises(ValueError, match="is too large: a size is up to 1024 TiB"):
        size(text)
