"""Concurrent flows: every source serves its targets in the least time that the links allow.

Statement. For each source the data for all targets are one flow that loses what is wanted at each
of them; all flows share the links; the least time in which every link carries its load is a linear
program with sources × links columns. With a group only one source of each orbit is written down,
its load added up over orbits of links (averaging over the group shows that nothing is lost).

Few columns matter. At first only links on shortest paths are taken, and of those into a vertex a
few, those that served others least. Prices of links prove a time: what all data pay on their
cheapest paths, over what all links take in for each unit of time. Where some prices prove the time
of the program, that is the optimum; else links come in that would be cheaper, and those on the
cheapest paths. Prices are the duals and, as these often put the whole price on one of several
tied links, a guess: every link that is full costs the same.

Complexity: a program with sources × vertices rows for each round.

Source: Shahrokhi and Matula, The maximum concurrent flow problem, Journal of the ACM 37 (1990);
Basu et al., Efficient all-to-all collective communication schedules for direct-connect topologies,
HPDC 2024, arXiv:2309.13541 (flows by source); column generation as in Ford and Fulkerson, A
suggested computation for maximal multi-commodity network flows, Management Science 5 (1958).
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_matrix

from solvers.bounds.dual_certificate import CLOSE, certify
from solvers.certify.multigraph import lengths, simplify
from solvers.lp.linear_program import LinearProgram, NotFound, Optimum, solve
from solvers.lp.min_max_load import LoadLP
from solvers.routing.path_pool import HOP
from solvers.routing.quotient import Quotient
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.settings.deadline import Watch
from topologies.model.topology import BoolArray, FloatArray, Topology

Amounts = NDArray[np.object_]  # of fractions

MOST = 8_000_000  # columns; more take all the memory before they take all the time
EFFORT = 0.5  # of the work that is left, for the choice among optimal flows
RELAY = 1e-6  # seconds that a stop at a rank counts for, when paths are chosen
INTO = 8  # links into a vertex that a source starts with
ROUNDS = 8  # after which all links come in
TIE = 1e-4  # what effort weighs against the highest price, when paths are looked for
FULL = 1e-7  # relative; a link with no more room than this is full
GAIN = 1e-9  # what a column must promise, as a part of the time


class ConcurrentFlow(NamedTuple):
    """What sources put on links, in multiples of the unit, and the bound that proves it."""

    amounts: tuple[Fraction, ...]
    bound: Bound


class _Iteration(NamedTuple):
    """A program over the columns `kept`: its optimum, with amounts for all columns."""

    optimum: Optimum
    x: FloatArray
    kept: BoolArray


def solve_concurrent_flow(
    quotient: Quotient,
    collective: Collective,
    totals: Amounts,
    unit: Fraction,
    watch: Watch,
    known: BoolArray | None = None,
) -> ConcurrentFlow:
    """Solve for the amounts, and prove that none are faster.

    Args:
        quotient: the machine, folded by its symmetry.
        collective: what is to be done.
        totals: (sources, vertices), what each source sends to each vertex, in multiples of `unit`.
        unit: of the amounts, as a part of the size.
        watch: says when to stop.
        known: (sources, links), those of a flow on nearly the same machine: it begins with these.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the time was over, or the linear program would be too large.
    """
    search = _Search(quotient, totals, watch)
    found, prices = search.run(known)
    time = found.optimum.cost * search.scale
    size = collective.total * quotient.topology.unit / unit
    expected = float(size) / time
    bound = certify(quotient, collective, prices, expected) or UNPROVED
    target = size / bound.algbw if bound.algbw else None
    watch.tell(bound=bound, best=expected)
    if target is None or abs(float(target) - time) > CLOSE * time:
        return ConcurrentFlow(search.lp.exact(found.x, time, None, watch)[0], bound)
    x = search.least_effort(found, float(target))
    return ConcurrentFlow(search.lp.exact(x, time, target, watch)[0], bound)


def effort(topology: Topology) -> FloatArray:
    """Price a crossing for the choice among optimal flows: alpha, and a stop at a rank."""
    return topology.alpha + HOP + RELAY * (topology.dst < topology.ranks)


class _Search:
    """The columns of one problem, and the programs over some of them."""

    def __init__(self, quotient: Quotient, totals: Amounts, watch: Watch) -> None:
        self.quotient, self.watch = quotient, watch
        self.lp = state_program(quotient, totals)
        self.totals = totals.astype(np.float64)
        self.scale = len(quotient.members) / float(quotient.orbit_capacity.max())
        self.program = self.lp.program(self.scale)
        self.by_column = self.program.matrix.tocsc()
        self.effort = effort(quotient.topology)
        self.used = np.zeros(quotient.topology.links)
        self.shortest = self._paths(self.effort)

    def run(self, known: BoolArray | None = None) -> tuple[_Iteration, FloatArray]:
        """Solve with more and more columns; give the last round, and prices for the orbits."""
        kept = self.shortest if known is None else self.shortest | known.reshape(-1)
        for _ in range(ROUNDS):
            now = self._solve(kept)
            for prices in self._prices(now):
                if self._prove(prices) >= now.optimum.cost * self.scale * (1 - CLOSE):
                    return now, prices
            gain = self.by_column.T @ now.optimum.dual - self.program.cost
            missing = (gain > GAIN)[:-1] & ~kept
            if not missing.any():
                return now, next(self._prices(now))
            price = next(self._prices(now))[self.quotient.link_orbit]
            tie = TIE * self.effort / self.effort.max()
            kept = kept | missing | self._paths(price / price.max() + tie)
        now = self._solve(np.ones_like(kept))
        return now, next(self._prices(now))

    def least_effort(self, found: _Iteration, time: float) -> FloatArray:
        """Among optimal flows over the same columns find one of least effort.

        x as it is where only shortest paths are in it, or where that takes too long.
        """
        if not (found.x[~self.shortest] > 0).any():
            return found.x
        costs = np.tile(self.effort / self.effort.max(), len(self.quotient.roots))
        x = np.zeros(len(costs))
        try:
            program = self.lp.cheapest(time, costs, found.kept)
            x[found.kept] = solve(program, self.watch.part(EFFORT, "flows over fewer stops")).x
        except NotFound:
            return found.x
        return x

    def _solve(self, kept: BoolArray) -> _Iteration:
        self.watch.check()
        columns = np.append(kept, True)
        matrix = csr_matrix(self.by_column[:, columns])
        part = LinearProgram(
            self.program.cost[columns], matrix, self.program.bound, self.program.equalities
        )
        optimum = solve(part, self.watch)
        x = np.zeros(len(kept))
        x[kept] = optimum.x[:-1]
        return _Iteration(optimum, x, kept)

    def _prices(self, now: _Iteration) -> Iterator[FloatArray]:
        """Compute prices that may prove the time, one for each orbit: the duals, and guesses."""
        repeats, capacity = self.quotient.repeats, self.quotient.orbit_capacity
        yield self.lp.prices(now.optimum, self.scale) * repeats
        load = self.lp.matrix[self.lp.equalities :, :-1] @ now.x
        full = load >= now.optimum.cost * self.scale * capacity * (1 - FULL)
        yield full.astype(np.float64)
        yield full / capacity

    def _prove(self, prices: FloatArray) -> float:
        """Work out the time that prices of orbits prove, in floats."""
        price = prices[self.quotient.link_orbit]
        income = float(price @ self.quotient.topology.capacity)
        length = self._lengths(price + 1e-12 * price.max())
        wanted = self.totals > 0
        pay = float((self.totals[wanted] * length[wanted]).sum())
        return pay * self.quotient.group.order / income

    def _lengths(self, weight: FloatArray) -> FloatArray:
        """Measure from each source to each vertex."""
        topology = self.quotient.topology
        graph = simplify(topology.src, topology.dst, weight, topology.vertices)[0]
        return lengths(graph, self.quotient.roots)

    def _paths(self, weight: FloatArray) -> BoolArray:
        """Mark links on the shortest paths of each source, a few into each vertex."""
        topology, length = self.quotient.topology, self._lengths(weight)
        marks = np.zeros((len(length), topology.links), dtype=np.bool_)
        for own, far in zip(marks, length, strict=True):
            tight = np.flatnonzero(np.isfinite(far[topology.src]))
            beyond = (far[topology.src] + weight)[tight] - far[topology.dst[tight]]
            tight = tight[beyond < 1e-7 * weight.min()]
            busy = self.used[tight] / topology.capacity[tight]
            tight = tight[np.lexsort((busy, topology.dst[tight]))]
            head = topology.dst[tight]
            chosen = tight[np.arange(len(tight)) - np.searchsorted(head, head) < INTO]
            chosen = self._drop_dead_ends(chosen)
            own[chosen] = True
            self.used[chosen] += 1
        return marks.reshape(-1)

    def _drop_dead_ends(self, links: NDArray[np.int64]) -> NDArray[np.int64]:
        """Leave out links to switches from which none of the others leads on."""
        topology = self.quotient.topology
        while True:
            useful = np.arange(topology.vertices) < topology.ranks
            useful[topology.src[links]] = True
            if useful[topology.dst[links]].all():
                return links
            links = links[useful[topology.dst[links]]]


def state_program(quotient: Quotient, totals: Amounts) -> LoadLP:
    """Write the concurrent flow down: (sources × links) amounts, and the time.

    Raises:
        NotFound: the linear program would be too large.
    """
    topology, roots = quotient.topology, quotient.roots
    sources, links, vertices = len(roots), topology.links, topology.vertices
    if sources * links > MOST:
        raise NotFound(f"a linear program of {sources * links:,} columns is too large to be tried")
    column = np.arange(sources * links)
    source, link = np.divmod(column, links)
    rows = np.where(np.arange(vertices) == roots[:, None], -1, 0)
    rows[rows == 0] = np.arange(sources * (vertices - 1))
    into, out = rows[source, topology.dst[link]], rows[source, topology.src[link]]
    first = sources * (vertices - 1)
    orbit = quotient.link_orbit[link]
    orbits = np.arange(len(quotient.repeats))
    entries = [
        (np.ones(len(column)), into, column),
        (-np.ones(len(column)), out, column),
        (quotient.repeats[orbit], first + orbit, column),
        (-quotient.orbit_capacity, first + orbits, np.full(len(orbits), len(column))),
    ]
    data, at, cols = (np.concatenate(part) for part in zip(*entries, strict=True))
    keep = at >= 0
    shape = (first + len(orbits), len(column) + 1)
    matrix = coo_array((data[keep].astype(np.int64), (at[keep], cols[keep])), shape=shape)
    flat = [
        total for row, root in zip(totals, roots, strict=True) for total in np.delete(row, root)
    ]
    return LoadLP(csr_matrix(matrix), tuple(Fraction(total) for total in flat))
