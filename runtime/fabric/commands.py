"""The commands of iproute2 that make an emulated machine: text, made without doing anything."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from runtime.fabric.layout import Cable, Layout, address, control, interface, namespace
from runtime.fabric.routes import Path
from topologies.model.topology import IntArray
from topologies.model.units import Seconds

CONTROL = "control"  # the namespace in which mpirun runs
BRIDGE = "hub"
DATA = "data"  # the interface whose address MPI talks to
MTU = 9000
# Ethernet, IP and TCP headers with timestamps, over what a frame of MTU carries besides.
HEADERS = (MTU + 14) / (MTU - 52)
BURST_SECONDS = 0.5e-3
SMALLEST_BURST = 20_000  # bytes: two frames and a little
QUEUE = 4_000_000  # bytes: all windows of a receiver's connections
HELD = 100_000  # frames that may be under way on a cable, acknowledgements too
WINDOW = 262_144  # bytes that a connection has under way, at most
# Bytes that a receiver has room for. What is as small as a window is too small: the kernel counts
# the memory of half-filled frames, and opens no window at all below a whole frame.
ROOM = 8 * WINDOW
# Bytes that packets have which acknowledge and carry nothing: with timestamps, and with up to three
# ranges of what came out of turn.
BARE = (52, 64, 72, 80)
RULES = 1000  # the tables that name one neighbour come after this number

# Answers may come another way than questions went, and paths are longer than one hop.
SETTINGS = (
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.conf.all.send_redirects=0",
    "net.ipv4.conf.default.send_redirects=0",
    "net.ipv4.tcp_slow_start_after_idle=0",
    "net.ipv4.tcp_no_metrics_save=1",
    f"net.ipv4.tcp_wmem=4096 65536 {WINDOW}",
    f"net.ipv4.tcp_rmem=4096 {ROOM // 2} {ROOM}",
)


@dataclass(frozen=True)
class Command:
    """Words to run, and what to give it as standard input."""

    words: tuple[str, ...]
    text: str = ""


def setup_commands(layout: Layout, hops: IntArray) -> list[Command]:
    """Write the commands that make all networks, cables, rates and paths."""
    topology = layout.topology
    places = [CONTROL, *map(namespace, range(topology.vertices))]
    return [
        _ip([f"netns add {place}" for place in places]),
        *(Command(("ip", "netns", "exec", place, "sysctl", "-qw", *SETTINGS)) for place in places),
        _ip(_hub(topology.ranks), CONTROL),
        *(_ip(_vertex(v, topology.ranks), namespace(v)) for v in range(topology.vertices)),
        *(_ip(_cable(cable), namespace(cable.a)) for cable in layout.cables),
        *(_end(*end, layout.answering) for cable in layout.cables for end in _ends(cable)),
        *(_ip(_routes(v, hops), namespace(v)) for v in range(topology.vertices)),
    ]


def route_commands(
    layout: Layout, paths: Mapping[tuple[int, int], Path], add: bool = True
) -> list[Command]:
    """Write the commands that put the packets of some pairs on paths of their own, or back."""
    rules: dict[int, list[str]] = {}
    word = "add" if add else "del"
    for (src, dst), path in paths.items():
        for at, to in pairwise(path):
            # At the source itself a packet has no sender yet when its first path is looked for.
            who = "iif lo" if at == src else f"from {address(src)}"
            rules.setdefault(at, []).append(
                f"rule {word} {who} to {address(dst)} lookup {RULES + to}"
            )
    return [_ip(lines, namespace(at)) for at, lines in sorted(rules.items())]


def _ip(lines: Iterable[str], place: str = "") -> Command:
    where = ("-n", place) if place else ()
    return Command(("ip", *where, "-batch", "-"), "\n".join(lines) + "\n")


def _hub(ranks: int) -> list[str]:
    """Join all ranks and mpirun to a network that is not shaped and carries no data."""
    lines = ["link set lo up", f"link add {BRIDGE} type bridge", f"link set {BRIDGE} up"]
    lines.append(f"addr add {control(250 * 250)}/16 dev {BRIDGE}")
    for rank in range(ranks):
        lines.append(
            f"link add c{rank} type veth peer name {CONTROL} netns {namespace(rank)}",
        )
        lines.append(f"link set c{rank} master {BRIDGE} up")
    return lines


def _vertex(vertex: int, ranks: int) -> list[str]:
    """Give a vertex its address: a rank on an interface that MPI can be told to use."""
    if vertex >= ranks:
        return ["link set lo up", f"addr add {address(vertex)}/32 dev lo"]
    return [
        "link set lo up",
        f"link add {DATA} type veth peer name {DATA}2",
        f"link set {DATA}2 up",
        f"link set {DATA} up",
        f"addr add {address(vertex)}/32 dev {DATA}",
        f"addr add {control(vertex)}/16 dev {CONTROL}",
        f"link set {CONTROL} up",
    ]


def _cable(cable: Cable) -> list[str]:
    near, far = interface(cable.b), interface(cable.a)
    return [f"link add {near} type veth peer name {far} netns {namespace(cable.b)}"]


def _ends(cable: Cable) -> list[tuple[int, int, float, Seconds]]:
    there, back = cable.late
    return [(cable.a, cable.b, cable.forth, there), (cable.b, cable.a, cable.back, back)]


def burst(rate: float) -> int:
    """Give the bytes that a cable of a rate passes at once after a pause."""
    return max(SMALLEST_BURST, int(rate * BURST_SECONDS))


def delay(name: str, late: Seconds) -> str:
    """Write the command that lets what an interface sends come later; a kernel may not know it."""
    return f"tc qdisc add dev {name} root handle 1: netem delay {late * 1e9:.0f}ns limit {HELD}"


def answers_first(name: str, handle: str = "3:", parent: str = "2:1") -> list[str]:
    """Write the commands that let acknowledgements pass the data that wait at an interface.

    Behind data they come as late as those: a sender whose window is smaller than the queue on the
    way back stands still meanwhile, which no network does whose credits have a way of their own.
    Acknowledgements still take their part of the rate. A kernel may not know the words.
    """
    lines = [f"tc qdisc add dev {name} parent {parent} handle {handle} htb default 2"]
    for which in (1, 2):  # at a rate that holds nothing back: what counts is who is first
        lines += [
            f"tc class add dev {name} parent {handle} classid {handle}{which} htb "
            f"rate 10gbit burst 1mb cburst 1mb quantum {MTU} prio {which}",
            f"tc qdisc add dev {name} parent {handle}{which} bfifo limit {QUEUE}b",
        ]
    return lines + [
        f"tc filter add dev {name} parent {handle} protocol ip u32 match ip protocol 6 0xff "
        f"match u8 0x10 0xff at 33 match u16 {size} 0xffff at 2 "
        f"match u8 {(size - 20) * 4} 0xf0 at 32 flowid {handle}1"
        for size in BARE
    ]


def _end(at: int, to: int, rate: float, late: Seconds, answering: bool) -> Command:
    """Shape one end of a cable: frames one by one, a short burst, a queue that loses nothing.

    The rate is that of the payload: what headers take comes on top. What is delayed is shaped
    behind the delay, so that the queue is where it would be without.
    """
    name, place = interface(to), namespace(at)
    lines = [f"ip link set {name} mtu {MTU} gso_max_segs 1 up"]
    if late:
        lines.append(delay(name, late))
    if rate:
        lines.append(
            f"tc qdisc add dev {name} {'parent 1:1' if late else 'root'} handle 2: tbf "
            f"rate {rate * HEADERS * 8:.0f}bit burst {burst(rate)}b limit {QUEUE}b"
        )
        lines += answers_first(name) if answering else []
    return Command(("ip", "netns", "exec", place, "sh", "-e"), "\n".join(lines) + "\n")


def _routes(vertex: int, hops: IntArray) -> list[str]:
    """Write a vertex's paths to all others, and a table for each neighbour that schedules use."""
    lines = [
        f"route add {address(to)}/32 {_reach_neighbour(int(hop))} src {address(vertex)}"
        for to, hop in enumerate(hops[vertex])
        if to != vertex
    ]
    near = sorted({int(hop) for hop in hops[vertex]} - {vertex})
    return lines + [f"route add default {_reach_neighbour(to)} table {RULES + to}" for to in near]


def _reach_neighbour(neighbour: int) -> str:
    return f"via {address(neighbour)} dev {interface(neighbour)} onlink"
