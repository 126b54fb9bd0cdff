"""Plans that do not depend on how a machine was written down.

A machine is planned for in an order of its own, with its ranks so that near ones are together:
solvers break ties by numbers, and patterns pair ranks by them. What comes out is turned back.
So torus:2x8 and torus:8x2, and machines whose ranks or links are listed in another order, get equal
answers, as far as `topologies.symmetry.numbering` tells vertices apart. Nor does it matter whether
small ones declare their symmetry: what stands for the declared one is searched for. Larger ones
keep what they declare; where they declare none, one as good is searched for.
"""

from dataclasses import dataclass, replace

import numpy as np

from solvers.certify.multigraph import dijkstra, simplify
from solvers.schedules.certificate import Bound, Cut, Prices
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import KINDS, is_alike, kind_of, pattern_of
from solvers.schedules.schedule import Schedule
from solvers.settings.options import SymmetryUse
from topologies.derive.nearness import join_switches, order_by_nearness
from topologies.derive.relabel import Relabelling, relabel
from topologies.model.topology import FloatArray, IntArray, Topology, frozen
from topologies.model.units import Rank
from topologies.symmetry.group import (
    Group,
    count_orbits,
    declared_group,
    free_subgroup,
    link_orbits,
)
from topologies.symmetry.numbering import numbering
from topologies.symmetry.refinement import refine
from topologies.symmetry.search import find_group

MOST_RANKS = 512  # beyond which a machine is planned for as it is
SMALL = 32  # ranks up to which what is declared of the symmetry makes no difference
SEARCHED = 128  # ranks up to which it is searched for where it is not declared
WORK, LITTLE = 5.0, 1.0  # of a search, in about as many seconds, up to SMALL and beyond
MESSAGE = 2.0**16  # bytes by whose time ranks are near to each other
DIGITS = 10**6  # to which such times are told apart


@dataclass(frozen=True, eq=False)
class View:
    """A machine and a collective in the order in which they are planned for.

    block[b] is the number that block b of the collective asked for has in this one.
    """

    asked: tuple[Topology, Collective]
    machine: Relabelling
    collective: Collective
    block: IntArray

    @property
    def topology(self) -> Topology:
        """Give the machine that is planned for."""
        return self.machine.topology

    def back(self, schedule: Schedule) -> Schedule:
        """Turn a schedule of this machine into one of the machine asked for."""
        turned = np.argsort(self.machine.vertex), np.argsort(self.machine.link)
        return renumber(schedule, *self.asked, *turned, np.argsort(self.block))

    def forth(self, schedule: Schedule) -> Schedule:
        """Turn a schedule of the machine asked for into one of this machine."""
        ways = self.machine.vertex, self.machine.link, self.block
        return renumber(schedule, self.topology, self.collective, *ways)


def canonical_view(
    topology: Topology, collective: Collective, symmetry: SymmetryUse = "found"
) -> View | None:
    """Put a machine and a collective in order; None where they are planned for as they are.

    Complexity: ranks³, and refinements × links.

    Args:
        topology: the machine.
        collective: over ranks of it.
        symmetry: "declared" and "none" leave the declared symmetry as it is.

    Raises:
        SymmetryError: the declared symmetry is no symmetry.
    """
    kind = kind_of(collective)
    equal = kind is not None and kind.given is None and is_alike(collective)
    if not equal or not 1 < topology.ranks <= MOST_RANKS:
        return None
    ranks, asked = collective.ranks, (topology, collective)
    if not _is_usual(collective, _make(collective, ranks, collective.root)):
        return None
    roles = np.zeros(topology.vertices, dtype=np.int64)
    roles[[r for r in range(topology.ranks) if r not in set(ranks)]] = 2
    roles[list(ranks)] = 1
    if collective.root is not None:
        roles[collective.root] = 0
    if symmetry == "found" and topology.ranks <= SEARCHED:
        topology = _with_own_symmetry(topology, roles, len(ranks))
    machine = _in_order(topology, roles, len(ranks))
    seen = machine.vertex[list(ranks)]
    place = np.argsort(np.argsort(seen))
    made = _make(
        collective,
        tuple(sorted(seen.tolist())),
        None if collective.root is None else int(machine.vertex[collective.root]),
    )
    return View(asked, machine, made, place_blocks(collective, place))


