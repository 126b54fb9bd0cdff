"""Plain schedules of shortest paths and trees: correct, quick to build, and not optimal.

Trees are found one batch after the other. Links that the batches before have loaded cost more, so
that the load spreads, but nothing is ever improved again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from solvers.bounds.dual_certificate import certify_once
from solvers.flows.all_to_allv import route_shortest
from solvers.flows.moe import first_variant
from solvers.groups.member_trees import member_transfers
from solvers.routing.nearest_ranks import NearestRanks
from solvers.routing.quotient import Quotient
from solvers.routing.shortest_path_trees import TreeFinder, Trees
from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective, Movement
from solvers.schedules.kinds import TOKENS, is_alike, kind_of, pattern_of
from solvers.schedules.schedule import Schedule, Transfers, merge, schedule, trivial_schedule
from solvers.settings.deadline import NO_DEADLINE, NotFound, Watch, tighter
from solvers.templates import direct
from solvers.templates.layout import TemplateError
from topologies.model.ragged import within
from topologies.model.topology import FloatArray, IntArray, Topology, integers, reverse
from topologies.symmetry.group import Group, trivial

BATCHES = 256  # in which the roots are served, at most
TIMES = 32  # that a lonely root is served, with a part each time
STEEP = 100.0  # how much more the busiest link costs than an idle one
HURRY = 0.6  # of the time; when no more is left, trees lean on no neighbours
PROVED = 1_000_000  # roots × vertices up to which a bound by prices is worked out in a moment
ROUNDED = 1000  # largest denominator of such prices
ONE_FOR_EACH = ("all_to_all", "scatter", "gather")  # whose blocks go one to each rank
MOST = 4_500_000  # transfers that are written out; a file could not hold many more

Pieces = list[tuple[int, Fraction]]


def fallback_schedule(
    topology: Topology,
    collective: Collective,
    group: Group,
    bound: Bound,
    watch: Watch = NO_DEADLINE,
    relays: Relays = "all",
) -> Schedule:
    """Make a schedule of shortest paths, with a bound that is known from elsewhere.

    For all_to_all the loads may prove a tighter one.

    Complexity: a search for each root, and what it takes to write the transfers down.

    Args:
        topology: the machine.
        collective: what is to be done.
        group: must keep the machine and the collective.
        bound: goes with the schedule as it is, unless the prices of busy links prove a tighter one.
        watch: says when to stop.
        relays: what ranks outside do.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the time was over before, or the transfers would be too many.
    """
    shape, kind = collective.shape, kind_of(collective)
    if len(collective.ranks) == 1:
        return trivial_schedule(topology, collective)
    if kind is not None and kind.given is TOKENS:
        return first_variant(topology, collective, bound)
    paths = shape.movement in (Movement.PERSONALISED, Movement.STAY)
    if paths and pattern_of(collective) not in ONE_FOR_EACH:
        return route_shortest(topology, collective, bound)
    if not (paths or is_alike(collective) or (shape.everyone and collective.blocks == 1)):
        return _send_directly(topology, collective, bound)
    if paths and shape.root is not None:
        group = trivial(topology)
    passing = relays == "forward" and len(collective.ranks) < topology.ranks
    quotient = Quotient(topology, integers(collective.ranks), group)
    asked = _Fallback(quotient, collective, watch, passing)
    make = _send_shortest if paths else _sums if shape.movement is Movement.COPY_OF_SUM else _trees
    pieces, parts = make(asked)
    rows = merge(parts)
    if paths and shape.root is None:
        bound = asked.tighten(bound)
    return schedule(topology, collective, pieces, rows, bound, group, solver="shortest ways")


class Serving(NamedTuple):
    """A batch: its roots (vertices), and how much of each root's data goes this time."""

    roots: IntArray
    part: Fraction


