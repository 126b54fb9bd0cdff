"""The machines that have names, and their parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from topologies.model.parameters import Parser, decimal, expect_match, whole
from topologies.model.registry import Registry
from topologies.model.topology import Topology, TopologyError
from topologies.presets import amd, huawei, nvidia, random_machines, shapes


@dataclass(frozen=True, slots=True)
class Preset:
    """what it is, in a line.

    Attributes:
        make: the maker of the machine.
        parameters: the maker's arguments, with their parsers; the first may be written without its
            name, and must be given where `required`.
        example: how it is written, such as `ring:8`.
        links: bounds the links from the arguments that are given, before they are made.
    """

    make: Callable[..., Topology]
    parameters: Mapping[str, Parser]
    example: str
    summary: str
    links: Callable[[Mapping[str, Any]], int]
    required: bool = True


_whole = whole()
_decimal = decimal()
# Of machines that are drawn: each link is looked at by itself.
_few = whole(digits=2)
_seed = whole(least=0)


def _sizes(text: str) -> tuple[int, ...]:
    pattern = "[1-9][0-9]{0,11}(x[1-9][0-9]{0,11}){0,15}"
    expected = "sizes such as 4x4x4, at most 16 of at most 12 digits"
    return tuple(map(int, expect_match(pattern, text, expected).split("x")))


def _flag(text: str) -> bool:
    return expect_match("[01]", text, "0 or 1") == "1"


def _flags(text: str) -> tuple[bool, ...]:
    digits = expect_match("[01]{1,16}|[01](x[01]){1,15}", text, "a 0 or 1 for each dimension")
    return tuple(digit == "1" for digit in digits.replace("x", ""))


def _rate(text: str) -> Fraction:
    if not (rate := _decimal(text) * 10**9):
        raise ValueError("more than 0")
    return rate


def _rates(text: str) -> Fraction | tuple[Fraction, ...]:
    rates = tuple(map(_rate, text.split("x")))
    return rates if len(rates) > 1 else rates[0]


def _seconds(text: str) -> float:
    return float(_decimal(text) / 10**6)


LINK: dict[str, Parser] = {"bandwidth": _rate, "alpha": _seconds}


def _leaf_spine(sizes: tuple[int, ...], **figures: Any) -> Topology:  # noqa: ANN401
    """Make a leaf-spine network from its three sizes.

    Raises:
        TopologyError: there are not three.
    """
    if len(sizes) != 3:
        raise TopologyError([f"sizes: {len(sizes)}, expected leaves x spines x hosts of a leaf"])
    return shapes.leaf_spine(*sizes, **figures)


def _leaf_spine_links(given: Mapping[str, Any]) -> int:
    leaves, others = given["sizes"][0], given["sizes"][1:]
    return int(2 * leaves * sum(others))


def _boxes(make: Callable[..., Topology], name: str, summary: str, links: int) -> Preset:
    """Describe a machine of equal boxes, each with at most `links` links."""
    return Preset(
        make,
        {"boxes": _whole},
        f"{name}:boxes=2",
        summary,
        lambda given: links * given.get("boxes", 1),
        required=False,
    )


# What may be said of every machine: microseconds that each message costs its two ranks, and how
# many of its links a rank uses at once.
EVERYWHERE: Mapping[str, Parser] = {"overhead": _seconds, "ports": _whole}

PRESETS = Registry(
    "machine",
    Preset,
    "commplan.presets",
    {
        "ring": Preset(
            shapes.ring,
            {"n": _whole} | LINK,
            "ring:8",
            "ranks in a circle",
            lambda given: 2 * given["n"],
        ),
        "line": Preset(
            shapes.line,
            {"n": _whole} | LINK,
            "line:8",
            "ranks in a row",
            lambda given: 2 * given["n"],
        ),
        "full-mesh": Preset(
            shapes.full_mesh,
            {"n": _whole} | LINK,
            "full-mesh:8",
            "a link between any two ranks",
            lambda given: given["n"] ** 2,
        ),
        "star": Preset(
            shapes.star,
            {"n": _whole} | LINK | {"multicast": _flag, "reduce": _flag},
            "star:8",
            "ranks on one switch",
            lambda given: 2 * given["n"],
        ),
        "torus": Preset(
            shapes.torus,
            {"dims": _sizes, "wrap": _flags} | LINK,
            "torus:4x4x4",
            "a grid whose dimensions close to circles",
            lambda given: 2 * len(given["dims"]) * prod(given["dims"]),
        ),
        "mesh": Preset(
            shapes.mesh,
            {"dims": _sizes} | LINK,
            "mesh:4x4",
            "a grid with open borders",
            lambda given: 2 * len(given["dims"]) * prod(given["dims"]),
        ),
        "hypercube": Preset(
            shapes.hypercube,
            {"n": _whole} | LINK,
            "hypercube:4",
            "2^n ranks, each joined with n",
            lambda given: given["n"] << min(given["n"], 64),
        ),
        "nd-full-mesh": Preset(
            shapes.nd_full_mesh,
            {"dims": _sizes, "bandwidth": _rates, "alpha": _seconds},
            "nd-full-mesh:4x4",
            "a grid, each line of it a full mesh (HyperX, UB-Mesh)",
            lambda given: sum(given["dims"]) * prod(given["dims"]),
        ),
        "leaf-spine": Preset(
            _leaf_spine,
            {"sizes": _sizes, "oversubscription": _decimal} | LINK,
            "leaf-spine:4x4x4",
            "leaves x spines x hosts of each leaf",
            _leaf_spine_links,
        ),
        "cloudmatrix384": Preset(
            huawei.cloudmatrix384,
            {"nodes": _whole, "supernodes": _whole},
            "cloudmatrix384:nodes=2",
            "Huawei CloudMatrix384, 16 Ascend 910C dies in each of 1 to 48 nodes; "
            "several over RoCE",
            lambda given: 500 * given.get("nodes", 48) * given.get("supernodes", 1),
            required=False,
        ),
        "atlas-a2": _boxes(huawei.atlas_a2, "atlas-a2", "Huawei Atlas A2, 8 Ascend 910B a box", 72),
        "dgx-1": Preset(
            nvidia.dgx_1, {}, "dgx-1", "NVIDIA DGX-1, 8 V100", lambda _: 64, required=False
        ),
        "dgx-a100": _boxes(nvidia.dgx_a100, "dgx-a100", "NVIDIA DGX A100, 8 GPUs a box", 200),
        "dgx-h100": _boxes(nvidia.dgx_h100, "dgx-h100", "NVIDIA DGX H100, 8 GPUs a box", 200),
        "nvl72": Preset(
            nvidia.nvl72, {}, "nvl72", "NVIDIA GB200 NVL72", lambda _: 2592, required=False
        ),
        "mi300x": Preset(amd.mi300x, {}, "mi300x", "8 AMD MI300X", lambda _: 56, required=False),
        "mi250": _boxes(amd.mi250, "mi250", "AMD MI250 boxes, 16 dies each", 200),
        "random": Preset(
            random_machines.named_random_machine,
            {"ranks": _few, "switches": whole(least=0, digits=2), "seed": _seed, "flags": _flag},
            "random:6:switches=2:seed=1",
            "links drawn at random, for tests",
            lambda given: 2 * (given["ranks"] + given.get("switches", 0)) ** 2 + 10**4,
        ),
        "wild": Preset(
            random_machines.named_wild_machine,
            {"ranks": _few, "seed": _seed},
            "wild:8:seed=1",
            "the same with figures far apart, of so many ranks at most",
            lambda given: 4 * given["ranks"] ** 2 + 10**4,
        ),
        "irregular": Preset(
            random_machines.irregular_machine,
            {"seed": _seed},
            "irregular:seed=1",
            "6 to 16 unlike hosts on one to four switches, some joined directly",
            lambda _: 60,
        ),
    },
    unknown_error=lambda fault: TopologyError([fault]),
)