def _in_order(topology: Topology, roles: IntArray, ranks: int) -> Relabelling:
    """Give a machine its order, with near ones of the first so many ranks together."""
    first = relabel(topology, numbering(topology, roles))
    near = _near_together(first.topology, ranks)
    return relabel(topology, near[first.vertex])


def _with_own_symmetry(topology: Topology, roles: IntArray, ranks: int) -> Topology:
    """Declare what symmetry a search finds, unless what is declared leaves fewer orbits of ranks.

    Of groups with equally many the smaller one stays: each tree has as many images. The search goes
    by the order that the machine has without any declared. A group that moves every rank is
    preferred: no tree is to be averaged then. Where the order is not regular, for a root in it,
    another search goes by the order without a root.

    Beyond SMALL what is declared stays if no group can leave fewer orbits of ranks.
    """
    bare, declared = replace(topology, symmetry=topology.symmetry[:0]), declared_group(topology)
    least = len(np.unique(refine(bare)[: topology.ranks]))
    if topology.ranks > SMALL and count_orbits(declared, topology.ranks) == least:
        return topology
    found = _search(bare, _in_order(bare, roles, ranks), least)
    if count_orbits(found, topology.ranks) > least and len(np.unique(roles[: topology.ranks])) > 1:
        other = _search(bare, _in_order(bare, np.zeros_like(roles), topology.ranks), least)
        found = min(found, other, key=lambda group: count_orbits(group, topology.ranks))
    kept = min(
        found, declared, key=lambda group: (count_orbits(group, topology.ranks), group.order)
    )
    return replace(topology, symmetry=kept.generators)


def _search(topology: Topology, order: Relabelling, least: int) -> Group:
    """Find a group that leaves few orbits of ranks and, if possible, no rank in its place.

    Of switches that look alike the search turns those whose numbers follow each other. Where that
    mixes several planes, links fall into small orbits, or ranks do, as planes cannot be told apart
    any more: then other searches go by an order in which the switches of a plane are together, and
    let switches stay where they can. Beyond SMALL one lets them stay in any case: of groups with
    equally many orbits of links one that does so is what presets declare, and gives the faster
    plans.

    Args:
        topology: the machine.
        order: in which it is searched.
        least: the orbits of ranks that there are at least.
    """
    seen, own = order.topology, np.arange(topology.vertices)

    def orbits(group: Group) -> tuple[int, int, int, int]:
        links = int(link_orbits(seen, group).max(initial=-1)) + 1
        moved = count_orbits(group, topology.ranks)
        kept = count_orbits(group, topology.vertices) if topology.ranks > SMALL else 0
        return moved, group.order, links, -kept

    found = [_search_in_order(seen, own)]
    ranks, _, links, _ = orbits(found[0])
    if topology.vertices > topology.ranks:
        if ranks > least or links * topology.ranks > topology.links * ranks:
            joined = join_switches(seen)
            found += [_search_in_order(seen, joined, turned=way) for way in (True, False)]
        if topology.ranks > SMALL:
            found.append(_search_in_order(seen, own, turned=False))
    best = min(found, key=orbits) if len(found) > 1 else found[0]
    return Group(frozen(np.argsort(order.vertex)[best.generators[:, order.vertex]]))


def _search_in_order(topology: Topology, number: IntArray, *, turned: bool = True) -> Group:
    """Find a group of a machine by the order of such numbers of the vertices."""
    seen, colours = relabel(topology, number).topology, np.zeros(topology.vertices, dtype=np.int64)
    work = WORK if topology.ranks <= SMALL else LITTLE
    found = find_group(seen, colours, work, turned=turned).generators
    group = Group(frozen(np.argsort(number)[found[:, number]]))
    return free_subgroup(group, topology.ranks, _whole(_times(topology)[:, : topology.ranks]))


