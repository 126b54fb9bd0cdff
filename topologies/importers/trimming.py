"""What no rank needs is left out: adapters without a network, dead ends, what only passes on."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from topologies.importers.draft import ADAPTER, INSIDE, NETWORK, RANK, Cable, Draft, Vertex
from topologies.model.messages import list_names
from topologies.model.reachability import parts
from topologies.model.topology import IntArray, integers

PICOSECOND = 12  # digits of a second
PASSING = ("CPU", "PCIe", "adapter")  # kinds of vertices that only pass on what comes

Parts = tuple[tuple[Vertex, ...], tuple[Cable, ...]]


def trim(draft: Draft) -> Draft:
    """Leave out what no rank needs.

    PCIe and sockets are a way between the ranks of a box only where nothing else joins them all,
    or where an adapter leads to a network.

    Complexity: linear in the cables, chains aside.
    """
    alone = {each.name for each in _lonely(draft)}
    cables = tuple(c for c in draft.cables if not alone & {c.src, c.dst})
    vertices = tuple(v for v in draft.vertices if v.name not in alone)
    needless = _joined_boxes(vertices, cables)
    if needless:
        host = {v.name: v.host for v in vertices}
        cables = tuple(c for c in cables if c.base not in INSIDE or host[c.src] not in needless)
    vertices, cables = contract(*drop_dead_ends(vertices, cables))
    notes = (*draft.notes, *_notes(draft, alone, needless))
    return replace(draft, vertices=vertices, cables=cables, notes=notes)


def _notes(draft: Draft, alone: Iterable[str], needless: Sequence[str]) -> list[str]:
    """Say what was left out."""
    notes = []
    if names := [each.name for each in draft.vertices if each.name in set(alone)]:
        notes.append(f"no network is known that {list_names(names)} would lead to: left out")
    if needless and any(cable.base == "PCIe" for cable in draft.cables):
        notes.append("other links join all ranks of a box: PCIe between them is left out")
    return notes


def _lonely(draft: Draft) -> list[Vertex]:
    """List the adapters that lead nowhere outside their box."""
    host = {each.name: each.host for each in draft.vertices}
    led = set()
    for cable in draft.cables:
        if host[cable.src] != host[cable.dst]:
            led |= {cable.src, cable.dst}
    return [each for each in draft.vertices if each.role == ADAPTER and each.name not in led]


def _joined_boxes(vertices: Sequence[Vertex], cables: Sequence[Cable]) -> list[str]:
    """List the boxes without adapters whose ranks something else than PCIe joins, all of them."""
    direct = [cable for cable in cables if cable.base not in (*INSIDE, NETWORK)]
    label = _labels(vertices, direct)
    groups: dict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(vertices):
        if each.role == RANK:
            groups[each.host].append(int(label[place]))
    outside = {each.host for each in vertices if each.role == ADAPTER}
    return [
        host
        for host, found in groups.items()
        if len(set(found)) == 1 and len(found) > 1 and host not in outside
    ]


def _labels(vertices: Sequence[Vertex], cables: Sequence[Cable]) -> IntArray:
    number = {each.name: i for i, each in enumerate(vertices)}
    src = integers([number[cable.src] for cable in cables])
    dst = integers([number[cable.dst] for cable in cables])
    return parts(len(vertices), src, dst)


def drop_dead_ends(vertices: Sequence[Vertex], cables: Sequence[Cable]) -> Parts:
    """Drop switches that lead to at most one other vertex, again and again."""
    near: dict[str, set[str]] = {each.name: set() for each in vertices}
    for cable in cables:
        near[cable.src].add(cable.dst)
        near[cable.dst].add(cable.src)
    ranks = {each.name for each in vertices if each.role == RANK}
    todo = [each.name for each in vertices if each.name not in ranks]
    gone: set[str] = set()
    while todo:
        name = todo.pop()
        if name in gone or len(near[name]) > 1:
            continue
        gone.add(name)
        for end in near[name]:
            near[end].discard(name)
            if end not in ranks:
                todo.append(end)
    return (
        tuple(each for each in vertices if each.name not in gone),
        tuple(cable for cable in cables if not gone & {cable.src, cable.dst}),
    )


def contract(vertices: Sequence[Vertex], cables: Sequence[Cable]) -> Parts:
    """Make one cable of two that meet at what only passes on: as slow as the slower of them."""
    kept = dict(enumerate(cables))
    at: dict[str, set[int]] = {each.name: set() for each in vertices}
    for number, cable in kept.items():
        at[cable.src].add(number)
        at[cable.dst].add(number)
    gone = set()
    for vertex in vertices:
        here = sorted(at[vertex.name])
        if vertex.kind not in PASSING or len(here) != 2:
            continue
        one, other = (kept[number] for number in here)
        made = _joined(vertex.name, one, other)
        if made.src == made.dst or not (one.duplex and other.duplex):
            continue
        kept[here[0]] = made
        del kept[here[1]]
        # Of the end of the second, which is made.dst.
        at[made.dst].discard(here[1])
        at[made.dst].add(here[0])
        gone.add(vertex.name)
    return tuple(each for each in vertices if each.name not in gone), tuple(kept.values())


def _joined(through: str, one: Cable, other: Cable) -> Cable:
    """Make one cable of two; it has the medium and the evidence of the slower one."""
    slow = min(one, other, key=lambda cable: cable.rate or 0)
    src, dst = (c.src if c.dst == through else c.dst for c in (one, other))
    alpha = round((one.alpha or 0) + (other.alpha or 0), PICOSECOND)
    return slow._replace(src=src, dst=dst, alpha=alpha)
