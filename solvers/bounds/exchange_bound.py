"""The bound of an all_to_all among all ranks of a machine too large to lay its blocks out.

Statement. A routing sends every block over one path. Mixtures of routings are all ways to send, and
the least time of a mixture, in which every link carries its load, is a linear program with a row
for each orbit of links and a column for each routing that is known. Its duals are prices of links;
the routing over the paths that are cheapest at these prices is the next column. What prices prove
and what the best mixture takes close in on each other, and meet at the optimum.

Complexity: for each round a search of the machine for each orbit of ranks, and a small program.

Source: Dantzig and Wolfe, Decomposition principle for linear programs, Operations Research 8
(1960).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.sparse import csr_matrix

from solvers.certify.dual_bound import UNREACHABLE, Unproven
from solvers.certify.exchange import MOST, prove_exchange, representatives
from solvers.certify.multigraph import dijkstra, simplify
from solvers.lp.linear_program import LinearProgram, solve
from solvers.schedules.certificate import Bound, Prices
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import LimitError
from topologies.model.topology import FloatArray, IntArray, Topology, frozen
from topologies.model.units import Rate
from topologies.symmetry.group import Group, link_orbits

ROUNDS = 60
CLOSE = 1e-6  # relative: what is proved and what is reached are one
DETOUR = 1e-7  # of the mean price, for each link: so nobody walks round where links cost nothing
FINE = 720_720  # parts in which prices are counted, of which many small fractions are whole numbers


@dataclass(frozen=True, eq=False)
class ExchangeBound:
    """What is proved of an all_to_all, and what a mixture of routings reaches.

    Attributes:
        bound: with the prices that prove it.
        routed: bytes per second, of the best mixture that was found.
        mixture: the part of each routing that was found, most of them 0.
        weights: of the links, by routing: it goes where these are least.
        loads: of the orbits of links, by routing, in blocks of all ranks.
        orbit: of each link.
    """

    bound: Bound
    routed: Rate
    mixture: FloatArray
    weights: tuple[FloatArray, ...]
    loads: tuple[FloatArray, ...]
    orbit: IntArray

    @property
    def routings(self) -> int:
        """Count the routings in the mixture."""
        return int((self.mixture > 0).sum())


def bound_exchange(topology: Topology, group: Group, watch: Watch) -> ExchangeBound:
    """Find the highest rate of an all_to_all of all ranks, with its proof.

    Args:
        topology: the machine.
        group: of its automorphisms.
        watch: says when to stop.

    Raises:
        LimitError: too many ranks differ.
        NotFound: the time was over before anything was proved.
        Unproven: some ranks do not reach each other.
    """
    first, count = representatives(topology, group)
    if len(first) > MOST:
        raise LimitError(
            f"all_to_all: {len(first):,} ranks of {topology.ranks:,} differ by the symmetry that "
            f"{topology.name} declares, expected at most {MOST}: from each all paths are looked at"
        )
    orbit = link_orbits(topology, group)
    room: FloatArray = np.bincount(orbit, topology.capacity).astype(np.float64)
    price, loads, weights = 1.0 / room, list[FloatArray](), list[FloatArray]()
    best: Bound | None = None
    mixture, time = np.zeros(0), np.inf
    for _ in range(ROUNDS):
        if watch.late and best is not None:
            break
        watch.check()
        weights.append(price[orbit] + DETOUR * float(price[orbit].mean()))
        loads.append(_route(topology, weights[-1], first, count, orbit))
        found = _prove(topology, group, price, orbit)
        best = min((b for b in (best, found) if b is not None), key=_rate, default=None)
        mixture, time, price = _mix(np.array(loads, dtype=np.float64), room, watch)
        routed = topology.unit * topology.ranks / Fraction(time)
        if best is not None and _rate(best) <= float(routed) * (1 + CLOSE):
            break
    if best is None:
        raise NotFound("no prices were found that prove anything")
    return ExchangeBound(best, routed, mixture, tuple(weights), tuple(loads), orbit)


def cheapest_entries(
    topology: Topology, weight: FloatArray, roots: IntArray
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Find the cheapest ways from each of some roots to all vertices.

    Yields:
        by root: of each vertex the link by which it is entered, -1 of the root and of what no rank
        is reached through; and what the way there costs.

    Raises:
        Unproven: some rank is not reached.
    """
    vertices = topology.vertices
    graph, link = simplify(topology.src, topology.dst, weight, vertices)
    pairs = topology.src[link] * vertices + topology.dst[link]
    for root in roots.tolist():
        length, before = dijkstra(graph, indices=root, return_predecessors=True)
        if not np.isfinite(length[: topology.ranks]).all():
            raise Unproven(UNREACHABLE)
        entered = np.full(vertices, -1, dtype=np.int64)
        ends = np.flatnonzero(before >= 0)
        keys = before[ends].astype(np.int64) * vertices + ends
        entered[ends] = link[np.searchsorted(pairs, keys)]
        yield entered, length


def _route(
    topology: Topology, weight: FloatArray, first: IntArray, count: IntArray, orbit: IntArray
) -> FloatArray:
    """Send every block over the cheapest path: what all put on the links of each orbit."""
    load = np.zeros(int(orbit.max()) + 1)
    ways = cheapest_entries(topology, weight, first)
    for times, (entered, length) in zip(count.tolist(), ways, strict=True):
        behind = (np.arange(topology.vertices) < topology.ranks).astype(np.float64)
        before = np.where(entered < 0, -1, topology.src[entered]).tolist()
        for vertex in np.argsort(-length, kind="stable").tolist():
            if before[vertex] >= 0:
                behind[before[vertex]] += behind[vertex]
        ends = np.flatnonzero(entered >= 0)
        load += np.bincount(orbit[entered[ends]], behind[ends], minlength=len(load)) * times
    return load


def _mix(loads: FloatArray, room: FloatArray, watch: Watch) -> tuple[FloatArray, float, FloatArray]:
    """Find the mixture of routings of least time: its parts, the time, and prices of the orbits."""
    parts = loads / room
    scale = float(parts.max())
    rows = np.vstack(
        [np.append(np.ones(len(loads)), 0), np.column_stack([parts.T / scale, -np.ones(len(room))])]
    )
    cost = np.append(np.zeros(len(loads)), 1.0)
    bound = np.append(1.0, np.zeros(len(room)))
    optimum = solve(LinearProgram(cost, csr_matrix(rows), bound, 1), watch)
    paid = np.maximum(-optimum.dual[1:], 0.0)
    mixture = np.asarray(optimum.x[:-1])
    time = float((mixture @ parts).max() / mixture.sum())
    return mixture, time, (paid / paid.sum() if paid.any() else np.ones(len(room))) / room


def _rate(bound: Bound) -> float:
    return np.inf if bound.algbw is None else float(bound.algbw)


def _prove(topology: Topology, group: Group, price: FloatArray, orbit: IntArray) -> Bound | None:
    """Round prices to whole numbers, and find what they prove, if anything."""
    whole = np.rint(price / price.max() * FINE).astype(np.int64)
    known, kind = np.unique(whole, return_inverse=True)
    certificate = Prices(
        tuple(Fraction(each) for each in known.tolist()), frozen(kind.reshape(-1)[orbit])
    )
    try:
        return Bound(prove_exchange(topology, certificate, group), "prices", certificate)
    except Unproven:  # where few links have a price, blocks may go round them all
        return None
