"""Files of several hosts and one of their network, made one machine."""

from collections.abc import Sequence
from dataclasses import replace

from topologies.formats.reader import LINK_LIMIT
from topologies.importers.draft import (
    ADAPTER,
    ALONE,
    NETWORK,
    PROFILE,
    RANK,
    SWITCH,
    Cable,
    Draft,
    Vertex,
)
from topologies.importers.hardware.profiles import Profile
from topologies.importers.matching import Host, hosts_of, match, match_adapters
from topologies.model.messages import list_names
from topologies.model.topology import TopologyError
from topologies.model.units import count_of

HUB = "network"
ONE_NETWORK = "no network is given: all adapters are taken to meet at one switch, never full"


def merge(drafts: Sequence[Draft], profile: Profile, hosts: int | None = None) -> Draft:
    """Make one draft of several files.

    Args:
        drafts: of hosts, and at most one of a network.
        profile: says how many adapters a host has whose file names none.
        hosts: how many there are that are all like the one whose file is given.

    Raises:
        TopologyError: two networks, or a host that the network does not know.
    """
    fabrics = [each for each in drafts if each.fabric]
    boxes = [each for each in drafts if not each.fabric]
    expect_few(sum(len(each.cables) for each in boxes) * (hosts or 1))
    if len(fabrics) > 1:
        raise TopologyError([f"{len(fabrics)} files of networks, expected at most one"])
    if hosts is not None and len(boxes) != 1:
        raise TopologyError(
            [f"--hosts: {len(boxes)} files of hosts, expected one that all are like"]
        )
    if not boxes:
        return fabrics[0]
    if fabrics:
        return _hang_on(fabrics[0], boxes, profile, hosts)
    if len(boxes) == 1 and (hosts or 1) == 1:
        return boxes[0]
    return _around_one_switch(boxes, profile, hosts)


def expect_few(cables: int) -> None:
    """Refuse more links than a topology file holds, before they are made.

    Raises:
        TopologyError: there would be more.
    """
    if cables > LINK_LIMIT:
        raise TopologyError([f"{cables:,} links, at most {LINK_LIMIT:,} are made"])


def _around_one_switch(boxes: Sequence[Draft], profile: Profile, hosts: int | None) -> Draft:
    """Join boxes of which no network is known."""
    if hosts is not None:
        named = [_placed(boxes[0], f"h{i}", profile) for i in range(hosts)]
    else:
        names = _unlike([each.name for each in boxes])
        named = [_placed(each, name, profile) for each, name in zip(boxes, names, strict=True)]
    adapters = [each for box in named for each in box.of(ADAPTER)]
    if missing := [box.name for box in named if not box.of(ADAPTER)]:
        raise TopologyError(
            [
                f"no adapter is known of {list_names(missing)}: expected a file that lists them, "
                "or --profile with a machine that has some"
            ]
        )
    hub = Vertex(HUB, SWITCH, "network")
    links = [
        Cable(each.name, HUB, NETWORK, each.rate, source="speed of the adapter")
        for each in adapters
    ]
    vertices = tuple(each for box in named for each in box.vertices)
    cables = tuple(each for box in named for each in box.cables)
    notes = dict.fromkeys((*(n for box in named for n in box.notes), ONE_NETWORK))
    odd = tuple(f"{box.name}: {what}" for box in boxes for what in box.odd)
    partial = any(box.partial for box in boxes)
    name = f"{boxes[0].name}-x{len(named)}" if hosts else "hosts"
    return Draft(name, (*vertices, hub), (*cables, *links), tuple(notes), odd, partial=partial)


