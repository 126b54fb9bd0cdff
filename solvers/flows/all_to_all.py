"""Flows: all_to_all by maximum concurrent flow, scatter and gather by one flow.

A flow from one source falls apart into paths, one after the other.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

from solvers.bounds.cuts import cut_bound, rank_bound
from solvers.flows.concurrent_flow import Amounts, effort, solve_concurrent_flow
from solvers.lp.max_flow import min_cost_flow
from solvers.packing.families import Family
from solvers.routing.quotient import Quotient
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule, Transfer, schedule, trivial_schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from solvers.trees.problem import PackedTrees, TreeProblem
from topologies.model.topology import BoolArray, Topology, integers, reverse
from topologies.symmetry.group import Group, trivial


def route_all_to_all(
    topology: Topology, collective: Collective, group: Group, watch: Watch
) -> Schedule:
    """Route every block at the highest concurrent rate, over as few stops as that allows.

    Args:
        topology: the machine.
        collective: an all_to_all.
        group: automorphisms that keep both.
        watch: says when to stop.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the time limit came first.
    """
    if len(collective.ranks) == 1:
        return trivial_schedule(topology, collective)
    quotient = Quotient(topology, integers(collective.ranks), group)
    return route_between_all(quotient, collective, watch)


def route_between_all(
    quotient: Quotient, collective: Collective, watch: Watch, known: BoolArray | None = None
) -> Schedule:
    """Route every block on a folded machine, as `route_all_to_all` does.

    Args:
        quotient: the machine, the collective's ranks its members.
        collective: an all_to_all between several ranks.
        watch: says when to stop.
        known: (sources, links), those that the search begins with, besides shortest paths.

    Raises:
        as `route_all_to_all`.
    """
    topology = quotient.topology
    watch.tell(bound=rank_bound(topology, collective))
    watch.check()
    amounts, bound = solve_concurrent_flow(
        quotient, collective, all_pairs(quotient), Fraction(1), watch, known
    )
    pieces, transfers = make_pieces(quotient, collective, amounts)
    return schedule(topology, collective, pieces, transfers, bound, quotient.group)


def route_near_optimum(
    topology: Topology, collective: Collective, watch: Watch, options: SolverOptions
) -> Schedule:
    """Route every block of an all_to_all near the highest rate, where many sources differ.

    Args:
        topology: the machine.
        collective: an all_to_all.
        watch: says when to stop.
        options: what ranks outside may do.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the paths are not near it, or the time limit came first.
    """

    def families(quotient: Quotient) -> list[Family]:
        return [Family(root, inward=False) for root in quotient.roots.tolist()]

    group = trivial(topology)
    problem = TreeProblem(topology, collective, group, families, relays=options.relays, open=True)
    made = problem.pack_near_optimum(rank_bound(topology, collective), watch, stars=True)
    assert made.bound is not None
    pieces, transfers = _direct_pieces(made, collective)
    return schedule(topology, collective, pieces, transfers, made.bound, group)


def _direct_pieces(
    made: PackedTrees, collective: Collective
) -> tuple[list[tuple[int, Fraction]], list[Transfer]]:
    """Make a piece of each path that trees of one level use; what stays is a piece as well."""
    packing, members = made.packing, made.quotient.members.tolist()
    amounts: dict[tuple[int, int, int], Fraction] = {}
    rows = (packing.columns.parent, packing.columns.child, packing.columns.path)
    for key, share in zip(
        zip(*(r.tolist() for r in rows), strict=True), packing.share, strict=True
    ):
        amounts[key] = amounts.get(key, Fraction(0)) + share
    place = collective.place
    blocks = {rank: collective.inputs[place[rank]].tolist() for rank in members}
    pieces = [(blocks[rank][place[rank]], Fraction(1)) for rank in members]
    transfers: list[Transfer] = []
    for (src, dst, path), amount in amounts.items():
        links = packing.paths.links[path]
        transfers += path_transfers(made.quotient.topology, links, len(pieces))
        pieces.append((blocks[members[src]][place[members[dst]]], amount))
    return pieces, transfers


def all_pairs(quotient: Quotient) -> Amounts:
    """Let each source send a unit, or its part of one, to each other member."""
    wants = np.zeros((len(quotient.roots), quotient.topology.vertices), dtype=np.int64)
    wants[:, quotient.members] = 1
    wants[np.arange(len(wants)), quotient.roots] = 0
    return np.asarray(wants * _share(quotient)[:, None])


def _share(quotient: Quotient) -> Amounts:
    """Compute each source's part of a unit: images that fall on one source share it."""
    order = quotient.group.order
    shares = [Fraction(quotient.orbit_of(int(root)), order) for root in quotient.roots]
    return np.array(shares, dtype=object)


