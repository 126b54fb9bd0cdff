"""Presets: machines that exist, each figure with its evidence.

The evidence of a link class is that of its bandwidth; where the latency's differs, the source
says so. A latency is that of a link, so a message between two ranks meets the sum along its way.
Cables in parallel between two vertices are one link of their summed bandwidth.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from topologies.model.topology import TopologyError

GIGA = 10**9


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
