"""Google: slices of TPU v4, v5e, v5p, v6e and v7 (Ironwood), and which of their axes close.

Chips are joined with their neighbours by ICI links; the optical switches between cubes of 64 chips
only choose which cubes meet, so they are no vertices here. Nothing copies or adds but chips. Of v4,
v5p and v7 all axes of a slice close to circles where each is a multiple of 4, else none does; of
v5e and v6e an axis closes where it has all 16 chips. Slices of k x k x 2k and k x 2k x 2k chips
may be twisted: what leaves a short axis arrives half of each long axis farther on (Camara et al.,
Twisted torus topologies for enhanced interconnection networks, TPDS 2010; TPU v4, ISCA 2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np

from topologies.model.topology import (
    IntArray,
    Link,
    LinkClass,
    Topology,
    TopologyError,
    build,
    integers,
)
from topologies.presets import shapes
from topologies.presets.figures import GIGA
from topologies.symmetry.rotations import drop_identities

ALPHA = 1e-6
LATENCY = (
    "latency: about 1 us a hop (How to scale your model, jax-ml/scaling-book 0819a7d; estimate)"
)
ISCA = "TPU v4, arXiv:2304.01433"
TIMES_TWO = "GB/s both ways together a chip (Cloud TPU documentation)"


@dataclass(frozen=True, slots=True)
class Generation:
    """What tells the generations apart.

    Attributes:
        name: of the preset.
        largest: the pod; a slice fits into it, or has no more chips where optical switches choose.
        cubes: whether optical switches join cubes of 4 x 4 x 4 chips.
        rate: of a link either way, in GB/s.
        source: of the rate.
        evidence: for the rate.
    """

    name: str
    largest: tuple[int, ...]
    cubes: bool
    rate: int
    source: str
    evidence: str


V4 = Generation(
    "tpu-v4",
    (16, 16, 16),
    True,
    50,
    f"6 links of 50 GB/s a chip ({ISCA}), 45 by others",
    "documented",
)
V5E = Generation(
    "tpu-v5e", (16, 16), False, 50, f"400 {TIMES_TWO}, over 4 links and halved", "derived"
)
V5P = Generation(
    "tpu-v5p", (16, 20, 28), True, 100, f"1200 {TIMES_TWO}, over 6 links and halved", "derived"
)
V6E = Generation(
    "tpu-v6e", (16, 16), False, 100, f"800 {TIMES_TWO}, over 4 links and halved", "derived"
)
V7 = Generation(
    "tpu-v7", (16, 24, 24), True, 100, f"1200 {TIMES_TWO}, over 6 links and halved", "derived"
)


def tpu_v4(dims: Sequence[int], twisted: bool = False) -> Topology:
    """Build a slice of TPU v4; a rank is a chip."""
    return tpu_slice(V4, tuple(dims), twisted)


def tpu_v5e(dims: Sequence[int]) -> Topology:
    """Build a slice of TPU v5e; a rank is a chip."""
    return tpu_slice(V5E, tuple(dims))


def tpu_v5p(dims: Sequence[int], twisted: bool = False) -> Topology:
    """Build a slice of TPU v5p; a rank is a chip."""
    return tpu_slice(V5P, tuple(dims), twisted)


def tpu_v6e(dims: Sequence[int]) -> Topology:
    """Build a slice of TPU v6e (Trillium); a rank is a chip."""
    return tpu_slice(V6E, tuple(dims))


def tpu_v7(dims: Sequence[int], twisted: bool = False) -> Topology:
    """Build a slice of TPU v7 (Ironwood); a rank is a chip, which programs see as two devices."""
    return tpu_slice(V7, tuple(dims), twisted)


def tpu_slice(kind: Generation, dims: tuple[int, ...], twisted: bool = False) -> Topology:
    """Build a slice of so many chips along each axis.

    Raises:
        TopologyError: another number of axes, more chips than a pod has, or a twist that the
            shape does not take.
    """
    _expect_slice(kind, dims)
    wrap = [n % 4 == 0 for n in dims] if kind.cubes else [n == 16 for n in dims]
    closed = [all(wrap)] * len(dims) if kind.cubes else wrap
    rate = Fraction(kind.rate * GIGA)
    if twisted:
        made = _twisted(dims, rate)
    else:
        made = shapes.torus(dims, closed, bandwidth=rate, alpha=ALPHA)
    name = f"{kind.name}:{'x'.join(map(str, dims))}" + ":twisted=1" * twisted
    source = f"{kind.source}; {LATENCY}"
    classes = [LinkClass(f"ICI {axis}", 1, source, kind.evidence) for axis in "xyz"[: len(dims)]]
    return shapes.rename(made, name, "chip", classes)


def _expect_slice(kind: Generation, dims: tuple[int, ...]) -> None:
    faults = []
    largest = "x".join(map(str, kind.largest))
    if len(dims) != len(kind.largest):
        faults.append(f"dims: {len(dims)} axes, expected {len(kind.largest)}, as in {largest}")
    elif kind.cubes and prod(dims) > prod(kind.largest):
        faults.append(f"dims: {prod(dims):,} chips, a pod has {prod(kind.largest):,}")
    elif not kind.cubes and any(n > most for n, most in zip(dims, kind.largest, strict=True)):
        faults.append(f"dims: {'x'.join(map(str, dims))}, a pod has {largest}")
    if faults:
        raise TopologyError(faults)


def _twisted(dims: tuple[int, ...], rate: Fraction) -> Topology:
    """Close each axis to circles; what leaves a short one is moved along the long ones.

    The moves by one chip along an axis generate an abelian group, in which each move of a chip to
    another happens once.

    Raises:
        TopologyError: the shape is not k x k x 2k or k x 2k x 2k in some order, with multiples
            of 4.
    """
    short, long = min(dims), max(dims)
    if long != 2 * short or set(dims) != {short, long} or short % 4:
        found = "x".join(map(str, dims))
        expected = "k x k x 2k or k x 2k x 2k chips with k a multiple of 4"
        raise TopologyError([f"twisted: {found} chips, expected {expected}"])
    number = np.arange(prod(dims)).reshape(dims)
    names = ["r" + ".".join(map(str, place)) for place in product(*map(range, dims))]
    moves = [_move(number, axis, short, dims).reshape(-1) for axis in range(len(dims))]
    links = [
        Link(names[chip], names[move[chip]], rate, ALPHA, True, axis)
        for axis, move in enumerate(moves)
        for chip in range(len(names))
    ]
    classes = [LinkClass(f"dimension {axis}") for axis in range(len(dims))]
    return build("twisted", names, [], links, classes=classes, symmetry=drop_identities(*moves))


def _move(number: IntArray, axis: int, short: int, dims: tuple[int, ...]) -> IntArray:
    """Find the next chip along an axis, for each chip."""
    moved = np.roll(number, -1, axis)
    if dims[axis] == short:
        last = tuple(slice(-1, None) if k == axis else slice(None) for k in range(len(dims)))
        long = [k for k, n in enumerate(dims) if n != short]
        moved[last] = np.roll(moved[last], [-short] * len(long), long)
    return integers(moved.reshape(-1)).reshape(dims)
