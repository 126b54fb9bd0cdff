"""Chips that ranks are: peaks of dense products, and memory, by their makers' figures."""

from dataclasses import dataclass

from solvers.jobs.job import Compute

GIGA, TERA = 1e9, 1e12
USABLE = 0.8  # of memory's rate, that streaming kernels reach (STREAM on GPUs: 0.8 to 0.9)


@dataclass(frozen=True)
class Chip:
    """A chip: floating-point operations a second by precision, and its memory.

    Attributes:
        bf16, fp8: operations a second, dense.
        memory_rate: bytes a second.
        memory: bytes.
    """

    bf16: float
    fp8: float
    memory_rate: float
    memory: float


# NVIDIA's data sheets (H100 SXM, HGX B200 and B300, GB200 and GB300 NVL72), half of the sparse
# figures; H800 is an H100 with fewer NVLinks. 910B: 376 of BF16, 1.6 TB/s, 64 GB; 910C: two such
# dies (arXiv:2506.12708, 3.3.1); neither multiplies FP8, which counts as BF16.
CHIPS = {
    "H100": Chip(989 * TERA, 1979 * TERA, 3350 * GIGA, 80 * GIGA),
    "H800": Chip(989 * TERA, 1979 * TERA, 3350 * GIGA, 80 * GIGA),
    "B200": Chip(2250 * TERA, 4500 * TERA, 7700 * GIGA, 180 * GIGA),
    "GB200": Chip(2500 * TERA, 5000 * TERA, 8000 * GIGA, 186 * GIGA),
    "B300": Chip(2250 * TERA, 4500 * TERA, 7700 * GIGA, 270 * GIGA),
    "GB300": Chip(2500 * TERA, 5000 * TERA, 8000 * GIGA, 279 * GIGA),
    "910B": Chip(376 * TERA, 376 * TERA, 1600 * GIGA, 64 * GIGA),
    "910C-die": Chip(376 * TERA, 376 * TERA, 1600 * GIGA, 64 * GIGA),
}


def chip_of(compute: Compute) -> Chip | None:
    """Give the chip of a job, what is stated in place of what is named; None where neither is."""
    known = CHIPS.get(compute.chip)
    peak = compute.peak_TFLOPS * TERA
    if known is None and not peak:
        return None
    base = known or Chip(peak, peak, float("inf"), float("inf"))
    return Chip(
        peak or base.bf16,
        peak or base.fp8,
        compute.memory_GBps * GIGA or base.memory_rate,
        compute.memory_GB * GIGA or base.memory,
    )