def _unlike(names: Sequence[str]) -> list[str]:
    """Write a number behind names that occur twice."""
    return [
        f"{name}-{names[:place].count(name)}" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def _placed(box: Draft, name: str, profile: Profile) -> Draft:
    """Give a box a name of its own, and adapters if only the profile knows of them."""
    if not box.of(ADAPTER) and profile.adapters:
        box = _with_adapters(box, profile)
    vertices = tuple(
        each._replace(name=f"{name}.{each.name}", host=f"{name}.{each.host}" if each.host else name)
        for each in box.vertices
    )
    cables = tuple(
        each._replace(src=f"{name}.{each.src}", dst=f"{name}.{each.dst}") for each in box.cables
    )
    return replace(box, name=name, vertices=vertices, cables=cables)


def _with_adapters(box: Draft, profile: Profile) -> Draft:
    """Add the adapters that a profile knows of, each beside an equal share of the ranks."""
    ranks = box.of(RANK)
    count = min(profile.adapters, len(ranks))
    rate = profile.figures[NETWORK].rate
    adapters = [Vertex(f"nic{i}", ADAPTER, "adapter", rate=rate) for i in range(count)]
    beside = [
        Cable(rank.name, adapters[i * count // len(ranks)].name, "PCIe", evidence=PROFILE)
        for i, rank in enumerate(ranks)
    ]
    note = f"{profile.adapters} adapters a box, by the profile: one beside each rank or each few"
    return replace(
        box,
        vertices=(*box.vertices, *adapters),
        cables=(*box.cables, *beside),
        notes=(*box.notes, note),
    )


def _hang_on(fabric: Draft, boxes: Sequence[Draft], profile: Profile, hosts: int | None) -> Draft:
    """Put each box in the place that the network has for its host."""
    known = hosts_of(fabric)
    pairs, notes = match(known, boxes, hosts)
    expect_few(sum(len(box.cables) for _, box in pairs))
    named = [_placed(box, host.name, profile) for host, box in pairs]
    short: dict[str, list[str]] = {}
    replaced = {host.name for host in known}
    inside = {v.name for v in fabric.vertices if v.host in replaced}
    links: list[Cable] = []
    for (host, _), box in zip(pairs, named, strict=True):
        more, lost, idle = _joins(fabric, host, box)
        links += more
        if lost:
            what = f"{count_of(lost, 'adapter')} without a port in the network"
            short.setdefault(what, []).append(host.name)
        if idle:
            what = f"{count_of(idle, 'port')} of the network without an adapter in the file"
            short.setdefault(what, []).append(host.name)
    odd = [f"{what}: {list_names(names)}" for what, names in short.items()]
    told = [note for note in fabric.notes if note != ALONE]
    vertices = [each for each in fabric.vertices if each.name not in inside]
    kept = [each for each in fabric.cables if not inside & {each.src, each.dst}]
    return Draft(
        fabric.name,
        (*(v for box in named for v in box.vertices), *vertices),
        (*(c for box in named for c in box.cables), *links, *kept),
        tuple(dict.fromkeys((*told, *(n for box in boxes for n in box.notes), *notes))),
        (*fabric.odd, *odd, *(f"{box.name}: {what}" for box in boxes for what in box.odd)),
        partial=any(box.partial for box in boxes),
    )


def _joins(fabric: Draft, host: Host, box: Draft) -> tuple[list[Cable], int, int]:
    """Lead the adapters of a box to where those of its host lead.

    Returns:
        The cables, how many adapters have no port there, and how many ports no adapter.
    """
    own = {host.rank.name, *(each.name for each in host.adapters)}
    adapters = box.of(ADAPTER)
    if not host.adapters:
        ends = [
            (c, c.dst if c.src in own else c.src) for c in fabric.cables if own & {c.src, c.dst}
        ]
        return (
            [
                Cable(
                    each.name, end, NETWORK, each.rate or cable.rate, source="speed of the adapter"
                )
                for each in adapters
                for cable, end in ends
            ],
            0,
            0,
        )
    named, lost = match_adapters(host, adapters)
    links = []
    for cable in fabric.cables:
        inner = {cable.src, cable.dst} & own
        if len(inner) == 1 and (port := inner.pop()) in named:
            src, dst = (named[port] if end == port else end for end in (cable.src, cable.dst))
            links.append(cable._replace(src=src, dst=dst))
    return links, len(lost), len(host.adapters) - len(named)
