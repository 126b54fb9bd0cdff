"""The machine as a value: ranks, switches, and the links that join them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from topologies.model import fitting
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.messages import nearest, short
from topologies.model.names import name_faults, text_faults
from topologies.model.units import Rate, Seconds, Share

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Column = TypeVar("Column", bound=NDArray[np.generic])

CAPACITY_LIMIT = fitting.CAPACITY_LIMIT
SUGGESTED = 10  # mistakes for which a nearest name is looked for
SECONDS_LIMIT = fitting.SECONDS_LIMIT


class TopologyError(CommplanError, ValueError):
    """A description that cannot be a machine; `faults` holds one sentence for each mistake."""

    exit_code = WRONG_INPUT

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class LinkClass:
    """Links of one purpose, with the evidence for their figures.

    Attributes:
        layer: counts outwards: 0 inside a package, 1 inside a box, 2 between boxes.
        source: where the figures come from.
        evidence: documented, secondary, measured, derived, estimate, stated, profile, assumed or
            empty.
        efficiency: the part of the bandwidth that programs were measured to reach, by
            efficiency_source; plans and bounds do not look at it.
    """

    name: str
    layer: int = 0
    source: str = ""
    evidence: str = ""
    efficiency: Share = Fraction(1)
    efficiency_source: str = ""


class Link(NamedTuple):
    """One link as a person declares it: bytes per second, seconds, index into the link classes.

    A duplex link stands for two directed links, one each way.
    """

    src: str
    dst: str
    bandwidth: Rate
    alpha: Seconds = 0.0
    duplex: bool = False
    link_class: int = 0
    plane: int = -1


class Switch(NamedTuple):
    """A vertex that forwards; it copies only with multicast, adds only with reduce."""

    name: str
    multicast: bool = False
    reduce: bool = False
    kind: str = "switch"


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """Ranks, switches and directed links, as read-only columns.

    Vertices are numbered ranks first, then switches. Per link: src and dst (vertex numbers),
    capacity (bandwidth in exact multiples of `unit`, bytes per second), alpha (seconds), mate (the
    opposite link of a duplex pair, else -1), link_class (index into `classes`) and plane (-1 for
    none). Per rank: overhead (seconds for each message at either end). Per vertex: kinds,
    multicast, reduce.

    Attributes:
        symmetry: declared automorphisms, one permutation of the vertices in each row.
    """

    name: str
    names: tuple[str, ...]
    ranks: int
    kinds: tuple[str, ...]
    multicast: BoolArray
    reduce: BoolArray
    overhead: FloatArray
    src: IntArray
    dst: IntArray
    capacity: IntArray
    unit: Rate
    alpha: FloatArray
    mate: IntArray
    link_class: IntArray
    plane: IntArray
    classes: tuple[LinkClass, ...]
    symmetry: IntArray

    def __post_init__(self) -> None:
        """Refuse columns that do not fit each other; what they say is up to `build`."""
        fitting.check_values(self, single_fault)
        fitting.check_columns(self, single_fault)

    @property
    def vertices(self) -> int:
        """Count ranks and switches."""
        return len(self.names)

    @property
    def links(self) -> int:
        """Count directed links."""
        return len(self.src)

    @property
    def bandwidth(self) -> FloatArray:
        """Compute the links' bandwidths, bytes per second, rounded to floats."""
        return self.capacity.astype(np.float64) * float(self.unit)

    @property
    def overheads(self) -> FloatArray:
        """Compute the overhead of each vertex in seconds; switches have none."""
        return np.append(self.overhead, np.zeros(self.vertices - self.ranks))

    def link_name(self, link: int) -> str:
        """Name a link for a message: `g0 -> s1`."""
        return f"{self.names[self.src[link]]} -> {self.names[self.dst[link]]}"

    def vertex_name(self, vertex: int) -> str:
        """Name a vertex for a message: `rank 3`, `switch s0`."""
        return f"rank {vertex}" if vertex < self.ranks else f"switch {self.names[vertex]}"


def single_fault(fault: str) -> TopologyError:
    """Make an error of one fault."""
    return TopologyError([fault])


