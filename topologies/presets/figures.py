"""Presets: machines that exist, each figure with its evidence.

The evidence of a link class is that of its bandwidth; where the latency's differs, the source
says so. A latency is that of a link, so a message between two ranks meets the sum along its way.
Cables in parallel between two vertices are one link of their summed bandwidth.
"""

from topologies.model.topology import TopologyError

GIGA = 10**9


def expect_boxes(boxes: int) -> None:
    """Refuse a number of boxes below 1."""
    if boxes < 1:
        raise TopologyError([f"boxes: {boxes}, expected 1 or more"])
