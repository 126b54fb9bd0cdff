"""Networks of ASTRA-sim in YAML: dimensions of rings, full meshes and switches."""

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from math import prod
from typing import Any

from topologies.importers.draft import RANK, SWITCH, Cable, Draft, Vertex
from topologies.importers.texts.attributes import number
from topologies.importers.texts.yaml_text import items, parse, table
from topologies.model.messages import show_value

KEYS = ("topology", "npus_count", "bandwidth", "latency")
SHAPES = ("Ring", "FullyConnected", "Switch")
GIGA = 2**30  # ASTRA-sim's GB
MOST_NPUS, MOST_CABLES, MOST_DIMENSIONS = 100_000, 500_000, 16


def sniff(text: str) -> bool:
    """Tell whether a text has the keys at its left edge."""
    head = text[:20_000]
    return all(re.search(rf"^[\"']?{key}[\"']?\s*:", head, re.M) for key in KEYS[:3])


def read(text: str, name: str) -> Draft:
    """Read the dimensions; NPUs are numbered with the first dimension fastest.

    A latency is that of a link; a message through a switch meets two.

    Raises:
        ValueError: a dimension is wrong, or there are too many NPUs or links.
    """
    model = table(parse(text), "file")
    rows = {key: _list(model, key) for key in KEYS}
    count = len(rows["topology"])
    for key in KEYS[1:]:
        if len(rows[key]) != count:
            raise ValueError(f"{key}: {len(rows[key])} dimensions, but topology has {count}")
    shapes = [_shape(value, f"topology[{k}]") for k, value in enumerate(rows["topology"])]
    sizes = [_size(value, f"npus_count[{k}]") for k, value in enumerate(rows["npus_count"])]
    _expect_few(shapes, sizes)
    vertices = [Vertex(f"n{i}", RANK, "NPU") for i in range(prod(sizes))]
    cables: list[Cable] = []
    for k, shape in enumerate(shapes):
        rate = number(rows["bandwidth"][k], f"bandwidth[{k}]") * GIGA
        if not rate:
            raise ValueError(f"bandwidth[{k}]: 0, expected more")
        alpha = float(number(rows["latency"][k], f"latency[{k}]") / 10**9)
        for place, group in enumerate(_groups(sizes, k)):
            hub = f"dim{k}.s{place}"
            if shape == "Switch":
                vertices.append(Vertex(hub, SWITCH, "switch"))
            cables += _dimension(shape, group, hub, (k, rate, alpha))
    return Draft(name, tuple(vertices), tuple(cables))


def _expect_few(shapes: list[str], sizes: list[int]) -> None:
    """Refuse a machine that is too large before it is made.

    Raises:
        ValueError: it is.
    """
    if prod(sizes) > MOST_NPUS or not 1 <= len(sizes) <= MOST_DIMENSIONS:
        raise ValueError(f"npus_count: {prod(sizes):,} NPUs, at most {MOST_NPUS:,} are read")
    links = sum(prod(sizes) * _degree(s, n) for s, n in zip(shapes, sizes, strict=True))
    if links > MOST_CABLES:
        raise ValueError(f"npus_count: {links:,} links, at most {MOST_CABLES:,} are read")


def _list(model: dict[str, Any], key: str) -> list[Any]:
    """Read what each dimension says; a single value stands for one dimension."""
    value = model.get(key)
    if value is None:
        raise ValueError(f"the field {key!r} is missing")
    return items(value, key) if isinstance(value, list) else [value]


def _shape(value: object, place: str) -> str:
    if value not in SHAPES:
        raise ValueError(f"{place}: found {show_value(value)}, expected {', '.join(SHAPES)}")
    return str(value)


def _size(value: object, place: str) -> int:
    found = number(value, place)
    if found.denominator != 1 or not 1 <= found <= MOST_NPUS:
        raise ValueError(f"{place}: found {show_value(value)}, expected 1 to {MOST_NPUS:,}")
    return int(found)


def _degree(shape: str, size: int) -> int:
    """Bound the cables of an NPU in a dimension."""
    return size if shape == "FullyConnected" else 1


def _groups(sizes: list[int], dimension: int) -> Iterator[list[int]]:
    """List the NPUs that differ in one dimension alone."""
    stride = prod(sizes[:dimension])
    for i in range(prod(sizes)):
        if i // stride % sizes[dimension] == 0:
            yield [i + stride * k for k in range(sizes[dimension])]


def _dimension(
    shape: str, group: list[int], hub: str, figures: tuple[int, Fraction, float]
) -> list[Cable]:
    """Join the NPUs of a group."""
    k, rate, alpha = figures
    if shape == "Switch":
        pairs = [(f"n{i}", hub) for i in group]
    elif shape == "FullyConnected" or len(group) < 3:
        pairs = [(f"n{a}", f"n{b}") for a, b in combinations(group, 2)]
    else:
        ring = zip(group, [*group[1:], group[0]], strict=True)
        pairs = [(f"n{a}", f"n{b}") for a, b in ring]
    medium, source = f"link of dimension {k}", f"bandwidth[{k}], a GB being 2^30 bytes"
    return [Cable(src, dst, medium, rate, alpha, source=source) for src, dst in pairs]
