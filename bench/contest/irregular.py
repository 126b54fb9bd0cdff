"""Machines that nobody would draw, to be emulated: unequal boxes, meshes, slow links and ports."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from topologies.model.topology import Link, Switch, Topology, build

MEGABIT = 125_000  # bytes per second
ALPHA = 10e-6  # of a cable, about


def unequal_boxes() -> Topology:
    """Join boxes of five and of three hosts, 200 Mbit/s each, by 50 Mbit/s."""
    hosts = [f"h{i}" for i in range(8)]
    links = [_link(host, f"s{int(i >= 5)}", 200) for i, host in enumerate(hosts)]
    return build("5 + 3", hosts, [Switch("s0"), Switch("s1")], [*links, _link("s0", "s1", 50)])


def three_boxes() -> Topology:
    """Join seven hosts at three switches in a row, with two unlike cables between these."""
    hosts = [f"h{i}" for i in range(7)]
    links = [_link(host, f"s{i // 3}", 200) for i, host in enumerate(hosts)]
    links += [_link("s0", "s1", 100), _link("s1", "s2", 40)]
    return build("3 + 3 + 1", hosts, [Switch(f"s{i}") for i in range(3)], links)


def wheel() -> Topology:
    """Join six hosts in a ring of 50 Mbit/s, and every other one to a hub of 200."""
    hosts = [f"h{i}" for i in range(6)]
    links = [_link(f"h{i}", f"h{(i + 1) % 6}", 50) for i in range(6)]
    links += [_link(f"h{i}", "hub", 200) for i in (0, 2, 4)]
    return build("wheel", hosts, [Switch("hub")], links)


def bent_mesh() -> Topology:
    """Take a mesh of 2 x 4 hosts, 100 Mbit/s, with a slow link and one that is missing."""
    hosts = [f"h{i}" for i in range(8)]
    rows = [(4 * y + x, 4 * y + x + 1) for y in range(2) for x in range(3)]
    pairs = [pair for pair in [*rows, *((x, x + 4) for x in range(4))] if pair != (1, 5)]
    rate = {(2, 3): 25}
    links = [_link(f"h{a}", f"h{b}", rate.get((a, b), 100)) for a, b in pairs]
    return build("mesh, bent", hosts, [], links)


def slow_ports() -> Topology:
    """Join five hosts at one switch, whose ports differ by eight times."""
    hosts = [f"h{i}" for i in range(5)]
    links = [_link(f"h{i}", "s", rate) for i, rate in enumerate((200, 25, 100, 200, 50))]
    return build("unlike ports", hosts, [Switch("s")], links)


def _link(src: str, dst: str, rate: int) -> Link:
    return Link(src, dst, Fraction(rate * MEGABIT), ALPHA, duplex=True)


IRREGULAR: Mapping[str, Callable[[], Topology]] = {
    "boxes of 5 and 3": unequal_boxes,
    "boxes of 3, 3 and 1": three_boxes,
    "wheel of 6": wheel,
    "mesh 2 x 4, bent": bent_mesh,
    "star, unlike ports": slow_ports,
}
