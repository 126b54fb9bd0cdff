"""What a name of a link stands for: rates and latencies by its generation, each with its source."""

import re
from fractions import Fraction
from typing import NamedTuple

from topologies.model.units import Rate, Seconds
from topologies.presets import figures
from topologies.presets.figures import GIGA, NIC_ALPHA, NVLINK, NVLINK_ALPHA, XGMI, XGMI_ALPHA

NCCL = "NCCL src/graph/tuning.cc"


class Figure(NamedTuple):
    """The rate of one lane, bytes per second each way, and the latency of a link."""

    rate: Rate | None
    alpha: Seconds
    source: str
    alpha_source: str = ""


def _figure(
    gigabytes: int | str | Fraction, alpha: float, source: str, alpha_source: str
) -> Figure:
    return Figure(Fraction(gigabytes) * GIGA, alpha, source, alpha_source)


_NVLINK = f"0.6 us a hop in {NCCL}"
_XGMI = "1.2 us a hop (tree, LL) in RCCL src/graph/tuning.cc"
_PCIE = f"1 us a hop over two links in {NCCL}"
_CPU = "no figure is published"
_NET = f"2.7 us a network hop in {NCCL}, halved"

# One link of each generation, by the words that readers find.
GENERATIONS: dict[str, Figure] = {
    "NVLink 1": _figure(NVLINK[1], NVLINK_ALPHA, "20 GB/s a link (P100 data sheet)", _NVLINK),
    "NVLink 2": _figure(NVLINK[2], NVLINK_ALPHA, "25 GB/s a link (V100 data sheet)", _NVLINK),
    "NVLink 3": _figure(NVLINK[3], NVLINK_ALPHA, "25 GB/s a link (A100 data sheet)", _NVLINK),
    "NVLink 3 GA10x": _figure("14.0625", NVLINK_ALPHA, "14.06 GB/s a link (RTX A6000)", _NVLINK),
    "NVLink 4": _figure(NVLINK[4], NVLINK_ALPHA, "25 GB/s a link (H100 data sheet)", _NVLINK),
    "NVLink 5": _figure(NVLINK[5], NVLINK_ALPHA, "50 GB/s a link (B200 data sheet)", _NVLINK),
    "xGMI gfx906": _figure(
        46, XGMI_ALPHA, "92 GB/s both ways a link (MI50, MI60 data sheet)", _XGMI
    ),
    "xGMI gfx908": _figure(46, XGMI_ALPHA, "92 GB/s both ways a link (MI100 data sheet)", _XGMI),
    "xGMI gfx90a": _figure(
        XGMI["gfx90a"], XGMI_ALPHA, "100 GB/s both ways a link (MI250 data sheet)", _XGMI
    ),
    "xGMI gfx942": _figure(
        XGMI["gfx942"], XGMI_ALPHA, "128 GB/s both ways a link (MI300X data sheet)", _XGMI
    ),
    "xGMI gfx950": _figure(
        XGMI["gfx950"], XGMI_ALPHA, "153.6 GB/s both ways a link (MI355X)", _XGMI
    ),
    "CPU BDW": _figure(6, 0.3e-6, "Broadwell in NCCL src/graph/topo.h", _CPU),
    "CPU SKL": _figure(10, 0.3e-6, "Skylake in NCCL src/graph/topo.h", _CPU),
    "CPU SRP": _figure(22, 0.3e-6, "Sapphire Rapids in NCCL src/graph/topo.h", _CPU),
    "CPU ERP": _figure(40, 0.3e-6, "Emerald Rapids in NCCL src/graph/topo.h", _CPU),
    "CPU AMD": _figure(16, 0.3e-6, "AMD in NCCL src/graph/topo.h", _CPU),
    "CPU ARM": _figure(6, 0.3e-6, "ARM in NCCL src/graph/topo.h", _CPU),
    "CPU P9": _figure(32, 0.3e-6, "Power 9 in NCCL src/graph/topo.h", _CPU),
}

# What is taken for granted where neither file nor profile says anything, by the first word.
GUESSES: dict[str, Figure] = {
    "NVLink": _figure(NVLINK[4], NVLINK_ALPHA, "25 GB/s a link, as V100, A100 and H100", _NVLINK),
    "xGMI": _figure(XGMI["gfx90a"], XGMI_ALPHA, "50 GB/s a link, as MI250", _XGMI),
    "HCCS": Figure(
        figures.HCCS, figures.HCCS_ALPHA, "28 GB/s a link, as Atlas A2", "no figure is published"
    ),
    "UB": Figure(
        figures.UB_PORT, figures.UB_ALPHA, "28 GB/s a link, as CloudMatrix384", "as CloudMatrix384"
    ),
    "SIO": Figure(figures.SIO, figures.SIO_ALPHA, "270 GB/s, as Ascend 910C", "as CloudMatrix384"),
    "PCIe": _figure(Fraction(16 * 16 * 128, 8 * 130), figures.PCIE_ALPHA, "PCIe 4.0 x16", _PCIE),
    "C2C": _figure(450, 0.3e-6, "450 GB/s, as GH200", _CPU),
    "CPU": _figure(16, 0.3e-6, "16 GB/s, as AMD in NCCL src/graph/topo.h", _CPU),
    "network": _figure(25, NIC_ALPHA, "200 Gbit/s an adapter", _NET),
    "uplink": Figure(
        None, figures.SPINE_ALPHA, "as many uplinks as downlinks", "no figure is published"
    ),
    "link": _figure(25, 1e-6, "25 GB/s", "1 us"),
}

# Gbit/s of one lane, as InfiniBand names its speeds. SDR to QDR spend a fifth of it on 8b/10b.
LANE = {
    "SDR": Fraction(5, 2),
    "DDR": Fraction(5),
    "QDR": Fraction(10),
    "FDR10": Fraction(10),
    "FDR": Fraction(14),
    "EDR": Fraction(25),
    "HDR": Fraction(50),
    "NDR": Fraction(100),
    "XDR": Fraction(200),
}


def infiniband(text: str) -> Rate | None:
    """Compute the bytes per second of a width and speed such as `4xNDR`; None if it is none.

    Example:
        >>> infiniband("4xNDR") / 10**9
        Fraction(50, 1)
    """
    found = re.fullmatch(r"([0-9]{1,2})x([A-Z0-9]{3,5})", text, re.ASCII)
    if not found or found[2] not in LANE or int(found[1]) not in (1, 2, 4, 8, 12):
        return None
    return int(found[1]) * LANE[found[2]] * 10**9 / 8


def pcie(speed: str, width: int) -> Rate | None:
    """Compute the bytes per second of a PCIe link, as `16.0 GT/s PCIe` and a width of 16.

    Up to 5 GT/s a byte takes ten bits, above that 16 bytes take 130. A width of 0 stands for 16,
    as in NCCL. None if the speed is unknown.

    Example:
        >>> float(pcie("8 GT/s", 16)) / 1e9
        15.753846153846153
    """
    found = re.match(r"\s*([0-9]{1,3}(?:\.[0-9]{1,3})?)\s*GT/s", speed, re.ASCII)
    if not found or width > 32 or not (transfers := Fraction(found[1])):
        return None
    bits = Fraction(8, 10) if transfers <= 5 else Fraction(128, 130)
    return transfers * GIGA * (width or 16) * bits / 8