def _near_together(topology: Topology, ranks: int) -> IntArray:
    """Give vertices numbers by which near ones of the first so many ranks are together.

    Switches come in the order of the ranks nearest to them.
    """
    far = _times(topology)
    order = order_by_nearness(_apart(topology, far[:ranks, :ranks]))
    order += range(ranks, topology.ranks)
    beyond = far[order, topology.ranks :]
    switches = np.argsort(np.argmin(beyond, axis=0), kind="stable") + topology.ranks
    number = np.empty(topology.vertices, dtype=np.int64)
    number[np.append(order, switches).astype(np.int64)] = np.arange(topology.vertices)
    return number


def _times(topology: Topology) -> FloatArray:
    """Give the seconds of a message from each rank to each vertex, and back if that is a rank."""
    each = topology.alpha + MESSAGE / topology.bandwidth
    graph = simplify(topology.src, topology.dst, each, topology.vertices)[0]
    far = np.asarray(dijkstra(graph, indices=np.arange(topology.ranks)))
    far[:, : topology.ranks] += far[:, : topology.ranks].T.copy()
    return np.asarray(np.where(np.isfinite(far), far, 2 * far[np.isfinite(far)].max()))


def _apart(topology: Topology, far: FloatArray) -> IntArray:
    """Say how far ranks are from each other: by times and, where these are equal, by switches.

    Ranks with more switches in common are nearer, as those that share an adapter.
    """
    beside = np.zeros((len(far), topology.vertices - topology.ranks), dtype=np.int64)
    up = (topology.src < len(far)) & (topology.dst >= topology.ranks)
    beside[topology.src[up], topology.dst[up] - topology.ranks] = 1
    common = beside @ beside.T
    most = common.max(initial=0)
    apart: IntArray = _whole(far) * (most + 1) + most - common
    np.fill_diagonal(apart, 0)
    return apart


def _whole(far: FloatArray) -> IntArray:
    """Write times as whole numbers, so that equal ones are equal however they were added up."""
    return np.asarray(np.rint(far / (far.max() or 1.0) * DIGITS), dtype=np.int64)


def _make(collective: Collective, ranks: tuple[Rank, ...], root: Rank | None) -> Collective:
    return KINDS[collective.name].make(ranks, ranks[0] if root is None else root, None)


def _is_usual(collective: Collective, made: Collective) -> bool:
    """Tell whether a collective is what its name says, with blocks of one size."""
    buffers = ((*collective.inputs, *collective.outputs), (*made.inputs, *made.outputs))
    return np.array_equal(collective.sizes, made.sizes) and all(
        np.array_equal(own, usual) for own, usual in zip(*buffers, strict=True)
    )


def place_blocks(collective: Collective, place: IntArray) -> IntArray:
    """Say which block each one is when the i-th rank is at place[i]."""
    if collective.blocks == 1:
        return np.zeros(1, dtype=np.int64)
    if pattern_of(collective) == "all_to_all":
        return (place[:, None] * len(place) + place).reshape(-1)
    return place


def renumber(
    schedule: Schedule,
    topology: Topology,
    collective: Collective,
    vertex: IntArray,
    link: IntArray,
    block: IntArray,
) -> Schedule:
    """Write a schedule down with other numbers for vertices, links and blocks."""
    rows = schedule.transfers
    return replace(
        schedule,
        topology=topology,
        collective=collective,
        block=frozen(block[schedule.block]),
        transfers=replace(
            rows,
            src=frozen(vertex[rows.src]),
            dst=frozen(vertex[rows.dst]),
            route=frozen(link[rows.route]),
        ),
        group=Group(frozen(vertex[schedule.group.generators[:, np.argsort(vertex)]])),
        bound=_bound(schedule.bound, vertex, link),
    )


def _bound(bound: Bound, vertex: IntArray, link: IntArray) -> Bound:
    proof = bound.certificate
    if isinstance(proof, Cut):
        return replace(
            bound, certificate=replace(proof, inside=frozen(np.sort(vertex[proof.inside])))
        )
    if isinstance(proof, Prices):
        of_link = frozen(proof.of_link[np.argsort(link)])
        return replace(bound, certificate=replace(proof, of_link=of_link))
    return bound
