"""A second opinion on schedules: slow, naive, and sharing nothing with the checker."""

from collections import defaultdict
from fractions import Fraction

from solvers.schedules.collective import CollectiveError
from solvers.schedules.schedule import Schedule, Transfer
from solvers.schedules.unfold import unfold
from topologies.symmetry.group import SymmetryError

Held = dict[int, frozenset[int]]


def right(schedule: Schedule) -> bool:
    """Tell whether a schedule does what it should, by writing it all out and trying it."""
    if not _in_range(schedule):
        return False
    try:
        whole = unfold(schedule)
    except (SymmetryError, CollectiveError):
        return False
    total: dict[int, Fraction] = defaultdict(Fraction)
    for block, share in zip(whole.block.tolist(), whole.share, strict=True):
        total[block] += share
    if min(whole.share) <= 0 or any(total[b] != 1 for b in range(whole.collective.blocks)):
        return False
    steps: dict[int, dict[int, list[Transfer]]] = defaultdict(lambda: defaultdict(list))
    for t in range(len(whole.transfers)):
        transfer = whole.transfers[t]
        if not _walks(whole, transfer):
            return False
        steps[transfer.piece][transfer.step].append(transfer)
    return all(_arrives(whole, p, steps[p]) for p in range(whole.pieces))


def _in_range(schedule: Schedule) -> bool:
    topology, group = schedule.topology, schedule.group
    if any(sorted(g) != list(range(topology.vertices)) for g in group.generators.tolist()):
        return False
    return all(0 <= b < schedule.collective.blocks for b in schedule.block.tolist()) and all(
        0 <= t.piece < schedule.pieces
        and t.step >= 0
        and {t.src, t.dst} <= set(range(topology.ranks))
        and set(t.route) <= set(range(topology.links))
        for t in map(schedule.transfers.__getitem__, range(len(schedule.transfers)))
    )


def _walks(schedule: Schedule, transfer: Transfer) -> bool:
    """Walk the route, link by link."""
    topology, at = schedule.topology, transfer.src
    for link in transfer.route:
        if topology.src[link] != at or (at != transfer.src and at < topology.ranks):
            return False
        at = int(topology.dst[link])
        if at == transfer.src:
            return False
    return at == transfer.dst and transfer.src != transfer.dst


def _arrives(schedule: Schedule, piece: int, steps: dict[int, list[Transfer]]) -> bool:
    """Try a piece with sets of ranks in a dictionary."""
    block = int(schedule.block[piece])
    what = schedule.collective
    rank_of = zip(what.ranks, what.inputs, what.outputs, strict=True)
    everyone = [(r, block in i.tolist(), block in o.tolist()) for r, i, o in rank_of]
    held: Held = {r: frozenset([r]) for r, holds, _ in everyone if holds}
    wanted = frozenset(held)
    for step in sorted(steps):
        after = _step(held, steps[step])
        if after is None:
            return False
        held = after
    return all(held.get(r) == wanted for r, _, wants in everyone if wants)


def _step(held: Held, transfers: list[Transfer]) -> Held | None:
    """Give what is held after one step, None if it makes no sense."""
    after = dict(held)
    for dst in {t.dst for t in transfers}:
        into = [t for t in transfers if t.dst == dst]
        parts = [held.get(t.src, frozenset()) for t in into]
        if not all(parts) or len({t.reduce for t in into}) > 1:
            return None
        if into[0].reduce:
            parts.append(held.get(dst, frozenset()))
        elif len(set(parts)) == 1:
            parts = parts[:1]
        after[dst] = frozenset().union(*parts)
        if len(after[dst]) != sum(map(len, parts)) or (not into[0].reduce and len(parts) > 1):
            return None
    return after
