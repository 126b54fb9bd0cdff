"""Certificates as text: what the bound is counted on, and the arithmetic that anyone can redo."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from solvers.certify.certificates import measure_cut, prove
from solvers.schedules.certificate import Certificate, Cut, Prices
from solvers.schedules.schedule import Schedule
from solvers.schedules.text import LINES, heading
from topologies.model.messages import first_lines, list_names
from topologies.model.topology import IntArray, Topology
from topologies.model.units import Rate, rate

TERMS = 6  # of a sum that is written out


def certificate_text(schedule: Schedule, most: int | None = LINES) -> str:
    """Write why nothing is faster than the bound of a schedule, worked out anew.

    Args:
        schedule: one whose columns fit each other.
        most: lines of each list, None for all of them.

    Raises:
        Unproven: the certificate proves nothing.
    """
    title = f"{heading(schedule.topology, schedule.collective)}: {schedule.bound}"
    certificate = schedule.bound.certificate
    if certificate is None:
        return f"{title}\n  no certificate"
    limit = prove(
        schedule.topology,
        schedule.collective,
        certificate,
        schedule.group,
        in_network=schedule.in_network,
        relays=schedule.relays,
    )
    lines = [title, f"  holds for  {_scope(schedule, certificate)}"]
    if isinstance(certificate, Cut):
        lines += _cut(schedule, certificate, limit, most)
    else:
        lines += _prices(schedule, certificate, limit, most)
    if limit != schedule.bound.algbw:
        lines.append(f"  claimed    {rate(schedule.bound.algbw)}, which is not what is proved")
    return "\n".join(lines)


def _scope(schedule: Schedule, certificate: Certificate) -> str:
    """Say of which schedules the bound speaks."""
    said = []
    if isinstance(certificate, Prices):
        holders, wanters = schedule.collective.counts
        if ((holders > 1) & (wanters > 1)).any():
            said.append("that adds each sum over a tree into a root and hands it out over another")
        if certificate.height is not None:
            said.append(f"of height {certificate.height} at most")
        if schedule.in_network:
            said.append("in which switches copy and add as far as they can")
        if len(schedule.collective.ranks) < schedule.topology.ranks and schedule.relays != "all":
            said.append("in which ranks outside neither copy nor add")
    return f"every schedule without coding {', '.join(said)}".rstrip()


def _cut(schedule: Schedule, cut: Cut, limit: Fraction, most: int | None) -> Iterator[str]:
    """Write the ranks on one side, the links that cross, and what must cross them."""
    machine = schedule.topology
    data, links = measure_cut(machine, schedule.collective, cut)
    crossed = np.flatnonzero(links)
    names = [machine.names[vertex] for vertex in cut.inside.tolist()]
    inside = list_names(names, len(names) if most is None else 12)
    word = "enter" if cut.reversed_links else "leave"
    capacity = _capacity(machine, crossed)
    yield f"  cut        {len(names):,} of {machine.vertices:,} vertices: {inside}"
    verb = f"{word}s" if len(crossed) == 1 else word
    yield f"  links      {len(crossed):,} {verb} them, {_exact(capacity)} together:"
    lines = (f"    {machine.link_name(link)}: {_of(machine, link)}" for link in crossed.tolist())
    yield from first_lines(lines, len(crossed), most)
    part = "all" if data == 1 else f"{data}"
    yield f"  data       {part} of the size must {word} them, wherever it is copied or added"
    yield f"  so         {_gigabytes(capacity)} / {_divisor(data)} = {_exact(limit)}"


def _prices(schedule: Schedule, prices: Prices, limit: Fraction, most: int | None) -> Iterator[str]:
    """Write which links have prices, what all links take in, and what the blocks must pay."""
    machine = schedule.topology
    found = [
        (price, links, _capacity(machine, links))
        for price, links in _links_by_price(prices)
        if price and len(links)
    ]
    takes = sum((price * capacity for price, _, capacity in found), Fraction(0))
    free = machine.links - sum(len(links) for _, links, _ in found)
    yield f"  prices     of a byte over a link; {free:,} of {machine.links:,} links cost nothing"
    lines = (
        f"    {price} on {_links(machine, links, most)}, {_exact(capacity)} together"
        for price, links, capacity in found
    )
    yield from first_lines(lines, len(found), most)
    written = " + ".join(f"{price} x {_gigabytes(rate_)}" for price, _, rate_ in found[:TERMS])
    more = " + ..." * (len(found) > TERMS)
    paid = takes / limit
    yield f"  take in    {written}{more} = {_gigabytes(takes)}, times 10^9 in a second"
    yield f"  must pay   {paid} a byte of the size: each block for its cheapest {_path(schedule)}"
    yield f"  so         {_gigabytes(takes)} / {_divisor(paid)} = {_exact(limit)}"


def _links_by_price(prices: Prices) -> Iterator[tuple[Fraction, IntArray]]:
    """List each price with its links, the highest first."""
    for price in sorted(set(prices.of_class), reverse=True):
        classes = [c for c, each in enumerate(prices.of_class) if each == price]
        yield price, np.flatnonzero(np.isin(prices.of_link, classes))


def _path(schedule: Schedule) -> str:
    """Name what a block goes over."""
    holders, wanters = schedule.collective.counts
    if ((holders > 1) & (wanters > 1)).any():
        return "pair of trees"
    return "tree" if ((holders > 1) | (wanters > 1)).any() else "way"


def _links(machine: Topology, links: IntArray, most: int | None) -> str:
    names = [machine.link_name(link) for link in links.tolist()]
    count = f"{len(names):,} link{'s' * (len(names) != 1)}"
    return f"{count} ({list_names(names, len(names) if most is None else 4)})"


def _capacity(machine: Topology, links: IntArray) -> Fraction:
    """Add up the bandwidths of links, in bytes per second."""
    return machine.unit * int(machine.capacity[links].sum())


def _of(machine: Topology, link: int) -> str:
    return _exact(machine.unit * int(machine.capacity[link]))


def _divisor(figure: Fraction) -> str:
    return str(figure) if figure.denominator == 1 else f"({figure})"


def _gigabytes(bandwidth: Rate) -> str:
    return str(bandwidth / 10**9)


def _exact(bandwidth: Rate) -> str:
    """Write bytes per second in GB/s as a fraction, and rounded where it is none that is whole."""
    exact = bandwidth / 10**9
    return f"{exact} GB/s" if exact.denominator == 1 else f"{exact} GB/s ({rate(bandwidth)})"
