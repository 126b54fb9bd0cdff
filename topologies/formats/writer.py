"""The topology file's schema: from a topology to the fields of a file."""

from decimal import Decimal
from fractions import Fraction

from topologies.formats.reader import CLASS, FIELDS, FORMAT, Table
from topologies.model.topology import LinkClass, Topology, TopologyError
from topologies.model.units import Rank, Seconds


def describe(topology: Topology) -> Table:
    """Describe a topology as the fields of a file; figures become decimals or "a/b".

    Raises:
        TopologyError: paired links that are unlike each other, which no file can say.
    """
    plain = tuple(topology.classes) == (LinkClass("link"),)
    fields: Table = {
        "format": FORMAT,
        "name": topology.name,
        "ranks": [_rank_fields(topology, rank) for rank in range(topology.ranks)],
        "switches": [_switch_fields(topology, v) for v in range(topology.ranks, topology.vertices)],
        "classes": [] if plain else [_class_fields(c) for c in topology.classes],
        "symmetry": topology.symmetry.tolist(),
        "links": _link_rows(topology, plain),
    }
    return {key: value for key, value in fields.items() if value or key in FIELDS[:3]}


def _rank_fields(topology: Topology, rank: Rank) -> str | Table:
    """Write a name where nothing else is to be said of the rank."""
    fields: Table = {"name": topology.names[rank]}
    if topology.kinds[rank] != "rank":
        fields["kind"] = topology.kinds[rank]
    if topology.overhead[rank]:
        fields["overhead_us"] = _decimal(_exactly(topology.overhead[rank]) * 10**6)
    return fields if len(fields) > 1 else topology.names[rank]


def _switch_fields(topology: Topology, vertex: int) -> Table:
    fields: Table = {"name": topology.names[vertex]}
    if topology.multicast[vertex]:
        fields["multicast"] = True
    if topology.reduce[vertex]:
        fields["reduce"] = True
    if topology.kinds[vertex] != "switch":
        fields["kind"] = topology.kinds[vertex]
    return fields


def _class_fields(link_class: LinkClass) -> Table:
    fields = {key: getattr(link_class, key) for key in CLASS}
    fields["efficiency"] = None if link_class.efficiency == 1 else _decimal(link_class.efficiency)
    return {key: value for key, value in fields.items() if value or key == "name"}


def _link_rows(topology: Topology, plain: bool) -> list[Table]:
    """List the links, each duplex pair once."""
    rows, link = [], 0
    while link < topology.links:
        duplex = topology.mate[link] >= 0
        if duplex and not _is_duplex(topology, link):
            raise TopologyError([f"link {topology.link_name(link)}: unlike its opposite link"])
        rows.append(_link_fields(topology, link, plain, bool(duplex)))
        link += 1 + int(duplex)
    return rows


def _is_duplex(topology: Topology, link: int) -> bool:
    """Tell whether the link and the next one are a pair that `duplex` describes."""
    back = link + 1
    figures = (topology.capacity, topology.alpha, topology.link_class, topology.plane)
    return bool(
        topology.mate[link] == back
        and topology.mate[back] == link
        and topology.src[link] == topology.dst[back]
        and topology.dst[link] == topology.src[back]
        and all(column[link] == column[back] for column in figures)
    )


def _link_fields(topology: Topology, link: int, plain: bool, duplex: bool) -> Table:
    bandwidth = int(topology.capacity[link]) * topology.unit
    fields: Table = {
        "src": topology.names[topology.src[link]],
        "dst": topology.names[topology.dst[link]],
        "bandwidth_GBps": _decimal(bandwidth / 10**9),
    }
    if topology.alpha[link]:
        fields["latency_us"] = _decimal(_exactly(topology.alpha[link]) * 10**6)
    if duplex:
        fields["duplex"] = True
    if not plain:
        fields["class"] = topology.classes[topology.link_class[link]].name
    if topology.plane[link] >= 0:
        fields["plane"] = int(topology.plane[link])
    return fields


def _exactly(seconds: Seconds) -> Fraction:
    """Write the shortest decimal that reads as the same float."""
    return Fraction(repr(float(seconds)))


def _decimal(figure: Fraction) -> int | Decimal | str:
    """Write the decimal that a fraction is, or the text a/b where it is none."""
    places = max(_power(figure.denominator, 2), _power(figure.denominator, 5))
    scaled = figure * 10**places
    if scaled.denominator != 1:
        return f"{figure.numerator}/{figure.denominator}"
    if places == 0:
        return figure.numerator
    digits = Decimal(scaled.numerator).as_tuple().digits
    return Decimal((int(figure < 0), digits, -places))


def _power(number: int, base: int) -> int:
    """Count how often `base` divides `number`."""
    count = 0
    while number % base == 0:
        number, count = number // base, count + 1
    return count
