"""What moves: pieces of the blocks, and the transfers that carry them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import wraps
from itertools import chain
from math import lcm
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective
from solvers.schedules.text import schedule_text
from topologies.model.arguments import column, of, refuse
from topologies.model.cached import cached_property
from topologies.model.ragged import starts, stretches
from topologies.model.topology import BoolArray, IntArray, Topology, frozen, integers
from topologies.model.units import Share
from topologies.symmetry.group import Group, trivial

IntegerColumn = NDArray[Any]  # int64, or object for Python's integers
Found = TypeVar("Found")


class Transfer(NamedTuple):
    """One message of a schedule: rank to rank over a route of links, at a place in the order.

    In an in-network schedule a switch that copies or adds may stand at either end.

    It carries what src holds of the piece after all transfers of smaller step into src. With
    `reduce` the receiver adds it to what it holds, without it the receiver holds this instead.
    """

    piece: int
    step: int
    src: int
    dst: int
    route: tuple[int, ...]
    reduce: bool = False


@dataclass(frozen=True, eq=False)
class Transfers:
    """Transfers as read-only columns, sorted by (piece, step).

    The links of transfer t are route[route_start[t] : route_start[t + 1]], in the order of travel.
    """

    piece: IntArray
    step: IntArray
    src: IntArray
    dst: IntArray
    reduce: BoolArray
    route_start: IntArray
    route: IntArray

    def __post_init__(self) -> None:
        """Refuse what is no column; whether they fit together is up to `verify`."""
        for name in ("piece", "step", "src", "dst", "route_start", "route"):
            column(name, getattr(self, name))
        column("reduce", self.reduce, kinds="b")
        if not len(self.route_start):
            refuse("route_start", self.route_start, "the place of the first route, and the end")

    def __len__(self) -> int:
        return len(self.piece)

    def rows(self, chosen: IntArray) -> "Transfers":
        """Look up the transfers with these numbers, in this order, each as often as it is named."""
        length = np.diff(self.route_start)[chosen]
        return Transfers(
            frozen(self.piece[chosen]),
            frozen(self.step[chosen]),
            frozen(self.src[chosen]),
            frozen(self.dst[chosen]),
            frozen(self.reduce[chosen]),
            frozen(starts(length)),
            frozen(self.route[stretches(self.route_start[chosen], length)]),
        )

    def __getitem__(self, t: int) -> Transfer:
        start, end = self.route_start[t], self.route_start[t + 1]
        return Transfer(
            int(self.piece[t]),
            int(self.step[t]),
            int(self.src[t]),
            int(self.dst[t]),
            tuple(self.route[start:end].tolist()),
            bool(self.reduce[t]),
        )


@dataclass(frozen=True, eq=False)
class Schedule:
    """A collective on a machine as pieces and transfers, one representative of each orbit.

    Piece p is the share `share[p]` of block `block[p]`. The whole schedule is the image of the
    pieces written here under every element of `group`: vertices, links and blocks are translated,
    shares and steps stay. The pieces of a block, in the order (piece, group element), lie end to
    end on it, and their shares add up to 1. A switch without `multicast` sends what it holds of a
    piece once; one without `reduce` adds nothing.

    Attributes:
        provenance: solver, times and the like, for a person to read.
        in_network: switches copy and add as far as they can: transfers may start and end there, and
            the bound is one for schedules that do so.
        relays: what ranks outside the collective do, and what the bound allows them: nothing
            ("none": the machine then has no links at them), pass messages on ("forward"), or copy
            and add ("all").
    """

    topology: Topology
    collective: Collective
    block: IntArray
    share: tuple[Share, ...]
    transfers: Transfers
    group: Group
    bound: Bound
    provenance: dict[str, str | int | float] = field(default_factory=dict)
    in_network: bool = False
    relays: Relays = "all"

    def __post_init__(self) -> None:
        """Refuse what is of another kind; whether it fits together is up to `verify`."""
        for name, kind in _KINDS.items():
            of(name, getattr(self, name), kind)
        column("block", self.block)
        if set(map(type, self.share)) <= {Fraction}:  # as ever, and quick to see
            return
        for i, share in enumerate(self.share):
            if not isinstance(share, Fraction):
                refuse(f"share[{i}]", share, "a Fraction")

    def __str__(self) -> str:
        return schedule_text(self)

    @cached_property
    def parts(self) -> tuple[IntegerColumn, int]:
        """Compute the pieces' shares as whole numbers, and how many of these make a block.

        The numbers are of 64 bits where all of them together fit into 62, else Python's.
        """
        different = {id(share): share for share in self.share}
        unit = lcm(*{share.denominator for share in different.values()})
        whole = {key: int(share * unit) for key, share in different.items()}
        fits = max(map(abs, whole.values()), default=0) * len(self.share) < 2**62 > unit
        kind = np.int64 if fits else object
        return frozen(np.array([whole[id(share)] for share in self.share], dtype=kind)), unit

    @property
    def pieces(self) -> int:
        """Count the representative pieces."""
        return len(self.block)

    @property
    def at_switches(self) -> bool:
        """Tell whether a switch copies or adds: no program of ranks alone does that."""
        ends = np.append(self.transfers.src, self.transfers.dst)
        return bool(ends.max(initial=-1) >= self.topology.ranks)


_KINDS: dict[str, type] = {
    "topology": Topology,
    "collective": Collective,
    "share": tuple,
    "transfers": Transfers,
    "group": Group,
    "bound": Bound,
    "provenance": dict,
}


def remembered(compute: Callable[[Schedule], Found]) -> Callable[[Schedule], Found]:
    """Let a function look up what it found, for the same schedule at another pacing too.

    Candidates are asked the same again and again while they are compared. What is found must
    depend neither on the bound nor on the provenance, and is kept as long as the transfers live.
    """
    known: WeakKeyDictionary[Transfers, tuple[tuple[object, ...], Found]] = WeakKeyDictionary()

    @wraps(compute)
    def look_up(schedule: Schedule) -> Found:
        own = tuple(getattr(schedule, part) for part in _MOVING)
        held = known.get(schedule.transfers)
        if held is None or any(a is not b for a, b in zip(own, held[0], strict=True)):
            held = known[schedule.transfers] = own, compute(schedule)
        return held[1]

    return look_up


_MOVING = ("topology", "collective", "block", "share", "group", "in_network", "relays")


def columns(transfers: Iterable[Transfer]) -> Transfers:
    """Lay transfers out in columns, sorted by piece and step."""
    rows = list(transfers)
    whole = Transfers(
        piece=integers(t.piece for t in rows),
        step=integers(t.step for t in rows),
        src=integers(t.src for t in rows),
        dst=integers(t.dst for t in rows),
        reduce=frozen(np.fromiter((t.reduce for t in rows), dtype=np.bool_)),
        route_start=frozen(np.cumsum([0, *(len(t.route) for t in rows)], dtype=np.int64)),
        route=integers(chain.from_iterable(t.route for t in rows)),
    )
    return whole.rows(np.lexsort((whole.step, whole.piece)))


def merge(parts: Sequence[Transfers]) -> Transfers:
    """Join columns of transfers into one, sorted by piece and step."""
    names = ("piece", "step", "src", "dst", "reduce", "route")
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    length = np.concatenate([np.diff(part.route_start) for part in parts])
    joined = Transfers(route_start=starts(length), **whole)
    return joined.rows(np.lexsort((joined.step, joined.piece)))


def schedule(
    topology: Topology,
    collective: Collective,
    pieces: Sequence[tuple[int, Fraction]],
    transfers: Iterable[Transfer] | Transfers,
    bound: Bound,
    group: Group | None = None,
    *,
    in_network: bool = False,
    **provenance: str | int | float,
) -> Schedule:
    """Put a schedule together from (block, share) pieces and their transfers.

    Args:
        topology: the machine.
        collective: what is to be done.
        pieces: a block and a share of it, for each piece.
        transfers: in any order.
        bound: what no schedule can beat.
        group: automorphisms whose images the schedule stands for; none, if it is not given.
        in_network: whether switches copy and add.
        **provenance: what is worth knowing of how it was made.
    """
    return Schedule(
        topology,
        collective,
        integers(block for block, _ in pieces),
        tuple(share for _, share in pieces),
        transfers if isinstance(transfers, Transfers) else columns(transfers),
        trivial(topology) if group is None else group,
        bound,
        provenance,
        in_network,
    )


def move_alike(one: Schedule, other: Schedule) -> bool:
    """Tell whether two schedules of one machine move the same pieces in the same way."""
    columns = [
        (getattr(one.transfers, each.name), getattr(other.transfers, each.name))
        for each in fields(Transfers)
    ]
    columns += [(one.block, other.block), (one.group.generators, other.group.generators)]
    return one.share == other.share and all(np.array_equal(a, b) for a, b in columns)


def trivial_schedule(topology: Topology, collective: Collective) -> Schedule:
    """Make the schedule of one rank, that moves nothing; a single rank has no bandwidth."""
    pieces = [(block, Fraction(1)) for block in range(collective.blocks)]
    return schedule(topology, collective, pieces, [], Bound(None, "cut", None))
