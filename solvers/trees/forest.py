"""Schedules of trees: all_gather, reduce_scatter, broadcast, reduce, and all_reduce."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np

from solvers.bounds.cuts import cut_bound
from solvers.bounds.dual_certificate import certify_ports
from solvers.lp.linear_program import Infeasible
from solvers.packing.families import Family, Heights
from solvers.routing.quotient import Quotient
from solvers.routing.reversal import find_reversal
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective, Movement
from solvers.schedules.schedule import Schedule, Transfer, schedule, trivial_schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import DEFAULT_OPTIONS, LimitError, SolverOptions
from solvers.trees.extract import TransferBuilder, extract_trees, pair_trees
from solvers.trees.height_search import search_heights
from solvers.trees.large import is_large, pack_large
from solvers.trees.large_rooted import pack_large_rooted
from solvers.trees.problem import Hubs, PackedTrees, TreeProblem
from solvers.trees.tree_limit import limit_trees
from topologies.model.topology import IntArray, Topology
from topologies.symmetry.group import Group, trivial

BOUNDING = 0.3  # of the work, for the tightest cut
TIGHTEST = "the tightest cut"


def pack_forest(
    topology: Topology,
    collective: Collective,
    group: Group,
    watch: Watch,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> Schedule:
    """Pack trees for all_gather, reduce_scatter, broadcast or reduce, at the highest throughput.

    Args:
        topology: the machine.
        collective: what is to be done.
        group: must keep the machine and the collective.
        watch: says when to stop.
        options: whether switches copy and add too, and how high the schedule may be.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the time limit came first.
    """
    if len(collective.ranks) == 1:
        return replace(trivial_schedule(topology, collective), in_network=options.in_network)
    if is_large(topology, collective, options):
        if collective.shape.root is None:
            return pack_large(topology, collective, group, watch)
        return pack_large_rooted(topology, collective, watch)
    problem = state_problem(topology, collective, group, options)
    cut = cut_bound(topology, collective, watch.part(BOUNDING))
    watch.tell(bound=cut)
    made = search_heights(problem, cut, watch)
    if options.trees is not None:
        made = limit_trees(problem, made, options.trees, watch)
    return to_schedule(problem, replace(made, bound=made.bound or cut))


def state_problem(
    topology: Topology, collective: Collective, group: Group, options: SolverOptions
) -> TreeProblem:
    """Write down which trees a collective of blocks needs: those of each root."""
    inward = collective.shape.inward

    def families(quotient: Quotient) -> list[Family]:
        roots = quotient.roots[np.isin(quotient.roots, collective.ranks)].tolist()
        if collective.shape.root is not None:
            roots = [collective.shape.root]
        found = [Family(root, inward, _size(collective, root, inward)) for root in roots]
        return [family for family in found if len(_blocks(collective, family.root, inward))]

    limit = options.max_height
    heights = None if limit is None else Heights(limit, limit)
    network = options.in_network
    return TreeProblem(
        topology, collective, group, families, network, options.relays, False, heights, limit
    )


def to_schedule(problem: TreeProblem, made: PackedTrees) -> Schedule:
    """Make a schedule of trees that were packed; they come with a bound."""
    if problem.free:
        pieces, transfers = _sums(made)
    else:
        pieces, transfers = _pieces(made, problem.collective)
    assert made.bound is not None
    found = schedule(
        problem.topology,
        problem.collective,
        pieces,
        transfers,
        made.bound,
        problem.group,
        in_network=problem.in_network,
    )
    return replace(found, relays=problem.relays)


def pack_stars(
    topology: Topology,
    collective: Collective,
    group: Group,
    watch: Watch,
    options: SolverOptions,
    hubs: tuple[Hubs, Bound] | None = None,
) -> Schedule:
    """Pack trees in which each root sends straight to all, where they attain what ports allow.

    Args:
        topology: the machine.
        collective: over its ranks.
        group: must keep both.
        watch: says when to stop.
        options: what the search may use.
        hubs: ranks outside that may be roots, and the bound to attain; else what helps may be.

    Raises:
        NotFound: they do not, or the time limit came first.
    """
    if collective.shape.movement is Movement.COPY_OF_SUM:
        problem = state_sums(topology, collective, group, options)
        ports = certify_ports(topology, collective, options.relays, group)
        chosen, bound = hubs or (None, ports)
    else:
        problem = state_problem(topology, collective, group, options)
        chosen, bound = None, cut_bound(topology, collective, watch.part(BOUNDING, TIGHTEST))
    return to_schedule(problem, problem.pack_stars(bound, watch, chosen))


def pack_near_optimum(
    topology: Topology, collective: Collective, watch: Watch, options: SolverOptions
) -> Schedule:
    """Pack trees that are near the optimum where there are many roots that no symmetry joins.

    Raises:
        Infeasible: some rank cannot be reached.
        NotFound: the time limit came first.
    """
    summed = collective.shape.movement is Movement.COPY_OF_SUM
    problem = (state_sums if summed else state_problem)(
        topology, collective, trivial(topology), options
    )
    cut = cut_bound(topology, collective, watch.part(BOUNDING, TIGHTEST))
    made = problem.pack_near_optimum(cut, watch)
    return to_schedule(problem, replace(made, bound=made.bound or cut))


def _pieces(
    made: PackedTrees, collective: Collective
) -> tuple[list[tuple[int, Fraction]], list[Transfer]]:
    """Make a piece of each tree; where a root has several blocks, of its part of each block."""
    router, found = (
        TransferBuilder(made.quotient, made.packing),
        extract_trees(made.quotient, made.packing),
    )
    pieces: list[tuple[int, Fraction]] = []
    transfers: list[Transfer] = []
    for family in made.families:
        size = _size(collective, family.root, family.inward)
        blocks = _blocks(collective, family.root, family.inward).tolist()
        for tree, block in product(found[family], blocks):
            route = router.inward if family.inward else router.outward
            transfers += route(tree, len(pieces))
            pieces.append((block, tree.share / size))
    return pieces, transfers


def _blocks(collective: Collective, root: int, inward: bool) -> IntArray:
    """Find the blocks that belong to the root: those it alone holds, or alone wants."""
    buffers = collective.outputs if inward else collective.inputs
    return buffers[collective.place[root]]


def _size(collective: Collective, root: int, inward: bool) -> int:
    return int(collective.sizes[_blocks(collective, root, inward)].sum())


def pack_tree_pairs(
    topology: Topology,
    collective: Collective,
    group: Group,
    watch: Watch,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> Schedule:
    """Pack pairs of a tree that adds and a tree that spreads; each root's share is free.

    Reduce-scatter followed by all_gather is the case of equal shares; on uneven machines others are
    faster. The optimum is that of all schedules that add towards a root and spread from it. In the
    network switches copy and add too, and one that adds may be a root: if it does not copy, the sum
    leaves it as one message.

    Args:
        topology: the machine.
        collective: an all_reduce.
        group: automorphisms that keep both.
        watch: says when to stop.
        options: whether switches copy and add, and limits.

    Raises:
        Infeasible: some rank cannot be reached.
        LimitError: no pair of trees is so low.
        NotFound: the time limit came first.
    """
    if len(collective.ranks) == 1:
        return replace(trivial_schedule(topology, collective), in_network=options.in_network)
    if options.max_height == 1:
        return _send_directly(topology, collective, watch)
    if is_large(topology, collective, options):
        return pack_large(topology, collective, group, watch)
    network = options.in_network
    problem = state_sums(topology, collective, group, options)
    cut = cut_bound(topology, collective, watch.part(BOUNDING, TIGHTEST))
    watch.tell(bound=cut)
    goal = problem.goal(cut)
    # Without switches that add, what comes in goes out again.
    scale = float(goal.time) * (1 if network else 2) if goal else None
    made = _best(problem, cut if network else None, watch, scale, options.max_height)
    if options.trees is not None:
        made = limit_trees(problem, made, options.trees, watch)
    return to_schedule(problem, replace(made, bound=made.bound or cut))


def state_sums(
    topology: Topology, collective: Collective, group: Group, options: SolverOptions
) -> TreeProblem:
    """Write down which trees an all_reduce may use: those of any root that adds."""

    def families(quotient: Quotient) -> list[Family]:
        adding = quotient.members[quotient.usable(True)]
        roots = quotient.roots[np.isin(quotient.roots, adding)].tolist()
        both = (False, True) if quotient.mirror is None else (False,)
        return [Family(root, inward) for root in roots for inward in both]

    network = options.in_network
    mates = find_reversal(topology, group, in_network=network)
    return TreeProblem(
        topology, collective, group, families, network, options.relays, free=True, mirror=mates
    )


def _sums(made: PackedTrees) -> tuple[list[tuple[int, Fraction]], list[Transfer]]:
    """Make a piece of each pair of trees."""
    pieces: list[tuple[int, Fraction]] = []
    transfers: list[Transfer] = []
    for share, now in _pairs(made):
        transfers += [t._replace(piece=len(pieces)) for t in now]
        pieces.append((0, share))
    return pieces, transfers


def _best(
    problem: TreeProblem,
    bound: Bound | None,
    watch: Watch,
    scale: float | None,
    height: int | None,
) -> PackedTrees:
    """Pack pairs of trees; of a height about half is for either, or as much as one of them needs.

    Raises:
        LimitError: no pair is so low.
        NotFound: the time limit came first.
    """
    if height is None:
        return search_heights(problem, bound, watch, scale)
    for splits in _splits(height):
        found = []
        for heights in splits:
            mates = problem.mirror if heights.out == heights.into else None
            low = replace(problem, heights=heights, limit=height, mirror=mates)
            with suppress(Infeasible):
                found.append(search_heights(low, bound, watch, scale))
        if found:
            best = min(found, key=PackedTrees.time)
            bounds = [made.bound for made in found if made.bound is not None and made.bound.algbw]
            return replace(best, bound=min(bounds, key=lambda b: b.algbw or 0, default=None))
    raise LimitError(
        f"no schedule was found within the limits; to no rank and from there to all lead "
        f"{height} messages one after the other, and nothing is proved"
    )


def _splits(height: int) -> Iterator[list[Heights]]:
    """Divide a height between the trees out of a root and those into it, evenly first."""
    for less in range(height // 2, 0, -1):
        more = height - less
        yield [Heights(*pair) for pair in sorted({(less, more), (more, less)})]


def _send_directly(topology: Topology, collective: Collective, watch: Watch) -> Schedule:
    """Let every rank send its vector to every other one, which adds: one message each.

    All add in one order, that of the senders, so that they get the same bits.
    """
    from solvers.templates import direct  # all patterns come with it, and few ask for this one

    made = direct.schedule(topology, collective)
    return replace(made, bound=cut_bound(topology, collective, watch.part(BOUNDING, TIGHTEST)))


def _pairs(made: PackedTrees) -> Iterator[tuple[Fraction, list[Transfer]]]:
    """Join the trees of each root that has any: the sum arrives, and then goes out."""
    router, found = (
        TransferBuilder(made.quotient, made.packing),
        extract_trees(made.quotient, made.packing),
    )
    mates = made.quotient.mirror
    for root in dict.fromkeys(family.root for family in made.families):
        spread = found.get(Family(root, False), [])
        if mates is not None:
            both = ((tree.share, tree, router.mirror(tree, mates, 0)) for tree in spread)
        else:
            pairs = pair_trees(spread, found.get(Family(root, True), []))
            both = ((share, out, router.inward(into, 0)) for share, out, into in pairs)
        for share, out, sums in both:
            start = max((t.step + 1 for t in sums), default=0)
            yield share, sums + router.outward(out, 0, start)
