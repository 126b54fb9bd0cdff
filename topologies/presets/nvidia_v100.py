"""NVIDIA, eight or sixteen V100 whose boxes share adapters: DGX-2 and Azure's NDv2."""

from fractions import Fraction
from itertools import product

import numpy as np

from topologies.model.topology import IntArray, Link, LinkClass, Switch, Topology
from topologies.presets.fabrics.pods import Box, Network, flip, pod, shift
from topologies.presets.figures import (
    GIGA,
    NIC_ALPHA,
    NVLINK,
    NVLINK_ALPHA,
    PCIE_ALPHA,
    SPINE_ALPHA,
    SWITCHED_ALPHA,
)
from topologies.presets.nvidia import (
    DGX_1_CLASSES,
    DGX_1_DOUBLE,
    DGX_1_SINGLE,
    NIC_LATENCY,
    NVLINK_LATENCY,
)

CABLE, EDR = Fraction(NVLINK[2] * GIGA), Fraction(125 * GIGA, 10)
PCIE_3 = Fraction(1575 * GIGA, 100)  # 16 lanes of 8 GT/s, 128 of 130 bits
BOARDS, PAIRS, CHIPS = 2, 4, 6  # of a DGX-2; pairs of GPUs and NVSwitches of a board

PCIE = LinkClass(
    "PCIe 3",
    layer=1,
    source="16 lanes of 8 GT/s in 128 of 130 bits (PCI Express 3.0), 12 to 13 GB/s are usual; "
    "latency: NCCL src/graph/tuning.cc (5067397), 1 us a PCI hop (estimate)",
    evidence="derived",
)
SPINE = LinkClass(
    "leaf-spine",
    layer=3,
    source="a spine is a choice of the site, drawn as one switch that does not block unless an "
    "oversubscription is given; latency: 0.3 us (estimate)",
    evidence="estimate",
)
DGX_2_CLASSES = (
    LinkClass(
        "NVLink 2",
        layer=1,
        source="6 links of 25 GB/s a GPU, one to each of 6 NVSwitches of its board (DGX-2 data "
        f"sheet: 300 GB/s both ways together); {NVLINK_LATENCY}",
        evidence="documented",
    ),
    LinkClass(
        "NVLink 2 between boards",
        layer=1,
        source="8 links of 25 GB/s between each NVSwitch and its peer (NVSwitch technical "
        f"overview); {NVLINK_LATENCY}",
        evidence="secondary",
    ),
    PCIE,
)
DGX_2_NETWORK = Network(
    EDR,
    NIC_ALPHA,
    SPINE_ALPHA,
    LinkClass(
        "EDR InfiniBand",
        layer=2,
        source="8 adapters of 100 Gbit/s a box, each shared by two GPUs on a PCIe switch (DGX-2 "
        f"data sheet; TACCL, taccl/examples/topo); {NIC_LATENCY}",
        evidence="documented",
    ),
    SPINE,
)
NDV2_NETWORK = Network(
    EDR,
    NIC_ALPHA,
    SPINE_ALPHA,
    LinkClass(
        "EDR InfiniBand",
        layer=2,
        source="one adapter of 100 Gbit/s for the 8 GPUs of a box (Azure NDv2 series), on the "
        f"host that joins their PCIe switches; {NIC_LATENCY}",
        evidence="documented",
    ),
    SPINE,
)


def dgx_2(boxes: int = 1, oversubscription: Fraction | int = 1) -> Topology:
    """Build boxes of 16 V100 on two boards of 6 NVSwitches, with an adapter for two GPUs.

    Args:
        boxes: of 16 GPUs.
        oversubscription: downlinks of a rail over its uplinks; 0 leaves out the spine.

    Raises:
        TopologyError: boxes is below 1.
    """
    box = _dgx_2_box(networked=boxes > 1)
    return pod(f"dgx-2:boxes={boxes}", box, DGX_2_NETWORK, boxes, 1, oversubscription)


def _dgx_2_box(networked: bool) -> Box:
    """Make both boards; PCIe switches are left out where they lead nowhere."""
    gpus = [f"g{i}" for i in range(2 * BOARDS * PAIRS)]
    chips, pairs = BOARDS * CHIPS, BOARDS * PAIRS * networked
    links = [
        Link(gpu, f"nvs{i // (2 * PAIRS) * CHIPS + k}", CABLE, SWITCHED_ALPHA, True)
        for (i, gpu), k in product(enumerate(gpus), range(CHIPS))
    ]
    links += [
        Link(f"nvs{k}", f"nvs{k + CHIPS}", 8 * CABLE, SWITCHED_ALPHA, True, 1) for k in range(CHIPS)
    ]
    if networked:
        links += [
            Link(gpu, f"pcie{i // 2}", PCIE_3, PCIE_ALPHA, True, 2) for i, gpu in enumerate(gpus)
        ]
    return Box(
        gpus,
        [
            *(Switch(f"nvs{k}", kind="NVSwitch") for k in range(chips)),
            *(Switch(f"pcie{k}", kind="PCIe") for k in range(pairs)),
        ],
        links,
        [(f"pcie{k}", k) for k in range(pairs)],
        [_turn_dgx_2(bits, pairs) for bits in (8, 4, 2, 1)],
        "GPU",
        DGX_2_CLASSES[: 2 + networked],
    )


def _turn_dgx_2(bits: int, pairs: int) -> tuple[IntArray, IntArray, IntArray]:
    """Exchange GPUs whose numbers differ in these bits, with their PCIe switches and boards."""
    gpus = 2 * BOARDS * PAIRS
    chip = shift(BOARDS * CHIPS, CHIPS * (bits == gpus // BOARDS))
    pair = flip(BOARDS * PAIRS, bits // 2)[:pairs]
    return flip(gpus, bits), np.concatenate([chip, BOARDS * CHIPS + pair]), pair


def ndv2(boxes: int = 1) -> Topology:
    """Build Azure's NDv2: the board of a DGX-1, and one adapter for all 8 GPUs of a box.

    Raises:
        TopologyError: boxes is below 1.
    """
    networked = boxes > 1
    gpus = [f"g{i}" for i in range(8)]
    cables = [(pair, 2) for pair in DGX_1_DOUBLE] + [(pair, 1) for pair in DGX_1_SINGLE]
    links = [Link(f"g{i}", f"g{j}", n * CABLE, NVLINK_ALPHA, True) for (i, j), n in cables]
    if networked:
        links += [Link(gpu, "host", PCIE_3, PCIE_ALPHA, True, 1) for gpu in gpus]
    box = Box(
        gpus,
        [Switch("host", kind="PCIe")] if networked else [],
        links,
        [("host", 0)] if networked else [],
        [(flip(8, bits), np.arange(networked), np.arange(networked)) for bits in (1, 4)],
        "GPU",
        (*DGX_1_CLASSES, PCIE)[: 1 + networked],
    )
    return pod(f"ndv2:boxes={boxes}", box, NDV2_NETWORK, boxes)
