"""A machine in a few lines: boxes, tiers, rates, rails, oversubscription."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from topologies.importers.draft import HUB_KIND, RANK, SWITCH, Cable, Draft, Vertex
from topologies.importers.oddities import count_by_host
from topologies.model.units import Rate, count_of, rate

Row = tuple[str, str]
MOST_RATES = 4


def rows(draft: Draft) -> list[Row]:
    """Describe a draft whose figures are complete, a word and a text for each line.

    Complexity: linear in the cables.
    """
    vertex = {each.name: each for each in draft.vertices}
    return [
        ("boxes", _boxes(draft)),
        *_tiers(draft, vertex),
        *_network(draft, vertex),
    ]


def _boxes(draft: Draft) -> str:
    """Count the boxes by how many ranks each has."""
    counts = count_by_host(draft.vertices, RANK)
    ranks = draft.of(RANK)
    kind = Counter(each.kind for each in ranks).most_common(1)[0][0]
    sizes = Counter(count for count in counts.values() if count)
    if set(counts) == {""} or len(counts) == len(ranks):
        return count_of(len(ranks), kind)
    return ", ".join(f"{number} of {count_of(size, kind)}" for size, number in sizes.items())


def _tiers(draft: Draft, vertex: Mapping[str, Vertex]) -> list[Row]:
    """List what each kind of links joins, and how fast each link is."""
    groups: dict[tuple[str, str, str], list[Cable]] = defaultdict(list)
    for each in draft.cables:
        ends = sorted((vertex[each.src], vertex[each.dst]), key=lambda v: (v.role != RANK, v.kind))
        groups[each.medium, ends[0].kind, ends[1].kind].append(each)
    return [
        (medium, f"{len(cables)} x {one} - {other}, {_rates(cables)}")
        for (medium, one, other), cables in groups.items()
    ]


def _rates(cables: Sequence[Cable]) -> str:
    """List the rates of links, with their evidence."""
    found = Counter((each.rate or Rate(0), each.evidence) for each in cables)
    listed = sorted(found, key=lambda each: -found[each])[:MOST_RATES]
    words = [
        f"{found[each]} x {rate(each[0])}" if len(found) > 1 else rate(each[0]) for each in listed
    ]
    more = f" and {len(found) - len(listed)} other rates" if len(found) > len(listed) else ""
    evidence = " and ".join(dict.fromkeys(each[1] for each in listed))
    return f"{', '.join(words)}{more} ({evidence})"


def _network(draft: Draft, vertex: Mapping[str, Vertex]) -> list[Row]:
    """Describe rails and oversubscription of a network, if there is one."""
    if not any(each.host for each in draft.of(RANK)):
        return []
    outer = [
        each
        for each in draft.cables
        if _is_outside(vertex[each.src]) or _is_outside(vertex[each.dst])
    ]
    leaves = _by_leaf(outer, vertex)
    if not leaves:
        return []
    made = [("rails", _rails(leaves))]
    down, up = _loads(outer, vertex, set(leaves))
    ratios = {leaf: down[leaf] / up[leaf] for leaf in leaves if up.get(leaf)}
    if ratios:
        worst = max(ratios, key=lambda leaf: ratios[leaf])
        most = float(ratios[worst])
        text = f"{most:.3g} : 1 at {worst} ({rate(down[worst])} down, {rate(up[worst])} up)"
        made.append(("oversubscribed", text if most > 1 else f"nowhere: {text} at most"))
    return made


def _by_leaf(outer: Sequence[Cable], vertex: Mapping[str, Vertex]) -> dict[str, list[str]]:
    """List the hosts at each leaf, a leaf being a switch outside all boxes that a box hangs on."""
    leaves: dict[str, list[str]] = defaultdict(list)
    for each in outer:
        for end, other in ((each.src, each.dst), (each.dst, each.src)):
            if _is_outside(vertex[end]) and not _is_outside(vertex[other]):
                leaves[end].append(vertex[other].host or other)
    return leaves


def _is_outside(vertex: Vertex) -> bool:
    return vertex.role == SWITCH and not vertex.host and vertex.kind != HUB_KIND


def _rails(leaves: Mapping[str, list[str]]) -> str:
    """Tell a network where each box has one link to each of several leaves from others."""
    hosts = Counter(host for found in leaves.values() for host in found)
    links = Counter(hosts.values())
    usual = ", ".join(
        f"{count} with {count_of(each, 'link')}" for each, count in links.most_common()
    )
    rails = all(len(set(found)) == len(found) for found in leaves.values())
    kind = "each at a leaf of its own" if rails and max(hosts.values()) > 1 else ""
    text = f"{count_of(len(hosts), 'box')} on {_leaf_count(len(leaves))}: {usual}"
    return f"{text}, {kind}" if kind else text


def _leaf_count(count: int) -> str:
    return "1 leaf" if count == 1 else f"{count} leaves"


def _loads(
    outer: Sequence[Cable], vertex: Mapping[str, Vertex], leaves: set[str]
) -> tuple[dict[str, Rate], dict[str, Rate]]:
    """Add up the rates down to boxes and up to other switches, of each leaf."""
    down: dict[str, Rate] = defaultdict(Rate)
    up: dict[str, Rate] = defaultdict(Rate)
    for each in outer:
        for end, other in ((each.src, each.dst), (each.dst, each.src)):
            if end in leaves:
                side = up if _is_outside(vertex[other]) else down
                side[end] += each.rate or 0
    return down, up
