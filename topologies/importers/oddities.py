"""What looks wrong in a machine: a rail that is missing, a link that is slower or leads one way."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from topologies.importers.draft import ADAPTER, RANK, Cable, Draft, Vertex
from topologies.model.messages import list_names
from topologies.model.units import Rate, count_of, rate

Value = TypeVar("Value", bound=Hashable)

MOST = 3 / 4  # of its kind: what is usual
FEW = 4  # below so many nothing is usual


def odd(draft: Draft) -> list[str]:
    """Say what looks wrong, a sentence each.

    Complexity: linear in the cables.
    """
    vertex = {each.name: each for each in draft.vertices}
    return [*draft.odd, *_one_way(draft), *_slow(draft, vertex), *_short(draft)]


def _one_way(draft: Draft) -> list[str]:
    """Name the links that no other leads back to, and those that are faster one way."""
    lone = [each for each in draft.cables if not each.duplex]
    back = {(each.dst, each.src): each for each in lone}
    found = [each for each in lone if (each.src, each.dst) not in back]
    names = [f"{each.src} -> {each.dst}" for each in found]
    faults = [f"one way only: {list_names(names)}"] if names else []
    for each in lone:
        other = back.get((each.src, each.dst))
        if other is not None and each.rate is not None and each.rate < (other.rate or 0):
            faults.append(
                f"{each.src} -> {each.dst}: {rate(each.rate)}, but {rate(other.rate)} back"
            )
    return faults


def usual(values: Sequence[Value]) -> Value | None:
    """Find the value that most have, None if none is usual."""
    if len(values) < FEW:
        return None
    value, count = Counter(values).most_common(1)[0]
    return value if count >= MOST * len(values) else None


def _slow(draft: Draft, vertex: Mapping[str, Vertex]) -> list[str]:
    """Name the links that are slower than most of their kind."""
    kinds: dict[Hashable, list[Cable]] = defaultdict(list)
    for each in draft.cables:
        ends = sorted((vertex[each.src].kind, vertex[each.dst].kind))
        kinds[each.base, *ends].append(each)
    faults = []
    for every in kinds.values():
        cables = _side_by_side(every)
        common = usual([each.rate or Rate(0) for each in cables])
        slower = [each for each in cables if common and (each.rate or 0) < common]
        names = [f"{each.src} -> {each.dst}" for each in slower]
        if slower:
            low = rate(min(each.rate or 0 for each in slower))
            most = rate(common)
            faults.append(
                f"degraded: {list_names(names)}: {low}, not {most} as the others"
                f"{_fewer_lanes(slower, cables)}"
            )
    return faults


def _side_by_side(cables: Iterable[Cable]) -> list[Cable]:
    """Add up what leads from one end to one other at several speeds."""
    sums: dict[tuple[str, str], Cable] = {}
    for each in cables:
        old = sums.get((each.src, each.dst))
        if old:
            rate, lanes = (old.rate or 0) + (each.rate or 0), old.lanes + each.lanes
            each = each._replace(rate=Rate(rate), lanes=lanes)
        sums[each.src, each.dst] = each
    return list(sums.values())


def _fewer_lanes(slower: Sequence[Cable], cables: Sequence[Cable]) -> str:
    """Say that links are slower as some of their cables are missing, where that is so."""
    common = usual([each.lanes for each in cables]) or 0
    most = max(each.lanes for each in slower)
    return f" ({most} of {count_of(common, 'cable')})" if 0 < most < common else ""


def _short(draft: Draft) -> list[str]:
    """Name the boxes that have fewer ranks or adapters than most; of a few boxes, than another."""
    faults = []
    for role, word in ((ADAPTER, "adapter"), (RANK, "rank")):
        counts = count_by_host(draft.vertices, role)
        few = 1 < len(counts) < FEW
        common = max(counts.values()) if few else usual(list(counts.values()))
        short = [host for host, count in counts.items() if common and count < common]
        if common and short:
            low = min(counts[host] for host in short)
            usually = count_of(common, word)
            why = "a rail is missing: " if role == ADAPTER else ""
            others = "the other has" if len(counts) - len(short) == 1 else "the others have"
            faults.append(f"{why}{list_names(short)} with {low}, {others} {usually}")
    return faults


def count_by_host(vertices: Iterable[Vertex], role: str) -> dict[str, int]:
    """Count the vertices of a role in each box; boxes with none count too."""
    counts: dict[str, int] = {}
    for each in vertices:
        if each.host or each.role == role:
            counts[each.host] = counts.get(each.host, 0) + (each.role == role)
    return counts
