"""Exchanges with partners at the distances 1, 1, 3, 5, 11, ... in turn to either side.

With distances |1 - 2 + 4 - ... | data stay nearer than with powers of two, at equally many rounds;
on rings and tori the messages cross fewer links. Even ranks look up, odd ones down, so that two
partners always mean each other. The same exchanges make trees (Bine).
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, blocks, expect, lay_out, mirror
from topologies.model.topology import IntArray, Topology, integers

NAME = "swing"


def schedule(topology: Topology, collective: Collective, bound: Bound = UNPROVED) -> Schedule:
    """Double what each rank has, or halve what it must add, with partners by swinging distances.

    Ranks beyond a power of two take part through a partner.

    Raises:
        TemplateError: another collective, or a machine that cannot relay the sums.

    Source: De Sensi et al., Swing: short-cutting rings for higher bandwidth allreduce, NSDI 2024;
    De Sensi et al., Bine trees: enhancing collective operations by optimizing communication
    locality, SC 2025.
    """
    expect(NAME, collective, COLLECTIVES)
    start = 0 if collective.root is None else collective.ranks.index(collective.root)
    ranks = np.roll(integers(collective.ranks), -start)
    pieces = blocks(collective)
    if pattern_of(collective) == "all_reduce":
        core = _power_below(len(ranks))
        pieces = [(0, Fraction(1, core))] * core
    elif pattern_of(collective) in ("scatter", "gather"):
        pieces = pieces[start:] + pieces[:start]
    sends = _MAKERS[pattern_of(collective)](ranks)
    return lay_out(NAME, Router(topology), collective, pieces, sends, bound)


def _partners(n: int) -> list[IntArray]:
    """Give each rank's partner at each distance, near ones first; n: a power of two."""
    place, found = np.arange(n), []
    for bit in range(n.bit_length() - 1):
        distance = (1 - (-2) ** (bit + 1)) // 3
        found.append((place + np.where(place % 2 == 0, distance, -distance)) % n)
    return found


def _gather(ranks: IntArray) -> list[Sends]:
    """Hand out piece p of ranks[p]; ranks beyond a power of two give theirs to a partner."""
    core = _power_below(len(ranks))
    extra = np.arange(core, len(ranks))
    give = Sends(0, extra, ranks[extra], ranks[extra - core])
    out = [s.later(1) for s in _along(_doubling(ranks[:core]), len(extra), core)]
    place, piece = (grid.reshape(-1) for grid in np.indices((len(extra), len(ranks))))
    others = piece != place + core
    place, piece = place[others], piece[others]
    return [give, *out, Sends(_rounds(core) + 1, piece, ranks[place], ranks[place + core])]


def _rounds(core: int) -> int:
    return core.bit_length() - 1


def _along(sends: list[Sends], extra: int, core: int) -> list[Sends]:
    """Let the piece of a rank beyond a power of two go along with that of its partner."""
    found = []
    for s in sends:
        also = s.piece < extra
        found += [s, Sends(s.round, s.piece[also] + core, s.src[also], s.dst[also], s.reduce)]
    return found


def _doubling(ranks: IntArray) -> list[Sends]:
    """Give the partner all that one has, far partners first; piece p is that of ranks[p]."""
    n = len(ranks)
    has, sends = np.eye(n, dtype=np.bool_), []
    for number, partner in enumerate(reversed(_partners(n))):
        src, piece = np.nonzero(has & ~has[partner])
        sends.append(Sends(number, piece, ranks[src], ranks[partner[src]]))
        has = has | has[partner]
    return sends


def _add(ranks: IntArray) -> list[Sends]:
    return mirror(_gather(ranks))


def _both(ranks: IntArray) -> list[Sends]:
    """Add up and hand out; ranks beyond a power of two give to a partner and take from it."""
    n, core = len(ranks), _power_below(len(ranks))
    out, rounds = _doubling(ranks[:core]), _rounds(core)
    place, piece = (grid.reshape(-1) for grid in np.indices((n - core, core)))
    give = Sends(0, piece, ranks[place + core], ranks[place], True)
    take = Sends(1 + 2 * rounds, piece, ranks[place], ranks[place + core])
    adding, handing = (s.later(1) for s in mirror(out)), (s.later(1 + rounds) for s in out)
    return [give, *adding, *handing, take]


def _broadcast(ranks: IntArray) -> list[Sends]:
    """Let those who have it send to their partners, far ones first."""
    core = _power_below(len(ranks))
    sends = []
    for number, (src, dst) in enumerate(_tree(core)):
        sends.append(Sends(number, np.zeros_like(src), ranks[src], ranks[dst]))
    extra = np.arange(core, len(ranks))
    last = Sends(len(sends), np.zeros_like(extra), ranks[extra - core], ranks[extra])
    return [*sends, last]


def _tree(n: int) -> list[tuple[IntArray, IntArray]]:
    """Let those reached from place 0 reach their partners, far ones first: (from, to) by round."""
    has, found = np.arange(n) == 0, []
    for partner in reversed(_partners(n)):
        src = np.flatnonzero(has)
        found.append((src, partner[src]))
        has[partner[src]] = True
    return found


def _scatter(ranks: IntArray) -> list[Sends]:
    """Send along the same tree what those below want; piece p is for ranks[p]."""
    core = _power_below(len(ranks))
    below, sends = np.eye(core, dtype=np.bool_), []
    for number, (src, dst) in reversed(list(enumerate(_tree(core)))):
        row, piece = np.nonzero(below[dst])
        sends.append(Sends(number, piece, ranks[src[row]], ranks[dst[row]]))
        below[src] |= below[dst]
    extra = np.arange(core, len(ranks))
    last = Sends(_rounds(core), extra, ranks[extra - core], ranks[extra])
    return [*_along(sends[::-1], len(extra), core), last]


_MAKERS: dict[str, Callable[[IntArray], list[Sends]]] = {
    "all_gather": _gather,
    "reduce_scatter": _add,
    "all_reduce": _both,
    "broadcast": _broadcast,
    "reduce": lambda ranks: mirror(_broadcast(ranks)),
    "scatter": _scatter,
    "gather": lambda ranks: mirror(_scatter(ranks), reduce=False),
}
COLLECTIVES = tuple(_MAKERS)


def _power_below(n: int) -> int:
    """Give the largest power of two that is at most n."""
    return 1 << (n.bit_length() - 1)
