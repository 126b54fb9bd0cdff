"""Broadcast and reduce on large machines: a few dozen trees out of one root."""

from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import numpy as np

from solvers.bounds.cuts import cut_bound, rank_bound
from solvers.lp.linear_program import NotFound
from solvers.routing.quotient import Quotient
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule, Transfers, merge
from solvers.settings.deadline import Watch
from solvers.trees.few_parents import FewParents
from solvers.trees.heaps import HeapTree, heap_trees
from solvers.trees.joined_pods import LinksBetween, PodTree, joined_pod_trees
from solvers.trees.large import MOST_PAIRS, SLACK, send_back, send_out
from solvers.trees.oriented import FEW, Way, oriented_trees
from topologies.model.topology import Topology, integers, reverse
from topologies.model.units import Share
from topologies.symmetry.group import declared_group, trivial

CUT_WORK = 8.0  # for the tightest cut: some maximum flows


def pack_large_rooted(topology: Topology, collective: Collective, watch: Watch) -> Schedule:
    """Pack trees for a broadcast or reduce over all ranks of a large machine.

    The trees use what the machine declares of its symmetry, and have none themselves.

    Args:
        topology: the machine.
        collective: of all of its ranks.
        watch: says when to stop.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the machine is no torus, nor one of boxes or joined pods, or time ran out.
    """
    root, inward = collective.shape.root, collective.shape.inward
    assert root is not None
    machine = reverse(topology) if inward else topology
    watch.tell("packing trees")
    rows, share = _rows(machine, root, watch)
    if inward:
        rows = [send_back(row, reduce=True) for row in rows]
    return Schedule(
        topology,
        collective,
        integers([0] * len(rows)),
        share,
        merge(rows),
        trivial(topology),
        _bound(topology, collective, rows, share, watch),
    )


def pack_few(best: Schedule, watch: Watch) -> Schedule:
    """Pack a dozen trees of equal shares, of the throughput of a schedule that is optimal.

    They have no symmetry, and start near the root: messages are large in many chunks, and each
    chunk is soon through.

    Args:
        best: a broadcast or reduce over all ranks of a machine of direct links, such as a torus.
        watch: says when to stop.

    Raises:
        NotFound: the machine has switches, or links without mates; the trees are slower; or time
            ran out.
    """
    topology, collective, proved = best.topology, best.collective, best.bound.algbw
    root, inward = collective.shape.root, collective.shape.inward
    assert root is not None
    machine = reverse(topology) if inward else topology
    found = oriented_trees(machine, declared_group(machine), root, watch, FEW)
    rows = [_over_links(machine, way, i) for i, way in enumerate(found)]
    share = (Fraction(1, len(rows)),) * len(rows)
    if proved is None or _rate(topology, rows, share) < float(proved) * (1 - SLACK):
        raise NotFound("few trees are slower on this machine")
    if inward:
        rows = [send_back(row, reduce=True) for row in rows]
    block = integers([0] * len(rows))
    few = replace(best, block=block, share=share, transfers=merge(rows))
    return replace(few, group=trivial(topology))


def _bound(
    topology: Topology,
    collective: Collective,
    rows: list[Transfers],
    share: tuple[Share, ...],
    watch: Watch,
) -> Bound:
    """Bound by a single rank where the trees attain that, else by the tightest cut soon found."""
    quick = rank_bound(topology, collective)
    rate = _rate(topology, rows, share)
    if quick.algbw is None or rate >= float(quick.algbw) * (1 - SLACK):
        return quick
    return cut_bound(topology, collective, Watch(whole=watch, work=CUT_WORK))


def _rate(topology: Topology, rows: list[Transfers], share: tuple[Share, ...]) -> float:
    """Compute at what rate links can carry the trees: bytes per second."""
    load = np.zeros(topology.links)
    for row, part in zip(rows, share, strict=True):
        load += np.bincount(row.route, minlength=topology.links) * float(part)
    return float(float(topology.unit) / (load / topology.capacity).max())


def _rows(machine: Topology, root: int, watch: Watch) -> tuple[list[Transfers], tuple[Share, ...]]:
    """Make the transfers and the share of each tree."""
    if machine.vertices > machine.ranks:
        with suppress(NotFound):
            trees = joined_pod_trees(machine, root)
            links = LinksBetween(machine)
            rows = [_over_stops(links, tree, i) for i, tree in enumerate(trees)]
            return rows, tuple(tree.share for tree in trees)
    rows = _equal_rows(machine, root, watch)
    return rows, (Fraction(1, len(rows)),) * len(rows)


def _equal_rows(machine: Topology, root: int, watch: Watch) -> list[Transfers]:
    """Make the transfers of trees of equal shares."""
    group = declared_group(machine)
    if machine.vertices == machine.ranks:
        found = oriented_trees(machine, group, root, watch)
        return [_over_links(machine, way, i) for i, way in enumerate(found)]
    near = FewParents(Quotient(machine, integers(range(machine.ranks)), group), watch)
    if len(near.quotient.roots) > 1:
        raise NotFound(
            f"{machine.ranks:,} ranks that differ by the symmetry that the machine declares: of "
            f"more than {MOST_PAIRS:,} all must be alike for trees out of one root"
        )
    return [_over_paths(near, tree, i) for i, tree in enumerate(heap_trees(near, root))]


def _over_stops(links: LinksBetween, tree: PodTree, piece: int) -> Transfers:
    """Send along a tree of ways that are given by the vertices on them."""
    return send_out(tree.parent, piece, lambda some: links.routes(tree, some))


def _over_links(machine: Topology, way: Way, piece: int) -> Transfers:
    """Send along a tree of single links."""
    parent = np.where(way.link >= 0, machine.src[way.link], -1)
    return send_out(parent, piece, lambda some: (np.arange(len(some) + 1), way.link[some]))


def _over_paths(near: FewParents, tree: HeapTree, piece: int) -> Transfers:
    """Send along a tree of paths through switches."""
    return send_out(
        tree.parent, piece, lambda some: near.routes(tree.parent[some], tree.path[some])
    )
