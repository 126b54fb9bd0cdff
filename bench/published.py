"""What others reach on the same machines, and at other sizes, with where that was published."""

from typing import NamedTuple

SOURCES = (
    "ForestColl: Zhao et al., arXiv:2402.06787 (2024); rates, CPU seconds and heights of its "
    "released code, liangyuRain/ForestColl@3c13aee, run by us on 2 cores",
    "TE-CCL: Liu et al., Rethinking Machine Learning Collective Communication as a "
    "Multi-Commodity Flow Problem, SIGCOMM 2024; the 1 GB rows of the results that come with its "
    "code, microsoft/TE-CCL, output_provided (Gurobi)",
    "SyCCL: Cao et al., Exploiting Symmetry for Efficient Collective Communication Scheduling, "
    "SIGCOMM 2025, sections 1 and 7 (192 cores); SCCL (PPoPP 2021) and TACCL (NSDI 2023) as told "
    "there",
    "TACOS: Won et al., MICRO 2024; torus 16x16 with its released code, astra-sim/tacos v1.3, run "
    "by us on 1 core",
    "PCCL: Won et al., arXiv:2606.07019 (2026), abstract",
)


class Figure(NamedTuple):
    """What a system reached: GB/s, seconds to find it, height; None where nobody tells."""

    system: str
    algbw: float | None = None
    seconds: float | None = None
    height: int | None = None

    def words(self) -> str:
        """Write it for the table."""
        parts = [
            "" if self.algbw is None else f"{self.algbw:g} GB/s",
            "" if self.seconds is None else f"{self.seconds:,g} s",
            "" if self.height is None else f"height {self.height}",
        ]
        return f"{self.system} " + ", ".join(part for part in parts if part)


# By machine and collective.
FIGURES: dict[tuple[str, str], tuple[Figure, ...]] = {
    ("teccl-dgx2-2x16", "all_gather"): (
        Figure("TE-CCL", 129.0, 2700),
        Figure("ForestColl", 129.03, 15, 23),
    ),
    # Its code has no all_reduce but reduce_scatter, then all_gather.
    ("teccl-dgx2-2x16", "all_reduce"): (Figure("ForestColl", 64.52),),
    ("teccl-ndv2-4x8", "all_gather"): (
        Figure("TE-CCL", 15.38, 222),
        Figure("TE-CCL", 15.09, 30855),
        Figure("ForestColl", 16.67),
    ),
    ("dgx-a100:boxes=2", "all_gather"): (Figure("ForestColl", 346.67, 10),),
    ("dgx-a100:boxes=4", "all_gather"): (Figure("ForestColl", 266.67, 49, 19),),
    ("mi250:boxes=2", "all_gather"): (Figure("ForestColl", 354.13, 136, 19),),
    ("teccl-dgx2-2x16", "all_to_all"): (Figure("TE-CCL", 12.42, 1590),),
    ("torus:4x4x4", "all_gather"): (Figure("ForestColl", height=12),),
}

# Rates with so many trees for each root, by machine and collective.
FEW_TREES = {
    ("mi250:boxes=2", "all_gather"): {1: 320.0, 2: 341.3, 3: 342.9, 4: 341.3, 5: 347.8},
}
FEW_TREES_SOURCE = "(trees of equal share, by its released code, as above)"

# On machines that we do not have: to be read as orders of magnitude.
ELSEWHERE = (
    "SCCL: all_gather, 16 GPUs, not in 24 h",
    "TACCL: all_gather, 128 GPUs, not in 8 h",
    "SyCCL: 512 GPUs, tens of minutes, no bound",
    "TACOS: all_reduce, 128 ranks, 1.08 s, and 40,000 ranks, 2.52 h, no bound; "
    "all_gather, torus 16x16, 2.5 s, 97.5 % of the bound",
    "PCCL: all_to_all, 512 ranks, 11.68 minutes, no bound",
)


def beside(machine: str, collective: str) -> str:
    """Write all figures that are known for a machine, one after the other."""
    return "; ".join(figure.words() for figure in FIGURES.get((machine, collective), ()))
