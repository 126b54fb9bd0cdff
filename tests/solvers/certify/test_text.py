from dataclasses import replace
from fractions import Fraction

import pytest

from solvers.certify.text import certificate_text
from solvers.schedules.certificate import Bound
from topologies.formats.spec import topology


def test_a_cut_and_prices_are_written_with_their_arithmetic(solved, golden):
    cases = [("ring:5", "all_gather"), ("star:3", "all_reduce"), ("dgx-1", "all_to_all")]
    texts = [certificate_text(solved(topology(spec), name)) for spec, name in cases]
    golden("certificates.txt", "\n\n".join(texts) + "\n")


@pytest.mark.parametrize("name", ["all_gather", "reduce_scatter", "all_reduce", "all_to_all"])
@pytest.mark.parametrize("machine", ["ring:3", "torus:2x4", "dgx-1"])
def test_the_last_line_is_a_quotient_that_gives_the_bound(solved, machine, name):
    made = solved(topology(machine), name)
    last = certificate_text(made).splitlines()[-1].removeprefix("  so         ")
    quotient, _, result = last.partition(" = ")
    above, _, below = quotient.partition(" / ")
    limit = Fraction(above) / Fraction(below.strip("()"))
    assert limit * 10**9 == made.bound.algbw
    assert result.startswith(f"{limit} GB/s")


def test_a_wrong_claim_is_told(solved):
    made = solved(topology("ring:3"), "all_gather")
    wrong = replace(made, bound=replace(made.bound, algbw=Fraction(10**9)))
    assert certificate_text(wrong).endswith("claimed    1 GB/s, which is not what is proved")


def test_without_a_certificate_that_is_said(solved):
    made = solved(topology("ring:1"), "all_gather")
    assert certificate_text(made).endswith("no certificate")


def test_a_bound_is_written_in_a_line():
    assert str(Bound(Fraction(10**9), "cut", None)) == "at most 1 GB/s (cut)"
