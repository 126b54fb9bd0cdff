"""Products by name, with the parameters of each."""

from collections.abc import Callable, Mapping
from math import prod

from topologies.model.parameters import Parser
from topologies.model.topology import Topology
from topologies.presets import amd, aws, google, huawei, huawei_ub, nvidia, nvidia_v100
from topologies.presets.preset import DECIMAL, WHOLE, Preset, read_flag, read_sizes

PART: Mapping[str, Parser] = {"oversubscription": DECIMAL}


def _boxes(
    make: Callable[..., Topology],
    name: str,
    summary: str,
    links: int,
    more: Mapping[str, Parser] | None = None,
) -> Preset:
    """Describe a machine of equal boxes, each with at most `links` links."""
    word = name.partition(":")[2].partition("=")[0]
    return Preset(
        make,
        {word or "boxes": WHOLE, **(more or {})},
        name if word else f"{name}:boxes=2",
        summary,
        lambda given: links * given.get(word or "boxes", 1) * given.get("units", 1),
        required=False,
    )


def _pods(make: Callable[..., Topology], name: str, summary: str) -> Preset:
    """Describe boxes of eight on rails, in scalable units."""
    return _boxes(make, name, summary, 200, {"units": WHOLE, **PART})


def _slices(
    make: Callable[..., Topology], example: str, summary: str, twist: bool = True
) -> Preset:
    """Describe slices of a torus of chips."""
    return Preset(
        make,
        {"dims": read_sizes, **({"twisted": read_flag} if twist else {})},
        example,
        summary,
        lambda given: 6 * prod(given["dims"]),
    )


PRODUCTS: dict[str, Preset] = {
    "cloudmatrix384": Preset(
        huawei.cloudmatrix384,
        {"nodes": WHOLE, "supernodes": WHOLE},
        "cloudmatrix384:nodes=2",
        "Huawei CloudMatrix384, 16 Ascend 910C dies in each of 1 to 48 nodes; several over RoCE",
        lambda given: 500 * given.get("nodes", 48) * given.get("supernodes", 1),
        required=False,
    ),
    "atlas-a2": _boxes(huawei.atlas_a2, "atlas-a2", "Huawei Atlas A2, 8 Ascend 910B a box", 72),
    "atlas-800t-a2": _pods(
        huawei.atlas_800t_a2, "atlas-800t-a2", "Huawei Atlas 800T A2, the same with a spine"
    ),
    "ub-mesh": Preset(
        huawei_ub.ub_mesh,
        {"racks": read_sizes, "pods": WHOLE},
        "ub-mesh:racks=2x2",
        "Huawei UB-Mesh, 64 NPUs a rack, up to 4x4 racks a pod",
        lambda given: 1300 * prod(given.get("racks", (1,))) * given.get("pods", 1),
        required=False,
    ),
    "atlas-950": _boxes(
        huawei_ub.atlas_950, "atlas-950:boards=8", "Huawei Atlas 950, 8 Ascend 950DT a board", 184
    ),
    "dgx-1": Preset(
        nvidia.dgx_1, {}, "dgx-1", "NVIDIA DGX-1, 8 V100", lambda _: 64, required=False
    ),
    "ndv2": _boxes(nvidia_v100.ndv2, "ndv2", "Azure NDv2, a DGX-1 board with one adapter", 64),
    "dgx-2": _boxes(nvidia_v100.dgx_2, "dgx-2", "NVIDIA DGX-2, 16 V100 a box", 280, PART),
    "dgx-a100": _boxes(nvidia.dgx_a100, "dgx-a100", "NVIDIA DGX A100, 8 GPUs a box", 200),
    "dgx-h100": _pods(nvidia.dgx_h100, "dgx-h100", "NVIDIA DGX H100, 8 GPUs a box"),
    "dgx-b200": _pods(nvidia.dgx_b200, "dgx-b200", "NVIDIA DGX B200, 8 GPUs a box"),
    "nvl72": Preset(
        nvidia.nvl72,
        {"racks": WHOLE, **PART},
        "nvl72",
        "NVIDIA GB200 NVL72, 72 GPUs a rack",
        lambda given: 2800 * given.get("racks", 1),
        required=False,
        nameless=False,
    ),
    "mi250": _boxes(amd.mi250, "mi250", "AMD MI250 boxes, 16 dies each", 200),
    "mi300x": _pods(amd.mi300x, "mi300x", "AMD MI300X, 8 GPUs a box"),
    "mi355x": _pods(amd.mi355x, "mi355x", "AMD MI355X, 8 GPUs a box"),
    "tpu-v4": _slices(google.tpu_v4, "tpu-v4:4x4x4", "Google TPU v4, a slice of chips"),
    "tpu-v5e": _slices(google.tpu_v5e, "tpu-v5e:4x8", "Google TPU v5e, a slice of chips", False),
    "tpu-v5p": _slices(google.tpu_v5p, "tpu-v5p:4x4x4", "Google TPU v5p, a slice of chips"),
    "tpu-v6e": _slices(google.tpu_v6e, "tpu-v6e:4x8", "Google TPU v6e (Trillium), a slice", False),
    "tpu-v7": _slices(google.tpu_v7, "tpu-v7:4x4x4", "Google TPU v7 (Ironwood), a slice of chips"),
    "trn2": _boxes(aws.trn2, "trn2:instances=1", "AWS Trainium 2, 16 chips an instance", 96),
    "trn2-ultra": _boxes(
        aws.trn2_ultra, "trn2-ultra:servers=1", "AWS Trainium 2 UltraServer, 64 chips", 512
    ),
}
