"""An all_to_all among all ranks of a machine too large to lay its blocks out.

Statement. Under a group of which no element but the identity keeps a rank, all blocks are images of
those out of one rank of each orbit. The routings that the bound was found with (`exchange_bound`)
are trees of cheapest ways out of these ranks; in which parts they are mixed is solved for exactly,
so that the busiest links take as long as the bound says. What several routings send over the same
way is one piece.

Complexity: a search of the machine for each routing and orbit of ranks, and the links of all ways.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from scipy.sparse import csr_matrix

from solvers.bounds.exchange_bound import ExchangeBound, bound_exchange, cheapest_entries
from solvers.certify.exchange import MOST as DIFFERENT
from solvers.lp.linear_program import solve
from solvers.lp.min_max_load import LoadLP
from solvers.schedules.computed.exchange import Exchange
from solvers.schedules.schedule import Schedule, Transfers, merge
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import LimitError, SolverOptions
from topologies.model.ragged import within
from topologies.model.topology import IntArray, Topology, frozen, integers
from topologies.symmetry.group import Group, SymmetryError, declared_group

MOST_LINKS = 2**25  # of the ways out of all ranks that are not alike, in one routing
PARTS = 10**6  # in which a mixture is counted that was found in floats only


def route_exchange(
    topology: Topology, what: Exchange, watch: Watch, options: SolverOptions
) -> Schedule:
    """Find the schedule of highest throughput.

    Args:
        topology: the machine.
        what: over all its ranks.
        watch: says when to stop.
        options: of limits none can be kept to.

    Raises:
        LimitError: the machine declares no symmetry under which few blocks stand for all, or not
            all ranks take part, or limits are stated.
        NotFound: the time was over.
    """
    group = _free_group(topology, what, options)
    watch.tell("bounding")
    found = bound_exchange(topology, group, watch)
    watch.tell("mixing routings")
    parts = _mixture(topology, found, watch)
    watch.tell("writing ways out", bound=found.bound)
    pieces: list[tuple[int, Fraction]] = []
    rows = []
    firsts = np.unique(group.vertex_orbits[: topology.ranks], return_index=True)[1]
    chosen = [k for k, part in enumerate(parts) if part]
    weights = [found.weights[k] for k in chosen]
    routings = [cheapest_entries(topology, weight, firsts) for weight in weights]
    for root, *trees in zip(firsts.tolist(), *routings, strict=True):
        watch.check()
        ways = _different([_ways(topology, entered) for entered, _ in trees])
        shares = [parts[k] for k in chosen]
        rows.append(_lay_down(topology, root, ways, shares, pieces))
    return Schedule(
        topology,
        what,
        integers(block for block, _ in pieces),
        tuple(share for _, share in pieces),
        merge(rows),
        group,
        found.bound,
        {"solver": "all_to_all"},
    )


def _free_group(topology: Topology, what: Exchange, options: SolverOptions) -> Group:
    """Take the declared symmetry, if no rank is kept by any of it but the identity.

    Raises:
        LimitError: it is none, or cannot be used.
    """
    many = f"an all_to_all of {len(what.ranks):,} ranks is planned"
    if options.max_height is not None or options.trees is not None or options.in_network:
        raise LimitError(f"{many} without limits, and without switches that copy or add")
    if len(what.ranks) < topology.ranks:
        raise LimitError(f"{many} where all {topology.ranks:,} ranks of the machine take part")
    group = declared_group(topology)
    try:
        size = np.bincount(group.vertex_orbits[: topology.ranks])
        free = bool((size[size > 0] == group.order).all())
    except SymmetryError:
        free = False
    if not free or len(size[size > 0]) * topology.vertices > MOST_LINKS:
        raise LimitError(
            f"{many} where the machine declares a symmetry that moves every rank, and after which "
            f"few differ; {topology.name} declares none (`commplan bound` says what it may reach, "
            f"where at most {DIFFERENT} ranks differ)"
        )
    return group


def _mixture(topology: Topology, found: ExchangeBound, watch: Watch) -> Sequence[Fraction]:
    """Solve for the parts of the routings exactly; where that fails, round them."""
    loads = np.rint(np.array(found.loads)).astype(np.int64).T
    room = np.bincount(found.orbit, topology.capacity).astype(np.int64)
    ones = np.append(np.ones(len(found.loads), dtype=np.int64), 0)
    program = LoadLP(csr_matrix(np.vstack([ones, np.column_stack([loads, -room])])), (Fraction(1),))
    scale = float((loads / room[:, None]).max())
    assert found.bound.algbw is not None
    target = topology.unit * topology.ranks / found.bound.algbw
    try:
        optimum = solve(program.program(scale), watch)
        return program.exact(optimum.x[:-1], float(target), target, watch)[0]
    except NotFound:
        mixture = found.mixture / found.mixture.sum()
        whole = [int(part * PARTS) for part in mixture]
        whole[int(np.argmax(mixture))] += PARTS - sum(whole)
        return [Fraction(part, PARTS) for part in whole]


def _ways(topology: Topology, entered: IntArray) -> IntArray:
    """Write out the ways to all ranks: (links in a row, ranks), -1 after the last one."""
    before = np.where(entered < 0, -1, topology.src[entered])
    depth, above = np.zeros(topology.vertices, dtype=np.int64), before.copy()
    while (inside := above >= 0).any():
        depth += inside
        above = np.where(inside, before[above], -1)
    at = np.arange(topology.ranks)
    found = np.full((int(depth[at].max()), topology.ranks), -1, dtype=np.int64)
    while len(moving := np.flatnonzero(before[at] >= 0)):
        found[depth[at[moving]] - 1, moving] = entered[at[moving]]
        at[moving] = before[at[moving]]
    return found


def _different(ways: list[IntArray]) -> list[tuple[IntArray, list[int]]]:
    """Give the ways of each routing, and for each rank the first routing that has the same."""
    high = max(len(each) for each in ways)
    padded = [np.pad(w, ((0, high - len(w)), (0, 0)), constant_values=-1) for w in ways]
    found = []
    for k, own in enumerate(padded):
        same = np.full(own.shape[1], k)
        for earlier in range(k - 1, -1, -1):
            same[(padded[earlier] == own).all(axis=0)] = earlier
        found.append((own, same.tolist()))
    return found


def _lay_down(
    topology: Topology,
    root: int,
    ways: list[tuple[IntArray, list[int]]],
    shares: Sequence[Fraction],
    pieces: list[tuple[int, Fraction]],
) -> Transfers:
    """Add the pieces out of a rank, and give their transfers."""
    columns, numbers = [], []
    for end in range(topology.ranks):
        mine: dict[int, Fraction] = {}
        for k, (_, same) in enumerate(ways):
            mine[same[end]] = mine.get(same[end], Fraction(0)) + shares[k]
        for k, share in mine.items():
            columns.append(k * topology.ranks + end)
            numbers.append(len(pieces))
            pieces.append((root * topology.ranks + end, share))
    links = np.concatenate([own for own, _ in ways], axis=1)[:, columns]
    return _cut_at_ranks(topology, links, np.array(numbers))


def _cut_at_ranks(topology: Topology, links: IntArray, piece: IntArray) -> Transfers:
    """Cut ways, one in each column, at the ranks that they pass: a transfer after the other."""
    inside = links.T >= 0
    route, of = links.T[inside], np.repeat(piece, inside.sum(axis=1))
    last = topology.dst[route] < topology.ranks
    ends = np.flatnonzero(last)
    begins = np.concatenate([[0], ends[:-1] + 1])
    own = of[ends]
    return Transfers(
        piece=frozen(own),
        step=frozen(within(np.unique(own, return_counts=True)[1])),
        src=frozen(topology.src[route[begins]]),
        dst=frozen(topology.dst[route[ends]]),
        reduce=frozen(np.zeros(len(ends), dtype=np.bool_)),
        route_start=frozen(np.append(begins, len(route))),
        route=frozen(route),
    )
