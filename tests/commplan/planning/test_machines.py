"""Optima of machines that exist, against closed forms and against what others publish."""

from fractions import Fraction

import pytest

import commplan


def share(ranks, rate):
    """Count a rank's own share in: what N - 1 of N parts arrive at `rate` is as fast as this."""
    return Fraction(ranks, ranks - 1) * rate


# A machine, the GB/s of an all_gather and of an all_to_all, and what they follow from.
KNOWN = [
    # Full mesh: what a rank's seven links take in.
    ("mi355x", share(8, Fraction(7 * 768, 10)), share(8, Fraction(7 * 768, 10))),
    ("mi300x", share(8, 7 * 64), share(8, 7 * 64)),
    # What a GPU's six links take in; the boards are joined faster than that.
    ("dgx-2", share(16, 150), share(16, 150)),
    # One adapter brings half of the buffer into a box, and half of each of its eight.
    ("ndv2:boxes=2", 2 * Fraction(25, 2), Fraction(2, 8) * Fraction(25, 2)),
    # Eight adapters of 50 bring seven eighths into a box; uplinks of half their sum, half.
    ("dgx-h100:boxes=4:units=2:oversubscription=2", Fraction(8, 7) * 400, 50),
    ("dgx-b200:boxes=4", Fraction(4, 3) * 400, Fraction(4, 3) * 50),
    ("atlas-800t-a2:boxes=2", share(16, 7 * 28 + 25), 50),
    # A chip's links; of a torus whose sides have 4, a side carries n / 8 of all that ranks send
    # (jax-ml/scaling-book: V / 4W along an axis).
    ("tpu-v5p:4x4x4", share(64, 600), 200),
    ("tpu-v4:4x4x8", share(128, 300), 50),
    ("trn2", share(16, 512), 2 * 128),
    # Along z links have half of the rate.
    ("trn2-ultra", share(64, 640), 2 * 64),
    # An NPU's 14 links of 56; 14 peers are a hop away, 49 are two.
    ("ub-mesh", share(64, 14 * 56), 14 * 56 * Fraction(64, 14 + 2 * 49)),
    # 7 ports in the board and 8 outside.
    ("atlas-950:boards=8", share(64, 15 * 56), Fraction(8, 7) * 8 * 56),
    # As fast as hosts are, as no switch blocks.
    ("fat-tree:4", share(16, 25), share(16, 25)),
    ("dragonfly:2x4x2", share(72, 25), share(72, 25)),
    ("rails:4x8:oversubscription=2", Fraction(4, 3) * 200, Fraction(4, 3) * 25),
]


@pytest.mark.parametrize(("name", "gathered", "exchanged"), KNOWN, ids=[row[0] for row in KNOWN])
def test_the_optima_are_those_of_the_closed_forms(name, gathered, exchanged):
    machine = commplan.topology(name)
    for collective, known in (("all_gather", gathered), ("all_to_all", exchanged)):
        made = commplan.plan(machine, commplan.collective(collective, range(machine.ranks)))
        assert made.report.optimal
        assert made.report.algbw == known * 10**9


def test_a_twisted_torus_exchanges_as_much_faster_as_was_measured():
    """Compare with 1.63 times, of TPU v4 in 4 x 4 x 8 chips (ISCA 2023)."""
    plain, twisted = (
        commplan.plan(machine, commplan.collective("all_to_all", range(128))).report
        for machine in (commplan.topology(f"tpu-v4:4x4x8:twisted={flag}") for flag in (0, 1))
    )
    assert plain.optimal
    assert twisted.optimal
    assert plain.algbw == 50 * 10**9
    assert twisted.algbw == Fraction(960, 11) * 10**9
    assert 1.63 < twisted.algbw / plain.algbw < 1.63 / 0.9
