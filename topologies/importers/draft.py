"""What is read off a file: vertices and cables; what the file does not say is left open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from topologies.model.units import Rate, Seconds

RANK, SWITCH, ADAPTER = "rank", "switch", "adapter"
# The evidence for a rate, the best first.
MEASURED, STATED, PROFILE, ASSUMED = "measured", "stated", "profile", "assumed"

# What is said of a network whose hosts no other file describes.
ALONE = "each host is one rank: a file of a host says what is inside"
HUB_KIND = "NVSwitch"
# What cables are, by the first word of their medium.
INSIDE = ("PCIe", "CPU", "C2C")
NETWORK, UPLINK = "network", "uplink"
# The key of a device by its number in the box.
LOCAL = "local "


class Vertex(NamedTuple):
    """A rank, a switch, or an adapter, at which a box and the network meet.

    Attributes:
        role: RANK, SWITCH or ADAPTER.
        kind: a word for people, as `GPU`.
        host: the box that it is in, empty where the file is about one box or it is in none.
        keys: by what other files know it: `guid ...`, `lid ...`, `device ...`.
        copies: whether it copies and adds up, as an NVSwitch from the third generation on.
        rate: of an adapter, what it sends to the network.
    """

    name: str
    role: str
    kind: str
    host: str = ""
    keys: tuple[str, ...] = ()
    copies: bool = False
    rate: Rate | None = None


class Cable(NamedTuple):
    """A link as a file says it; a rate or latency of None is asked of the hardware profile.

    Attributes:
        medium: what it is, as `PCIe` or `NVLink 4`.
        rate: bytes per second of all lanes together.
        lanes: how many links are bundled; 0 stands for as many as a host has adapters.
        halves: whether it is one of two that make a hop together, through a switch in a box.
        evidence: for the rate; the words are those of a link class.
        source: where the rate stands.
    """

    src: str
    dst: str
    medium: str
    rate: Rate | None = None
    alpha: Seconds | None = None
    lanes: int = 1
    halves: bool = False
    duplex: bool = True
    evidence: str = STATED
    source: str = ""
    plane: int = -1

    @property
    def base(self) -> str:
        """Give the medium without its generation."""
        return self.medium.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Draft:
    """A machine, or a part of one, as one file describes it.

    Attributes:
        name: of the host or the fabric.
        notes: what the reader left out or took for granted, a sentence each.
        odd: what looks wrong in the file itself, a sentence each.
        fabric: whether it is a network that boxes of other files hang on.
        partial: whether ranks are told by the class of a device, and what joins them is left out.
        tabled: whether boxes are listed, and what joins their ranks is left out, or guessed.
        wiring: whether it is that: the wires inside each box of a table.
    """

    name: str
    vertices: tuple[Vertex, ...]
    cables: tuple[Cable, ...]
    notes: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    fabric: bool = False
    partial: bool = False
    tabled: bool = False
    wiring: bool = False

    def of(self, role: str) -> list[Vertex]:
        """List the vertices of a role."""
        return [vertex for vertex in self.vertices if vertex.role == role]


def pair_up(cables: Sequence[Cable]) -> list[Cable]:
    """Make one duplex cable of two that lead to and fro and are alike otherwise.

    Complexity: linear.
    """
    made: list[Cable] = []
    waiting: dict[Cable, list[int]] = {}
    for cable in cables:
        back = cable._replace(src=cable.dst, dst=cable.src)
        if not cable.duplex and waiting.get(back):
            place = waiting[back].pop()
            made[place] = made[place]._replace(duplex=True)
            continue
        if not cable.duplex:
            waiting.setdefault(cable, []).append(len(made))
        made.append(cable)
    return made


def bundle(cables: Sequence[Cable]) -> list[Cable]:
    """Make one cable of those that lead from one end to one other, as fast as all together."""
    sums: dict[tuple[str, str], Cable] = {}
    for cable in cables:
        ends = (cable.src, cable.dst)
        if ends in sums:
            old = sums[ends]
            rate = (old.rate or Rate(0)) + (cable.rate or 0)
            sums[ends] = old._replace(rate=rate, lanes=old.lanes + cable.lanes)
        else:
            sums[ends] = cable
    return pair_up(list(sums.values()))