def build(
    name: str,
    ranks: Sequence[str],
    switches: Sequence[Switch],
    links: Iterable[Link],
    *,
    kinds: Sequence[str] = (),
    classes: Sequence[LinkClass] = (),
    overhead: Sequence[Seconds] = (),
    symmetry: Sequence[Sequence[int]] | IntArray = (),
) -> Topology:
    """Make a topology from what a person declares.

    kinds and overhead (seconds) are per rank and may be left out. symmetry holds permutations of
    the vertices, ranks first; they are checked to be permutations here, and to be automorphisms by
    `symmetry.faults`.

    Args:
        name: of the machine.
        ranks: their names, in the order of their numbers.
        switches: of the machine.
        links: between ranks and switches, by name.
        kinds: of each rank, a word.
        classes: of links, with the evidence for their figures.
        overhead: of each rank, seconds for each message.
        symmetry: automorphisms to declare, as permutations of the vertices.

    Raises:
        TopologyError: with every mistake found, each named by its place, as `links[3] a -> b: ...`.
    """
    ranks, switches, links = list(ranks), list(switches), list(links)
    fitting.check_declared(ranks, switches, links, (Switch, Link), single_fault)
    fitting.check_rest(name, kinds, (classes, LinkClass), overhead, symmetry, single_fault)
    names = (*ranks, *(switch.name for switch in switches))
    of_kind = [
        *((f"ranks[{i}].kind", kind) for i, kind in enumerate(kinds)),
        *((f"switches[{i}].kind", switch.kind) for i, switch in enumerate(switches)),
    ]
    faults = [
        *text_faults(text_places(name, of_kind, classes)),
        *name_faults(ranks, names),
        *_link_faults(links, set(names)),
        *_overhead_faults(overhead, len(ranks)),
    ]
    faults += [
        f"symmetry[{i}]: not a permutation of the {len(names)} vertices"
        for i, row in enumerate(symmetry)
        if sorted(row) != list(range(len(names)))
    ]
    if faults:
        raise TopologyError(faults)
    number = {vertex: i for i, vertex in enumerate(names)}
    src, dst, figures, mate = _split_duplex(links, number)
    capacity, unit = _common_unit([links[i].bandwidth for i in figures])
    return Topology(
        name=name,
        names=names,
        ranks=len(ranks),
        kinds=(*(kinds or ["rank"] * len(ranks)), *(switch.kind for switch in switches)),
        multicast=_flags([False] * len(ranks) + [switch.multicast for switch in switches]),
        reduce=_flags([False] * len(ranks) + [switch.reduce for switch in switches]),
        overhead=frozen(np.array(overhead or np.zeros(len(ranks)), dtype=np.float64)),
        src=src,
        dst=dst,
        capacity=capacity,
        unit=unit,
        alpha=frozen(np.array([links[i].alpha for i in figures], dtype=np.float64)),
        mate=mate,
        link_class=integers([links[i].link_class for i in figures]),
        plane=integers([links[i].plane for i in figures]),
        classes=tuple(classes) or (LinkClass("link"),),
        symmetry=frozen(np.array(symmetry, dtype=np.int64).reshape(-1, len(names))),
    )


def text_places(
    name: str, kinds: Iterable[tuple[str, str]], classes: Sequence[LinkClass]
) -> Iterator[tuple[str, str]]:
    """List each text of a topology after its place; the kinds have theirs already."""
    yield "name", name
    yield from kinds
    for i, link_class in enumerate(classes):
        for field in ("name", "source", "evidence", "efficiency_source"):
            yield f"classes[{i}].{field}", getattr(link_class, field)


def _link_faults(links: Sequence[Link], known: set[str]) -> list[str]:
    """Say what is wrong with the links."""
    faults: list[str] = []
    for i, link in enumerate(links):
        if _is_right(link, known):
            continue
        place = f"links[{i}] {short(link.src)} -> {short(link.dst)}"
        faults += [
            f"{place}: no rank or switch is named {short(end)}{_near(end, known, len(faults))}"
            for end in dict.fromkeys((link.src, link.dst))
            if end not in known
        ]
        if link.src == link.dst:
            faults.append(f"{place}: a link joins two different vertices")
        if link.bandwidth <= 0:
            faults.append(
                f"{place}: bandwidth is {float(link.bandwidth) / 1e9:g} GB/s, expected more than 0"
            )
        if not 0 <= link.alpha <= SECONDS_LIMIT:
            faults.append(f"{place}: latency is {link.alpha * 1e6:g} us, expected 0 or more")
    return faults


