"""Chips that ranks are: peaks of dense products, memory and cores, by their makers' figures."""

from dataclasses import dataclass

from solvers.jobs.job import Compute

GIGA, TERA = 1e9, 1e12
USABLE = 0.8  # of memory's rate, that streaming kernels reach (STREAM on GPUs: 0.8 to 0.9)
TAKEN = 20 / 132  # of a GPU's cores, by what it exchanges meanwhile (arXiv:2412.19437, 3.2.2)


@dataclass(frozen=True)
class Host:
    """How long a host takes to start what a rank computes, in seconds.

    Attributes:
        operator: of torch, for each kernel that is not a layer's product.
        module: a product of Transformer Engine.
        grouped: the products of a rank's experts, which splits and allocates for each.
    """

    operator: float
    module: float
    grouped: float


# A product by torch takes 13.48 us on a DGX H100's Xeon, 37.08 on GB200's Grace, where Transformer
# Engine takes 99.66, 2.7 times as long (NVIDIA/TransformerEngine, issue 2053). Its GroupedLinear:
# about 1 ms forward on a host of eight H800 (issue 1499), two of them 1.2 ms on GB200 in 2026
# (issue 2897). Hosts of Ascend: none is published, the first of these is taken.
XEON = Host(13.5e-6, 36.3e-6, 1e-3)
XEON_2026 = Host(13.5e-6, 36.3e-6, 0.6e-3)
GRACE = Host(37.1e-6, 99.7e-6, 0.6e-3)


@dataclass(frozen=True)
class Chip:
    """A chip: floating-point operations a second by precision, and its memory.

    Attributes:
        bf16, fp8: operations a second, dense.
        memory_rate: bytes a second.
        memory: bytes.
        cores: that each make a tile of a product at a time; 0 where products of any size fill it.
        taken: the part of its cores that communication takes while it is hidden.
        host: that starts its kernels; None where starting takes no time.
    """

    bf16: float
    fp8: float
    memory_rate: float
    memory: float
    cores: int = 0
    taken: float = 0.0
    host: Host | None = None


# NVIDIA's data sheets (H100 SXM, HGX B200 and B300, GB200 and GB300 NVL72), half of the sparse
# figures; H800 is an H100 with fewer NVLinks. 910B: 376 of BF16, 1.6 TB/s, 64 GB; 910C: two such
# dies of 24 cube cores (arXiv:2506.12708, 3.3.1); neither multiplies FP8, which counts as BF16.
CHIPS = {
    "H100": Chip(989 * TERA, 1979 * TERA, 3350 * GIGA, 80 * GIGA, 132, TAKEN, XEON),
    "H800": Chip(989 * TERA, 1979 * TERA, 3350 * GIGA, 80 * GIGA, 132, TAKEN, XEON),
    "B200": Chip(2250 * TERA, 4500 * TERA, 7700 * GIGA, 180 * GIGA, 148, TAKEN, XEON_2026),
    "GB200": Chip(2500 * TERA, 5000 * TERA, 8000 * GIGA, 186 * GIGA, 148, TAKEN, GRACE),
    "B300": Chip(2250 * TERA, 4500 * TERA, 7700 * GIGA, 270 * GIGA, 148, TAKEN, XEON_2026),
    "GB300": Chip(2500 * TERA, 5000 * TERA, 8000 * GIGA, 279 * GIGA, 148, TAKEN, GRACE),
    "910B": Chip(376 * TERA, 376 * TERA, 1600 * GIGA, 64 * GIGA, 24, 0.0, XEON),
    "910C-die": Chip(376 * TERA, 376 * TERA, 1600 * GIGA, 64 * GIGA, 24, 0.0, XEON),
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
        base.cores,
        base.taken,
        base.host,
    )
