"""NVIDIA: DGX-1, DGX A100, DGX H100, DGX B200, GB200 NVL72."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import numpy as np

from topologies.model.topology import IntArray, Link, LinkClass, Switch, Topology, build
from topologies.presets.fabrics.pods import Box, Network, pod, shift
from topologies.presets.figures import (
    GIGA,
    NIC_ALPHA,
    NVLINK,
    NVLINK_ALPHA,
    SPINE_ALPHA,
    SWITCHED_ALPHA,
    expect_boxes,
)
from topologies.symmetry.rotations import Grid, drop_identities, turn

# NCCL counts 0.6 us for an NVLink hop and 2.7 for a network hop (ring, LL); both are split here
# over the links of the hop, which makes them estimates.
NCCL = "NCCL src/graph/tuning.cc (5067397)"
NVLINK_LATENCY = f"latency: {NCCL}, 0.6 us a hop (estimate)"
SHARP = "its switches copy and add: NVLink SHARP, NVLS in NCCL ({})"
NIC_LATENCY = f"latency: {NCCL}, 2.7 us a network hop (estimate)"

FITTED = "commplan fit to {} on 2, 4 and 8 GPUs, 252 rows of ai-dynamo/aiconfigurator"

GPUS = 8

DGX_1_CLASSES = (
    LinkClass(
        "NVLink 2",
        layer=1,
        source=f"GPU topology in NVIDIA/nccl issue 671; 25 GB/s a link; {NVLINK_LATENCY}",
        evidence="documented",
    ),
)
# In the numbering of nvidia-smi.
DGX_1_DOUBLE = ((0, 3), (0, 4), (1, 2), (1, 5), (2, 3), (4, 7), (5, 6), (6, 7))
DGX_1_SINGLE = ((0, 1), (0, 2), (1, 3), (2, 6), (3, 7), (4, 5), (4, 6), (5, 7))


def dgx_1() -> Topology:
    """Build the hybrid cube mesh of 8 V100, 6 NVLinks each; Azure's NDv2 has the same board.

    The symmetry declared, adding 1 and 4 to the number bit by bit, is the whole automorphism
    group and fixes no GPU.
    """
    cables = [(pair, 2) for pair in DGX_1_DOUBLE] + [(pair, 1) for pair in DGX_1_SINGLE]
    return build(
        "dgx-1",
        [f"g{i}" for i in range(GPUS)],
        [],
        [
            Link(f"g{i}", f"g{j}", Fraction(count * NVLINK[2] * GIGA), NVLINK_ALPHA, duplex=True)
            for (i, j), count in cables
        ],
        kinds=["GPU"] * GPUS,
        classes=DGX_1_CLASSES,
        symmetry=drop_identities(turn(Grid((2, 2, 2), (2,))), turn(Grid((2, 2, 2), (0,)))),
    )


A100_CLASSES = (
    LinkClass(
        "NVLink 3",
        layer=1,
        source="12 links of 25 GB/s a GPU, 2 to each of 6 NVSwitches (DGX A100 data sheet), "
        f"drawn as one switch; {NVLINK_LATENCY}",
        evidence="documented",
        efficiency=Fraction(771, 1000),
        efficiency_source=FITTED.format("NCCL 2.27.3"),
    ),
    LinkClass(
        "HDR InfiniBand",
        layer=2,
        source="8 adapters of 200 Gbit/s a box (DGX A100 data sheet), all on one switch as in "
        f"ForestColl, arXiv:2402.06787; {NIC_LATENCY}",
        evidence="documented",
        efficiency=Fraction(235, 250),
        efficiency_source="23.5 GB/s for ConnectX-6 (SimAI, gen_Topo_Template.py)",
    ),
)


def dgx_a100(boxes: int = 1) -> Topology:
    """Build boxes of 8 A100 around one NVSwitch hub, each GPU with its adapter on one IB switch.

    Raises:
        TopologyError: boxes is below 1.
    """
    expect_boxes(boxes)
    fabric = ["ib"] if boxes > 1 else []
    links = [
        Link(
            f"b{b}.g{i}", f"b{b}.nvs", Fraction(12 * NVLINK[3] * GIGA), SWITCHED_ALPHA, duplex=True
        )
        for b, i in product(range(boxes), range(GPUS))
    ] + [
        Link(f"b{b}.g{i}", ib, Fraction(25 * GIGA), NIC_ALPHA, duplex=True, link_class=1)
        for b, i, ib in product(range(boxes), range(GPUS), fabric)
    ]
    return build(
        f"dgx-a100:boxes={boxes}",
        _gpus(boxes),
        [
            *(Switch(f"b{b}.nvs", kind="NVSwitch") for b in range(boxes)),
            *(Switch(ib, kind="IB") for ib in fabric),
        ],
        links,
        kinds=["GPU"] * (boxes * GPUS),
        classes=A100_CLASSES if fabric else A100_CLASSES[:1],
        symmetry=_box_turns(boxes, len(fabric)),
    )


H100_CLASSES = (
    LinkClass(
        "NVLink 4",
        layer=1,
        source="18 links of 25 GB/s a GPU (H100 data sheet), 5 4 4 5 to the four NVSwitches "
        "(board photographs, read in notes); "
        f"{SHARP.format('src/graph/tuning.cc, 5067397; NVIDIA/nccl-tests issue 212')}; "
        f"{NVLINK_LATENCY}",
        evidence="secondary",
        efficiency=Fraction(832, 1000),
        efficiency_source=FITTED.format("NCCL 2.29.2"),
    ),
    LinkClass(
        "NDR InfiniBand",
        layer=2,
        source="8 adapters of 400 Gbit/s a box, one leaf for each rail "
        f"(DGX SuperPOD H100 reference architecture); {NIC_LATENCY}",
        evidence="documented",
        efficiency=Fraction(485, 500),
        efficiency_source="48.5 GB/s for ConnectX-7 (SimAI, gen_Topo_Template.py)",
    ),
    LinkClass(
        "leaf-spine",
        layer=2,
        source="as many uplinks as downlinks (DGX SuperPOD H100 reference architecture), all "
        "spines drawn as one switch; latency: 0.3 us (estimate)",
        evidence="documented",
    ),
)
H100_LINKS = (5, 4, 4, 5)


H100_NETWORK = Network(
    Fraction(50 * GIGA), NIC_ALPHA, SPINE_ALPHA, H100_CLASSES[1], H100_CLASSES[2]
)
B200_CLASS = LinkClass(
    "NVLink 5",
    layer=1,
    source="18 links of 50 GB/s a GPU (DGX B200 data sheet: 14.4 TB/s for 8 both ways together), 9 "
    "to each of two NVSwitches (chips counted on a board shown in 2024, halves derived); "
    f"{SHARP.format('ml-engineering: 838 GB/s busbw with it, 682 over rings')}; {NVLINK_LATENCY}",
    evidence="secondary",
    efficiency=Fraction(802, 1000),
    efficiency_source=FITTED.format("NCCL 2.29.2"),
)
NDR_CLASSES = (
    LinkClass(
        "NDR network",
        layer=2,
        source="one adapter of 400 Gbit/s a GPU, a leaf for each rail (NVIDIA enterprise "
        f"reference architectures); {NIC_LATENCY}",
        evidence="documented",
        efficiency=Fraction(485, 500),
        efficiency_source="48.5 GB/s for ConnectX-7 (SimAI, gen_Topo_Template.py)",
    ),
    LinkClass(
        "leaf-spine",
        layer=2,
        source="a fat tree that does not block unless an oversubscription is given (NVIDIA "
        "enterprise reference architectures), spines drawn as one switch; latency: 0.3 us "
        "(estimate)",
        evidence="documented",
    ),
)
NDR = Network(Fraction(50 * GIGA), NIC_ALPHA, SPINE_ALPHA, *NDR_CLASSES)


def dgx_h100(boxes: int = 1, units: int = 1, oversubscription: Fraction | int = 1) -> Topology:
    """Build boxes of 8 H100 around 4 NVSwitches that copy and add, with rails between boxes.

    The InfiniBand switches neither copy nor add here.

    Args:
        boxes: of each scalable unit, which has leaves of its own.
        units: joined by a spine.
        oversubscription: downlinks of a leaf over its uplinks; 0 leaves out the spine.

    Raises:
        TopologyError: boxes or units below 1, or several units without a spine.
    """
    box = _hgx([NVLINK[4] * cables for cables in H100_LINKS], H100_CLASSES[:1])
    return pod(f"dgx-h100:boxes={boxes}", box, H100_NETWORK, boxes, units, oversubscription)


def dgx_b200(boxes: int = 1, units: int = 1, oversubscription: Fraction | int = 1) -> Topology:
    """Build boxes of 8 B200 around 2 NVSwitches that copy and add, with rails between boxes.

    Args:
        boxes: of each scalable unit, which has leaves of its own.
        units: joined by a spine.
        oversubscription: downlinks of a leaf over its uplinks; 0 leaves out the spine.

    Raises:
        TopologyError: boxes or units below 1, or several units without a spine.
    """
    box = _hgx([9 * NVLINK[5]] * 2, (B200_CLASS,))
    return pod(f"dgx-b200:boxes={boxes}", box, NDR, boxes, units, oversubscription)


def _hgx(rates: Sequence[int], classes: tuple[LinkClass, ...]) -> Box:
    """Make a board of 8 GPUs, joined with each NVSwitch at so many GB/s, and an adapter each."""
    gpus = [f"g{i}" for i in range(GPUS)]
    return Box(
        gpus,
        [Switch(f"nvs{k}", True, True, "NVSwitch") for k in range(len(rates))],
        [
            Link(gpu, f"nvs{k}", Fraction(rate * GIGA), SWITCHED_ALPHA, True)
            for gpu, (k, rate) in product(gpus, enumerate(rates))
        ],
        list(zip(gpus, range(GPUS), strict=True)),
        [(shift(GPUS), np.arange(len(rates)), shift(GPUS))],
        "GPU",
        classes,
    )


NVL72_CLASSES = (
    LinkClass(
        "NVLink 5",
        layer=1,
        source="18 links of 50 GB/s a GPU, one to each of 18 NVSwitch chips (GB200 NVL72 data "
        f"sheet); {SHARP.format('GTC 2025: 850 GB/s busbw with it, 680 without')}; "
        f"{NVLINK_LATENCY}",
        evidence="documented",
        efficiency=Fraction(680, 900),
        efficiency_source="all_reduce without SHARP: busbw 680 GB/s (GTC 2025)",
    ),
)


TRAY = 4  # GPUs that share a tray, with a rail for each


def nvl72(racks: int = 1, oversubscription: Fraction | int = 1) -> Topology:
    """Build GB200 NVL72: 72 GPUs, each with one link to each of 18 switches that copy and add.

    Racks are joined by four rails, one for each place in a tray.

    Args:
        racks: of 72 GPUs.
        oversubscription: downlinks of a rail over its uplinks; 0 leaves out the spine.

    Raises:
        TopologyError: racks is below 1.
    """
    trays, chips = np.arange(72).reshape(18, TRAY), [f"nvs{k}" for k in range(18)]
    gpus = [f"t{i // TRAY}.g{i % TRAY}" if racks > 1 else f"g{i}" for i in range(trays.size)]
    still = np.arange(len(chips))
    rack = Box(
        gpus,
        [Switch(chip, multicast=True, reduce=True, kind="NVSwitch") for chip in chips],
        [
            Link(gpu, chip, Fraction(NVLINK[5] * GIGA), SWITCHED_ALPHA, duplex=True)
            for gpu, chip in product(gpus, chips)
        ],
        [(gpu, i % TRAY) for i, gpu in enumerate(gpus)],
        [
            (np.roll(trays, -1, 0).reshape(-1), still, np.arange(TRAY)),
            (np.roll(trays, -1, 1).reshape(-1), still, shift(TRAY)),
        ],
        "GPU",
        NVL72_CLASSES,
    )
    if racks > 1:
        return pod(f"nvl72:racks={racks}", rack, NDR, racks, 1, oversubscription)
    expect_boxes(racks, "racks")
    return build(
        "nvl72",
        gpus,
        rack.switches,
        rack.links,
        kinds=[rack.kind] * len(gpus),
        classes=rack.classes,
        symmetry=drop_identities(turn(Grid((len(gpus),), (0,)), Grid((len(chips),)))),
    )


def _gpus(boxes: int) -> Sequence[str]:
    return [f"b{b}.g{i}" for b, i in product(range(boxes), range(GPUS))]


def _box_turns(boxes: int, spines: int) -> IntArray:
    """Turn the boxes, and the GPUs in all boxes at once."""
    return drop_identities(
        turn(Grid((boxes, GPUS), (0,)), Grid((boxes,), (0,)), Grid((spines,))),
        turn(Grid((boxes, GPUS), (1,)), Grid((boxes,)), Grid((spines,))),
    )
