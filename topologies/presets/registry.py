"""The machines that have names, and their parameters."""

from collections.abc import Mapping
from math import prod
from typing import Any

from topologies.model.parameters import whole
from topologies.model.registry import Registry
from topologies.model.topology import Topology, TopologyError
from topologies.presets import random_machines, shapes
from topologies.presets.fabrics import networks
from topologies.presets.preset import (
    DECIMAL,
    LINK,
    WHOLE,
    Preset,
    read_flag,
    read_flags,
    read_rate,
    read_rates,
    read_seconds,
    read_sizes,
)
from topologies.presets.products import PRODUCTS

# Of machines that are drawn: each link is looked at by itself.
_few = whole(least=2, digits=2)
_seed = whole(least=0)


def _expect_sizes(sizes: tuple[int, ...], count: int, expected: str) -> None:
    if len(sizes) != count:
        raise TopologyError([f"sizes: {len(sizes)}, expected {expected}"])


def _leaf_spine(sizes: tuple[int, ...], **figures: Any) -> Topology:  # noqa: ANN401
    """Make a leaf-spine network from its three sizes.

    Raises:
        TopologyError: there are not three.
    """
    _expect_sizes(sizes, 3, "leaves x spines x hosts of a leaf")
    return shapes.leaf_spine(*sizes, **figures)


def _leaf_spine_links(given: Mapping[str, Any]) -> int:
    leaves, others = given["sizes"][0], given["sizes"][1:]
    return int(2 * leaves * sum(others))


def _rails(sizes: tuple[int, ...], **figures: Any) -> Topology:  # noqa: ANN401
    """Make boxes on rails from two sizes.

    Raises:
        TopologyError: there are not two.
    """
    _expect_sizes(sizes, 2, "boxes x ranks of a box")
    return networks.rails(*sizes, **figures)


def _dragonfly(sizes: tuple[int, ...], **figures: Any) -> Topology:  # noqa: ANN401
    """Make a dragonfly from its three sizes.

    Raises:
        TopologyError: there are not three.
    """
    _expect_sizes(sizes, 3, "hosts of a router x routers of a group x cables of a router")
    return networks.dragonfly(*sizes, **figures)


def _dragonfly_links(given: Mapping[str, Any]) -> int:
    hosts, routers, cables = (*given["sizes"], 1, 1)[:3]
    groups = given.get("groups", routers * cables + 1)
    return int(groups * (2 * routers * hosts + routers**2 + groups))


PRESETS = Registry(
    "machine",
    Preset,
    "commplan.presets",
    {
        "ring": Preset(
            shapes.ring,
            {"n": WHOLE} | LINK,
            "ring:8",
            "ranks in a circle",
            lambda given: 2 * given["n"],
        ),
        "line": Preset(
            shapes.line,
            {"n": WHOLE} | LINK,
            "line:8",
            "ranks in a row",
            lambda given: 2 * given["n"],
        ),
        "full-mesh": Preset(
            shapes.full_mesh,
            {"n": WHOLE} | LINK,
            "full-mesh:8",
            "a link between any two ranks",
            lambda given: given["n"] ** 2,
        ),
        "star": Preset(
            shapes.star,
            {"n": WHOLE} | LINK | {"multicast": read_flag, "reduce": read_flag},
            "star:8",
            "ranks on one switch",
            lambda given: 2 * given["n"],
        ),
        "torus": Preset(
            shapes.torus,
            {"dims": read_sizes, "wrap": read_flags} | LINK,
            "torus:4x4x4",
            "a grid whose dimensions close to circles",
            lambda given: 2 * len(given["dims"]) * prod(given["dims"]),
        ),
        "mesh": Preset(
            shapes.mesh,
            {"dims": read_sizes} | LINK,
            "mesh:4x4",
            "a grid with open borders",
            lambda given: 2 * len(given["dims"]) * prod(given["dims"]),
        ),
        "hypercube": Preset(
            shapes.hypercube,
            {"n": WHOLE} | LINK,
            "hypercube:4",
            "2^n ranks, each joined with n",
            lambda given: given["n"] << min(given["n"], 64),
        ),
        "nd-full-mesh": Preset(
            shapes.nd_full_mesh,
            {"dims": read_sizes, "bandwidth": read_rates, "alpha": read_seconds},
            "nd-full-mesh:4x4",
            "a grid, each line of it a full mesh (HyperX, UB-Mesh)",
            lambda given: sum(given["dims"]) * prod(given["dims"]),
        ),
        "leaf-spine": Preset(
            _leaf_spine,
            {"sizes": read_sizes, "oversubscription": DECIMAL} | LINK,
            "leaf-spine:4x4x4",
            "leaves x spines x hosts of each leaf",
            _leaf_spine_links,
        ),
        "fat-tree": Preset(
            networks.fat_tree,
            {"k": WHOLE} | LINK,
            "fat-tree:4",
            "hosts on three tiers of switches with k ports (Al-Fares)",
            lambda given: 3 * given["k"] ** 3 // 2,
        ),
        "rails": Preset(
            _rails,
            {"sizes": read_sizes, "units": WHOLE, "oversubscription": DECIMAL, "inside": read_rate}
            | LINK,
            "rails:4x8",
            "boxes x ranks of each, leaf-spine with a leaf for each place in a box",
            lambda given: 5 * prod(given["sizes"]) * given.get("units", 1),
        ),
        "dragonfly": Preset(
            _dragonfly,
            {"sizes": read_sizes, "groups": WHOLE} | LINK,
            "dragonfly:2x4x2",
            "hosts of a router x routers of a group x cables of a router to other groups",
            _dragonfly_links,
        ),
        **PRODUCTS,
        "random": Preset(
            random_machines.named_random_machine,
            {
                "ranks": _few,
                "switches": whole(least=0, digits=2),
                "seed": _seed,
                "flags": read_flag,
            },
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
            {"seed": _seed, "hosts": whole(least=2, digits=2)},
            "irregular:seed=1",
            "6 to 16 unlike hosts on one to four switches, some joined directly",
            lambda given: 4 * given.get("hosts", 16),
        ),
    },
    unknown_error=lambda fault: TopologyError([fault]),
)
