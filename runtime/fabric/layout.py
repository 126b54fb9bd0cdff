"""Which cables an emulated machine has, how fast they are, and what everything on it is called."""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor, log10

import numpy as np

from topologies.model.errors import NO, CommplanError
from topologies.model.topology import Topology, frozen
from topologies.model.units import Rank, Seconds

VERTICES_LIMIT = 256
# Bytes per second that two cores carry between all ranks together, and that with room to spare.
CARRIED = 4 * 10**8
EASY = 2 * 10**8
CONTROLS = "10.78"  # what the addresses of the network begin with that carries no data
SLOWEST = 10**5  # bytes per second: below, a single packet takes a tenth of a second


class FabricError(CommplanError, RuntimeError):
    """A network that cannot be made or used here, with the reason."""

    exit_code = NO


@dataclass(frozen=True, slots=True)
class Cable:
    """Two vertices joined by links, and what these carry together: bytes per second each path.

    Attributes:
        late: seconds that the cable adds there and back, the most of its links.
    """

    a: int
    b: int
    forth: float
    back: float
    late: tuple[Seconds, Seconds] = (0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Layout:
    """An emulated machine: the topology at the rates of the emulation, and its cables.

    Attributes:
        original: the topology that was asked for.
        scale: what its bandwidths were multiplied by.
        delayed: whether cables add the latencies that were asked for; else only those of this
            computer are there.
        answering: whether acknowledgements pass the data that wait for a cable.
    """

    original: Topology
    topology: Topology
    scale: Fraction
    cables: tuple[Cable, ...]
    delayed: bool = False
    answering: bool = False


def layout(
    topology: Topology,
    scale: Fraction | None = None,
    delayed: bool = False,
    answering: bool = False,
) -> Layout:
    """Lay an emulated machine out; without a scale, the largest that is carried with ease.

    Every vertex becomes a network of its own, all links between two vertices one cable that
    carries their sum each path. What the computer itself takes is measured; it comes on top of the
    latencies of the topology where cables are delayed, else these become 0.

    Raises:
        FabricError: too many vertices, or a rate above or below what can be emulated.
    """
    if topology.vertices > VERTICES_LIMIT:
        raise FabricError(
            f"{topology.name}: {topology.vertices} ranks and switches, "
            f"at most {VERTICES_LIMIT} are emulated"
        )
    chosen = largest_scale(topology, EASY) if scale is None else scale
    scaled = replace(
        topology,
        unit=topology.unit * chosen,
        alpha=topology.alpha if delayed else frozen(np.zeros(topology.links)),
        overhead=frozen(np.zeros(topology.ranks)),
    )
    _refuse_rates(scaled, chosen, largest_scale(topology, CARRIED))
    return Layout(topology, scaled, chosen, _cables(scaled), delayed, answering)


def largest_scale(topology: Topology, carried: float) -> Fraction:
    """Give the largest scale, of two digits, at which the ranks together send no more than that."""
    sent = injected_rate(topology)
    if not sent:
        return Fraction(1)
    wanted = carried / sent
    digit = Fraction(10) ** (floor(log10(wanted)) - 1)
    return floor(Fraction(wanted) / digit) * digit


def injected_rate(topology: Topology) -> float:
    """Add up what all ranks can send at a time, bytes per second."""
    return float(topology.bandwidth[topology.src < topology.ranks].sum())


def namespace(vertex: int) -> str:
    """Name the network of a vertex; for MPI it is a host."""
    return f"v{vertex}"


def interface(to: int) -> str:
    """Name a vertex's end of its cable to another."""
    return f"l{to}"


def address(vertex: int) -> str:
    """Look up the address of a vertex on the emulated links."""
    return f"10.77.{vertex // 250}.{vertex % 250 + 1}"


def control(rank: Rank) -> str:
    """Look up the address of a rank on the network that starts programs and carries no data."""
    return f"{CONTROLS}.{rank // 250 + 1}.{rank % 250 + 1}"


def _cables(topology: Topology) -> tuple[Cable, ...]:
    rates: dict[tuple[int, int], list[float]] = {}
    late: dict[tuple[int, int], tuple[Seconds, Seconds]] = {}
    columns = (topology.src, topology.dst, topology.bandwidth, topology.alpha)
    for src, dst, rate, alpha in zip(*(column.tolist() for column in columns), strict=True):
        pair, back = (min(src, dst), max(src, dst)), src > dst
        rates.setdefault(pair, [0.0, 0.0])[back] += rate
        there, other = late.get(pair, (0.0, 0.0))
        late[pair] = (there, max(other, alpha)) if back else (max(there, alpha), other)
    return tuple(
        Cable(a, b, forth, back, late[a, b]) for (a, b), (forth, back) in sorted(rates.items())
    )


def _refuse_rates(topology: Topology, scale: Fraction, most: Fraction) -> None:
    sent, slowest = injected_rate(topology), float(topology.bandwidth.min(initial=np.inf))
    if sent > CARRIED * 1.001:
        raise FabricError(
            f"{topology.name}: at scale {float(scale):g} the ranks send {sent / 1e6:,.0f} MB/s, "
            f"at most {CARRIED / 1e6:,.0f} are carried: scale {float(most):g}"
        )
    if slowest < SLOWEST:
        raise FabricError(
            f"{topology.name}: at scale {float(scale):g} the slowest link carries "
            f"{slowest / 1e6:g} MB/s, at least {SLOWEST / 1e6:g} is emulated"
        )
