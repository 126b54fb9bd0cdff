"""Switches with what is below each, as schedulers know a network: who is near whom."""

from collections.abc import Sequence
from typing import NamedTuple

from topologies.importers.draft import ALONE, NETWORK, RANK, SWITCH, UPLINK, Cable, Draft, Vertex
from topologies.importers.texts.host_names import natural
from topologies.model.messages import show_value

LIMIT = 100_000  # hosts
ALL = 0  # lanes: as many as a host has adapters


class Row(NamedTuple):
    """A switch, and the switches and hosts below it."""

    name: str
    switches: Sequence[str]
    hosts: Sequence[str]
    place: str


def tree(name: str, rows: Sequence[Row], notes: Sequence[str] = ()) -> Draft:
    """Make the draft of a network of which no rate is known.

    Raises:
        ValueError: a switch is there twice, is unknown, or is above itself, or no host is below.
    Complexity: linear.
    """
    by_name = _by_name(rows)
    hosts = sorted({host for row in rows for host in row.hosts}, key=natural)
    if not hosts or len(hosts) > LIMIT:
        raise ValueError(f"{len(hosts)} hosts below the switches, expected 1 to {LIMIT:,}")
    if both := next((host for host in hosts if host in by_name), None):
        raise ValueError(f"{show_value(both)} is a host and a switch")
    cables = [Cable(host, row.name, NETWORK, lanes=ALL) for row in rows for host in row.hosts]
    ups = [
        Cable(below, row.name, UPLINK)
        for row in _from_below(rows, by_name)
        for below in dict.fromkeys(row.switches)
    ]
    vertices = (
        *(Vertex(host, RANK, "host", host) for host in hosts),
        *(Vertex(row.name, SWITCH, "switch") for row in rows),
    )
    return Draft(name, vertices, (*dict.fromkeys(cables), *ups), (*notes, ALONE), fabric=True)


def _by_name(rows: Sequence[Row]) -> dict[str, Row]:
    """Find the switches by their names.

    Raises:
        ValueError: one is there twice, or is named below another and is not there.
    """
    by_name: dict[str, Row] = {}
    for row in rows:
        if by_name.setdefault(row.name, row) is not row:
            raise ValueError(f"{row.place}: the switch {show_value(row.name)} is there twice")
    for row in rows:
        for below in row.switches:
            if below not in by_name:
                raise ValueError(f"{row.place}: no switch is named {show_value(below)}")
    return by_name


def _from_below(rows: Sequence[Row], by_name: dict[str, Row]) -> list[Row]:
    """Order the switches so that each comes behind all below it.

    Raises:
        ValueError: one is above itself.
    """
    waits = {row.name: len(set(row.switches)) for row in rows}
    above: dict[str, list[str]] = {row.name: [] for row in rows}
    for row in rows:
        for below in set(row.switches):
            above[below].append(row.name)
    ready = [row.name for row in rows if not waits[row.name]]
    for name in ready:
        for other in above[name]:
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    if len(ready) < len(rows):
        loop = next(row for row in rows if waits[row.name])
        raise ValueError(f"{loop.place}: the switch {show_value(loop.name)} is above itself")
    return [by_name[name] for name in ready]
