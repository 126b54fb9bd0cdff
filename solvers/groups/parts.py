"""A group of ranks in a large machine: solved in a small part of it, proved for the whole.

Statement. What is possible in a part of a machine is possible in the whole. And prices of the
part's links, with 0 for all others, are prices of the whole machine. So where what they prove for
the whole is what they prove for the part, the optimum of the part is that of the whole.

The parts that are tried are the ranks themselves with the switches between them, and then all ranks
in the boxes where these are (`solvers/routing/partitions.py`), for smaller and larger boxes.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from solvers.bounds.cuts import cut_bound, is_gathering, rank_bound
from solvers.certify.certificates import prove
from solvers.certify.dual_bound import Unproven
from solvers.certify.multigraph import dijkstra, simplify
from solvers.lp.max_flow import max_flow
from solvers.routing.partitions import list_partitions
from solvers.routing.path_pool import HOP
from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import Bound, Prices
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from solvers.trees.problem import Hubs
from solvers.trees.tuning import HELPED_MEMBERS
from topologies.derive.part import Submachine, islands, submachine
from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.extension import extend_symmetry
from topologies.symmetry.group import Group, cyclic_subgroup, orbits, reduce_group, trivial

IMAGES = 512  # of a tree that are written out
FEW, MORE = 64, 3  # elements, or as many as ranks: groups with more may leave more orbits than this
HUBS, SPREAD_HUBS = 4, 32  # outside, for each rank in the part around; in the whole machine
MOST = 0.5  # of the ranks of a machine; a larger part is hardly less work


def submachines(topology: Topology, collective: Collective) -> Iterator[Submachine]:
    """Find parts of a machine that may do for a collective, the smallest first.

    There is none where the collective's ranks are many.
    """
    ranks = np.array(collective.ranks)
    seen: set[int] = set()
    for wide in _surroundings(topology, ranks):
        if len(wide) in seen or len(wide) > MOST * topology.ranks:
            continue
        seen.add(len(wide))
        cut = submachine(topology, wide.tolist())
        joined = len(islands(cut.topology, cut.place(ranks).tolist())) == 1
        if joined and (_is_all(cut) or _as_wide(cut, ranks)):
            yield cut


def submachines_with_helpers(topology: Topology, collective: Collective) -> Iterator[Submachine]:
    """Find parts with some ranks around a group, that may copy and add for it: the next ones.

    First those that have a link to one of the group, then as many as are in the group, and twice as
    many; where these are too many, fewer sets.
    """
    ranks = np.array(collective.ranks)
    inside = np.zeros(topology.vertices, dtype=np.bool_)
    inside[ranks] = True
    beside = np.unique(
        np.concatenate([topology.dst[inside[topology.src]], topology.src[inside[topology.dst]]])
    )
    beside = beside[(beside < topology.ranks) & ~inside[beside]]
    around = _by_distance(topology, ranks)
    seen: set[bytes] = set()
    for others in (beside, around[: len(ranks)], around[: 2 * len(ranks)]):
        chosen = np.union1d(ranks, others)
        if len(others) > 0 and len(chosen) <= HELPED_MEMBERS and chosen.tobytes() not in seen:
            seen.add(chosen.tobytes())
            yield submachine(topology, chosen.tolist())


def submachine_with_hubs(topology: Topology, collective: Collective) -> Submachine | None:
    """Find a part with many ranks around a group, each of which may be a hub; None if too many."""
    ranks = np.array(collective.ranks)
    around = _by_distance(topology, ranks)[: min(HUBS * len(ranks), HELPED_MEMBERS - len(ranks))]
    return submachine(topology, np.union1d(ranks, around).tolist()) if len(around) else None


def spread_hubs(topology: Topology, collective: Collective) -> Iterator[Hubs]:
    """List ranks outside a group, near ones and far ones, that may be hubs in the whole machine.

    Where several of the group share the way out of a box, those beside them there may add up for
    it, for boxes of each size.

    Raises:
        NotFound: the capacities are too large for an exact flow.
    """
    ranks = np.array(collective.ranks)
    around = _by_distance(topology, ranks)
    spread = np.sort(around[:: max(len(around) // SPREAD_HUBS, 1)][:SPREAD_HUBS])
    found = False
    for path in list_partitions(topology, range(topology.ranks)):
        shared = [box for box in path if _is_way_out_shared(topology, box, ranks)]
        inside = [box[np.isin(box, around)][:HUBS] for box in shared]
        boxes = np.full(topology.vertices, -1)
        for number, box in enumerate(shared):
            boxes[box] = number
        if shared:
            found = True
            yield Hubs(np.union1d(spread, np.concatenate(inside)), frozen(boxes))
    if not found:
        yield Hubs(spread)


def _is_way_out_shared(topology: Topology, box: IntArray, ranks: IntArray) -> bool:
    """Tell whether several of the ranks are in a box and send less out of it than each would."""
    within = box[np.isin(box, ranks)]
    if not 1 < len(within) < len(ranks):
        return False
    each = sum(_flow_out(topology, box, within[i : i + 1]) for i in range(len(within)))
    return _flow_out(topology, box, within) < each


def _flow_out(topology: Topology, box: IntArray, senders: IntArray) -> int:
    """Compute what some ranks of a box can send to those beyond it, in capacity units."""
    source = topology.vertices
    beyond = np.setdiff1d(np.arange(topology.ranks), box)
    tail = np.concatenate([topology.src, np.full_like(senders, source), beyond])
    head = np.concatenate([topology.dst, senders, np.full_like(beyond, source + 1)])
    most = int(np.bincount(topology.src, topology.capacity).max()) + 1
    ends = np.full(len(senders) + len(beyond), most)
    capacity = np.concatenate([topology.capacity, ends])
    return max_flow(source + 2, tail, head, capacity, source, source + 1).value


def _by_distance(topology: Topology, ranks: IntArray) -> IntArray:
    """List the ranks outside a group, the nearest to it first."""
    inside = np.zeros(topology.vertices, dtype=np.bool_)
    inside[ranks] = True
    weight = topology.alpha + HOP
    graph = simplify(topology.src, topology.dst, weight, topology.vertices)[0]
    far = dijkstra(graph, indices=np.flatnonzero(inside), min_only=True)
    outside = np.flatnonzero(~inside[: topology.ranks] & np.isfinite(far[: topology.ranks]))
    return outside[np.argsort(far[outside], kind="stable")]


def lift_bound(
    bound: Bound, topology: Topology, collective: Collective, *, in_network: bool
) -> Bound | None:
    """Compute what the certificate of a bound proves where ranks outside copy and add."""
    if bound.certificate is None:
        return None
    try:
        rate = prove(
            topology,
            collective,
            bound.certificate,
            trivial(topology),
            in_network=in_network,
            relays="all",
        )
    except Unproven:
        return None
    return replace(bound, algbw=rate)


def _is_all(cut: Submachine) -> bool:
    """Tell whether no rank outside has links: what the part leaves out then leads nowhere."""
    ends = np.concatenate([cut.whole.src, cut.whole.dst])
    return bool(np.isin(ends[ends < cut.whole.ranks], cut.vertices).all())


def _as_wide(cut: Submachine, ranks: IntArray) -> bool:
    """Tell whether the narrowest of the ranks are as wide as in the whole machine.

    Where they are not, the part is seldom as fast, and to find that out takes long.
    """
    for near, far in ((cut.topology.src, cut.whole.src), (cut.topology.dst, cut.whole.dst)):
        inner, outer = (
            np.bincount(ends, weights=machine.capacity, minlength=machine.vertices)[own].min()
            for ends, machine, own in (
                (near, cut.topology, cut.place(ranks)),
                (far, cut.whole, ranks),
            )
        )
        if inner < outer:
            return False
    return True


def _surroundings(topology: Topology, ranks: IntArray) -> list[IntArray]:
    """List sets of ranks around a group, the smallest first."""
    found = [ranks]
    for path in list_partitions(topology, range(topology.ranks)):
        found.append(np.concatenate([box for box in path if np.isin(box, ranks).any()]))
    return sorted(found, key=len)


def to_submachine(cut: Submachine, collective: Collective) -> Collective:
    """Give a collective the numbers that its ranks have in the part."""
    ranks = tuple(cut.place(np.array(collective.ranks)).tolist())
    root = collective.root
    return replace(
        collective,
        ranks=ranks,
        root=None if root is None else int(cut.place(np.array([root]))[0]),
    )


def spare_group(group: Group, cut: Submachine) -> Group:
    """Find a smaller group of the part: each tree has as many images as that has elements.

    It leaves about as few orbits of ranks; or it has so few elements that all images may be written
    out, where it is none of the whole machine's.
    """
    ranks = cut.topology.ranks
    group = reduce_group(group, ranks)
    if group.order > max(FEW, ranks):
        fewer = cyclic_subgroup(group, ranks, max(FEW, ranks))
        if _count_orbits(fewer, ranks) <= MORE * _count_orbits(group, ranks):
            return fewer
    if group.order > IMAGES and _extend(group, cut) is None:
        return cyclic_subgroup(group, ranks, IMAGES)
    return group


def _count_orbits(group: Group, ranks: int) -> int:
    return len(np.unique(orbits(group.generators, group.generators.shape[1])[:ranks]))


def widen(found: Schedule, cut: Submachine, collective: Collective) -> Schedule:
    """Give a schedule of the part the numbers of the whole machine; its bound is left as it is.

    Where its group is none of the whole machine's, all images are written out.
    """
    group = _extend(found.group, cut)
    if group is None:
        found, group = unfold(found), trivial(cut.whole)
    rows = found.transfers
    return replace(
        found,
        topology=cut.whole,
        collective=collective,
        transfers=replace(
            rows,
            src=frozen(cut.vertices[rows.src]),
            dst=frozen(cut.vertices[rows.dst]),
            route=frozen(cut.links[rows.route]),
        ),
        group=group,
    )


def _extend(group: Group, cut: Submachine) -> Group | None:
    """Let a group of the part move the rest of the machine along, if that is found to keep it."""
    found = extend_symmetry(cut.whole, cut.vertices, cut.vertices[group.generators])
    return None if found is None else Group(found)


def whole_bound(
    bound: Bound, cut: Submachine, collective: Collective, relays: Relays, *, in_network: bool
) -> Bound | None:
    """Compute what a bound of the part proves for the whole machine, None where that is nothing.

    Args:
        bound: that of the part.
        cut: the part.
        collective: with the ranks of the whole machine.
        relays: what ranks outside the collective may do.
        in_network: whether switches copy and add.
    """
    if not isinstance(bound.certificate, Prices):
        find = cut_bound if is_gathering(collective) else rank_bound
        return find(cut.whole, collective)
    of_class, of_link = bound.certificate.of_class, bound.certificate.of_link
    of_links = np.full(cut.whole.links, len(of_class))
    of_links[cut.links] = of_link
    certificate = Prices((*of_class, of_class[0] * 0), frozen(of_links), bound.certificate.height)
    try:
        rate = prove(
            cut.whole,
            collective,
            certificate,
            trivial(cut.whole),
            in_network=in_network,
            relays=relays,
        )
    except Unproven:
        return None
    return Bound(rate, bound.scope, certificate)
