"""A schedule as plain columns: what a schedule file holds, and the checks of what it says."""

from typing import Annotated

import msgspec
import numpy as np

from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import Bound, Cut, Prices
from solvers.schedules.collective import Collective, CollectiveError
from solvers.schedules.computed.exchange import Exchange
from solvers.schedules.kinds import KINDS, collective, kind_of
from solvers.schedules.owners import same_columns
from solvers.schedules.schedule import Schedule, Transfers
from topologies.formats import columns as machine
from topologies.formats.columns import Rational, column, permutations, rational
from topologies.model.names import TEXT_LIMIT
from topologies.model.ragged import starts
from topologies.model.topology import BoolArray, IntArray, Topology, TopologyError, frozen
from topologies.model.units import Rank
from topologies.symmetry.group import Group

FORMAT = "commplan/schedule/1"
HEIGHT_LIMIT = 2**20  # of schedules that a bound speaks of
END = 2**31  # of steps and classes of prices
SIZE_END = 2**38 + 1  # of block sizes

Word = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT)]
Name = Annotated[str, msgspec.Meta(pattern="^[A-Za-z][A-Za-z0-9_]{0,63}$")]


class LayoutColumns(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The blocks of a collective that its name alone does not tell."""

    sizes: list[int]
    inputs: list[list[int]]
    outputs: list[list[int]]


class CollectiveColumns(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A collective by its name, or with its layout."""

    name: Name
    ranks: list[Rank]
    root: Rank | None
    layout: LayoutColumns | None


class TransferColumns(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Transfers; reduce lists those that add, hops counts the links of each in route."""

    piece: list[int]
    step: list[int]
    src: list[int]
    dst: list[int]
    reduce: list[int]
    hops: list[int]
    route: list[int]


class CutColumns(msgspec.Struct, tag="cut", forbid_unknown_fields=True, frozen=True):
    """A cut."""

    inside: list[int]
    reversed_links: bool


class PricesColumns(
    msgspec.Struct, tag="prices", forbid_unknown_fields=True, frozen=True, omit_defaults=True
):
    """Prices; zero is one of them."""

    of_class: list[Rational]
    of_link: list[int]
    height: Annotated[int, msgspec.Meta(ge=1, le=HEIGHT_LIMIT)] | None = None


class BoundColumns(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A bound, algbw in bytes per second."""

    algbw: Rational | None
    scope: Word
    certificate: CutColumns | PricesColumns | None


class Columns(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A schedule, with the whole machine that it was made for."""

    format: str
    topology: machine.Columns
    collective: CollectiveColumns
    block: list[int]
    share: list[Rational]
    transfers: TransferColumns
    group: list[list[int]]
    bound: BoundColumns
    provenance: dict[Word, Word | int | float]
    in_network: bool = False
    relays: Relays = "all"


def pack(schedule: Schedule) -> Columns:
    """Lay a schedule out in columns."""
    transfers = schedule.transfers
    return Columns(
        format=FORMAT,
        topology=machine.pack(schedule.topology),
        collective=pack_collective(schedule.collective),
        block=schedule.block.tolist(),
        share=[str(share) for share in schedule.share],
        transfers=TransferColumns(
            piece=transfers.piece.tolist(),
            step=transfers.step.tolist(),
            src=transfers.src.tolist(),
            dst=transfers.dst.tolist(),
            reduce=np.flatnonzero(transfers.reduce).tolist(),
            hops=np.diff(transfers.route_start).tolist(),
            route=transfers.route.tolist(),
        ),
        group=schedule.group.generators.tolist(),
        bound=pack_bound(schedule.bound),
        provenance=schedule.provenance,
        in_network=schedule.in_network,
        relays=schedule.relays,
    )


def pack_collective(asked: Collective) -> CollectiveColumns:
    """Leave the layout out where the name tells it."""
    layout = None
    if not _is_standard(asked):
        layout = LayoutColumns(
            asked.sizes.tolist(),
            [blocks.tolist() for blocks in asked.inputs],
            [blocks.tolist() for blocks in asked.outputs],
        )
    return CollectiveColumns(asked.name, list(asked.ranks), asked.root, layout)


def _is_standard(asked: Collective) -> bool:
    """Tell whether the name, the ranks and the root say everything."""
    kind = kind_of(asked)
    if kind is None or kind.given is not None or (asked.root is None) == kind.rooted:
        return False
    if isinstance(asked, Exchange):
        return True
    plain = collective(asked.name, asked.ranks, asked.root)
    ours, theirs = ((c.sizes, *c.inputs, *c.outputs) for c in (plain, asked))
    return plain.ranks == asked.ranks and same_columns(ours, theirs)


def pack_bound(bound: Bound) -> BoundColumns:
    """Lay a bound out in columns."""
    certificate: CutColumns | PricesColumns | None = None
    match bound.certificate:
        case Cut(inside, reversed_links):
            certificate = CutColumns(inside.tolist(), reversed_links)
        case Prices(of_class, of_link, height):
            prices = [str(price) for price in of_class]
            certificate = PricesColumns(prices, of_link.tolist(), height)
    algbw = None if bound.algbw is None else str(bound.algbw)
    return BoundColumns(algbw, bound.scope, certificate)


def unpack(columns: Columns, topology: Topology | None = None) -> Schedule:
    """Make the schedule again; its parts fit each other, but it may still be a wrong one.

    Args:
        columns: as they were read.
        topology: the machine in the columns, where it was made before.

    Raises:
        TopologyError: a column does not fit the others, with its place.
        CollectiveError: no such collective.
    """
    topology = topology or _machine(columns.topology)
    asked = unpack_collective(columns.collective, topology)
    pieces = len(columns.block)
    if len(columns.share) != pieces:
        raise TopologyError([f"share: {len(columns.share)} entries, expected {pieces}"])
    # Shares repeat: reading each distinct one once takes a fraction of the time.
    shares = {text: rational("share", text) for text in dict.fromkeys(columns.share)}
    return Schedule(
        topology=topology,
        collective=asked,
        block=column("block", columns.block, 0, asked.blocks),
        share=tuple(shares[text] for text in columns.share),
        transfers=_transfers(columns.transfers, pieces, topology, columns.in_network),
        group=Group(permutations("group", columns.group, topology.ranks, topology.vertices)),
        bound=_bound(columns.bound, topology),
        provenance=_provenance(columns.provenance),
        in_network=columns.in_network,
        relays=columns.relays,
    )


def _machine(columns: machine.Columns) -> Topology:
    try:
        return machine.unpack(columns)
    except TopologyError as error:
        raise TopologyError([f"topology.{fault}" for fault in error.faults]) from None


def unpack_collective(columns: CollectiveColumns, topology: Topology) -> Collective:
    """Rebuild a collective from its name, or take its layout."""
    ranks = column("collective.ranks", columns.ranks, 0, topology.ranks).tolist()
    if len(set(ranks)) < len(ranks) or not ranks:
        raise TopologyError(["collective.ranks: expected different ranks, and at least one"])
    if columns.root is not None and columns.root not in ranks:
        raise TopologyError([f"collective.root: {columns.root} is not among the ranks"])
    if columns.layout is not None:
        return _read_layout(columns, columns.layout)
    if columns.name in KINDS and KINDS[columns.name].rooted and columns.root is None:
        raise CollectiveError(f"collective.root: none, {columns.name} has one")
    return collective(columns.name, ranks, columns.root)


def _read_layout(columns: CollectiveColumns, layout: LayoutColumns) -> Collective:
    """Take a layout as it is written, where no buffer holds a block twice."""
    place = "collective.layout"
    sizes = column(f"{place}.sizes", layout.sizes, 0, SIZE_END)
    asked = Collective(
        columns.name,
        tuple(columns.ranks),
        sizes,
        _buffers(f"{place}.inputs", layout.inputs, len(columns.ranks), len(sizes)),
        _buffers(f"{place}.outputs", layout.outputs, len(columns.ranks), len(sizes)),
        columns.root,
    )
    if asked.total == 0:
        raise TopologyError([f"{place}: all buffers are empty"])
    return asked


def _buffers(place: str, rows: list[list[int]], ranks: int, blocks: int) -> tuple[IntArray, ...]:
    """Read the blocks in each rank's buffer."""
    if len(rows) != ranks:
        raise TopologyError([f"{place}: {len(rows)} buffers for {ranks} ranks"])
    buffers = tuple(column(f"{place}[{i}]", row, 0, blocks) for i, row in enumerate(rows))
    for i, row in enumerate(rows):
        if len(set(row)) < len(row):
            raise TopologyError([f"{place}[{i}]: a block is given twice"])
    return buffers


def _transfers(
    columns: TransferColumns, pieces: int, topology: Topology, in_network: bool
) -> Transfers:
    """Check the transfers' indices and their order."""
    count = len(columns.piece)
    ends = topology.vertices if in_network else topology.ranks
    hops = column("transfers.hops", columns.hops, 0, len(columns.route) + 1, count)
    if hops.sum() != len(columns.route):
        found = f"{len(columns.route):,} links"
        raise TopologyError([f"transfers.route: {found}, expected {hops.sum():,}, the sum of hops"])
    piece = column("transfers.piece", columns.piece, 0, pieces, count)
    step = column("transfers.step", columns.step, 0, END, count)
    late = np.flatnonzero((np.diff(piece) < 0) | ((np.diff(piece) == 0) & (np.diff(step) < 0)))
    if len(late):
        raise TopologyError([f"transfers[{late[0] + 1}]: not in the order of piece and step"])
    return Transfers(
        piece=piece,
        step=step,
        src=column("transfers.src", columns.src, 0, ends, count),
        dst=column("transfers.dst", columns.dst, 0, ends, count),
        reduce=_mark(column("transfers.reduce", columns.reduce, 0, count), count),
        route_start=frozen(starts(hops)),
        route=column("transfers.route", columns.route, 0, topology.links),
    )


def _mark(listed: IntArray, count: int) -> BoolArray:
    marks = np.zeros(count, dtype=np.bool_)
    marks[listed] = True
    return frozen(marks)


def _bound(columns: BoundColumns, topology: Topology) -> Bound:
    """Read the bound and its certificate, without judging them."""
    algbw = None if columns.algbw is None else rational("bound.algbw", columns.algbw)
    _check_text("bound.scope", columns.scope)
    place = "bound.certificate"
    match columns.certificate:
        case CutColumns(inside, reversed_links):
            vertices = column(f"{place}.inside", inside, 0, topology.vertices)
            if (np.diff(vertices) <= 0).any():
                raise TopologyError([f"{place}.inside: not in ascending order"])
            return Bound(algbw, columns.scope, Cut(vertices, reversed_links))
        case PricesColumns(of_class, of_link, height):
            prices = tuple(rational(f"{place}.of_class", p, zero=True) for p in of_class)
            link = column(f"{place}.of_link", of_link, 0, len(prices), topology.links)
            return Bound(algbw, columns.scope, Prices(prices, link, height))
    return Bound(algbw, columns.scope, None)


def _provenance(words: dict[str, str | int | float]) -> dict[str, str | int | float]:
    for key, value in words.items():
        _check_text("provenance", key)
        if isinstance(value, str):
            _check_text(f"provenance.{key}", value)
    return words


def _check_text(place: str, text: str) -> None:
    """Refuse text that a terminal would obey.

    Raises:
        TopologyError: with the place.
    """
    if not text.isprintable():
        raise TopologyError([f"{place}: expected printable text"])
