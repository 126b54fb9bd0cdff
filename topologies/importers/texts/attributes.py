"""Rates, latencies and kinds of points as graphs of others spell them: the unit is in the name."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from topologies.importers.draft import ASSUMED, RANK, STATED, SWITCH, Cable, Draft, Vertex, pair_up
from topologies.model.messages import list_names, show_value
from topologies.model.units import Rate, Seconds

RATES: dict[str, int | Fraction] = {
    "bandwidth_GBps": 10**9,
    "bandwidth_GB/s": 10**9,
    "bandwidth_Gbps": Fraction(10**9, 8),
    "bandwidth_Gb/s": Fraction(10**9, 8),
    "bandwidth_MBps": 10**6,
    "bandwidth_Bps": 1,
}
BARE_RATES = ("bandwidth", "capacity", "bw")
LATENCIES = {
    "latency_s": 1,
    "latency_us": 10**6,
    "latency_ns": 10**9,
    "alpha": 1,
    "alpha_us": 10**6,
}
BARE_LATENCIES = ("latency", "delay")
# A number without a unit: what is larger counts bytes per second, what is smaller seconds.
BYTES, SECONDS = 10**6, Fraction(1, 1000)
_NUMBER = re.compile(r"[+]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?")
_SWITCH = re.compile(r"(sw|switch|leaf|spine|tor|core|nvs|nvswitch|router|hub)[-_.0-9]*", re.I)
TAKEN = "taken for switches by their names, as they state no kind"


class Figures(NamedTuple):
    """What a link's attributes say."""

    rate: Rate | None
    alpha: Seconds | None
    evidence: str
    source: str


def number(value: object, place: str) -> Fraction:
    """Read a number of 0 or more, exactly as it is written.

    Raises:
        ValueError: it is none.
    """
    text = value if isinstance(value, str) else repr(value)
    if isinstance(value, bool) or not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{place}: found {show_value(value)}, expected a number from 0")
    return Fraction(text.strip())


def figures(attributes: Mapping[str, Any], place: str) -> Figures:
    """Read rate and latency of a link; None where it has none.

    Raises:
        ValueError: one is no number, or a rate is 0.
    """
    rate, source, evidence = None, "", STATED
    for key, unit in RATES.items():
        if attributes.get(key) not in (None, ""):
            rate, source = number(attributes[key], f"{place}: {key}") * unit, f"{key} in the file"
    for key in BARE_RATES:
        if rate is None and attributes.get(key) not in (None, ""):
            rate = number(attributes[key], f"{place}: {key}")
            source, evidence = f"{key} in the file, of bytes/s", STATED
            if rate < BYTES:
                rate, source, evidence = rate * 10**9, f"{key} without a unit, as GB/s", ASSUMED
    if rate is not None and rate <= 0:
        raise ValueError(f"{place}: the bandwidth is 0, expected more")
    return Figures(rate, _alpha(attributes, place), evidence, source)


def _alpha(attributes: Mapping[str, Any], place: str) -> Seconds | None:
    for key, unit in LATENCIES.items():
        if attributes.get(key) not in (None, ""):
            return float(number(attributes[key], f"{place}: {key}") / unit)
    for key in BARE_LATENCIES:
        if attributes.get(key) not in (None, ""):
            bare = number(attributes[key], f"{place}: {key}")
            return float(bare if bare < SECONDS else bare / 10**6)
    return None


def layer(attributes: Mapping[str, Any], key: str, place: str) -> int:
    """Read a small whole number, -1 where there is none.

    Raises:
        ValueError: it is none.
    """
    value = attributes.get(key)
    if value in (None, "", -1, "-1"):
        return -1
    found = number(value, f"{place}: {key}")
    if found.denominator != 1 or found > 10**6:
        raise ValueError(f"{place}: {key}: found {show_value(value)}, expected 0 to a million")
    return int(found)


def cable(src: str, dst: str, attributes: Mapping[str, Any], place: str, duplex: bool) -> Cable:
    """Make the cable of an edge.

    Raises:
        ValueError: a figure is wrong.
    """
    found = figures(attributes, place)
    level = layer(attributes, "layer", place)
    return Cable(
        *(src, dst, "link" if level < 0 else f"link of layer {level}", found.rate, found.alpha),
        duplex=duplex,
        evidence=found.evidence,
        source=found.source,
        plane=layer(attributes, "plane", place),
    )


def graph(name: str, kinds: Mapping[str, str], cables: list[Cable]) -> Draft:
    """Make the draft of a graph; a point that states no kind is a rank, unless its name says else.

    Args:
        name: of the machine.
        kinds: of each point, empty where it states none.
        cables: between them; two that lead to and fro become one.
    """
    guessed = {point for point, kind in kinds.items() if not kind and _SWITCH.fullmatch(point)}
    if len(guessed) == len(kinds):
        guessed = set()
    vertices = [_vertex(point, kind, point in guessed) for point, kind in kinds.items()]
    notes = [f"{TAKEN}: {list_names(sorted(guessed))}"] if guessed else []
    return Draft(name, tuple(vertices), tuple(pair_up(cables)), tuple(notes))


def _vertex(point: str, kind: str, guessed: bool) -> Vertex:
    if guessed or "switch" in kind.lower():
        return Vertex(point, SWITCH, "switch")
    return Vertex(point, RANK, "rank" if kind in ("", "rank") else kind)