def make_pieces(
    quotient: Quotient, collective: Collective, amounts: Sequence[Fraction]
) -> tuple[list[tuple[int, Fraction]], list[Transfer]]:
    """Make a piece of each path of each block; a block that stays is a piece without transfers."""
    links = quotient.topology.links
    pieces: list[tuple[int, Fraction]] = []
    transfers: list[Transfer] = []
    for i, root in enumerate(quotient.roots.tolist()):
        place = collective.place[root]
        block = dict(zip(collective.ranks, collective.inputs[place].tolist(), strict=True))
        share = Fraction(quotient.orbit_of(root), quotient.group.order)
        pieces.append((block[root], share))
        needs = {target: share for target in collective.ranks if target != root}
        flow = amounts[i * links : (i + 1) * links]
        for target, amount, path in decompose_flow(quotient.topology, root, needs, flow):
            transfers += path_transfers(quotient.topology, path, len(pieces))
            pieces.append((block[target], amount))
    return pieces, transfers


def decompose_flow(
    topology: Topology, root: int, needs: dict[int, Fraction], flow: Sequence[Fraction]
) -> Iterator[tuple[int, Fraction, list[int]]]:
    """Take a flow from the root apart into (target, amount, links of the path).

    The flow must bring each target what it needs and keep the rest. Cycles are dropped. Each step
    empties a link or serves a target, so there are at most links + targets of them.
    """
    left = list(flow)
    entering: dict[int, list[int]] = {}
    for link in (e for e, amount in enumerate(left) if amount):
        entering.setdefault(int(topology.dst[link]), []).append(link)
    for target, need in needs.items():
        rest = need
        while rest:
            path = _back(topology, root, target, left, entering)
            amount = min(rest, min(left[link] for link in path))
            for link in path:
                left[link] -= amount
            if topology.src[path[0]] == root:
                rest -= amount
                yield target, amount, path


def _back(
    topology: Topology,
    root: int,
    target: int,
    left: Sequence[Fraction],
    entering: dict[int, list[int]],
) -> list[int]:
    """Walk from the target against the flow, to the root or once around a cycle."""
    path: list[int] = []
    seen = {target: 0}
    while True:
        end = int(topology.src[path[-1]]) if path else target
        links = entering[end] = [link for link in entering[end] if left[link]]
        path.append(max(links, key=lambda link: (left[link], -link)))
        tail = int(topology.src[path[-1]])
        if tail in seen:
            return path[seen[tail] :][::-1]
        if tail == root:
            return path[::-1]
        seen[tail] = len(path)


def path_transfers(topology: Topology, path: Sequence[int], piece: int) -> list[Transfer]:
    """Cut a path at the ranks that it passes, one transfer after the other."""
    stops = [i + 1 for i, link in enumerate(path) if topology.dst[link] < topology.ranks]
    return [
        Transfer(
            piece,
            step,
            int(topology.src[path[a]]),
            int(topology.dst[path[b - 1]]),
            tuple(path[a:b]),
        )
        for step, (a, b) in enumerate(pairwise([0, *stops]))
    ]


def route_scatter(
    topology: Topology, collective: Collective, group: Group, watch: Watch
) -> Schedule:
    """Route the root's blocks (or to the root, for gather) by one flow of least effort.

    The rate is that of the tightest cut; at this rate all capacities are whole numbers in a common
    unit, so the flow is exact.

    Args:
        topology: the machine.
        collective: a scatter, or a gather.
        group: automorphisms that keep both.
        watch: says when to stop.

    Raises:
        Infeasible: some rank cannot be reached.
    """
    shape, sizes = collective.shape, collective.sizes
    if shape.root is None or len(collective.ranks) == 1:
        return trivial_schedule(topology, collective)
    bound = cut_bound(topology, collective)
    watch.tell(bound=bound)
    machine = reverse(topology) if shape.inward else topology
    buffers = collective.inputs if shape.inward else collective.outputs
    blocks = dict(zip(collective.ranks, buffers, strict=True))
    amount_of = {rank: int(sizes[own].sum()) for rank, own in blocks.items() if len(own)}
    pieces = [(block, Fraction(1)) for block in blocks[shape.root].tolist()]
    transfers: list[Transfer] = []
    assert bound.algbw is not None
    rate = bound.algbw / topology.unit / collective.total
    flow = min_cost_flow(machine, shape.root, amount_of, rate, effort(machine))
    needs = {rank: Fraction(size) for rank, size in amount_of.items() if rank != shape.root}
    for target, amount, path in decompose_flow(machine, shape.root, needs, flow):
        links = path[::-1] if shape.inward else path
        for block in blocks[target].tolist():
            transfers += path_transfers(topology, links, len(pieces))
            pieces.append((block, amount / amount_of[target]))
    return schedule(topology, collective, pieces, transfers, bound)
