"""Broadcast and reduce on large machines: a few dozen trees out of one root, of equal shares."""

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
from solvers.trees.large import MOST_PAIRS, SLACK, send_back, send_out
from solvers.trees.oriented import Way, oriented_trees
from topologies.model.topology import Topology, integers, reverse
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
        NotFound: the machine is neither a torus nor one of boxes, or the time limit came first.
    """
    root, inward = collective.shape.root, collective.shape.inward
    assert root is not None
    machine = reverse(topology) if inward else topology
    watch.tell("packing trees")
    rows = _rows(machine, root, watch)
    if inward:
        rows = [send_back(row, reduce=True) for row in rows]
    return Schedule(
        topology,
        collective,
        integers([0] * len(rows)),
        (Fraction(1, len(rows)),) * len(rows),
        merge(rows),
        trivial(topology),
        _bound(topology, collective, rows, watch),
    )


def _bound(
    topology: Topology, collective: Collective, rows: list[Transfers], watch: Watch
) -> Bound:
    """Bound by a single rank where the trees attain that, else by the tightest cut soon found."""
    quick = rank_bound(topology, collective)
    links = np.concatenate([row.route for row in rows])
    load = np.bincount(links, minlength=topology.links) / len(rows)
    rate = float(topology.unit) / (load / topology.capacity).max()
    if quick.algbw is None or rate >= float(quick.algbw) * (1 - SLACK):
        return quick
    return cut_bound(topology, collective, Watch(whole=watch, work=CUT_WORK))


def _rows(machine: Topology, root: int, watch: Watch) -> list[Transfers]:
    """Make the transfers of each tree."""
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


def _over_links(machine: Topology, way: Way, piece: int) -> Transfers:
    """Send along a tree of single links."""
    parent = np.where(way.link >= 0, machine.src[way.link], -1)
    return send_out(parent, piece, lambda some: (np.arange(len(some) + 1), way.link[some]))


def _over_paths(near: FewParents, tree: HeapTree, piece: int) -> Transfers:
    """Send along a tree of paths through switches."""
    return send_out(
        tree.parent, piece, lambda some: near.routes(tree.parent[some], tree.path[some])
    )
