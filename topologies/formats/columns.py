"""A topology as plain columns, compact enough to travel inside another file."""

from dataclasses import replace
from fractions import Fraction
from typing import Annotated

import msgspec
import numpy as np

from topologies.model.messages import show_value
from topologies.model.names import TEXT_LIMIT, name_faults, text_faults
from topologies.model.topology import (
    CAPACITY_LIMIT,
    SECONDS_LIMIT,
    BoolArray,
    FloatArray,
    IntArray,
    LinkClass,
    Topology,
    TopologyError,
    digest,
    frozen,
    integers,
    text_places,
)

DIGIT_LIMIT = 4000
# Products and quotients of three such numbers and a sum of capacities are still floats.
RATIONAL_LIMIT = 10**90
Rational = Annotated[
    str, msgspec.Meta(pattern=rf"^[0-9]{{1,{DIGIT_LIMIT}}}(/[0-9]{{1,{DIGIT_LIMIT}}})?$")
]
Text = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT)]


class Columns(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The topology's columns; what is rare is listed, what repeats is numbered.

    kind numbers kinds by vertex; multicast and reduce list vertices; figure numbers figures,
    (capacity, alpha, link class), by link. overhead, mate and plane are empty where they say
    nothing.

    Attributes:
        efficiency: (link class, part, source) of those that state one.
    """

    name: Text
    names: list[Text]
    ranks: int
    kinds: list[Text]
    kind: list[int]
    multicast: list[int]
    reduce: list[int]
    overhead: list[float]
    unit: Rational
    figures: list[tuple[int, float, int]]
    classes: list[tuple[Text, int, Text, Text]]
    src: list[int]
    dst: list[int]
    figure: list[int]
    mate: list[int]
    plane: list[int]
    symmetry: list[list[int]]
    digest: str
    efficiency: list[tuple[int, Rational, Text]] = []


def pack(topology: Topology) -> Columns:
    """Lay a topology out in columns."""
    kinds = list(dict.fromkeys(topology.kinds))
    stacked = np.stack([topology.capacity, topology.alpha.view(np.int64), topology.link_class])
    figures, figure = np.unique(stacked, axis=1, return_inverse=True)
    alphas = np.ascontiguousarray(figures[1]).view(np.float64)
    return Columns(
        name=topology.name,
        names=list(topology.names),
        ranks=topology.ranks,
        kinds=kinds,
        kind=[kinds.index(kind) for kind in topology.kinds],
        multicast=np.flatnonzero(topology.multicast).tolist(),
        reduce=np.flatnonzero(topology.reduce).tolist(),
        overhead=topology.overhead.tolist() if topology.overhead.any() else [],
        unit=str(topology.unit),
        figures=list(zip(figures[0].tolist(), alphas.tolist(), figures[2].tolist(), strict=True)),
        classes=[(c.name, c.layer, c.source, c.evidence) for c in topology.classes],
        src=topology.src.tolist(),
        dst=topology.dst.tolist(),
        figure=figure.reshape(-1).tolist(),
        mate=topology.mate.tolist() if (topology.mate >= 0).any() else [],
        plane=topology.plane.tolist() if (topology.plane >= 0).any() else [],
        symmetry=topology.symmetry.tolist(),
        digest=digest(topology),
        efficiency=[
            (i, str(c.efficiency), c.efficiency_source)
            for i, c in enumerate(topology.classes)
            if c.efficiency != 1 or c.efficiency_source
        ],
    )


def unpack(columns: Columns) -> Topology:
    """Make the topology again, trusting nothing.

    Whether a declared symmetry is an automorphism is not checked.

    Raises:
        TopologyError: a column does not fit the others, or the digest does not fit the columns.
    """
    vertices, links = len(columns.names), len(columns.src)
    _check_words(columns)
    figures = np.array([(c, k) for c, _, k in columns.figures], dtype=object).reshape(-1, 2)
    capacity = column("figures.capacity", figures[:, 0].tolist(), 1, CAPACITY_LIMIT)
    link_class = column("figures.class", figures[:, 1].tolist(), 0, len(columns.classes))
    figure = column("figure", columns.figure, 0, len(figures), links)
    kind = column("kind", columns.kind, 0, len(columns.kinds), vertices)
    alpha = np.array([a for _, a, _ in columns.figures], dtype=np.float64)
    overhead = np.array(columns.overhead or [0.0] * columns.ranks, dtype=np.float64)
    _check_times(alpha, overhead, columns.ranks)
    topology = Topology(
        name=columns.name,
        names=tuple(columns.names),
        ranks=columns.ranks,
        kinds=tuple(columns.kinds[i] for i in kind),
        multicast=_mark("multicast", columns.multicast, columns.ranks, vertices),
        reduce=_mark("reduce", columns.reduce, columns.ranks, vertices),
        overhead=frozen(overhead),
        src=column("src", columns.src, 0, vertices, links),
        dst=column("dst", columns.dst, 0, vertices, links),
        capacity=frozen(capacity[figure]),
        unit=rational("unit", columns.unit),
        alpha=frozen(alpha[figure]),
        mate=column("mate", columns.mate or [-1] * links, -1, links, links),
        link_class=frozen(link_class[figure]),
        plane=column("plane", columns.plane or [-1] * links, -1, 2**31, links),
        classes=_classes(columns),
        symmetry=permutations("symmetry", columns.symmetry, columns.ranks, vertices),
    )
    _check_figures(topology)
    if digest(topology) != columns.digest:
        raise TopologyError(["digest: found another one than that of the machine written here"])
    return topology


def rational(place: str, text: str, zero: bool = False) -> Fraction:
    """Read a fraction that a float can stand for, from text that matches `Rational`.

    Raises:
        TopologyError: it divides by zero, is zero unless that is allowed, or is too large.
    """
    try:
        number = Fraction(text)
    except ZeroDivisionError:
        number = Fraction(-1)
    if Fraction(1, RATIONAL_LIMIT) <= number <= RATIONAL_LIMIT or (zero and number == 0):
        return number
    expected = "expected a positive fraction, neither tiny nor huge"
    raise TopologyError([f"{place}: found {show_value(text)}, {expected}"])


def column(
    place: str, values: list[int], least: int, end: int, length: int | None = None
) -> IntArray:
    """Make a column of integers from `least` up to, but without, `end`.

    Raises:
        TopologyError: another length, or a number outside the range.
    """
    if length is not None and len(values) != length:
        raise TopologyError([f"{place}: {len(values):,} entries, expected {length:,}"])
    try:
        made = integers(values)
        wrong = np.flatnonzero((made < least) | (made >= end))
    except OverflowError:
        wrong = np.array([i for i, v in enumerate(values) if not -(2**63) <= v < 2**63])
    if len(wrong):
        found = show_value(values[wrong[0]])
        raise TopologyError([f"{place}[{wrong[0]}]: found {found}, expected {least} to {end - 1}"])
    return made


def permutations(place: str, rows: list[list[int]], ranks: int, vertices: int) -> IntArray:
    """Make a table of permutations of the vertices that send ranks to ranks.

    Raises:
        TopologyError: a row is none.
    """
    for i, row in enumerate(rows):
        image = column(f"{place}[{i}]", row, 0, vertices, vertices)
        if (np.bincount(image, minlength=vertices) != 1).any():
            raise TopologyError([f"{place}[{i}]: not a permutation of the {vertices} vertices"])
        if (image[:ranks] >= ranks).any():
            raise TopologyError([f"{place}[{i}]: a rank goes to a switch"])
    return frozen(np.array(rows, dtype=np.int64).reshape(-1, vertices))


def _mark(place: str, listed: list[int], least: int, vertices: int) -> BoolArray:
    marks = np.zeros(vertices, dtype=np.bool_)
    marks[column(place, listed, least, vertices)] = True
    return frozen(marks)


def _check_words(columns: Columns) -> None:
    """Refuse names that are none, and texts that a terminal would obey.

    Raises:
        TopologyError: with every such mistake.
    """
    if not 1 <= columns.ranks <= len(columns.names):
        found = show_value(columns.ranks)
        raise TopologyError([f"ranks: found {found}, expected 1 to {len(columns.names)}"])
    faults = name_faults(columns.names[: columns.ranks], columns.names)
    kinds = ((f"kinds[{i}]", kind) for i, kind in enumerate(columns.kinds))
    classes = _classes(columns)
    faults += text_faults(text_places(columns.name, kinds, classes))
    faults += [
        f"classes[{i}].layer: found {show_value(link_class.layer)}, expected 0 to a million"
        for i, link_class in enumerate(classes)
        if not 0 <= link_class.layer <= 10**6
    ]
    if faults:
        raise TopologyError(faults)


def _classes(columns: Columns) -> tuple[LinkClass, ...]:
    """Put the classes together.

    Raises:
        TopologyError: an efficiency of no class, or one that is none.
    """
    classes = [LinkClass(*fields) for fields in columns.classes]
    for number, text, source in columns.efficiency:
        part = rational("efficiency", text)
        if part > 1 or not 0 <= number < len(classes):
            found = f"{show_value(text)} of class {number}"
            raise TopologyError([f"efficiency: found {found}, expected at most 1 of a class"])
        classes[number] = replace(classes[number], efficiency=part, efficiency_source=source)
    return tuple(classes)


def _check_times(alpha: FloatArray, overhead: FloatArray, ranks: int) -> None:
    """Refuse times that no machine has.

    Raises:
        TopologyError: with every such mistake.
    """
    faults = []
    if len(overhead) != ranks:
        faults.append(f"overhead: {len(overhead)} entries, expected {ranks}")
    for place, seconds in (("figures", alpha), ("overhead", overhead)):
        if not ((seconds >= 0) & (seconds <= SECONDS_LIMIT)).all():
            faults.append(f"{place}: found a time that is negative or endless")
    if faults:
        raise TopologyError(faults)


def _check_figures(topology: Topology) -> None:
    """Refuse figures and pairs that no machine has.

    Raises:
        TopologyError: with every such mistake.
    """
    faults = []
    if sum(topology.capacity.tolist()) > CAPACITY_LIMIT:
        faults.append("figures: the capacities need more than 48 bits together")
    if (topology.src == topology.dst).any():
        faults.append("src, dst: a link joins two different vertices")
    paired = np.flatnonzero(topology.mate >= 0)
    mate = topology.mate[paired]
    ends_agree = (topology.src[mate] == topology.dst[paired]) & (
        topology.dst[mate] == topology.src[paired]
    )
    if not (ends_agree & (topology.mate[mate] == paired)).all():
        faults.append("mate: a link's mate is the opposite link, whose mate it is")
    if faults:
        raise TopologyError(faults)