def _is_right(link: Link, known: set[str]) -> bool:
    """Tell whether nothing is wrong with a link; there can be half a million of them."""
    ends = link.src in known and link.dst in known and link.src != link.dst
    return ends and link.bandwidth.numerator > 0 and 0 <= link.alpha <= SECONDS_LIMIT


def _near(name: str, known: set[str], faults: int) -> str:
    """Suggest the nearest name; a file with many mistakes is not worth the comparisons."""
    near = nearest(name, sorted(known)) if faults < SUGGESTED else ""
    return f"; nearest: {near}" if near else ""


def _overhead_faults(overhead: Sequence[Seconds], ranks: int) -> list[str]:
    """Say what is wrong with the times that messages take at the ranks."""
    if overhead and len(overhead) != ranks:
        return [f"overhead: {len(overhead)} figures for {ranks} ranks"]
    return [
        f"ranks[{i}]: overhead is {seconds * 1e6:g} us, expected 0 or more"
        for i, seconds in enumerate(overhead)
        if not 0 <= seconds <= SECONDS_LIMIT
    ]


def _split_duplex(
    links: Sequence[Link], number: dict[str, int]
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Split duplex links: src, dst, index of the declared link, and mate of each directed link."""
    ends = np.array([(number[a.src], number[a.dst]) for a in links], dtype=np.int64).reshape(-1, 2)
    duplex = np.array([link.duplex for link in links], dtype=bool)
    place = np.cumsum(1 + duplex) - (1 + duplex)
    back = place[duplex] + 1
    total = len(links) + int(duplex.sum())
    src, dst, figures, mate = (np.full(total, -1, dtype=np.int64) for _ in range(4))
    src[place], dst[place], figures[place] = ends[:, 0], ends[:, 1], np.arange(len(links))
    src[back], dst[back], figures[back] = dst[back - 1], src[back - 1], figures[back - 1]
    mate[back], mate[back - 1] = back - 1, back
    return frozen(src), frozen(dst), frozen(figures), frozen(mate)


def _common_unit(bandwidths: Sequence[Fraction]) -> tuple[IntArray, Fraction]:
    """Write the bandwidths as whole multiples of one unit, the largest that divides them all.

    Raises:
        TopologyError: the multiples are too large for exact integer arithmetic.
    """
    if not bandwidths:
        return integers([]), Fraction(1)
    distinct = {id(each): each for each in bandwidths}  # few objects: links of a class share one
    denominator = lcm(*{each.denominator for each in distinct.values()})
    whole = {key: int(each * denominator) for key, each in distinct.items()}
    unit = gcd(*whole.values())
    multiple = {key: figure // unit for key, figure in whole.items()}
    multiples = [multiple[id(each)] for each in bandwidths]
    if sum(multiples) > CAPACITY_LIMIT:
        raise TopologyError(
            [
                f"links: the bandwidths need {sum(multiples).bit_length()} bits in a common unit, "
                "at most 48 are exact; write them with fewer digits"
            ]
        )
    return integers(multiples), Fraction(unit, denominator)


def reverse(topology: Topology) -> Topology:
    """Turn every link around; what copied now adds, what added now copies."""
    columns = {field: getattr(topology, field) for field in topology.__dataclass_fields__}
    return Topology(
        **columns
        | {
            "src": topology.dst,
            "dst": topology.src,
            "multicast": topology.reduce,
            "reduce": topology.multicast,
        }
    )


def digest(topology: Topology) -> str:
    """Name the machine by its content: names, flags, links and figures (SHA-256, hexadecimal)."""
    content = hashlib.sha256()
    content.update("\0".join(topology.names).encode())
    content.update(f"\0{topology.ranks}\0{topology.unit}\0".encode())
    for figures in (
        topology.src,
        topology.dst,
        topology.capacity,
        topology.alpha,
        topology.mate,
        topology.overhead,
        topology.multicast,
        topology.reduce,
    ):
        content.update(np.ascontiguousarray(figures).tobytes())
    return content.hexdigest()


def frozen(column: Column) -> Column:
    """Make a column read-only."""
    column.setflags(write=False)
    return column


def integers(values: Iterable[int]) -> IntArray:
    """Make a read-only column of integers."""
    if isinstance(values, range):
        return frozen(np.arange(values.start, values.stop, values.step, dtype=np.int64))
    return frozen(np.fromiter(values, dtype=np.int64))


def _flags(values: Sequence[bool]) -> BoolArray:
    return frozen(np.array(values, dtype=np.bool_))