@dataclass
class _Fallback:
    """One problem, and what the trees found so far put on its links.

    passing: there are ranks that take no part, and they only pass messages on.
    """

    quotient: Quotient
    collective: Collective
    watch: Watch
    passing: bool
    load: FloatArray = field(init=False)
    time: float = field(init=False)

    def __post_init__(self) -> None:
        self.load = np.zeros(len(self.quotient.orbit_size))
        self.time = self.watch.left

    def share(self, root: int) -> Fraction:
        """Compute the part of a root's data that one of its images under the group carries."""
        return Fraction(self.quotient.orbit_of(root), self.quotient.group.order)

    def servings(self, roots: IntArray) -> Iterator[Serving]:
        """Cut the roots into batches; few of them are served several times, a part each."""
        times = max(TIMES // len(roots), 1)
        for _ in range(times):
            for batch in np.array_split(roots, min(BATCHES, len(roots))):
                self.watch.check()
                yield Serving(batch, Fraction(1, times))

    def find_leaning(self, machine: Topology) -> TreeFinder:
        """Look for trees in which ranks lean on their neighbours, if all of these may copy."""
        if self.passing:
            return TreeFinder(machine)
        return TreeFinder(machine, NearestRanks(machine, self._price()))

    def trees(self, machine: TreeFinder, batch: Serving) -> Trees:
        """Find the trees of a batch under the prices of now; shortest paths where time is short."""
        if self.watch.left < HURRY * self.time:
            machine = TreeFinder(machine.topology)
        return machine.trees(
            batch.roots,
            self.quotient.members,
            self._price(),
            lambda links: self.carry(links, batch.part),
        )

    def send_outward(self, found: Trees, batch: Serving, piece: int, step: int) -> Transfers:
        """Send along trees, numbered from `piece`, from `step` on."""
        if not self.passing:
            return send_outward(found, piece, step)
        members = self.collective.ranks
        rows = member_transfers(found, batch.roots, members, piece, step, inward=False)
        self.carry(rows.route, batch.part)
        return rows

    def send_inward(self, found: Trees, batch: Serving, piece: int) -> Transfers:
        """Add up along trees that were found on reversed links, numbered from `piece`."""
        if not self.passing:
            return send_inward(found, piece)
        members = self.collective.ranks
        rows = member_transfers(found, batch.roots, members, piece, 0, inward=True)
        self.carry(rows.route, batch.part)
        return rows

    def carry(self, route: IntArray, part: Fraction) -> FloatArray:
        """Note that links are used, each time they occur; give the prices then."""
        count = np.bincount(self.quotient.link_orbit[route], minlength=len(self.load))
        self.load += count * float(part) * self.quotient.group.order / self.quotient.orbit_size
        return self._price()

    def tighten(self, bound: Bound) -> Bound:
        """Price the links by how busy they are, and give the bound that this proves, if tighter."""
        if len(self.quotient.roots) * self.quotient.topology.vertices > PROVED:
            return bound
        prices = self.load / self.quotient.orbit_capacity.astype(np.float64) ** 2
        found = certify_once(self.quotient, self.collective, prices, ROUNDED)
        return found if found is not None and tighter(found, bound) else bound

    def _price(self) -> FloatArray:
        """Price a crossing of each link: its time, the more the busier its orbit is."""
        time = self.load / self.quotient.orbit_capacity
        slow = float(self.quotient.orbit_capacity.max()) / self.quotient.orbit_capacity
        price = slow * (1.0 + STEEP * time / (time.max(initial=0.0) or 1.0))
        return np.asarray(price[self.quotient.link_orbit])


def _trees(asked: _Fallback) -> tuple[Pieces, list[Transfers]]:
    """Send everyone's block along trees, or add it up along them."""
    what, topology = asked.collective, asked.quotient.topology
    inward = what.shape.inward
    machine = asked.find_leaning(reverse(topology) if inward else topology)
    buffers = what.outputs if inward else what.inputs
    root = what.shape.root
    roots = asked.quotient.roots if root is None else integers([root])
    roots = integers(r for r in roots.tolist() if len(buffers[what.place[r]]))
    _refuse_too_many(len(roots) * len(what.ranks))
    pieces: Pieces = []
    parts = []
    for batch in asked.servings(roots):
        found = asked.trees(machine, batch)
        if inward:
            parts.append(asked.send_inward(found, batch, len(pieces)))
        else:
            parts.append(asked.send_outward(found, batch, len(pieces), 0))
        for root in batch.roots.tolist():
            block = int(buffers[what.place[root]][0])
            pieces.append((block, asked.share(root) * batch.part))
    return pieces, parts


def _sums(asked: _Fallback) -> tuple[Pieces, list[Transfers]]:
    """Add everything up at roots, as many as can be written down, and spread it from there."""
    members, topology = len(asked.quotient.members), asked.quotient.topology
    roots = asked.quotient.roots
    most = max(MOST // (2 * members), 1)
    if asked.quotient.group.order == 1 and len(roots) > most:
        roots = roots[:: -(-len(roots) // most)]
    whole = sum((asked.share(int(root)) for root in roots), Fraction(0))
    _refuse_too_many(2 * len(roots) * members)
    back, forth = asked.find_leaning(reverse(topology)), asked.find_leaning(topology)
    pieces: Pieces = []
    parts = []
    for batch in asked.servings(roots):
        add = asked.trees(back, batch)
        spread = asked.trees(forth, batch)
        sums = asked.send_inward(add, batch, len(pieces))
        done = int(sums.step.max(initial=-1)) + 1
        parts += [sums, asked.send_outward(spread, batch, len(pieces), done)]
        order = asked.quotient.group.order
        pieces += [
            (0, asked.share(root) / whole / order * batch.part) for root in batch.roots.tolist()
        ]
    return pieces, parts


def send_outward(found: Trees, piece: int, step: int) -> Transfers:
    """Send along trees, numbered from `piece`, each rank on as soon as it can from `step` on."""
    return Transfers(
        found.tree + piece,
        found.depth - 1 + step,
        found.parent,
        found.child,
        np.zeros(len(found), dtype=np.bool_),
        found.route_start,
        found.route,
    )


def send_inward(found: Trees, piece: int) -> Transfers:
    """Add up along trees that were found on reversed links: the farthest ranks send first."""
    return _reverse(send_outward(found, piece, 0), found.depth.max(initial=1) - 1, reduce=True)


def _reverse(rows: Transfers, last: IntArray | int, *, reduce: bool) -> Transfers:
    """Send back over the same links in the opposite order; step `last` becomes step 0."""
    start, length = rows.route_start, np.diff(rows.route_start)
    return Transfers(
        rows.piece,
        last - rows.step,
        rows.dst,
        rows.src,
        np.full(len(rows), reduce),
        start,
        rows.route[np.repeat(start[1:] - 1, length) - within(length)],
    )


def _send_shortest(asked: _Fallback) -> tuple[Pieces, list[Transfers]]:
    """Send each block from its holder to its wanter on the shortest path, over all ranks on it."""
    what, topology = asked.collective, asked.quotient.topology
    only, mirrored = what.shape.root, what.shape.inward
    machine = TreeFinder(reverse(topology) if mirrored else topology)
    buffers = what.inputs if mirrored or only is None else what.outputs
    roots = asked.quotient.roots if only is None else integers([only])
    pieces: Pieces = []
    parts, count = [], 0
    for batch in asked.servings(roots):
        found = asked.trees(machine, batch)
        paths = _branches(found, batch.roots, asked.quotient.members)
        asked.carry(paths.route, batch.part)
        if mirrored:
            last = np.zeros(len(what.ranks), dtype=np.int64)
            np.maximum.at(last, paths.piece, paths.step)
            paths = _reverse(paths, last[paths.piece], reduce=False)
        parts.append(replace(paths, piece=paths.piece + len(pieces)))
        count += len(paths)
        _refuse_too_many(count)
        for root in batch.roots.tolist():
            share = asked.share(root) * batch.part
            if only is None:
                pieces += [(block, share) for block in buffers[what.place[root]].tolist()]
            else:
                pieces += [(int(blocks[0]), share) for blocks in buffers]
    return pieces, parts


def _branches(found: Trees, roots: IntArray, members: IntArray) -> Transfers:
    """Follow each tree to each member: each path is a piece, numbered by tree, then by member."""
    row = np.full((len(roots), int(max(found.child.max(), roots.max())) + 1), -1, dtype=np.int64)
    row[found.tree, found.child] = np.arange(len(found))
    piece = np.arange(len(roots) * len(members))
    at = row[piece // len(members), members[piece % len(members)]]
    rows, pieces = [], []
    while (going := at >= 0).any():
        at, piece = at[going], piece[going]
        rows.append(at)
        pieces.append(piece)
        at = row[found.tree[at], found.parent[at]]
    paths = send_outward(found, 0, 0).rows(np.concatenate(rows))
    return replace(paths, piece=np.concatenate(pieces))


def _send_directly(topology: Topology, collective: Collective, bound: Bound) -> Schedule:
    """Send every block straight to where it is wanted.

    Raises:
        NotFound: that makes no schedule of this collective.
    """
    try:
        return direct.schedule(topology, collective, bound)
    except TemplateError as error:
        raise NotFound(str(error)) from None


def _refuse_too_many(transfers: int) -> None:
    if transfers > MOST:
        raise NotFound(
            f"the plain schedule has {transfers:,} transfers, more than {MOST:,}, the most that "
            "are written out"
        )
