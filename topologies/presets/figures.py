"""Presets: machines that exist, each figure with its evidence.

The evidence of a link class is that of its bandwidth; where the latency's differs, the source
says so. A latency is that of a link, so a message between two ranks meets the sum along its way.
Cables in parallel between two vertices are one link of their summed bandwidth.
"""

import csv
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from topologies.model.topology import TopologyError

GIGA = 10**9

# What several machines, and hardware profiles of importers, are built on; sources stand there.
# GB/s each way: of an NVLink by generation, of an xGMI by architecture.
NVLINK = {1: 20, 2: 25, 3: 25, 4: 25, 5: 50}
XGMI = {"gfx90a": Fraction(50), "gfx942": Fraction(64), "gfx950": Fraction("76.8")}
# Bytes per second each way, of single ports: 28 GB/s of UB are 224 Gbit/s, of a lane 112.
HCCS, SIO, UB_PORT, UB_LANE, RDMA_PORT = (Fraction(each * GIGA) for each in (28, 270, 28, 14, 25))
# Seconds of a link: a hop over NVLink goes over two of them where there is a switch.
NVLINK_ALPHA, SWITCHED_ALPHA, NIC_ALPHA, SPINE_ALPHA = 0.6e-6, 0.3e-6, 1.35e-6, 0.3e-6
XGMI_ALPHA, PCIE_ALPHA, HCCS_ALPHA, RDMA_ALPHA = 1.2e-6, 0.5e-6, 1e-6, 2e-6
SIO_ALPHA, UB_ALPHA, UB_UPLINK_ALPHA = 0.2e-6, 0.35e-6, 0.7e-6


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a machine as its source prints it.

    Attributes:
        what: a link class and what is said of it, as in `NVLink 4: a GPU`, or of the machine.
        value: the number as it is printed.
        unit: that which the source prints, `GB/s both ways together` for one.
        source: a document, and the place in it.
        evidence: documented, secondary, measured, derived, estimate, or fitted to measurements.
        used: whether the machine is built on it; another source's figure stands beside it.
    """

    what: str
    value: str
    unit: str
    source: str
    evidence: str
    used: bool = True


def expect_boxes(boxes: int, word: str = "boxes") -> None:
    """Refuse a number of boxes below 1."""
    if boxes < 1:
        raise TopologyError([f"{word}: {boxes}, expected 1 or more"])


def read_figures(preset: str) -> tuple[Figure, ...]:
    """Look up the figures of one of our products in the tables of the makers."""
    found = []
    for table in sorted(Path(__file__).with_name("evidence").glob("*.csv")):
        with table.open(encoding="utf-8", newline="") as rows:
            for row in csv.DictReader(rows):
                if row.pop("preset") == preset:
                    used = row.pop("used") == "yes"
                    found.append(Figure(**row, used=used))
    return tuple(found)
